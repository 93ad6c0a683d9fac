"""The arena: how much of its yield a defence takes from each standard operator, and at what price.

    python -m benchmarks.arena --record benchmarks/results/arena.json
    python -m benchmarks.arena --seeds 101 --operators default --policy FILE

Plays each operator in each seed's world without a defence and with detection, a policy and the gate
(`stillwatch.arena.published`), and says beside what was asked for:

- the default operator, which only replaces accounts and slows down, loses 90% of its yield;
- the adaptive one, which uses every move, loses 70%;
- no honest account is denied, and of 10,000 honest requests less than one is slowed.

What is asked for holds for the least cut of all seeds, and for all honest traffic of them together.
Operators and prices were written down before they were first played. The policy asked for a second
request and allowed 200 honest exchanges a day when seeds 101 to 105 were played; what it says now
was settled on seed 11, before 201 to 205 were played. Take new ones for a new judgement.
Prints one JSON document.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from stillwatch.arena.matches import match
from stillwatch.arena.moves import OPERATORS
from stillwatch.arena.play import Setting
from stillwatch.arena.published import defended_by

SEEDS = (201, 202, 203, 204, 205)
POLICY = Path(__file__).with_name("arena.toml")
ASKED = {"default": 0.9, "adaptive": 0.7}
"""The least cut of yield that is asked for, by operator."""

SLOWED_IN_10000 = 1.0


def played(args: argparse.Namespace) -> dict[str, Any]:
    """Reports by operator."""
    setting = Setting(scale=args.scale, days=args.days)
    reports = {}
    for name in args.operators:
        began = time.perf_counter()
        defend = defended_by(args.policy, args.threads)
        told = match(setting, OPERATORS[name], args.seeds, defend).to_dict()
        reports[name] = told | {"seconds": round(time.perf_counter() - began)}
        print(f"{name}: least cut {told['cut_least']}", file=sys.stderr)
    return reports


def judged(reports: dict[str, Any]) -> dict[str, Any]:
    """What was asked for, what was seen, and whether that will do."""
    lines = {}
    for name, told in reports.items():
        asked, seen = ASKED[name], told["cut_least"]
        lines[f"{name}: yield cut"] = {"asked": asked, "seen": seen, "met": seen >= asked}
    denied = sum(told["honest_accounts_denied"] for told in reports.values())
    slowed = sum(told["honest_requests_slowed"] for told in reports.values())
    requests = sum(told["honest_requests"] for told in reports.values())
    share = round(1e4 * slowed / requests, 3)
    lines["honest accounts denied"] = {"asked": 0, "seen": denied, "met": denied == 0}
    lines["honest requests slowed in 10,000"] = {
        "asked": SLOWED_IN_10000,
        "seen": share,
        "met": share < SLOWED_IN_10000,
    }
    return lines


def main() -> None:
    """Play and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--operators", nargs="+", choices=list(ASKED), default=list(ASKED))
    parser.add_argument("--policy", type=Path, default=POLICY)
    parser.add_argument("--scale", type=float, default=Setting.scale)
    parser.add_argument("--days", type=int, default=Setting.days)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--record", type=Path, help="write the document there too")
    args = parser.parse_args()
    reports = played(args)
    document = json.dumps({"acceptance": judged(reports), "operators": reports}, indent=1)
    if args.record:
        args.record.write_text(document + "\n")
    print(document)


if __name__ == "__main__":
    main()
