"""One play: a world's honest traffic, one operator, one defence, shift by shift."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from stillwatch import tables
from stillwatch.arena.crowd import Crowd, Friction
from stillwatch.arena.defence import Defence
from stillwatch.arena.desk import Desk
from stillwatch.arena.growing import Log
from stillwatch.arena.moves import Strategy
from stillwatch.arena.operator import Operator, Tally
from stillwatch.arena.prices import Prices
from stillwatch.arena.rendering import sheet_of
from stillwatch.errors import ArenaRefused
from stillwatch.progress import Progress, Silent
from stillwatch.worlds.ladder import world_named
from stillwatch.worlds.making import make_scene
from stillwatch.worlds.rhythm import DAY
from stillwatch.worlds.scene import Scene, Window
from stillwatch.worlds.texts.store import Texts

SHIFTS = 4
"""Times a day that the operator plans, and that the defence may learn."""

QUIET_DAYS = 4
"""Days of honest traffic alone, before the operator begins."""

_OPERATORS_OWN = 1 << 40
"""The first number of the operator's exchanges, above all honest ones."""


@dataclass(frozen=True)
class Setting:
    """Where a play takes place: the seed and size of the world, its days, and what things cost.

    At scale 1 there are 16 million honest exchanges, in however many days. `light` is how many
    times more people there are than in other worlds, each of whom asks so many times less: most of
    a provider's accounts ask little, and it is accounts, not exchanges, that it knows honest
    customers by. The defence learns so many times a day, once, twice or four times.
    """

    seed: int = 1
    scale: float = 0.005
    light: float = 8.0
    days: int = 28
    learns: int = SHIFTS
    prices: Prices = field(default_factory=Prices)

    def __post_init__(self) -> None:
        if self.days <= QUIET_DAYS + 1:
            what = f"the operator begins after {QUIET_DAYS} days and needs two"
            raise ArenaRefused(f"{self.days} days", what, f"Play {QUIET_DAYS + 2} days or more")
        if self.learns < 1 or SHIFTS % self.learns:
            what = f"a defence that learns {self.learns} times a day"
            raise ArenaRefused(what, "isn't played", "Let it learn 1, 2 or 4 times")


@dataclass(frozen=True)
class Outcome:
    """What came of a play. `days` are the operator's, the first of them on `began`.

    `haul` counts answers by kind, `spent` dollars by item, `friction` is by honest role.
    """

    strategy: Strategy
    began: dt.date
    days: list[Tally]
    haul: dict[str, int]
    spent: dict[str, float]
    accounts: int
    friction: dict[str, Friction]

    @property
    def answers(self) -> int:
        """Answers of all kinds."""
        return sum(self.haul.values())

    @property
    def dollars(self) -> float:
        """What was spent in all."""
        return round(math.fsum(self.spent.values()), 6)

    @property
    def requests(self) -> int:
        """Honest requests."""
        return sum(friction.requests for friction in self.friction.values())

    def honest(self, what: str) -> int:
        """One figure of `Friction` over all honest roles."""
        return sum(friction.to_dict()[what] for friction in self.friction.values())

    def to_dict(self) -> dict[str, Any]:
        """The figures as plain values."""
        each = round(self.dollars / self.answers, 4) if self.answers else None
        return {
            "answers": self.answers,
            "share_of_goal": round(self.answers / self.strategy.answers, 4),
            "answers_by_kind": self.haul,
            "answers_blunted": sum(day.blunted for day in self.days),
            "dollars": round(self.dollars, 2),
            "dollars_an_answer": each,
            "dollars_by_item": {item: round(amount, 2) for item, amount in self.spent.items()},
            "accounts": self.accounts,
            "accounts_burnt": sum(day.burnt for day in self.days),
            "began": self.began.isoformat(),
            "daily": [day.to_dict() for day in self.days],
            "friction": {role: friction.to_dict() for role, friction in self.friction.items()},
        }


def play(
    setting: Setting,
    strategy: Strategy,
    defence: Defence,
    folder: str | Path,
    progress: Progress | None = None,
) -> Outcome:
    """Play all days; the log that grows meanwhile is `folder`/log, with its labels.

    Equal settings, strategies and defences give equal plays, byte for byte.
    """
    watch, folder = progress or Silent(), Path(folder)
    scene, texts = _honest_scene(setting, folder / "spool", watch)
    start, end = scene.window.start, scene.window.end
    window = Window(start + QUIET_DAYS * DAY, end, scene.window.release)
    crowd = Crowd([tables.ROLES[r] for r in scene.accounts.column("role").tolist()])
    operator = Operator(scene, texts, strategy, window, setting.prices)
    desk, log = Desk(defence, crowd, operator), Log(folder / "log", scene, strategy.name)
    honest, own = 0, _OPERATORS_OWN
    watch.start("days", setting.days, "days")
    for day in range(setting.days):
        midnight, day_end = start + day * DAY, start + (day + 1) * DAY
        rows = scene.spool.day(day)
        desk.hand_in(sheet_of(scene, rows, honest + np.arange(len(rows))))
        honest += len(rows)
        for shift in range(SHIFTS):
            now = midnight + shift * (DAY // SHIFTS)
            for sent in operator.plan(now, day_end) if now >= window.start else ():
                serial = own + np.arange(len(sent.rows))
                own += len(sent.rows)
                desk.hand_in(sheet_of(scene, sent.rows, serial), sent.numbers)
            until = now + DAY // SHIFTS
            desk.work(until, scene.accounts.column("banned"))
            if (shift + 1) * setting.learns % SHIFTS == 0:
                log.write(desk.hand_over(), until)
                defence.learn(log.folder, _moment(until))
        watch.advance(1)
    watch.finish()
    log.write_labels()
    return Outcome(
        strategy,
        _moment(window.start).date(),
        operator.days,
        dict(sorted(operator.haul.items())),
        operator.fleet.purse.spent,
        len(operator.fleet.accounts),
        dict(sorted(crowd.friction.items())),
    )


def _honest_scene(setting: Setting, spool: Path, watch: Progress) -> tuple[Scene, Texts]:
    """The honest part of `plain`, in as many days as the setting has."""
    plain = world_named("plain")
    release = round(plain.release_day / plain.days * setting.days)
    people = plain.honest.people
    people = replace(
        people, accounts=round(people.accounts * setting.light), mean=people.mean / setting.light
    )
    honest = replace(plain.honest, people=people)
    world = replace(
        plain, campaigns=(), networks=(), honest=honest, days=setting.days, release_day=release
    )
    return make_scene(world, setting.scale, setting.seed, None, None, watch, spool)


def _moment(ts: int) -> dt.datetime:
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(microseconds=ts)
