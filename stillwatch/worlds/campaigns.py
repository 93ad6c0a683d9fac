"""Distillation campaigns: a queue served through many accounts, the operator's own or resellers'.

Every evasion of `parameters.Evasion` comes to bear here or in what is called from here: who gets
which work and when (`schedule`), what it says (`harvest`), what goes beside it (`camouflage`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from stillwatch.worlds.agents import agent_software, popular_agent
from stillwatch.worlds.apps import CODED
from stillwatch.worlds.calls import BARE_SYSTEMS
from stillwatch.worlds.camouflage import emit_camouflage
from stillwatch.worlds.enrolment import FOREVER, Team, egress, enrol, keys_of
from stillwatch.worlds.harvest import (
    PIECE,
    Queue,
    Tongues,
    Work,
    draw_queue,
    shift_models,
    work_out,
)
from stillwatch.worlds.parameters import Campaign
from stillwatch.worlds.places import UTC_OFFSETS
from stillwatch.worlds.rhythm import DAY
from stillwatch.worlds.scene import NEWEST, Scene
from stillwatch.worlds.schedule import Quota, least_recently_used, on_their_own
from stillwatch.worlds.texts.store import POOLS, Texts
from stillwatch.worlds.texts.words import read_words
from stillwatch.worlds.traces import reply_medians

FLOOR_ACCOUNTS = 16
"""Fewest accounts of a campaign at any scale, each with its full share of exchanges."""

_SAME_SETTINGS = 0.7
"""Share of a campaign's accounts that use one program's settings unchanged."""

_TOOL_SETS = 40
"""Tool sets of one operator's tool tasks."""


@dataclass(frozen=True)
class Manner:
    """How a team's accounts call for a campaign: `calls` [n, 3] by form of work, others [n]."""

    calls: np.ndarray
    clients: np.ndarray
    relays: np.ndarray
    tracked: np.ndarray
    newest_from: np.ndarray


def make_campaign(
    scene: Scene,
    texts: Texts,
    tongues: Tongues,
    campaign: Campaign,
    number: int,
    *,
    scale: float,
    teams: list[Team],
) -> None:
    """Serve a campaign's queue through `teams`, or through accounts of its own if there are none.

    With several teams the queue is one: each unit goes to a team by its capacity.
    """
    rng = scene.rng(f"campaign {campaign.name}")
    teams = teams or [_own_team(scene, rng, campaign, scale)]
    capacity = np.array([team.capacity for team in teams])
    evasion = campaign.evasion
    queue = draw_queue(
        rng,
        campaign,
        exchanges=round(capacity.sum() * (1 - evasion.camouflage)),
        window=scene.window,
        accounts=sum(len(team.carriers) for team in teams),
    )
    side = rng.choice(len(teams), size=len(queue.kind), p=capacity / capacity.sum())
    for i, team in enumerate(teams):
        load = _serve(
            scene,
            rng,
            texts,
            tongues,
            campaign,
            number,
            queue.take(np.flatnonzero(side == i)),
            team,
        )
        if evasion.camouflage:
            volumes = np.round(load * evasion.camouflage / (1 - evasion.camouflage))
            emit_camouflage(
                scene,
                rng,
                texts.people,
                team,
                volumes.astype(np.int64),
                customers=evasion.customers,
            )


def _own_team(scene: Scene, rng: np.random.Generator, campaign: Campaign, scale: float) -> Team:
    evasion = campaign.evasion
    seats = campaign.accounts
    if not campaign.fixed:
        seats = max(FLOOR_ACCOUNTS, round(campaign.accounts * scale))
    span = scene.window.end - scene.window.start
    accounts, born, died = enrol(
        scene,
        rng,
        seats,
        "distiller",
        begin=scene.window.start + int(campaign.busy[0] * span),
        cohort_days=campaign.cohort_days,
        per_card=campaign.per_card,
        isolated=evasion.isolated,
        churn=evasion.churn,
    )
    n = len(accounts)
    return Team(
        accounts,
        born,
        died,
        places=egress(scene, rng, n, 3, isolated=evasion.isolated),
        clients=scene.clients.mixed(n, CODED),
        keys=keys_of(scene, rng, n),
        carriers=np.arange(n),
        capacity=round(seats * campaign.mean),
    )


def _serve(
    scene: Scene,
    rng: np.random.Generator,
    texts: Texts,
    tongues: Tongues,
    campaign: Campaign,
    number: int,
    queue: Queue,
    team: Team,
) -> np.ndarray:
    """Send `queue` through the carriers of `team`; returns exchanges by account [n]."""
    n, evasion = len(team.accounts), campaign.evasion
    owner, queue = _allot(scene, rng, campaign, queue, team)
    manner = manner_of(scene, rng, texts, campaign, team)
    quota = Quota(evasion.a_day, n, scene.window.start, scene.window.end) if evasion.a_day else None
    load = np.zeros(n, dtype=np.int64)
    for low in range(0, len(queue.kind), PIECE):
        units = np.arange(low, min(low + PIECE, len(queue.kind)))
        piece = queue.take(units)
        columns, at, keep = carry(
            scene, rng, texts, tongues, campaign, piece, owner[units], team, manner, quota
        )
        sent = scene.emit(
            **{k: v[keep] for k, v in columns.items()},
            campaign=number,
            voice=1 if evasion.paraphrase else 0,
        )
        scene.accounts.label(np.unique(sent), campaign=number)
        load += np.bincount(at[keep], minlength=n)
    return load


def carry(
    scene: Scene,
    rng: np.random.Generator,
    texts: Texts,
    tongues: Tongues,
    campaign: Campaign,
    piece: Queue,
    owner: np.ndarray,
    team: Team,
    manner: Manner,
    quota: Quota | None = None,
) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """The exchanges of some units, each carried by `owner` [units] (-1: by none).

    Returns columns for `Scene.emit`, with `unit` and `step` beside them, the account of the team
    that makes each exchange, and which are made at all.
    """
    work = work_out(rng, scene.book, texts, tongues, piece)
    at = first = np.maximum(owner, 0)[work.unit]
    if not campaign.evasion.desync:
        heir = team.take_over(at, work.ts)
        at = np.where(np.isin(heir, team.carriers), heir, at)
    keep = owner[work.unit] >= 0
    if quota is not None:
        keep[keep] = quota.admit(at[keep], work.ts[keep])
        keep &= _unbroken(keep, work.step)
    n = len(piece.kind)
    place = rng.integers(0, team.places.shape[1], n)[work.unit]
    relayed = (rng.random(n) < team.relayed)[work.unit]
    base = scene.conversations(n)
    columns = {
        "ts": work.ts,
        "account": team.accounts[at],
        "place": team.places[at, place],
        "client": np.where(relayed, manner.relays[at], manner.clients[at]),
        "call": manner.calls[at, _forms(piece)[work.unit]],
        "model": _models(scene, rng, campaign, manner, work, at),
        "conversation": np.where(manner.tracked[first], base + work.unit, -1),
        "turn": 2 * work.step + 1,
        "key": team.keys[at],
        "separator": work.separator,
        "parts": work.parts,
        "unit": work.unit,
        "step": work.step,
    }
    return columns, at, keep


def _unbroken(keep: np.ndarray, step: np.ndarray) -> np.ndarray:
    """Where all earlier exchanges of the unit are kept: a task that is cut short isn't resumed."""
    lost = np.cumsum(~keep)
    first = np.flatnonzero(step == 0)
    before = (lost - ~keep)[first]
    return lost == np.repeat(before, np.diff(np.append(first, len(step))))


def _forms(queue: Queue) -> np.ndarray:
    """Which of the three calls of an account a unit takes: bare, as an agent, or with tools."""
    return np.select(
        [queue.kind == POOLS.index("agentic"), queue.kind == POOLS.index("tools")], [1, 2]
    )


def _models(
    scene: Scene,
    rng: np.random.Generator,
    campaign: Campaign,
    manner: Manner,
    work: Work,
    at: np.ndarray,
) -> np.ndarray:
    """A model a unit; the newest one by all at once, or by each account at a date of its own."""
    units = int(work.unit.max(initial=-1)) + 1
    model = rng.choice(3, size=units, p=[0.12, 0.5, 0.38])[work.unit]
    if campaign.evasion.desync:
        return np.where(work.ts >= manner.newest_from[at], NEWEST, model)
    release, share = scene.window.release, campaign.shift
    return shift_models(rng, model, work.ts, release=release, share=share)


def _allot(
    scene: Scene, rng: np.random.Generator, campaign: Campaign, queue: Queue, team: Team
) -> tuple[np.ndarray, Queue]:
    """Which account serves each unit (-1: none), and the queue at the time when it is served."""
    born, died = team.born[team.carriers], team.died[team.carriers]
    if campaign.evasion.desync:
        offsets = UTC_OFFSETS[scene.places.countries(len(born))]
        turn, begin = on_their_own(rng, queue.begin, born, died, offsets)
        queue = replace(queue, begin=begin)
    else:
        weight = rng.lognormal(0, campaign.uneven, len(born))
        if campaign.evasion.a_day:
            weight = np.full(len(born), 2.0)
        turn = least_recently_used(rng, queue.begin, born, died, weight=weight)
    return np.where(turn >= 0, team.carriers[np.maximum(turn, 0)], -1), queue


def _posed_tools(scene: Scene, rng: np.random.Generator) -> list[int]:
    """The tool sets that one operator poses its tool tasks with."""
    names = np.array([line.split(":")[0] for line in read_words("business")["tool"]])
    sizes = rng.integers(3, 8, _TOOL_SETS).tolist()
    return [scene.calls.toolset(rng.choice(names, n, replace=False).tolist()) for n in sizes]


def manner_of(
    scene: Scene, rng: np.random.Generator, texts: Texts, campaign: Campaign, team: Team
) -> Manner:
    """How the accounts of a team call from now on."""
    n, evasion = len(team.accounts), campaign.evasion
    surface = rng.choice(5, size=n, p=campaign.surfaces)
    system, tools = agent_software(scene, rng, texts, n)
    plain = scene.book.add_all(BARE_SYSTEMS)
    bare = np.where(rng.random(n) < 0.35, rng.choice(plain, n), -1)
    posed = rng.choice(_posed_tools(scene, rng), n)
    forms = [(bare, np.full(n, -1), 600.0), (system, tools, 520.0), (bare, posed, 420.0)]
    clients, relays = team.clients, team.clients if team.relays is None else team.relays
    if evasion.mimic:
        system, tools = popular_agent(scene, texts)
        its = np.full(n, system), np.full(n, tools)
        forms = [(*its, reply_medians(rng, n, "agent")) for _ in forms]
        clients = relays = scene.clients.mixed(n, {"cli": 1.0})
    calls = [
        scene.calls.add(
            rng,
            n,
            surface,
            system=s,
            tools=t,
            reply=reply,
            thinking=0.55,
            ample=0.6,
            common=0.0 if evasion.isolated or evasion.desync else _SAME_SETTINGS,
        )
        for s, t, reply in forms
    ]
    takes_up = rng.random(n) < 2 * campaign.shift
    delay = (rng.exponential(6, n) * DAY).astype(np.int64)
    return Manner(
        np.column_stack(calls),
        clients,
        relays,
        tracked=rng.random(n) < 0.5,
        newest_from=np.where(takes_up, scene.window.release + delay, FOREVER),
    )
