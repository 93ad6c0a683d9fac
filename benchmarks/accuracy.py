"""How well campaigns are found, and how often honest traffic is taken for one.

    python benchmarks/accuracy.py --texts ../shared/data/prompts --scale 0.05 --seeds 971 972 973

Makes each world for each seed, runs `detect` on it and scores it against its labels. With
`--leakage DAYS` it is also detected every so many days, for what each campaign had taken at its
first correct alert. Prints a line a run and, for each world, its figures over seeds (mean,
interval, worst) to stderr, and one JSON document, `runs` and `summaries`, to stdout. Seeds are to
be ones that no threshold was chosen on; development looked at 1, 7, 8, 11, 21-25, 102, 301-309,
405, 811, 812, 831-833, 901-915, 921-925, 931, 941-945, 951, 952, 961, 971-973 and 1001-1020.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import stillwatch as sw
from stillwatch.scoring import Score, summarise

WORLDS = ("plain", "benign_only", "resellers_only")


def run(
    world: str,
    seed: int,
    *,
    scale: float,
    texts: str | None,
    threads: int,
    leakage_days: int | None,
) -> tuple[dict, Score]:
    """What one world's run took and found, and its score."""
    with tempfile.TemporaryDirectory(prefix="stillwatch-accuracy-") as scratch:
        log = Path(scratch) / "log"
        sw.make_world(world, log, scale=scale, seed=seed, texts=texts)
        findings = sw.detect(log, threads=threads)
        score = sw.score(log, findings)
        if leakage_days:
            leakage = sw.leakage(log, every_days=leakage_days, threads=threads)
            score = replace(score, leakage=leakage)
    result = {
        "world": world,
        "seed": seed,
        "scale": scale,
        "texts": "given" if texts else "built in",
        "exchanges": findings.run["exchanges_detected"],
        "seconds": findings.run["seconds"],
        "peak_memory_bytes": findings.run["peak_memory_bytes"],
        "campaigns": [
            {k: row[k] for k in ("kind", "confidence", "accounts", "exchanges")}
            for row in findings.campaigns.to_pylist()
        ],
        "score": score.to_dict(),
    }
    return result, score


def main() -> None:
    """Run all worlds and seeds that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", nargs="+", default=list(WORLDS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[971, 972, 973, 974, 975])
    parser.add_argument("--scale", type=float, default=0.05)
    parser.add_argument("--texts")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--leakage", type=int, metavar="DAYS")
    options = parser.parse_args()
    done, summaries = [], {}
    for world in options.worlds:
        scores = []
        for seed in options.seeds:
            result, score = run(
                world,
                seed,
                scale=options.scale,
                texts=options.texts,
                threads=options.threads,
                leakage_days=options.leakage,
            )
            done.append(result)
            scores.append(score)
            told(f"{world} seed {seed}: {line(result, score)}")
        summary = summarise(scores)
        summaries[world] = summary.to_dict()
        told(f"{world}, {summary.seeds} seeds")
        for figure in summary.lines():
            told(f"  {figure}")
    json.dump({"runs": done, "summaries": summaries}, sys.stdout, indent=1)
    print()


def line(result: dict, score: Score) -> str:
    """One run in a line."""
    kinds = [c["kind"] for c in result["campaigns"]]
    rate = score.accounts
    return (
        f"{kinds.count('distillation')} distillation, {kinds.count('reseller')} reseller; accounts "
        f"{rate.true_positives} right, {rate.false_positives} wrong, {rate.false_negatives} missed"
    )


def told(text: str) -> None:
    """To stderr at once, so that a long benchmark can be watched."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
