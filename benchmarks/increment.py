"""What a day costs: a lake judged but for its last day, the day absorbed, and all judged anew.

    python -m benchmarks.increment --scale 0.05 --texts PROMPTS
    python -m benchmarks.increment --log LOG --days-left 3 --signals --record FILE

Makes the world `plain`, or takes a log that is there (its days one file each, as `world` writes
them; `--log`), and ingests all days but the last. Then it measures, each in a process of its own
that writes its findings: `detect`, which judges everything; `detect` once the last day is
ingested, which absorbs it; and `detect --anew` on the same lake. The last days of a world hold
little of its campaigns, which end before it does: `--days-left` leaves so many away, and the day
before them is the last. With `--signals` the first run finds its signals made, as it would on any
later day. Reported are wall time and peak memory of each, the increment's part of a full run, and
how findings that absorbed agree with those that judged anew: campaigns by name, Jaccard indices
of members and of attributed exchanges, on the last day and before it, and both scored against the
labels. Beside it stands how the two full runs agree, for a fit of one more day is another fit.
Where others use the machine, compare `cpu_s`, the seconds of processor time of a whole process.
Prints one JSON document.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

import stillwatch as sw

GIB = 2**30


def detect_once(lake: Path, out: Path, threads: int, anew: bool) -> dict:
    """One detection that is written to `out`, in a process of its own, start included."""
    began = time.perf_counter()
    child = [sys.executable, __file__, "--child", str(lake), str(out), str(threads), str(int(anew))]
    done = subprocess.run(child, check=True, capture_output=True, text=True)
    wall = time.perf_counter() - began
    return {"wall_s": round(wall, 2), **json.loads(done.stdout)}


def child(lake: str, out: str, threads: int, anew: bool) -> dict:
    """What `detect_once` reports, measured in this process."""
    run = sw.detect(lake, out=out, threads=threads, anew=anew).run
    return {
        "cpu_s": round(time.process_time(), 2),
        "peak_gib": round(peak_memory(run) / GIB, 2),
        "stages_s": run["seconds"],
        "judged": run["judged"],
    }


def peak_memory(run: dict) -> int:
    """Peak resident memory in bytes, of this process alone where the system tells it.

    What a run reports is, on Linux, at least what the process that started this one had then.
    """
    status = Path("/proc/self/status")
    if not status.exists():
        return run["peak_memory_bytes"]
    told = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return int(told["VmHWM"].split()[0]) * 1024


def log_of(days: list[Path], log: Path, folder: Path) -> Path:
    """A log of some of the days of `log`, by links, with its accounts and the labels of those."""
    (folder / "exchanges").mkdir(parents=True)
    (folder / "labels").mkdir()
    for day in days:
        (folder / "exchanges" / day.name).symlink_to(day.resolve())
    for name in ("accounts.parquet", "labels/accounts.parquet"):
        (folder / name).symlink_to((log / name).resolve())
    labels = pq.read_table(log / "labels/exchanges.parquet")
    for day in sorted(set((log / "exchanges").glob("*.parquet")) - set(days)):
        gone = pq.read_table(day, columns=["exchange_id"])["exchange_id"].combine_chunks()
        labels = labels.filter(pc.invert(pc.is_in(labels["exchange_id"], value_set=gone)))
    pq.write_table(labels, folder / "labels/exchanges.parquet")
    return folder


def jaccard(one: pa.Array, other: pa.Array) -> float:
    """Of two sets of distinct values; 1 where both are empty."""
    both = pc.sum(pc.is_in(one, value_set=other)).as_py() or 0
    every = len(one) + len(other) - both
    return round(both / every, 5) if every else 1.0


def keyed(table: pa.Table, name: str) -> pa.Array:
    """A column with the campaign, as one string each."""
    pair = pc.binary_join_element_wise(table["campaign_id"], table[name], "/")
    return pair.combine_chunks()


def agreement(absorbed: sw.Findings, anew: sw.Findings, last: pa.Array) -> dict:
    """How two findings agree; `last` are the exchanges of the last day, left out of `before`."""

    def campaigns(findings: sw.Findings) -> pa.Table:
        return findings.campaigns.filter(pc.field("kind") == "distillation")

    def members(findings: sw.Findings) -> pa.Array:
        names = campaigns(findings)["campaign_id"]
        inside = pc.is_in(findings.members["campaign_id"], value_set=names)
        return keyed(findings.members.filter(inside), "account_id")

    def flagged(findings: sw.Findings) -> pa.Array:
        names = campaigns(findings)["campaign_id"]
        inside = pc.is_in(findings.members["campaign_id"], value_set=names)
        return pc.unique(findings.members.filter(inside)["account_id"])

    def exchanges(findings: sw.Findings, of_last: bool) -> pa.Array:
        inside = pc.is_in(findings.exchanges["exchange_id"], value_set=last)
        chosen = inside if of_last else pc.invert(inside)
        return keyed(findings.exchanges.filter(chosen), "exchange_id")

    names = [set(campaigns(f)["campaign_id"].to_pylist()) for f in (absorbed, anew)]
    return {
        "same_campaigns": names[0] == names[1],
        "flagged": jaccard(flagged(absorbed), flagged(anew)),
        "members": jaccard(members(absorbed), members(anew)),
        "exchanges_before": jaccard(*(exchanges(f, False) for f in (absorbed, anew))),
        "exchanges_of_last_day": jaccard(*(exchanges(f, True) for f in (absorbed, anew))),
    }


def of_last_day(findings: sw.Findings, last: pa.Array, log: Path) -> dict:
    """Precision and recall of what is attributed of the last day."""
    found = findings.exchanges["exchange_id"]
    found = found.filter(pc.is_in(found, value_set=last))
    labels = pq.read_table(log / "labels/exchanges.parquet")["exchange_id"]
    labels = labels.filter(pc.is_in(labels, value_set=last))
    right = pc.sum(pc.is_in(found, value_set=labels)).as_py() or 0
    return {
        "attributed": len(found),
        "precision": round(right / max(1, len(found)), 4),
        "recall": round(right / max(1, len(labels)), 4),
    }


def scores(findings: sw.Findings, last: pa.Array, log: Path) -> dict:
    """Scores against the labels of `log`."""
    told = sw.score(log, findings).to_dict()
    rates = {
        name: {rate: told[name][rate] for rate in ("precision", "recall")}
        for name in ("accounts", "exchanges")
    }
    return {
        **rates,
        "campaigns_found": told["campaigns_found"],
        "false_campaigns": len(told["false_campaigns"]),
        "last_day": of_last_day(findings, last, log),
    }


def measure(log: Path, scratch: Path, threads: int, days_left: int, signals: bool) -> dict:
    """The three runs, and how their findings agree."""
    days = sorted((log / "exchanges").glob("*.parquet"))
    days = days[: len(days) - days_left]
    lake = scratch / "lake"
    sw.ingest([log_of(days[:-1], log, scratch / "first")], lake=lake)
    if signals:
        detect_once(lake, scratch / "warm", threads, anew=True)
    runs = {"full": detect_once(lake, scratch / "full", threads, anew=signals)}
    sw.ingest([days[-1]], lake=lake)
    runs["increment"] = detect_once(lake, scratch / "increment", threads, anew=False)
    runs["anew"] = detect_once(lake, scratch / "anew", threads, anew=True)
    full, absorbed, anew = (sw.read_findings(scratch / n) for n in ("full", "increment", "anew"))
    last = pq.read_table(days[-1], columns=["exchange_id"])["exchange_id"].combine_chunks()
    truth = log_of(days, log, scratch / "truth")
    increment = runs["increment"]["wall_s"]
    return {
        "exchanges": absorbed.run["exchanges_detected"],
        "exchanges_of_last_day": len(last),
        "runs": runs,
        "increment_to_full": round(increment / runs["full"]["wall_s"], 4),
        "increment_to_anew": round(increment / runs["anew"]["wall_s"], 4),
        "agreement": agreement(absorbed, anew, last),
        "agreement_of_full_runs": agreement(full, anew, last),
        "absorbed": scores(absorbed, last, truth),
        "anew": scores(anew, last, truth),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=0.05)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--texts", type=Path, help="published prompts, for the world")
    parser.add_argument("--log", type=Path, help="a labelled log to take instead")
    parser.add_argument("--days-left", type=int, default=0, help="last days to leave away")
    parser.add_argument("--signals", action="store_true", help="make signals before the first run")
    parser.add_argument("--scratch", type=Path, help="where the lake is made; the temporary folder")
    parser.add_argument("--record", type=Path, help="a file to keep the figures in")
    options = parser.parse_args()
    if options.scratch:
        options.scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="stillwatch-bench-", dir=options.scratch) as folder:
        scratch, log = Path(folder), options.log
        if log is None:
            log = scratch / "log"
            sw.make_world("plain", log, scale=options.scale, seed=options.seed, texts=options.texts)
        result = measure(log, scratch, options.threads, options.days_left, options.signals)
    if options.record:
        options.record.parent.mkdir(parents=True, exist_ok=True)
        options.record.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        lake, out, threads, anew = sys.argv[2:6]
        print(json.dumps(child(lake, out, int(threads), anew == "1")))
    else:
        main()
