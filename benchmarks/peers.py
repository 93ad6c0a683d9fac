"""What peers gain by telling each other: two deployments, one operator, and TAXII between them.

Each seed makes two worlds with customers of their own. One operator serves its queue through fifty
accounts, forty at the first deployment and ten at the second; half of what each account sends is
its own customers' ordinary traffic, and accounts share nothing. The first detects, draws up what
may be told, and publishes it in its peers' service; the second pulls it over loopback, and detects
with it and without. With `--lies`, a liar then tells the second one marks of its own honest
accounts, as well as anybody could know them: by role those of all accounts, and of ten drawn by
chance, frames and content by themselves and together. Told are the honest accounts flagged with it
and not without.

    python -m benchmarks.peers --seeds 11 12 13 --lies --out /tmp/peers
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import uvicorn

import stillwatch as sw
from stillwatch.campaigns.judgement import LEAST_MEMBERS
from stillwatch.cases import Seen, State, Store, change_state, list_cases, open_cases
from stillwatch.lake import Lake
from stillwatch.leads import Lead
from stillwatch.peers.objects import check_object
from stillwatch.peers.published import publish
from stillwatch.peers.pulling import pull
from stillwatch.peers.reading import ToldCampaign
from stillwatch.peers.registry import add_peer, admit
from stillwatch.peers.service import create_app
from stillwatch.peers.taxii.routes import ROOT
from stillwatch.peers.weighing import leads, weighed
from stillwatch.sharing.centroids import LEAST_COMPARED, centroid_of
from stillwatch.sharing.drawing_up import Wishes, draw_up
from stillwatch.sharing.indicators import Indicator, Kind, Telling
from stillwatch.sharing.sketches import MOST_BANDS, sketch_value
from stillwatch.sharing.stix.bundle import Approved, bundle
from stillwatch.signals.content import SCALE
from stillwatch.signals.extract import READS, signals
from stillwatch.statistics.mmd import samples
from stillwatch.tables import CAPABILITIES, CONTENT_COMPONENTS
from stillwatch.worlds import WORLDS, make_world
from stillwatch.worlds.parameters import Evasion

OPERATOR = "operator"
ACCOUNTS = 50
FOOTPRINT = 10
"""Accounts of the operator, and those of them that are at the second deployment."""

QUIET = Evasion(camouflage=0.5, customers=True, isolated=True, desync=True)
QUIETER = replace(QUIET, paraphrase=True)
MANNERS = {"framed": QUIET, "paraphrased": QUIETER}


@dataclass(frozen=True)
class Deployments:
    """Two logs, the operator's accounts at each, and the roles of the second one's honest ones."""

    first: Path
    second: Path
    at_first: frozenset[str]
    at_second: frozenset[str]
    roles: dict[str, str]
    today: dt.date


@dataclass(frozen=True)
class Outcome:
    """How a detection at the second deployment went: of the operator's accounts `found`, and
    `honest` ones flagged."""

    found: int
    honest: int
    confidence: float


def deployments(out: Path, seed: int, manner: str, each: int, scale: float) -> Deployments:
    """Make both; the operator's accounts at the second have `each` exchanges, in a row."""
    small = WORLDS["small"].campaigns[0]
    campaign = replace(small, accounts=ACCOUNTS, fixed=True, evasion=MANNERS[manner])
    WORLDS[OPERATOR] = replace(WORLDS["small"], name=OPERATOR, campaigns=(campaign,))
    try:
        make_world(OPERATOR, out / "whole", scale=scale, seed=seed)
    finally:
        del WORLDS[OPERATOR]
    make_world("benign_only", out / "honest", scale=scale, seed=seed + 100_000)
    labels = pq.read_table(out / "whole/labels/accounts.parquet").to_pylist()
    operators = sorted(row["account_id"] for row in labels if row["campaign"])
    there = operators[:: ACCOUNTS // FOOTPRINT]
    whole, honest = (
        ds.dataset(out / name / "exchanges").to_table() for name in ("whole", "honest")
    )
    known = [pq.read_table(out / name / "accounts.parquet") for name in ("whole", "honest")]
    away, moved = (pc.is_in(t["account_id"], value_set=pa.array(there)) for t in (whole, known[0]))
    _write(out / "first", whole.filter(pc.invert(away)), known[0].filter(pc.invert(moved)))
    footprint = _some_of_each(whole.filter(away), each, seed)
    _write(
        out / "second",
        pa.concat_tables([honest, footprint]),
        pa.concat_tables([known[1], known[0].filter(moved)]),
    )
    rows = pq.read_table(out / "honest/labels/accounts.parquet").to_pylist()
    return Deployments(
        out / "first",
        out / "second",
        frozenset(operators) - frozenset(there),
        frozenset(there),
        {row["account_id"]: row["role"] for row in rows},
        pc.max(whole["ts"]).as_py().date() + dt.timedelta(days=1),
    )


def _some_of_each(exchanges: pa.Table, each: int, seed: int) -> pa.Table:
    """Of every account so many exchanges that followed each other."""
    rng, kept = np.random.default_rng(seed), []
    exchanges = exchanges.sort_by([("account_id", "ascending"), ("ts", "ascending")])
    account = exchanges["account_id"].to_numpy()
    begins = np.flatnonzero(np.concatenate([[True], account[1:] != account[:-1]]))
    for begin, end in zip(begins, [*begins[1:], len(account)], strict=True):
        first = begin + rng.integers(0, max(1, end - begin - each + 1))
        kept.append(np.arange(first, min(end, first + each)))
    return exchanges.take(pa.array(np.concatenate(kept)))


def _write(folder: Path, exchanges: pa.Table, accounts: pa.Table) -> None:
    (folder / "exchanges").mkdir(parents=True)
    pq.write_table(exchanges, folder / "exchanges" / "all.parquet")
    pq.write_table(accounts, folder / "accounts.parquet")


def tell(made: Deployments, out: Path) -> Telling:
    """What the first deployment may tell of the campaign that it finds."""
    sw.ingest([made.first], lake=out / "lake")
    found = sw.detect(out / "lake", threads=1)
    store = Store.open(out / "first.db", create=True)
    try:
        open_cases(store, found, "ana")
        case = list_cases(store)[0]
        seen = Seen(case.case_id, case.version)
        case = change_state(store, seen, State.IN_REVIEW, "ana", "it looks like one")
        seen = Seen(case.case_id, case.version)
        change_state(store, seen, State.CONFIRMED, "ana", "it is one")
        name = "3f1d9a52-0c4e-4b8a-9d27-6a1e5b7c8d90"
        return draw_up(store, case.case_id, found, out / "lake", name, Wishes(), made.today).telling
    finally:
        store.close()


def exchange(tellings: Sequence[Telling], out: Path, today: dt.date) -> Store:
    """The second deployment's store, after it pulled the tellings from a service on loopback."""
    first, second = (Store.open(out / f"{n}.db", create=True) for n in ("told", "second"))
    at = dt.datetime.combine(today, dt.time(), dt.UTC)
    for telling in tellings:
        objects = bundle([Approved(telling, at)], "Al")["objects"]
        publish(first, [check_object(one) for one in objects], "ana")
    add_peer(first, "second", None, None, "ana")
    token = out / "token"
    token.write_text(admit(first, "second", 1, "ana"))
    with listening(first) as address:
        pulled = pull(second, add_peer(second, "al", address + ROOT, token, "bo"))
    if pulled.fault is not None:
        raise pulled.fault
    return second


@contextmanager
def listening(store: Store) -> Iterator[str]:
    """A peers' service on loopback, as long as it is needed: its address."""
    config = uvicorn.Config(create_app(store), host="127.0.0.1", port=0, log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while not server.started:
            if not thread.is_alive():
                raise RuntimeError("the service didn't start")
            time.sleep(0.02)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)


def outcome(made: Deployments, found: sw.Findings) -> Outcome:
    """How a detection went."""
    rows = found.campaigns.filter(pc.field("kind") == "distillation").to_pylist()
    harvests = {row["campaign_id"] for row in rows}
    flagged = {
        row["account_id"] for row in found.members.to_pylist() if row["campaign_id"] in harvests
    }
    return Outcome(
        len(flagged & made.at_second),
        len(flagged - made.at_second),
        max((row["confidence"] for row in rows), default=0.0),
    )


def looked_at(made: Deployments, out: Path) -> dict[str, Any]:
    """What the second deployment finds, alone and after it was told."""
    alone = sw.detect(made.second, threads=1)
    telling = tell(made, out)
    store = exchange([telling], out, made.today)
    try:
        told = leads(store, made.today)
    finally:
        store.close()
    helped = sw.detect(made.second, leads=told, threads=1)
    return {
        "indicators": len(telling.indicators),
        "alone": asdict(outcome(made, alone)),
        "helped": asdict(outcome(made, helped)),
        "leads": helped.run["leads"],
    }


def lies(made: Deployments, out: Path, seed: int) -> dict[str, Any]:
    """How a liar fares at the second deployment: `tried` lies, how many were `followed`, and those
    by which honest accounts were flagged."""
    sw.ingest([made.second], lake=out / "lake2")
    rng, honest = np.random.default_rng(seed), sw.detect(made.second, threads=1)
    before = {row["account_id"] for row in honest.members.to_pylist()}
    sent = _sent(out / "lake2")
    tried, followed, harmed = 0, 0, []
    for role in sorted(set(made.roles.values())):
        everybody = sorted(name for name, of in made.roles.items() if of == role)
        ten = rng.choice(everybody, min(len(everybody), FOOTPRINT), replace=False).tolist()
        for who, kinds in ((w, k) for w in (everybody, ten) for k in ("s", "c", "sc")):
            told = _lie(sent, set(who), kinds, made.today)
            if not told:
                continue
            found = sw.detect(made.second, leads=told, threads=1)
            tried += 1
            followed += not found.run["leads"][0]["dropped"]
            flagged = {row["account_id"] for row in found.members.to_pylist()} - before
            if flagged & made.roles.keys():
                harmed.append({"role": role, "accounts": len(who), "kinds": kinds})
    return {"tried": tried, "followed": followed, "harmed": harmed}


def _sent(lake: Path) -> dict[str, pa.Table]:
    """Signals of everything that a lake holds, by account."""
    opened, out = Lake.open(lake), {}
    for fragment in opened.fragments(READS, encoded=True):
        batch = fragment()
        made = signals(batch).select(["bands", "capability", "content"])
        names = batch.column("account_id").cast(pa.string())
        table = pa.table({"account_id": names, **{n: made.column(n) for n in made.schema.names}})
        for name in pc.unique(names).to_pylist():
            part = table.filter(pc.field("account_id") == name)
            out[name] = pa.concat_tables([out[name], part]) if name in out else part
    return out


def _lie(sent: dict[str, pa.Table], who: set[str], kinds: str, today: dt.date) -> list[Lead]:
    """A telling of what some honest accounts send: the bands that two or more of them share, and
    centroids of their content, each with a radius that takes most of them in."""
    day, made = today - dt.timedelta(days=1), []
    bands: Counter[int] = Counter()
    for name in sorted(who & sent.keys()):
        bands.update(set(pc.unique(sent[name]["bands"].combine_chunks().flatten()).to_pylist()))
    shared = sorted(band for band, count in bands.items() if count >= 2 and band)
    if "s" in kinds:
        for at in range(0, len(shared), MOST_BANDS):
            value = sketch_value(shared[at : at + MOST_BANDS])
            made.append(Indicator(Kind.SKETCH, value, 99, len(who), day, day))
    for about in ("", *CAPABILITIES) if "c" in kinds else ():
        parts = [_content(sent[name], about) for name in sorted(who & sent.keys())]
        large = [part for part in parts if len(part) >= LEAST_COMPARED]
        if len(large) >= LEAST_MEMBERS:
            total, squares = (np.array([f(p) for p in large]) for f in (_total, _squares))
            size = np.array([len(part) for part in large])
            value = centroid_of(samples(total, squares, size, SCALE)).value
            made.append(Indicator(Kind.CENTROID, value, 99, len(who), day, day, about))
    told = ToldCampaign("liar", "campaign--lie", "liar", 100, day, "", (), tuple(made[:2_000]))
    return weighed([told], today)


def _content(sent: pa.Table, about: str) -> np.ndarray:
    if about:
        sent = sent.filter(pc.field("capability") == CAPABILITIES.index(about))
    flat = sent["content"].combine_chunks().flatten().to_numpy()
    return flat.reshape(-1, CONTENT_COMPONENTS).astype(np.int64)


def _total(content: np.ndarray) -> np.ndarray:
    return content.sum(0)


def _squares(content: np.ndarray) -> int:
    return int((content * content).sum())


def main() -> None:
    """Print one JSON document a line, a seed and manner each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[11])
    parser.add_argument("--manners", nargs="+", choices=sorted(MANNERS), default=sorted(MANNERS))
    parser.add_argument("--each", type=int, default=80)
    parser.add_argument("--scale", type=float, default=0.004)
    parser.add_argument("--lies", action="store_true")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    for seed in given.seeds:
        for manner in given.manners:
            out = given.out / f"{manner}-{seed}"
            made = deployments(out, seed, manner, given.each, given.scale)
            looked = {"seed": seed, "manner": manner, **looked_at(made, out)}
            if given.lies:
                looked["lies"] = lies(made, out, seed)
            print(json.dumps(looked), flush=True)


if __name__ == "__main__":
    main()
