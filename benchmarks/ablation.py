"""What each part of the judgement is worth: detection with each part left out in turn.

    python benchmarks/ablation.py --texts ../shared/data/prompts --scale 0.02 --seeds 952

Each world is read into a lake once, detected as it is, and once more without each part. A kind of
evidence that is left out speaks neither for nor against. Prints a line a run to stderr and JSON to
stdout. A part without which no world gets worse is dead weight in these worlds.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from unittest.mock import patch

import numpy as np

import stillwatch as sw
from stillwatch.campaigns import attribution, conclude, judgement
from stillwatch.campaigns.component import Component, Test
from stillwatch.scoring import Score
from stillwatch.traffic import Traffic

WORLDS = ("plain", "isolated", "camouflage50", "stealth", "resellers_only", "benign_only")

Kind = Callable[[Traffic, Component], Test]


def _silent(kind: Kind) -> Kind:
    """A test that says nothing, under the same name."""

    def nothing(traffic: Traffic, component: Component) -> Test:
        told = kind(traffic, component)
        return Test(told.kind, 0.0, "Left out.", {}, component.rows[:0])

    return nothing


def _without_kind(place: int) -> AbstractContextManager:
    tests = [_silent(t) if i == place else t for i, t in enumerate(judgement.TESTS)]
    return patch.object(judgement, "TESTS", tuple(tests))


def _first_look(
    inside: np.ndarray, outside: np.ndarray, posterior: np.ndarray, *_: np.ndarray
) -> tuple[np.ndarray, tuple]:
    """In place of `refinement.refine`: what naive Bayes says."""
    return posterior, ()


PARTS: dict[str, Callable[[], AbstractContextManager]] = {
    "nothing": nullcontext,
    **{t.__name__: partial(_without_kind, i) for i, t in enumerate(judgement.TESTS)},
    "the second look": lambda: patch.object(attribution, "refine", _first_look),
    "the second start": lambda: patch.object(judgement, "STARTS", judgement.STARTS[:1] * 2),
    "the narrower fit": lambda: patch.object(judgement, "WIDE", 0.0),
    "the surest exchanges": lambda: patch.object(judgement, "SUREST", judgement.ATTRIBUTED),
    "going beyond the groups": lambda: patch.object(conclude, "PASSES", 1),
    "judging parts": lambda: patch.object(conclude, "parted", lambda *_: []),
}


def row(world: str, seed: int, part: str, score: Score) -> dict:
    """One run's figures."""
    return {
        "world": world,
        "seed": seed,
        "without": part,
        "account_precision": score.accounts.precision,
        "account_recall": score.accounts.recall,
        "exchange_precision": score.exchanges.precision if score.exchanges else None,
        "exchange_recall": score.exchanges.recall if score.exchanges else None,
        "honest_flagged": score.accounts.false_positives,
        "false_campaigns": score.false_campaigns,
    }


def main() -> None:
    """Run all worlds, seeds and parts that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", nargs="+", default=list(WORLDS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[952])
    parser.add_argument("--parts", nargs="+", default=list(PARTS), choices=list(PARTS))
    parser.add_argument("--scale", type=float, default=0.02)
    parser.add_argument("--texts")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    rows = []
    for world in options.worlds:
        for seed in options.seeds:
            with tempfile.TemporaryDirectory(prefix="stillwatch-ablation-") as scratch:
                log, lake = Path(scratch) / "log", Path(scratch) / "lake"
                sw.make_world(world, log, scale=options.scale, seed=seed, texts=options.texts)
                sw.ingest([log], lake=lake)
                for part in options.parts:
                    with PARTS[part]():
                        findings = sw.detect(lake, threads=options.threads, anew=True)
                    rows.append(row(world, seed, part, sw.score(log, findings)))
                    print(line(rows[-1]), file=sys.stderr, flush=True)
    json.dump(rows, sys.stdout, indent=1)
    print()


def line(told: dict) -> str:
    """One run in a line."""
    figures = " ".join(
        f"{told[name]:.3f}" if isinstance(told[name], float) else "-"
        for name in (
            "account_precision",
            "account_recall",
            "exchange_precision",
            "exchange_recall",
        )
    )
    return (
        f"{told['world']} {told['seed']} without {told['without']}: accounts and exchanges, "
        f"precision and recall {figures}; {told['honest_flagged']} honest flagged, "
        f"{told['false_campaigns']} false campaigns"
    )


if __name__ == "__main__":
    main()
