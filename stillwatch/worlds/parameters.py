"""The worlds by name, and the numbers that make them: frozen dataclasses, all counts at scale 1."""

from __future__ import annotations

from dataclasses import dataclass, field

from stillwatch.errors import UnknownName


@dataclass(frozen=True)
class Crowd:
    """Honest accounts of one kind: how many at scale 1, exchanges each, how many at least."""

    accounts: int
    mean: float
    floor: int


@dataclass(frozen=True)
class Honest:
    """The honest part of every world: about 16 million exchanges of 140,000 accounts at scale 1."""

    people: Crowd = Crowd(98_000, 76, 60)
    developers: Crowd = Crowd(11_000, 240, 8)
    enterprises: Crowd = Crowd(900, 1_800, 2)
    batch: Crowd = Crowd(1_100, 1_300, 3)
    evaluation: Crowd = Crowd(1_300, 560, 4)
    agents: Crowd = Crowd(7_000, 300, 8)
    classrooms: Crowd = Crowd(160, 1_400, 1)
    agencies: Crowd = Crowd(700, 500, 2)
    researchers: Crowd = Crowd(110, 2_600, 1)


@dataclass(frozen=True)
class Campaign:
    """One distillation campaign. `mix` are shares of its queue by `texts.POOLS`.

    `repeats` is best-of-k (the share of prompts that are sent `k` times); `cohort_days` the spread
    of its sign-ups and `per_card` how many accounts one payment instrument serves; `busy` is the
    part of the window in which it runs; `uneven` the spread (log) of how often its accounts work;
    `shift` the share of its traffic that moves to the newest model within a day of
    its release; `network` sends it through that reseller's accounts, whose numbers then count.
    """

    name: str
    accounts: int
    mean: float
    mix: dict[str, float]
    repeats: tuple[float, int] = (0.0, 1)
    cohort_days: float = 3.0
    shift: float = 0.2
    synchronised: float = 0.0
    surfaces: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0, 0.0)
    per_card: float = 6.0
    busy: tuple[float, float] = (0.04, 0.97)
    uneven: float = 0.05
    network: str | None = None


@dataclass(frozen=True)
class Network:
    """One reseller's accounts. `customers` is the share of ordinary customers in its exchanges.

    `spare` is the share of its accounts that carry customers only; `relayed` the share of its
    traffic that shows the traits of relay software.
    """

    name: str
    accounts: int
    mean: float
    customers: float = 1.0
    spare: float = 0.0
    relayed: float = 0.5
    per_card: float = 8.0
    cohort_days: float = 8.0
    floor: int = 16


@dataclass(frozen=True)
class World:
    """A world by name: honest traffic, campaigns, networks, and the days it lasts."""

    name: str
    says: str
    campaigns: tuple[Campaign, ...] = ()
    networks: tuple[Network, ...] = ()
    honest: Honest = field(default_factory=Honest)
    days: int = 45
    release_day: int = 30


_SMALL = Campaign(
    "small",
    600,
    250,
    {"traces": 0.5, "grading": 0.3, "rewriting": 0.2},
    repeats=(0.35, 4),
    cohort_days=2.9,
    synchronised=0.6,
    per_card=6.0,
)
_MIDDLE = Campaign(
    "middle",
    3_400,
    1_000,
    {"agentic": 0.28, "tools": 0.27, "coding": 0.25, "data": 0.15, "maths": 0.05},
    repeats=(0.1, 2),
    cohort_days=9.0,
    surfaces=(0.45, 0.0, 0.25, 0.2, 0.1),
    uneven=0.25,
    per_card=3.0,
)
_LARGE = Campaign(
    "large",
    20_000,
    625,
    {"agentic": 0.35, "tools": 0.3, "coding": 0.25, "seeds": 0.1},
    repeats=(0.12, 2),
    cohort_days=12.0,
    shift=0.5,
    network="relay-a",
)

WORLDS: dict[str, World] = {
    w.name: w
    for w in (
        World(
            "plain",
            "three campaigns after the disclosed facts among honest traffic",
            (_SMALL, _MIDDLE, _LARGE),
            (Network("relay-a", 22_200, 940, customers=0.4, spare=0.1, per_card=10.0),),
        ),
        World("benign_only", "honest traffic alone, look-alikes included"),
        World(
            "resellers_only",
            "honest traffic and four resellers of ordinary customers, none with a campaign",
            (),
            (
                Network("relay-a", 6_000, 620, per_card=12.0),
                Network("relay-b", 2_000, 900, relayed=0.8, per_card=20.0),
                Network("relay-c", 1_200, 500, relayed=0.2, per_card=4.0),
                Network("relay-d", 500, 700, relayed=0.0, per_card=15.0),
            ),
        ),
    )
}
"""All worlds by name."""


def world_named(name: str) -> World:
    """The world of that name; raises `UnknownName` with the names that exist."""
    if name not in WORLDS:
        raise UnknownName(name, "is not a world", f"Known worlds: {', '.join(sorted(WORLDS))}")
    return WORLDS[name]
