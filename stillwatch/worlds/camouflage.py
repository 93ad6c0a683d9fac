"""Camouflage: what a campaign's accounts send beside the harvest, so as to look like customers.

Either ordinary talk from one common pool, the same for all of its accounts, or the traffic of
customers that each account has for itself. The second is dearer (they have to be found and served)
and hides more: every account's mixture is another.
"""

from __future__ import annotations

import numpy as np

from stillwatch.worlds import rhythm
from stillwatch.worlds.enrolment import Team
from stillwatch.worlds.people import Draft, countries_for, draft_people, draw_interests
from stillwatch.worlds.places import UTC_OFFSETS
from stillwatch.worlds.scene import Scene
from stillwatch.worlds.texts.chatter import common_talk
from stillwatch.worlds.texts.phrases import PARTS, SPACE
from stillwatch.worlds.texts.store import Conversations

_COMMON = 4_000
"""Questions in the common pool of one operator."""

_CUSTOMERS = 3
"""Customers of one account, on average; at least one."""


def emit_camouflage(
    scene: Scene,
    rng: np.random.Generator,
    talk: Conversations,
    team: Team,
    volumes: np.ndarray,
    *,
    customers: bool,
) -> None:
    """Emit `volumes` [accounts] exchanges of camouflage through the accounts of `team`."""
    columns = draw_camouflage(scene, rng, talk, team, volumes, customers=customers)
    if columns:
        scene.emit(**columns)


def draw_camouflage(
    scene: Scene,
    rng: np.random.Generator,
    talk: Conversations,
    team: Team,
    volumes: np.ndarray,
    *,
    customers: bool,
) -> dict[str, np.ndarray]:
    """Columns of `volumes` [accounts] exchanges for `Scene.emit`; `at` is the account in `team`."""
    if customers:
        draft, account = _own_customers(scene, rng, talk, team, volumes)
    else:
        draft, account = _common_talk(scene, rng, talk, team, volumes)
    if not len(draft.ts):
        return {}
    at = account[draft.who]
    n = len(team.accounts)
    call = scene.calls.add(rng, n, "api", reply=rng.lognormal(np.log(380), 0.5, n))
    base = scene.conversations(int(draft.conversation.max()) + 1)
    tracked = rng.random(n) < 0.5
    return {
        "at": at,
        "ts": draft.ts,
        "account": team.accounts[at],
        "place": team.places[at, draft.conversation % team.places.shape[1]],
        "client": team.clients[at],
        "call": call[at],
        "model": scene.choose_models(rng, at, draft.ts),
        "conversation": np.where(tracked[at], base + draft.conversation, -1),
        "turn": draft.turn,
        "key": team.keys[at],
        "separator": np.full(len(at), SPACE),
        "parts": draft.parts,
    }


def _own_customers(
    scene: Scene, rng: np.random.Generator, talk: Conversations, team: Team, volumes: np.ndarray
) -> tuple[Draft, np.ndarray]:
    """People with interests of their own, who stay with one account; and whose account it is."""
    each = np.minimum(1 + rng.poisson(_CUSTOMERS - 1, len(volumes)), np.maximum(volumes, 1))
    account = np.repeat(np.arange(len(volumes)), each)
    share = rng.exponential(1.0, len(account))
    share /= np.bincount(account, share, len(volumes))[account]
    asked = np.round(share * volumes[account]).astype(np.int64)
    interests = draw_interests(rng, talk, len(account))
    country = countries_for(scene, rng, interests.languages)
    born, died = _service(scene, team)
    draft = draft_people(
        rng,
        talk,
        interests,
        asked,
        born=born[account],
        died=died[account],
        offsets=UTC_OFFSETS[country],
    )
    return draft, account


def _common_talk(
    scene: Scene, rng: np.random.Generator, talk: Conversations, team: Team, volumes: np.ndarray
) -> tuple[Draft, np.ndarray]:
    """Single questions, drawn by every account alike from one store."""
    store = common_talk(talk, rng, _COMMON)
    who = np.repeat(np.arange(len(volumes)), volumes)
    ts = rhythm.life_moments(rng, who, *_service(scene, team))
    parts = np.full((len(who), PARTS), -1, dtype=np.int32)
    parts[:, : store.shape[1]] = store[rng.integers(0, _COMMON, len(who))]
    one = np.ones(len(who), dtype=np.int64)
    return Draft(ts, who, np.arange(len(who)), one, parts), np.arange(len(volumes))


def _service(scene: Scene, team: Team) -> tuple[np.ndarray, np.ndarray]:
    """When an account is in service inside the window; an hour at least."""
    born = np.clip(team.born, scene.window.start, scene.window.end)
    return born, np.maximum(np.minimum(team.died, scene.window.end), born + rhythm.HOUR)
