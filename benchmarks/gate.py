"""What a decision costs in process: by account, and by what a new account asks.

    python -m benchmarks.gate --record FILE

Publishes a table of a million accounts, of which a tenth is acted on, and ten thousand frame
families, over what is known of the campaigns of a small world. Then it decides on requests one by
one, in this process, and reports microseconds: `account` is of accounts that are in the table and
of such as aren't, without a prompt; `content` is of new accounts that send prompts of that world,
campaigns' and others'. `lookup` is the reference of the same run: what a dictionary of the same
million keys takes to hash an account and find it. Prints one JSON document.
"""

from __future__ import annotations

import argparse
import datetime as dt
import gc
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import stillwatch as sw
from stillwatch import tables
from stillwatch.gateway.folder import Folder
from stillwatch.gateway.gate import Gate
from stillwatch.gateway.publishing import Listed, publish_plan
from stillwatch.gateway.request import Request
from stillwatch.gateway.table import account_digest
from stillwatch.gateway.works.access import CAME
from stillwatch.gateway.works.learn import Works, learn
from stillwatch.pipeline import last_judgement
from stillwatch.policy import Plan, default_policy

ACCOUNTS = 1_000_000
FAMILIES = 10_000
BANDS = 8
ACTIONS = ("observe", "throttle", "withhold", "deny", "observe", "observe", "observe")
NOW = dt.datetime(2026, 6, 6, tzinfo=dt.UTC)
NOW_US = int(NOW.timestamp() * 1_000_000)


def decisions(count: int) -> pa.Table:
    """`tables.DECISIONS` on so many accounts."""
    day = dt.timedelta(days=1)
    numbers = range(count)
    columns = {
        "decision_id": [f"d{i:07}" for i in numbers],
        "account_id": [f"acc-{i:07}" for i in numbers],
        "action": [ACTIONS[i % len(ACTIONS)] for i in numbers],
        "standing": ["in_force" if i % 10 == 0 else "held" for i in numbers],
        "since": [NOW - day] * count,
        "until": [NOW + 30 * day] * count,
        "reason": ["member"] * count,
        "rule": ["certain"] * count,
        "confidence": [0.99] * count,
        "campaign_id": [f"c-{i % 7}" for i in numbers],
        "case_id": [i % 7 for i in numbers],
        "surfaces": [None] * count,
        "models": [None] * count,
        "detail": ["{}"] * count,
    }
    return pa.table(columns, tables.DECISIONS)


def known_work(scratch: Path, seed: int) -> tuple[Works, list[dict]]:
    """What is known of a small world's campaigns, with families of thousands; and its prompts."""
    sw.make_world("plain", scratch / "log", scale=0.01, seed=seed)
    sw.ingest([scratch / "log"], lake=scratch / "lake")
    found = sw.detect(scratch / "lake")
    with last_judgement(scratch / "lake") as last:
        assert last is not None
        names = found.campaigns["campaign_id"].to_pylist()
        works = learn(*last, names, pa.RecordBatch.from_pylist([], CAME))
    rng = np.random.default_rng(seed)
    bands = np.unique(rng.integers(1, 2**63, FAMILIES * BANDS, dtype=np.int64).astype(np.uint64))
    families = np.union1d(works.arrays["works.families"], bands)
    works = replace(works, arrays={**works.arrays, "works.families": families})
    day = sorted((scratch / "log/exchanges").glob("*.parquet"))[20]
    asked = pq.read_table(day, columns=["prompt", "ip", "turns", "tools", "max_tokens", "thinking"])
    return works, asked.slice(0, 20_000).to_pylist()


def timed(gate: Gate, requests: list[Request]) -> dict[str, float]:
    """Microseconds a decision."""
    for request in requests[:2_000]:
        gate.decide(request)
    gc.disable()
    took = np.empty(len(requests), np.int64)
    for i, request in enumerate(requests):
        begin = time.perf_counter_ns()
        gate.decide(request)
        took[i] = time.perf_counter_ns() - begin
    gc.enable()
    quantiles = {"p50_us": 50, "p90_us": 90, "p99_us": 99, "p99_9_us": 99.9}
    return {n: round(float(np.percentile(took, q)) / 1000, 2) for n, q in quantiles.items()}


def reference(count: int, key: bytes, asked: list[Request]) -> dict[str, float]:
    """Microseconds to hash an account and find it in a dictionary."""
    table = {account_digest(f"acc-{i:07}", key): i for i in range(count)}
    took = np.empty(len(asked), np.int64)
    for i, request in enumerate(asked):
        begin = time.perf_counter_ns()
        table.get(account_digest(request.account_id, key))
        took[i] = time.perf_counter_ns() - begin
    quantiles = {"p50_us": 50, "p99_us": 99}
    return {n: round(float(np.percentile(took, q)) / 1000, 2) for n, q in quantiles.items()}


def measure(scratch: Path, accounts: int, seed: int) -> dict:
    """All of it."""
    works, prompts = known_work(scratch, seed)
    made = Plan(decisions(accounts), (), {}, replace(default_policy(), live=True), NOW)
    folder = Folder(scratch / "gate", create=True)
    began = time.perf_counter()
    publish_plan(folder, made, works, Listed((), ()), NOW)
    publishing = time.perf_counter() - began
    began = time.perf_counter()
    gate = Gate(scratch / "gate")
    opening = time.perf_counter() - began
    rng = np.random.default_rng(seed)
    numbers = rng.integers(0, 2 * accounts, 100_000).tolist()
    by_account = [Request(f"acc-{n:07}", NOW_US + i) for i, n in enumerate(numbers)]
    senders = rng.integers(0, len(prompts) // 10, len(prompts)).tolist()
    by_content = []
    for i, (sender, row) in enumerate(zip(senders, prompts, strict=True)):
        tools = None if row["tools"] is None else tuple(row["tools"])
        by_content.append(Request(f"new-{sender}", NOW_US + i, **(row | {"tools": tools})))
    by_content *= 3
    found = {
        "accounts": accounts,
        "families": FAMILIES,
        "campaigns": len(works.names),
        "median_prompt_bytes": int(np.median([len(r["prompt"].encode()) for r in prompts])),
        "table_mb": round((scratch / "gate/table.1").stat().st_size / 2**20, 1),
        "publish_s": round(publishing, 2),
        "open_s": round(opening, 2),
        "account": timed(gate, by_account),
        "content": timed(gate, by_content),
        "lookup": reference(accounts, folder.key, by_account),
    }
    for name in ("account", "content"):
        found[f"{name}_to_lookup"] = round(found[name]["p50_us"] / found["lookup"]["p50_us"], 2)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=ACCOUNTS)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--record", type=Path, help="a file to keep the figures in")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stillwatch-bench-") as folder:
        result = measure(Path(folder), options.accounts, options.seed)
    if options.record:
        options.record.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
