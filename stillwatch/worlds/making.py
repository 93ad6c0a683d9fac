"""Making a world: the makers of traffic in order, then the log folder."""

from __future__ import annotations

import json
import shutil
import time
from collections import Counter
from dataclasses import asdict, dataclass, fields
from itertools import islice
from pathlib import Path
from random import Random

import numpy as np

from stillwatch import tables
from stillwatch.errors import OutputExists
from stillwatch.progress import Progress, Silent
from stillwatch.worlds.agents import make_agents, make_classrooms
from stillwatch.worlds.apps import make_agencies, make_developers, make_enterprises
from stillwatch.worlds.campaigns import make_campaign
from stillwatch.worlds.infrastructure import real_blocks
from stillwatch.worlds.jobs import make_batch, make_evaluation, make_researchers
from stillwatch.worlds.ladder import world_named
from stillwatch.worlds.networks import customers_of, make_network
from stillwatch.worlds.parameters import Crowd, World
from stillwatch.worlds.people import make_people
from stillwatch.worlds.rhythm import DAY
from stillwatch.worlds.scene import Scene, Window
from stillwatch.worlds.texts.builtin import builtin_texts
from stillwatch.worlds.texts.phrases import PhraseBook
from stillwatch.worlds.texts.real import real_texts
from stillwatch.worlds.texts.store import Need, Texts
from stillwatch.worlds.texts.tongues import tongue_pools
from stillwatch.worlds.writing import write_log

FIRST_DAY = np.datetime64("2026-04-22", "us").astype(np.int64).item()
"""Midnight UTC at which every world begins."""


_LIMITS = (
    "responses are not simulated: `response` is null for everybody, token counts are drawn",
    "stores of texts are finite, so prompts recur across accounts, honest ones included",
    "accounts of researchers are labelled `batch`, those of agencies `developer`",
)


@dataclass(frozen=True)
class WorldReport:
    """What was written. `roles` counts accounts by role; `texts` says where the words come from."""

    name: str
    folder: str
    scale: float
    seed: int
    accounts: int
    exchanges: int
    campaign_accounts: int
    campaign_exchanges: int
    roles: dict[str, int]
    texts: str
    notes: tuple[str, ...]
    seconds: float


def make_world(
    name: str,
    out: str | Path,
    scale: float | None = None,
    seed: int = 0,
    texts: str | Path | None = None,
    progress: Progress | None = None,
    infrastructure: str | Path | None = None,
) -> WorldReport:
    """Write the labelled world `name` as a log folder.

    `scale` (absent: the world's own, 0.01 for most) 1 is the disclosed scale: 24,000 campaign
    accounts, 16 million campaign exchanges in 45 days, and as many honest ones; every campaign
    keeps at least 16 accounts. `texts` is a folder of published prompts (`texts/real.py`); without
    it every sentence is our own. `infrastructure` is a folder of published lists of networks
    (`infrastructure.py`); without it addresses come from blocks of well-known operators. Equal
    arguments give equal bytes.

    Raises `UnknownName` for a world that doesn't exist, `OutputExists` if `out` holds files,
    `InputNotFound` if `texts` or `infrastructure` lacks what is needed, `ValueError` for a scale
    that isn't positive.
    """
    began = time.monotonic()
    world = world_named(name)
    scale = world.scale if scale is None else scale
    if not scale > 0:
        raise ValueError(f"scale {scale}: must be positive")
    out = Path(out)
    if out.exists() and any(out.iterdir()):
        raise OutputExists(out, "is not empty", "Name a new or empty folder for the world")
    progress = progress or Silent()
    draft, spool = out.with_name(f".{out.name}.new"), out.with_name(f".{out.name}.spool")
    for folder in (draft, spool):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    try:
        scene, words = make_scene(world, scale, seed, texts, infrastructure, progress, spool)
        source = "built in" if words.built_in else "published prompts"
        total, harvested = write_log(scene, draft, world, progress)
        addresses = "built in" if infrastructure is None else "published lists"
        made_of = {"texts": source, "addresses": addresses, "notes": [*words.notes, *_LIMITS]}
        _write_card(draft, world, scale, seed, made_of)
        if out.exists():
            out.rmdir()
        draft.rename(out)
    finally:
        for folder in (draft, spool):
            shutil.rmtree(folder, ignore_errors=True)
    role = scene.accounts.column("role")[scene.accounts.in_use()]
    counts = Counter(tables.ROLES[r] for r in role.tolist())
    return WorldReport(
        name=name,
        folder=str(out),
        scale=scale,
        seed=seed,
        accounts=len(role),
        exchanges=total,
        campaign_accounts=int((scene.accounts.column("campaign") >= 0).sum()),
        campaign_exchanges=harvested,
        roles={r: counts[r] for r in tables.ROLES if counts[r]},
        texts=source,
        notes=words.notes,
        seconds=time.monotonic() - began,
    )


def _count(crowd: Crowd, scale: float) -> int:
    return max(crowd.floor, round(crowd.accounts * scale))


def make_scene(
    world: World,
    scale: float,
    seed: int,
    texts: str | Path | None,
    infrastructure: str | Path | None,
    progress: Progress,
    spool: Path,
) -> tuple[Scene, Texts]:
    """A world's traffic in the folder `spool`, unwritten, and what its makers drew from."""
    counts = {f.name: _count(getattr(world.honest, f.name), scale) for f in fields(world.honest)}
    resold = [customers_of(network, scale) for network in world.networks]
    serving = [counts["developers"], counts["enterprises"], 3 * counts["agencies"]]
    need = Need(
        people=counts["people"],
        apps=sum(serving),
        jobs=counts["batch"],
        projects=counts["agents"],
        assignments=counts["classrooms"],
        resold_apps=sum(r["apps"] for r in resold),
        resold_projects=sum(r["agents"] for r in resold),
    )
    progress.start("texts", None, "phrases")
    book = PhraseBook()
    words = (
        builtin_texts(book, seed, need) if texts is None else real_texts(book, seed, need, texts)
    )
    progress.advance(len(book))
    progress.finish()
    begin, end = FIRST_DAY, FIRST_DAY + world.days * DAY
    blocks = None if infrastructure is None else real_blocks(infrastructure)
    scene = Scene(
        seed, Window(begin, end, begin + world.release_day * DAY + DAY // 3), book, spool, blocks
    )
    progress.start("traffic", 9 + len(world.campaigns) + len(world.networks), "makers")
    apps, projects = iter(words.apps), iter(words.projects)
    honest = world.honest
    make_people(scene, words.people, counts["people"], honest.people.mean)
    developers, enterprises, agencies = (list(islice(apps, n)) for n in serving)
    make_developers(scene, developers, honest.developers.mean)
    make_enterprises(scene, enterprises, honest.enterprises.mean)
    make_agencies(scene, agencies, honest.agencies.mean)
    make_batch(scene, words.jobs, honest.batch.mean)
    make_evaluation(scene, words, counts["evaluation"], honest.evaluation.mean)
    make_researchers(scene, words, counts["researchers"], honest.researchers.mean)
    make_agents(scene, words, list(islice(projects, counts["agents"])), honest.agents.mean)
    make_classrooms(scene, words.assignments, honest.classrooms.mean)
    progress.advance(9)
    teams = {}
    for i, (network, customers) in enumerate(zip(world.networks, resold, strict=True)):
        teams[network.name] = make_network(
            scene,
            words,
            network,
            i,
            scale=scale,
            projects=list(islice(projects, customers["agents"])),
            apps=list(islice(apps, customers["apps"])),
        )
        progress.advance(1)
    tongues = {}
    if any(c.evasion.foreign for c in world.campaigns):
        tongues = tongue_pools(book, Random(seed * 7919 + 3), words)
    for i, campaign in enumerate(world.campaigns):
        carriers = [teams[name] for name in campaign.networks]
        make_campaign(scene, words, tongues, campaign, i, scale=scale, teams=carriers)
        progress.advance(1)
    progress.finish()
    return scene, words


def _write_card(
    out: Path, world: World, scale: float, seed: int, made_of: dict[str, str | list[str]]
) -> None:
    card = {
        "simulation": "Simulated traffic: no account, person or campaign in it is real.",
        "name": world.name,
        "says": world.says,
        "scale": scale,
        "seed": seed,
        **made_of,
        "parameters": asdict(world),
    }
    (out / "world.json").write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n")
