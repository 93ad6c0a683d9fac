"""The ladder: every world by every method, our detector beside the baselines.

    python benchmarks/ladder.py --scale 0.02 --seeds 11
    python benchmarks/ladder.py --worlds plain stealth --methods stillwatch fraudar --seeds 11 12 13

Makes each world for each seed, runs every method on it and scores all of them by the same command's
code. Prints a Markdown table to stderr as worlds are done and one JSON document to stdout. A cell
is the precision and recall of flagged accounts, in per cent, `-` where nothing was flagged; in a
world without a campaign it is the number of accounts flagged, all of them wrongly. With several
seeds it is the mean, and `summary` in the JSON holds intervals over seeds. A method that fails says
so in its cell. Seeds are to be ones that nobody has looked at; docs/benchmark.md has the protocol.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import stillwatch as sw
from stillwatch.comparing import baseline, observe
from stillwatch.errors import StillwatchError
from stillwatch.pipeline import OURS
from stillwatch.scoring import Score, summarise
from stillwatch.scoring.baselines import METHODS
from stillwatch.worlds import HONEST, WORLDS

LADDER = tuple(name for name in WORLDS if name != "seed")
"""All worlds but `seed`, which is `plain` at another scale."""


def climb(world: str, seed: int, scale: float, texts: str | None, methods: Sequence[str]) -> dict:
    """One world of one seed: the score of each method, or its error."""
    done: dict[str, Any] = {"world": world, "seed": seed, "methods": {}}
    with tempfile.TemporaryDirectory(prefix="stillwatch-ladder-") as scratch:
        log = Path(scratch) / "log"
        report = sw.make_world(world, log, scale=scale, seed=seed, texts=texts)
        done |= {"exchanges": report.exchanges, "accounts": report.accounts}
        began = time.perf_counter()
        observed = observe(log, threads=1) if set(methods) - {OURS} else None
        done["observe_s"] = round(time.perf_counter() - began, 2)
        for name in methods:
            began = time.perf_counter()
            try:
                if name == OURS or observed is None:
                    findings = sw.detect(log, threads=1)
                else:
                    findings = baseline(observed, name)
                scored: dict[str, Any] = {"score": sw.score(log, findings)}
            except (StillwatchError, ValueError, ArithmeticError, MemoryError) as fault:
                scored = {"error": f"{type(fault).__name__}: {fault}"}
            done["methods"][name] = scored | {"seconds": round(time.perf_counter() - began, 2)}
    return done


def cell(world: str, scores: Sequence[Score | None]) -> str:
    """One method on one world, over its seeds."""
    found = [s for s in scores if s is not None]
    if len(found) < len(scores) or not scores:
        return "failed"
    if world in HONEST:
        return f"{sum(s.accounts.false_positives for s in found) / len(found):,.0f}"
    pairs = [(s.accounts.precision, s.accounts.recall) for s in found]
    precise = [p for p, _ in pairs if p is not None]
    recall = sum(r or 0.0 for _, r in pairs) / len(pairs)
    precision = f"{100 * sum(precise) / len(precise):.0f}" if precise else "-"
    return f"{precision}/{100 * recall:.0f}"


def table(runs: Iterable[dict], methods: Sequence[str]) -> str:
    """Worlds by methods, as Markdown."""
    by_world: dict[str, list[dict]] = {}
    for run in runs:
        by_world.setdefault(run["world"], []).append(run)
    lines = ["| world | " + " | ".join(methods) + " |", "|---" * (len(methods) + 1) + "|"]
    for world in sorted(by_world, key=LADDER.index):
        cells = [
            cell(world, [run["methods"][m].get("score") for run in by_world[world]])
            for m in methods
        ]
        lines.append(f"| {world} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def to_json(runs: Sequence[dict], options: argparse.Namespace) -> dict:
    """Everything that was measured, and per world and method the summary over seeds."""
    summary: dict[str, dict[str, Any]] = {}
    for world in dict.fromkeys(run["world"] for run in runs):
        for method in options.methods:
            scores = [r["methods"][method].get("score") for r in runs if r["world"] == world]
            if all(scores):
                summary.setdefault(world, {})[method] = summarise(scores).to_dict()
    plain = [
        run
        | {
            "methods": {
                name: {k: v.to_dict() if isinstance(v, Score) else v for k, v in result.items()}
                for name, result in run["methods"].items()
            }
        }
        for run in runs
    ]
    return {
        "scale": options.scale,
        "seeds": options.seeds,
        "texts": "given" if options.texts else "built in",
        "runs": plain,
        "summary": summary,
    }


def main() -> None:
    """Run all worlds, seeds and methods that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--worlds", nargs="+", default=list(LADDER), choices=LADDER)
    parser.add_argument("--methods", nargs="+", default=[OURS, *METHODS])
    parser.add_argument("--seeds", nargs="+", type=int, default=[11])
    parser.add_argument("--scale", type=float, default=0.02)
    parser.add_argument("--texts", help="a folder of published prompts")
    parser.add_argument("--jobs", type=int, default=2, help="worlds at a time, one thread each")
    options = parser.parse_args()
    began = time.perf_counter()
    runs: list[dict] = []
    with ProcessPoolExecutor(
        options.jobs, multiprocessing.get_context("spawn"), max_tasks_per_child=1
    ) as pool:
        work = [
            pool.submit(climb, world, seed, options.scale, options.texts, options.methods)
            for seed in options.seeds
            for world in options.worlds
        ]
        for one in as_completed(work):
            run = one.result()
            runs.append(run)
            took = {name: result["seconds"] for name, result in run["methods"].items()}
            said = table([run], options.methods).splitlines()[-1]
            print(
                f"{time.perf_counter() - began:6.0f} s  seed {run['seed']} {said} {took}",
                file=sys.stderr,
                flush=True,
            )
    runs.sort(key=lambda r: (LADDER.index(r["world"]), r["seed"]))
    print(f"\n{table(runs, options.methods)}\n", file=sys.stderr)
    json.dump(
        to_json(runs, options) | {"seconds": time.perf_counter() - began}, sys.stdout, indent=1
    )
    print()


if __name__ == "__main__":
    main()
