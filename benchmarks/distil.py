"""Distillation: how much of the gap to its teacher a student closes, by method, over seeds.

    python -m benchmarks.distil --out benchmarks/results/distil.json
    python -m benchmarks.distil --parts smollm2 --seeds 1 --out FILE

`chains`: the lab's reasoning teacher into the lab's base model, by each method at 250 prompts, and
by answers alone at 4,000; every seed has secret tables, prompts and batches of its own. `smollm2`:
SmolLM2-135M-Instruct into most of its own layers, on sentences to put into JSON. Beside each
student stands one that had no teacher: the same model, steps and rate, on 20 own examples, told at
its best over the steps. Runs are kept in `--folder`, so an interrupted benchmark goes on.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from transformers.utils import logging

from stillwatch.lab.distilling.divergences import Divergence
from stillwatch.lab.distilling.material import Counts
from stillwatch.lab.distilling.methods.best_of import BestOf
from stillwatch.lab.distilling.methods.logits import LogitLevel
from stillwatch.lab.distilling.methods.method import Method
from stillwatch.lab.distilling.methods.on_policy import OnPolicy
from stillwatch.lab.distilling.methods.sequence import SequenceLevel
from stillwatch.lab.distilling.recipe import Recipe
from stillwatch.lab.distilling.run import distil
from stillwatch.lab.distilling.students import StudentSpec
from stillwatch.lab.distilling.usual import CHAINS, TEXTS
from stillwatch.lab.teachers.chains import Upbringing
from stillwatch.lab.teachers.choosing import TeacherSpec
from stillwatch.lab.training import Schedule
from stillwatch.scoring.intervals import over_seeds

METHODS: Mapping[str, Method] = {
    "sequence": SequenceLevel(),
    "logits": LogitLevel(),
    "logits, reverse": LogitLevel(Divergence("reverse")),
    "logits, js": LogitLevel(Divergence("js")),
    "logits, 5 likeliest": LogitLevel(Divergence(top=5)),
    "on_policy": OnPolicy(own=0.25),
    "on_policy, forward": OnPolicy(Divergence("forward"), own=0.25),
    "best_of": BestOf(4),
}
FEW = 250


def chains(seed: int) -> dict[str, Recipe]:
    """All methods at few prompts, and answers at many."""
    usual = CHAINS
    recipe = Recipe(
        counts=Counts(FEW, usual.held_out, 20, 0),
        fewer=(),
        schedule=Schedule(usual.steps, usual.batch, usual.rate, seed=seed, save_every=100),
        raised=Upbringing(secret=seed),
        seed=seed,
    )
    many = replace(recipe, counts=replace(recipe.counts, asked=usual.examples), fewer=(FEW,))
    few = {f"{name}, {FEW}": replace(recipe, method=one) for name, one in METHODS.items()}
    del few[f"sequence, {FEW}"]  # it is an arm of the run at many
    return {f"sequence, {usual.examples}": many, **few}


def smollm2(seed: int) -> dict[str, Recipe]:
    """Answers alone, into a part of the teacher."""
    usual = TEXTS
    return {
        f"sequence, {usual.examples}": Recipe(
            subject="records",
            teacher=TeacherSpec("smollm2"),
            student=StudentSpec("partial", keep=usual.keep, train=usual.train),
            counts=Counts(usual.examples, usual.held_out, 20, 0),
            fewer=(usual.examples // 4,),
            schedule=Schedule(
                usual.steps, usual.batch, usual.rate, seed=seed, save_every=usual.steps // 2
            ),
            seed=seed,
        )
    }


PARTS: Mapping[str, Callable[[int], dict[str, Recipe]]] = {"chains": chains, "smollm2": smollm2}


def shown(card: Mapping[str, Any]) -> dict[str, Any]:
    """What of a card is recorded."""
    return {
        "figures": card["figures"],
        "by_examples": card["curve"]["by_examples"],
        "learned_from": card["data"]["learned_from"],
        "student": card["student"]["digest"],
        "seconds": card["made_with"]["seconds"],
    }


def pooled(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Means over seeds of one condition, with Student's t where there are two and more."""
    figures = {
        "student_accuracy": [run["figures"]["student"]["accuracy"]["share"] for run in runs],
        "no_teacher_accuracy": [
            run["figures"]["no_teacher_best"]["accuracy"]["share"] for run in runs
        ],
        "teacher_accuracy": [run["figures"]["teacher"]["accuracy"]["share"] for run in runs],
        "student_loss": [run["figures"]["student"]["loss"] for run in runs],
        "no_teacher_loss": [run["figures"]["no_teacher_best"]["loss"] for run in runs],
        "student_agreement": [run["figures"]["student"]["agreement"]["share"] for run in runs],
        "cpu_seconds": [run["seconds"]["cpu"] for run in runs],
    }
    told = {}
    for name, values in figures.items():
        pool = over_seeds(values, bounds=(0.0, float("inf")))
        within = pool.interval and {"low": pool.interval.low, "high": pool.interval.high}
        told[name] = {"mean": pool.mean, "interval": within, "values": values}
    return told


def main() -> None:
    """Run what is asked for, and write one JSON document."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--folder", type=Path, default=Path("build/distil"))
    parser.add_argument("--cache", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    logging.disable_progress_bar()
    told: dict[str, Any] = json.loads(args.out.read_text()) if args.out.exists() else {}
    for part in args.parts:
        runs: dict[str, list[dict[str, Any]]] = {}
        made_with: Any = None
        for seed in args.seeds:
            for name, recipe in PARTS[part](seed).items():
                folder = args.folder / part / f"{seed}-{name.replace(', ', '-').replace(' ', '-')}"
                began = time.perf_counter()
                card = distil(folder, recipe, args.cache)
                made_with = {k: v for k, v in card["made_with"].items() if k != "seconds"}
                runs.setdefault(name, []).append({"seed": seed, **shown(card)})
                took = time.perf_counter() - began
                student = card["figures"]["student"]["accuracy"]["share"]
                print(f"{part} {name} seed {seed}: {student} in {took:.0f} s", file=sys.stderr)
        told[part] = {
            "made_with": made_with,
            "pooled": {name: pooled(list_) for name, list_ in runs.items()},
            "runs": runs,
        }
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
