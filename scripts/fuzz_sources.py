"""Hostile mutations of every format's records, read: no crash, and everything accounted for.

    python scripts/fuzz_sources.py [--inputs N] [--seed N] [--format NAME] [--json]

Prints what became of the inputs, format by format, and leaves with 1 where a promise was broken.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from stillwatch.sources import REGISTRY
from tests.sources.fuzz import fuzz


def main() -> None:
    """Fuzz the formats, and tell."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--inputs", type=int, default=50_000, help="a format")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--format", action="append", help="only this one; may be repeated")
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    broken, told = False, {}
    for format in REGISTRY:
        if given.format and format.name not in given.format:
            continue
        began = time.perf_counter()
        try:
            counts = fuzz(format, given.inputs, given.seed)
        except AssertionError as fault:
            broken = True
            told[format.name] = {"broken": str(fault)[:2000]}
        else:
            told[format.name] = {
                "inputs": given.inputs,
                "seconds": round(time.perf_counter() - began, 1),
                **dict(counts.most_common()),
            }
        if not given.json:
            print(format.name, told[format.name], flush=True)
    if given.json:
        print(json.dumps(told, indent=2))
    sys.exit(broken)


if __name__ == "__main__":
    main()
