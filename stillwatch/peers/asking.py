"""Have you seen these too? Private set intersection with a peer, by OpenMined's protocol.

Whoever asks learns of its own items how many the peer has too (or, where both agreed to that,
which). Whoever answers learns how many were asked. Neither sees an item of the other's. The
protocol (ECDH with a compressed set): https://github.com/OpenMined/PSI
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import json
import math
import threading
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, insert, select

from stillwatch.cases import ledger
from stillwatch.cases.schema import PEER_QUESTIONS
from stillwatch.cases.texts import check_actor
from stillwatch.cases.times import now, stamp
from stillwatch.errors import ExtraMissing, PeerRefused
from stillwatch.peers.objects import NotTaken, read_json
from stillwatch.peers.seen import Seen

if TYPE_CHECKING:
    from stillwatch.cases.store import Store
    from stillwatch.peers.client import Client
    from stillwatch.peers.registry import Peer

MOST_ASKED = 5_000
"""Items of one question."""
LEAST_HELD = 100
"""Items that a set must have before questions on it are answered: of a set of a few, knowing how
many are shared is knowing which."""
QUESTIONS_A_DAY = 10
ITEMS_A_DAY = 10_000
"""What one peer may ask in a day: a dictionary that is tried takes years, and is seen in the
ledger."""
WRONG = 1e-9
"""Probability that a question's answer counts an item that isn't shared."""

PATH = "psi/"
JSON = "application/json"
_answering = threading.BoundedSemaphore(2)


class TooMuch(Exception):
    """A question beyond what a peer may ask now; `after_s` is when it may again."""

    def __init__(self, words: str, after_s: int) -> None:
        super().__init__(words)
        self.after_s = after_s


@dataclass(frozen=True)
class Answered:
    """What was learned: how many of the `asked` items the peer has, and where agreed, which."""

    asked: int
    shared: int
    which: tuple[str, ...] | None


def ask(store: Store, peer: Peer, client: Client, mine: Seen, which: bool, actor: str) -> Answered:
    """Ask a peer about a set; what was learned is in the ledger.

    Raises `PeerRefused` where there is nothing or too much to ask, or the answer is none.
    """
    psi, actor = _library(), check_actor(actor)
    if not 0 < len(mine.items) <= MOST_ASKED:
        raise PeerRefused(
            peer,
            f"can't be asked about {len(mine.items):,} items",
            f"Name campaigns that have 1 to {MOST_ASKED:,}",
        )
    own = psi.client.CreateWithNewKey(which)
    request = own.CreateRequest(list(mine.items)).SerializeToString()
    question = {
        "key": mine.key,
        "epoch": mine.epoch,
        "which": which,
        "request": base64.b64encode(request).decode(),
    }
    sent = client.post(PATH, json.dumps(question).encode(), JSON, JSON)
    try:
        answer = read_json(sent)
        setup, response = psi.ServerSetup(), psi.Response()
        setup.ParseFromString(base64.b64decode(answer["setup"], validate=True))
        response.ParseFromString(base64.b64decode(answer["response"], validate=True))
        places = own.GetIntersection(setup, response) if which else None
        shared = len(places) if places is not None else own.GetIntersectionSize(setup, response)
        names = None if places is None else tuple(sorted(mine.items[i] for i in places))
    except (NotTaken, KeyError, TypeError, ValueError, IndexError, RuntimeError, *_broken()):
        raise PeerRefused(peer, "gave no answer that can be read", "Ask whoever runs it") from None
    if not 0 <= shared <= len(mine.items):
        raise PeerRefused(peer, "gave an answer that can't be", "Ask whoever runs it")
    with store.writing() as connection:
        detail = {"epoch": mine.epoch, "items": len(mine.items), "shared": shared, "which": which}
        ledger.append(connection, now(), actor, "ask_peer", str(peer), detail)
    return Answered(len(mine.items), shared, names)


def answer(store: Store, peer: Peer, held: Seen, which: bool, body: bytes) -> dict[str, str]:
    """Answer a peer's question from a set; `which` is whether it may learn which items are shared.

    The question is in the ledger before it is answered. Raises `NotTaken` for what is no question
    that can be answered, `TooMuch` beyond a peer's bounds.
    """
    psi, question = _library(), read_json(body)
    if not isinstance(question, dict):
        raise NotTaken("the question is no JSON object")
    if question.get("key") != held.key or question.get("epoch") != held.epoch:
        raise NotTaken(f"what is held here is of key {held.key} and epoch {held.epoch}")
    if question.get("which") is not which:
        raise NotTaken(f"only {'which' if which else 'how many'} are shared is told here")
    if len(held.items) < LEAST_HELD:
        raise NotTaken(f"fewer than {LEAST_HELD} items are held here, which would tell too much")
    request = psi.Request()
    try:
        request.ParseFromString(base64.b64decode(str(question.get("request", "")), validate=True))
    except (binascii.Error, ValueError, *_broken()):
        raise NotTaken("the request can't be read") from None
    asked = len(request.encrypted_elements)
    if not 0 < asked <= MOST_ASKED:
        raise NotTaken(f"{asked:,} items aren't 1 to {MOST_ASKED:,}")
    if not _answering.acquire(blocking=False):
        raise TooMuch("others ask now", 60)
    try:
        _count(store, peer, held, asked, which)
        server = psi.server.CreateWithNewKey(which)
        try:
            response = server.ProcessRequest(request)
        except RuntimeError:
            raise NotTaken("the request holds what is no point of the curve") from None
        setup = server.CreateSetupMessage(WRONG, asked, list(held.items), psi.DataStructure.GCS)
    finally:
        _answering.release()
    return {
        "setup": base64.b64encode(setup.SerializeToString()).decode(),
        "response": base64.b64encode(response.SerializeToString()).decode(),
    }


def _count(store: Store, peer: Peer, held: Seen, asked: int, which: bool) -> None:
    """Put a question into the ledger, if the peer may still ask that much."""
    since = stamp(dt.datetime.now(dt.UTC) - dt.timedelta(days=1))
    fields, at = PEER_QUESTIONS.c, now()
    mine = and_(fields.peer == peer.name, fields.at > since)
    with store.writing() as connection:
        row = connection.execute(
            select(func.count(), func.coalesce(func.sum(fields.elements), 0), func.min(fields.at))
            .select_from(PEER_QUESTIONS)
            .where(mine)
        ).one()
        questions, items, first = row
        if questions >= QUESTIONS_A_DAY or items + asked > ITEMS_A_DAY:
            raise TooMuch(
                f"a peer may ask {QUESTIONS_A_DAY} times and about {ITEMS_A_DAY:,} items a day",
                _seconds_until_a_day_after(first),
            )
        connection.execute(
            insert(PEER_QUESTIONS).values(
                question_id=str(uuid.uuid4()), peer=peer.name, at=at, elements=asked
            )
        )
        detail = {"held": len(held.items), "items": asked, "which": which}
        ledger.append(connection, at, peer.name, "peer_asked", str(peer), detail)


def _seconds_until_a_day_after(first: str | None) -> int:
    if first is None:
        return 86_400
    left = dt.datetime.fromisoformat(first) + dt.timedelta(days=1) - dt.datetime.now(dt.UTC)
    return max(1, math.ceil(left.total_seconds()))


def _library() -> Any:
    try:
        import private_set_intersection.python as psi
    except ModuleNotFoundError:
        raise ExtraMissing(
            "peers", "comparing sets needs openmined-psi", "Run pip install 'stillwatch[peers]'"
        ) from None
    return psi


def _broken() -> tuple[type[Exception], ...]:
    """What protobuf raises for a message that is none."""
    from google.protobuf.message import DecodeError

    return (DecodeError,)
