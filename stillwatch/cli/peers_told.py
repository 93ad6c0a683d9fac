"""`stillwatch peers told|accept|decline|dispute|believe`: people on what peers told."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from stillwatch.cli.acting import acting_as, opened
from stillwatch.cli.options import Actor, Json, StoreAddress, examples

PeerName = Annotated[str, typer.Argument(metavar="PEER", help="The peer's name.")]
Why = Annotated[str, typer.Option("--reason", help="Why; it goes into the ledger.")]
ObjectId = Annotated[
    str | None,
    typer.Option("--object", metavar="ID", help="Only this STIX object, in all its versions."),
]

TOLD_EXAMPLES = examples(
    ("all that counts, and all that waits", "stillwatch peers told"),
    ("what waits for a person", "stillwatch peers told --state pending --json"),
)
ACCEPT_EXAMPLES = examples(
    ("what it sent to us", 'stillwatch peers accept bo --reason "spoke to their liaison"')
)
DECLINE_EXAMPLES = examples(
    ("what nobody can use", 'stillwatch peers decline bo --reason "no campaign of ours"')
)
DISPUTE_EXAMPLES = examples(
    (
        "one indicator",
        "stillwatch peers dispute al --object indicator--0f0a2c9e-6f0e-4f43-8a53-0c4a1b2d3e4f "
        '--reason "a university\'s network"',
    ),
    ("all that a peer tells", 'stillwatch peers dispute al --reason "they were hacked"'),
)
BELIEVE_EXAMPLES = examples(
    ("a peer again", 'stillwatch peers believe al --reason "they are back in control"')
)


def told(
    peer: Annotated[str | None, typer.Argument(metavar="[PEER]", help="Only of this one.")] = None,
    state: Annotated[
        str | None, typer.Option(help="pending, accepted, declined or disputed.")
    ] = None,
    store: StoreAddress = "cases.db",
    json: Json = False,
) -> None:
    """What peers told, where each object stands, and what that makes to look for today."""
    import datetime as dt

    from stillwatch.cli.printing import emit, people, safe
    from stillwatch.peers import received
    from stillwatch.peers.weighing import leads

    if state is not None and state not in set(received.State):
        raise typer.BadParameter(f"no state is called {state!r}")
    only = None if state is None else received.State(state)
    with opened(store) as cases:
        found = received.told(cases, peer, only)
        followed = leads(cases, dt.datetime.now(dt.UTC).date())
    mine = [lead for lead in followed if peer is None or lead.peers[0] == peer]
    if json:
        said = [
            {"campaign": lead.name, "peers": lead.peers, "weight": lead.weight, "told": lead.told}
            for lead in mine
        ]
        emit({"objects": [asdict(one) for one in found], "leads": said})
        return
    for one in found:
        who = f" by {one.decided_by}: {one.reason}" if one.decided_by else ""
        line = f"{one.peer} {one.object_id} {one.version[:10]}, by {one.came_by}: {one.state}{who}"
        people().print(safe(line), soft_wrap=True)
    for lead in mine:
        marks = ", ".join(f"{count:,} {kind}" for kind, count in lead.told.items())
        line = f"{lead.name}: of {' and '.join(lead.peers)}, {marks}; weight {lead.weight:.2f}"
        people().print(safe(line), soft_wrap=True)


def accept(
    peer: PeerName,
    reason: Why,
    object: ObjectId = None,
    store: StoreAddress = "cases.db",
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Take into evidence what a peer sent, or what was disputed."""
    _decide("accepted", peer, reason, object, store, actor, json)


def decline(
    peer: PeerName,
    reason: Why,
    object: ObjectId = None,
    store: StoreAddress = "cases.db",
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Leave what a peer sent out of evidence."""
    _decide("declined", peer, reason, object, store, actor, json)


def dispute(
    peer: PeerName,
    reason: Why,
    object: ObjectId = None,
    store: StoreAddress = "cases.db",
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Take an object, or all that a peer told and will tell, out of evidence."""
    from stillwatch.cases.access import Role
    from stillwatch.peers.registry import dispute_peer

    if object is not None:
        _decide("disputed", peer, reason, object, store, actor, json)
        return
    with opened(store) as cases:
        dispute_peer(cases, peer, reason, acting_as(cases, actor, Role.ANALYST).name)
    _said(json, peer, "disputed", None)


def believe(
    peer: PeerName,
    reason: Why,
    store: StoreAddress = "cases.db",
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Take the dispute of a peer back."""
    from stillwatch.cases.access import Role
    from stillwatch.peers.registry import believe_peer

    with opened(store) as cases:
        believe_peer(cases, peer, reason, acting_as(cases, actor, Role.LEAD).name)
    _said(json, peer, "believed", None)


def _decide(
    to: str,
    peer: str,
    reason: str,
    object: str | None,
    store: str,
    actor: str | None,
    json: bool,
) -> None:
    from stillwatch.cases.access import Role
    from stillwatch.peers.received import State, decide

    # Whoever takes something out can hurt nobody; taking it in needs a lead.
    least = Role.LEAD if to == State.ACCEPTED else Role.ANALYST
    with opened(store) as cases:
        by = acting_as(cases, actor, least)
        count = decide(cases, peer, object, State(to), reason, by.name)
    _said(json, peer, to, count)


def _said(json: bool, peer: str, what: str, count: int | None) -> None:
    from stillwatch.cli.printing import emit, people, safe

    if json:
        emit({"peer": peer, "done": what, "objects": count})
    else:
        of = "" if count is None else f": {count:,} objects"
        people().print(safe(f"{peer} is {what}{of}"), soft_wrap=True)
