"""Provenance tests, judged: false alarms, power, wrong keys, canaries, membership.

    python -m benchmarks.trace --out benchmarks/results/trace.json
    python -m benchmarks.trace --effects stillwatch/lab/provenance/power.json
    python -m benchmarks.trace --real --out benchmarks/results/trace_real.json

Small models of a small language (`language`), about ten minutes of one thread; with `--real` one
student of SmolLM2-135M instead. What is asked for:

- 20 innocent students (half of them trained on text marked with another key) and 5 models that
  were trained on no answers: false alarms at 0.05 within binomial bounds, none below 1e-4, each
  with a key and marked text of its own;
- the naive count, without exclusion, accuses innocent models on the same texts;
- trained on marked answers: p < 1e-6 at full share and p < 0.01 at a quarter;
- wrong keys give uniform p-values.

What was chosen (the language, the training, `context` as the standard exclusion) was chosen on
seeds 101 to 107; seeds from 201 on are judged. Prints one JSON document.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

SHARES = (1.0, 0.5, 0.25, 0.1, 0.05)
INNOCENT, UNTRAINED, REPEATS = 20, 5, 2
SEED = 201
TEXTS = (50, 100, 200, 400)
LEVEL = 0.01

CLOSED = [
    {
        "mode": "closed",
        "statistic": "tokens",
        "share": 0.05,
        "effect": 0.0095,
        "source": "published run, closed model, 5% marked: log10 p = -1.3 at 30,000 tokens "
        "(2402.14904)",
    },
    *(
        {
            "mode": "marked",
            "statistic": "tokens",
            "share": share,
            "effect": round(0.4 * share, 3),
            "source": "text of the small language itself, bias 2, a share of it marked",
        }
        for share in (1.0, 0.25, 0.05)
    ),
]
"""Effects that small students say nothing about."""


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path)
    parser.add_argument("--effects", type=Path, help="write the power table of the package here")
    parser.add_argument("--real", action="store_true", help="SmolLM2-135M instead, 20 minutes")
    args = parser.parse_args()
    began, cpu = time.perf_counter(), time.process_time()
    if args.real:
        from benchmarks.trace.real import measured
    else:
        from benchmarks.trace.small_models import measured
    record = measured(_say)
    record["seconds"] = round(time.perf_counter() - began)
    record["cpu_seconds"] = round(time.process_time() - cpu)
    if args.effects is not None:
        args.effects.write_text(json.dumps(_table(record), indent=2) + "\n")
    text = json.dumps(record, indent=1) + "\n"
    if args.out is not None:
        args.out.write_text(text)
    print(text, end="")


def _table(record: dict[str, Any]) -> dict[str, Any]:
    """The least effect seen of each mode, statistic and share."""
    seen: dict[tuple[str, str, float], list[float]] = {}
    for told in record["dose"]:
        for name, line in told["tests"].items():
            mode, _, statistic = name.partition(":")
            if mode != "closed":
                seen.setdefault((mode, statistic, told["share"]), []).append(line["effect"])
    source = (
        "small students of a small language, green list, bias 2 (benchmarks/results/trace.json)"
    )
    lines = [
        {
            "mode": mode,
            "statistic": statistic,
            "share": share,
            "effect": float(np.round(min(effects), 5)),
            "source": source,
        }
        for (mode, statistic, share), effects in sorted(seen.items())
        if min(effects) > 0
    ]
    return {"effects": lines + CLOSED}


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
