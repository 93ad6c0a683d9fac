"""Windows of one population with a share of strangers in them: our window test beside the MMD's.

    python benchmarks/windows.py --texts ../shared/data/prompts --more FOLDER --cache FOLDER
    python benchmarks/windows.py --texts ../shared/data/prompts --more FOLDER --pairs development

The setting is that of arXiv 2606.05725: each pair is a benign corpus and an attacker's; benign
texts are split 80/20, a test is set up on the larger part alone, and windows are drawn from the
smaller one, with a share of them replaced by the attacker's texts. Both tests see the same vectors,
splits and windows. They are compared in four ways:

- `stated`: the paper's own threshold, ours at a nominal rate of 0.1%, which is to give no more
  false alarms than theirs does;
- `no_more`: the same, but ours is raised, in each split, until no more of the fresh benign windows
  lie above it than above theirs, for at so low a rate chance decides who has one more;
- `calibrated`: both thresholds set in the same way, on benign windows of the reference, for 1%;
- `matched`: thresholds above which 1% or 5% of the fresh benign windows themselves lie, so that
  false alarms agree and nothing but the ranking counts.

What the setting itself is worth: fresh windows of a split come of one fifth of a corpus, so windows
of 1,500 of some 1,600 texts are nearly the same window. Texts are split anew several times, and
`held_out` says how many there were. No text occurs twice in a corpus.

Prints a table to stderr and one JSON document to stdout. `--more` is a folder with what
`window_sets/corpora.py` names; a pair whose corpora are absent is left out and said so.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.window_sets import minilm
from benchmarks.window_sets.corpora import read_corpus
from benchmarks.window_sets.paper import PaperTest
from benchmarks.window_sets.vectors import ENCODERS, vectors
from stillwatch.statistics.windows import WindowTest

DEVELOPMENT = (
    ("news", "products"),
    ("news", "words"),
    ("assistant", "gsm8k"),
    ("assistant", "apibench"),
    ("mmlu", "mmlu_other"),
)
"""Pairs that the test's parts, K and sums were chosen on."""

HELD_OUT = (
    ("films", "random"),
    ("films", "wiki"),
    ("wiki", "wiki_other"),
    ("chat", "wiki"),
    ("chat", "math"),
    ("chat", "code"),
    ("chat", "taskbench"),
    ("chat", "instruct"),
    ("templates", "math"),
    ("templates", "taskbench"),
)
"""Pairs that were named before any of that and looked at once it was done."""

PAIRS = {"development": DEVELOPMENT, "held_out": HELD_OUT}
SHARES = (0.05, 0.10, 0.25, 0.50, 1.00)
METHODS = ("mmd", "ours")
OUR_RATE = 0.001
CALIBRATED = 0.01
MATCHED = (0.01, 0.05)
MOST_BENIGN, MOST_ATTACK = 8_000, 2_500
BENIGN_WINDOWS = 100
"""Fresh benign windows of a split."""


@dataclass(frozen=True)
class Look:
    """One split of one benign corpus: both tests, and the vectors that windows are drawn from."""

    reference: NDArray[np.float32]
    held: NDArray[np.float32]
    window: int
    paper: PaperTest
    ours: WindowTest

    @classmethod
    def of(
        cls,
        benign: NDArray[np.float32],
        window: int,
        rng: np.random.Generator,
        null_windows: int,
    ) -> Look:
        """Split 80/20, and set both tests up on the 80."""
        dealt = rng.permutation(len(benign))
        cut = round(0.8 * len(benign))
        reference, held = benign[dealt[:cut]], benign[dealt[cut:]]
        return cls(
            reference,
            held,
            window,
            PaperTest.of(reference, window, rng, null_windows),
            WindowTest.of(reference, window, rng, null_windows),
        )

    def thresholds(self) -> dict[str, dict[str, float]]:
        """By comparison and method, from benign reference traffic alone."""
        return {
            "stated": {"mmd": self.paper.stated, "ours": self.ours.threshold(OUR_RATE)},
            "calibrated": {
                "mmd": self.paper.threshold(CALIBRATED),
                "ours": self.ours.threshold(CALIBRATED),
            },
        }

    def scores(
        self, attack: NDArray[np.float32], share: float, count: int, rng: np.random.Generator
    ) -> dict[str, NDArray[np.float64]]:
        """Scores of `count` windows by method, each with `share` of its texts from `attack`.

        No text is in a window twice.
        """
        strange = round(share * self.window)
        pool = np.concatenate([self.held, attack])
        across, reach = self.paper.across(pool), self.ours.reach_of(pool)
        found = {method: np.empty(count) for method in METHODS}
        for i in range(count):
            rows = np.concatenate(
                [
                    rng.permutation(len(self.held))[: self.window - strange],
                    len(self.held) + rng.permutation(len(attack))[:strange],
                ]
            )
            found["mmd"][i] = self.paper.score(pool[rows], across[rows])
            found["ours"][i] = self.ours.score(pool[rows], reach[rows])
        return found


def flagged(
    scores: dict[str, NDArray], fresh: dict[str, NDArray], look: Look
) -> dict[str, dict[str, float]]:
    """Share of windows beyond each threshold, by comparison and method."""
    limits = look.thresholds()
    stated = limits["stated"]
    theirs = int((fresh["mmd"] > stated["mmd"]).sum())
    limits["no_more"] = {
        "mmd": stated["mmd"],
        "ours": max(stated["ours"], float(np.sort(fresh["ours"])[-1 - theirs])),
    }
    for rate in MATCHED:
        limits[f"matched_{rate:.0%}"] = {
            m: float(np.quantile(fresh[m], 1 - rate, method="lower")) for m in METHODS
        }
    return {
        name: {m: float((scores[m] > limit[m]).mean()) for m in METHODS}
        for name, limit in limits.items()
    }


def measure(
    benign: NDArray[np.float32],
    attacks: dict[str, NDArray[np.float32]],
    window: int,
    options: argparse.Namespace,
) -> dict[str, dict]:
    """By attack: what share of windows is flagged, at each share of the attacker's texts."""
    each = -(-options.windows // options.splits)
    rows: dict[str, dict[str, list]] = {name: {} for name in attacks}
    for split in range(options.splits):
        rng = np.random.default_rng([options.seed, window, split])
        look = Look.of(benign, window, rng, options.null)
        fresh = look.scores(benign[:0], 0.0, options.benign, rng)
        for name, attack in attacks.items():
            rows[name].setdefault("benign", []).append(flagged(fresh, fresh, look))
            for share in SHARES:
                if round(share * window) <= len(attack):
                    scores = look.scores(attack, share, each, rng)
                    rows[name].setdefault(f"{share:.0%}", []).append(flagged(scores, fresh, look))
    held = len(benign) - round(0.8 * len(benign))
    return {
        name: {"held_out": held, "flagged": {key: mean_of(got) for key, got in found.items()}}
        for name, found in rows.items()
    }


def mean_of(looks: Sequence[dict]) -> dict:
    """Mean over looks of nested dicts of numbers, of those that have a number there."""
    first = looks[0]
    if isinstance(first, dict):
        return {key: mean_of([look[key] for look in looks if key in look]) for key in first}
    return round(float(np.mean(looks)), 4)


def average(rows: dict[str, dict]) -> dict:
    """Over pairs: each condition's mean over those that have it; benign ones, over corpora."""
    keys = dict.fromkeys(key for row in rows.values() for key in row["flagged"])
    corpora = {name.split()[0]: row for name, row in rows.items()}
    return {
        key: mean_of(
            [
                row["flagged"][key]
                for row in (corpora if key == "benign" else rows).values()
                if key in row["flagged"]
            ]
        )
        for key in keys
    }


def table(encoder: str, window: int, rows: dict[str, dict], comparison: str) -> str:
    """Pairs by share of attack, in per cent: the MMD's, then ours."""
    keys = ["benign", *(f"{share:.0%}" for share in SHARES)]
    lines = [
        f"{encoder}, window {window}, {comparison}: MMD / ours",
        "| pair | " + " | ".join(keys) + " |",
        "|---" * (len(keys) + 1) + "|",
    ]
    for name, found in [*rows.items(), ("mean", {"flagged": average(rows)})]:
        cells = [
            " / ".join(f"{100 * found['flagged'][key][comparison][m]:.0f}" for m in METHODS)
            if key in found["flagged"]
            else "-"
            for key in keys
        ]
        if "benign" in found["flagged"]:
            rates = found["flagged"]["benign"][comparison]
            cells[0] = " / ".join(f"{100 * rates[m]:.1f}" for m in METHODS)
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def read(options: argparse.Namespace) -> tuple[dict[str, list[str]], list[tuple[str, str]]]:
    """Texts by corpus, and the pairs whose two corpora are there."""
    pairs = PAIRS[options.pairs]
    benign = {name for name, _ in pairs}
    texts = {
        name: read_corpus(
            name,
            options.texts,
            options.more,
            options.most or (MOST_BENIGN if name in benign else MOST_ATTACK),
            options.seed,
        )
        for name in dict.fromkeys(name for pair in pairs for name in pair)
    }
    return texts, [(b, a) for b, a in pairs if texts[b] and texts[a]]


def main() -> None:
    """Run all pairs, windows and encoders that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--texts", type=Path, required=True, help="a folder of published prompts")
    parser.add_argument("--more", type=Path, help="a folder of reviews, news and Wikipedia")
    parser.add_argument("--pairs", choices=PAIRS, default="held_out")
    parser.add_argument("--encoders", nargs="+", choices=ENCODERS, default=list(ENCODERS))
    parser.add_argument("--size", nargs="+", type=int, default=[200, 1_500], help="of a window")
    parser.add_argument("--windows", type=int, default=50, help="a condition, over all splits")
    parser.add_argument("--benign", type=int, default=BENIGN_WINDOWS, help="benign ones, a split")
    parser.add_argument("--splits", type=int, default=3, help="of each benign corpus")
    parser.add_argument("--null", type=int, default=1_000, help="windows that thresholds come of")
    parser.add_argument("--most", type=int, help="texts of a corpus; else 8,000 and 2,500")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cache", type=Path, help="where MiniLM's vectors are kept between runs")
    options = parser.parse_args()
    if "minilm" in options.encoders and minilm.missing():
        print(f"without minilm, not installed: {minilm.missing()}", file=sys.stderr)
        options.encoders = [name for name in options.encoders if name != "minilm"]
    began = time.perf_counter()
    texts, pairs = read(options)
    absent = [f"{b} and {a}" for b, a in PAIRS[options.pairs] if (b, a) not in pairs]
    if absent:
        print(f"left out, for a corpus is absent: {', '.join(absent)}", file=sys.stderr)
    results = []
    with tempfile.TemporaryDirectory(prefix="stillwatch-windows-") as scratch:
        for encoder in options.encoders:
            made = {
                name: vectors(encoder, found, options.cache or Path(scratch))
                for name, found in texts.items()
                if found
            }
            for window in options.size:
                rows = run(made, pairs, window, options)
                if not rows:
                    continue
                for comparison in next(iter(rows.values()))["flagged"]["benign"]:
                    said = table(encoder, window, rows, comparison)
                    print(f"\n{said}", file=sys.stderr, flush=True)
                told = {"encoder": encoder, "window": window, "pairs": rows}
                results.append(told | {"mean": average(rows)})
                print(f"{time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    document = {
        "pairs": options.pairs,
        "seed": options.seed,
        "texts": {name: len(found) for name, found in texts.items()},
        "results": results,
        "seconds": round(time.perf_counter() - began, 1),
    }
    json.dump(document, sys.stdout, indent=1)
    print()


def run(
    made: dict[str, NDArray[np.float32]],
    pairs: Sequence[tuple[str, str]],
    window: int,
    options: argparse.Namespace,
) -> dict[str, dict]:
    """All pairs at one window; a benign corpus of which too little is held out is left out."""
    rows = {}
    for benign in dict.fromkeys(b for b, _ in pairs):
        held = len(made[benign]) - round(0.8 * len(made[benign]))
        if held < window:
            print(f"left out, {benign}: {held} texts held out fill no {window}", file=sys.stderr)
            continue
        attacks = {a: made[a] for b, a in pairs if b == benign}
        for name, found in measure(made[benign], attacks, window, options).items():
            rows[f"{benign} and {name}"] = found
    return rows


if __name__ == "__main__":
    main()
