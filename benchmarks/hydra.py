"""How soon new heads are known, and how many of the honest are taken for them.

    python -m benchmarks.hydra --scale 0.15 --seed 41 --false-rates 1e-5 1e-4 --record FILE
    python -m benchmarks.hydra --log LOG --scale 0.5 --seed 91 --strangers LOG LOG --record FILE

Makes the world `churn`, in which one campaign's account in ten is banned a day and replaced, or
takes its log (`--log`). What came in its first days is detected and published, with everything that
is found taken down: that is the takedown. Then every account that the world's first days didn't see
sends its first requests, in order of time, to a gate that recognises known work at the built-in
policy's false rate, or to one for each of the `--false-rates`.

Reported of new accounts of campaigns (`heads`, a share of them where `--heads` is below 1): how
many are recognised, at which of their requests the median of all heads is, how many within their
first twenty, and how many send so many; of honest new accounts: how many were taken for
heads, by role, and the upper end of the 95% interval of their share (Clopper and Pearson 1934).
Accounts of resellers without a campaign count as honest. `--strangers` are logs of other worlds:
all of their honest accounts are new to the gate, too, and are told apart; they are sent to the gate
of the largest rate only, since whom it lets be the others let be. Prints one JSON document, a list
by rate.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from scipy.stats import beta

import stillwatch as sw
from stillwatch import tables
from stillwatch.enforcing import publish
from stillwatch.findings import Findings
from stillwatch.gateway.answer import Reason
from stillwatch.gateway.gate import Gate
from stillwatch.gateway.request import Request
from stillwatch.policy import Policy, default_policy

FIRST = 64
"""Requests of an account that are sent: after as many it isn't new any more."""

SOON = 20
PARTS = 16
"""Pieces in which another world's accounts are read, so that their texts fit into memory."""

COLUMNS = (
    "ts", "account_id", "org_id", "surface", "model", "system", "prompt", "turns", "tools",
    "tools_digest", "max_tokens", "temperature", "thinking", "ip", "user_agent", "ja4", "device_id",
)  # fmt: skip


def taking_down(false_rate: float | None) -> Policy:
    """The built-in policy, live, with no bounds on how much may be done; `None` is its own rate."""
    policy = default_policy()
    return replace(
        policy,
        live=True,
        breaker=replace(
            policy.breaker,
            share_of_accounts=1.0,
            share_of_org=1.0,
            refused_share=1.0,
            jump_accounts=10**9,
        ),
        budget=replace(
            policy.budget,
            accounts_a_day=10**9,
            honest_exchanges_a_day=1e12,
            share_of_accounts=1.0,
            share_of_org=1.0,
        ),
        recognition=replace(policy.recognition, false_rate=false_rate, least_requests=1),
    )


@dataclass(frozen=True)
class Takedown:
    """What is known when everything that was found is taken down: of a `log`, whose first `days`
    lie in a lake in `work`."""

    log: Path
    days: int
    work: Path
    findings: Findings

    def gate(self, false_rate: float | None) -> tuple[Gate, dict[str, Any]]:
        """A gate after it, and what it goes by."""
        folder, last = self.work / f"gate {false_rate}", pc.max(self.findings.accounts["last_ts"])
        policy = taking_down(false_rate)
        lake = self.work / "lake"
        made = publish(folder, self.findings, policy, now=last.as_py(), lake=lake)
        told = self.findings.campaigns.select(["kind", "accounts", "confidence"]).to_pylist()
        rate = policy.recognition.rate_after(made.honest)
        known = {"recognised_by": len(made.works), "learnt_from": made.honest}
        return Gate(folder), {"false_rate": rate, "takedown": {"campaigns": told, **known}}

    def later(self, accounts: pa.Array) -> Iterator[dict[str, Any]]:
        """The requests of those of the `accounts` that weren't there before, in order of time."""
        before = self.findings.accounts["account_id"].combine_chunks()
        asked = pc.filter(accounts, pc.invert(pc.is_in(accounts, value_set=before)))
        for part in sorted((self.log / "exchanges").glob("*.parquet"))[self.days :]:
            for batch in pq.ParquetFile(part).iter_batches(1 << 16, columns=list(COLUMNS)):
                fresh = pc.is_in(batch["account_id"], value_set=asked)
                yield from batch.filter(fresh).to_pylist()


def take_down(log: Path, days: int, work: Path) -> Takedown:
    """Detect in the first days of a log."""
    first = work / "first"
    (first / "exchanges").mkdir(parents=True)
    for part in sorted((log / "exchanges").glob("*.parquet"))[:days]:
        (first / "exchanges" / part.name).symlink_to(part.resolve())
    (first / "accounts.parquet").symlink_to((log / "accounts.parquet").resolve())
    sw.ingest([first], lake=work / "lake")
    return Takedown(log, days, work, sw.detect(work / "lake"))


@dataclass
class Seen:
    """Of each new account: its requests so far, and at which of them it was recognised."""

    requests: Counter[str] = field(default_factory=Counter)
    known_at: dict[str, int] = field(default_factory=dict)


def strangers(log: Path) -> Iterator[dict[str, Any]]:
    """The first requests of every honest account of a log; an account's in order of time."""
    told = f"select {', '.join(COLUMNS)} from read_parquet($days)"
    honest = "select account_id from read_parquet($labels) where campaign is null"
    with duckdb.connect() as database:
        for part in range(PARTS):
            rows = database.sql(
                f"{told} where hash(account_id) % {PARTS} = {part} and account_id in ({honest})"
                f" qualify row_number() over (partition by account_id order by ts) <= {FIRST}"
                " order by ts",
                params={
                    "days": str(log / "exchanges" / "*.parquet"),
                    "labels": str(log / "labels" / "accounts.parquet"),
                },
            )
            for batch in rows.to_arrow_reader():
                yield from batch.to_pylist()


def replay(gate: Gate, requests: Iterator[dict[str, Any]]) -> Seen:
    """Send the first requests of each account to the gate."""
    seen = Seen()
    for row in requests:
        account = row["account_id"]
        if account in seen.known_at or seen.requests[account] == FIRST:
            continue
        seen.requests[account] += 1
        row["ts"] = round(row["ts"].timestamp() * 1e6)
        row["tools"] = tuple(row["tools"]) if row["tools"] else None
        if Reason.KNOWN_WORK in gate.decide(Request(**row)).reasons:
            seen.known_at[account] = seen.requests[account]
    return seen


def told(seen: Seen, labels: pa.Table) -> dict[str, Any]:
    """The figures."""
    campaign = dict(
        zip(*labels.select(["account_id", "campaign"]).to_pydict().values(), strict=True)
    )
    role = dict(zip(*labels.select(["account_id", "role"]).to_pydict().values(), strict=True))
    heads = [a for a in seen.requests if campaign[a] is not None]
    at = np.sort([seen.known_at.get(a, np.inf) for a in heads])
    long = [a for a in heads if a in seen.known_at or seen.requests[a] >= SOON]
    return {
        "heads": {
            "accounts": len(heads),
            "recognised": sum(a in seen.known_at for a in heads),
            "median_request": None if np.isinf(at[len(at) // 2]) else int(at[len(at) // 2]),
            "within_20": sum(seen.known_at.get(a, np.inf) <= SOON for a in heads),
            "that_send_20_or_are_known": len(long),
        },
        "honest": mistaken(seen, {a: r for a, r in role.items() if campaign[a] is None}),
    }


def mistaken(seen: Seen, role: dict[str, str]) -> dict[str, Any]:
    """How many honest accounts that were seen, of those with a `role`, were taken for heads."""
    honest = [a for a in seen.requests if a in role]
    false = [a for a in honest if a in seen.known_at]
    upper = beta.ppf(0.975, len(false) + 1, len(honest) - len(false)) if honest else None
    return {
        "accounts": len(honest),
        "by_role": Counter(role[a] for a in honest),
        "taken_for_heads": len(false),
        "of_them": Counter(role[a] for a in false),
        "share_at_most": upper,
    }


def roles(log: Path) -> dict[str, str]:
    """The role of each of a log's accounts."""
    columns = pq.read_table(log / "labels" / "accounts.parquet", columns=["account_id", "role"])
    return dict(zip(*columns.to_pydict().values(), strict=True))


def main() -> None:
    """Take down, replay, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--log", type=Path)
    parser.add_argument("--scale", type=float, default=0.15)
    parser.add_argument("--seed", type=int, default=41)
    parser.add_argument("--texts", type=Path)
    parser.add_argument("--days", type=int, default=25)
    parser.add_argument("--false-rates", type=float, nargs="+", help="else the policy's own")
    parser.add_argument("--heads", type=float, default=1.0, help="share of the new heads")
    parser.add_argument("--strangers", type=Path, nargs="*", default=[], help="other worlds")
    parser.add_argument("--record", type=Path, help="write the document there too")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stillwatch-hydra-") as scratch:
        log = args.log or Path(scratch) / "log"
        if args.log is None:
            sw.make_world("churn", log, scale=args.scale, seed=args.seed, texts=args.texts)
        taken = take_down(log, args.days, Path(scratch))
        labels = pq.read_table(log / "labels" / "accounts.parquet", schema=tables.LABEL_ACCOUNTS)
        rng = np.random.default_rng(args.seed)
        chosen = rng.random(labels.num_rows) < args.heads
        chosen |= pc.is_null(labels["campaign"]).to_numpy()
        accounts = labels["account_id"].filter(pa.array(chosen)).combine_chunks()
        document, rates = [], args.false_rates or [None]
        for rate in rates:
            gate, found = taken.gate(rate)
            document.append(
                {
                    "world": {"name": "churn", "scale": args.scale, "seed": args.seed},
                    "days": args.days,
                    "heads_looked_at": args.heads,
                    **found,
                    **told(replay(gate, taken.later(accounts)), labels),
                    "strangers": [
                        mistaken(replay(gate, strangers(other)), roles(other))
                        for other in args.strangers
                        if rate == max(rates)
                    ],
                }
            )
    text = json.dumps(document, indent=1)
    if args.record:
        args.record.write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
