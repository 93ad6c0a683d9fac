"""How fast frames are sketched: MinHash of word trigrams against rensa, Daft and datasketch.

    pip install rensa daft datasketch
    python benchmarks/sketch.py --texts ../shared/data/prompts

All sketch the prompts of a world with as many hashes of the same shingles, on one core. Prompts are
put into one form first (lower-cased words, one space between), so that every method has the same
shingles. There are two comparisons: the *kernel*, whose input is ready (tokens for ours, which
makes shingles of them as it goes; shingles, whose making isn't counted, for rensa and datasketch),
and *from text*, as Daft has it. Ours makes more than asked for in both: bands of the sketch and a
frame's other keys. Rounds take turns, and a method's figure is its median round. Prints a table to
stderr and JSON to stdout; `times_as_fast` is the claim: ours against the method in the same
comparison.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

import stillwatch as sw
from stillwatch.lake import Lake
from stillwatch.signals.frames import BANDS, ROWS, SKETCH_TOKENS, frames
from stillwatch.signals.tokens import tokenise

HASHES = BANDS * ROWS
SHINGLE = 3
WORD = re.compile(r"[a-z]+")
KERNEL, FROM_TEXT = "stillwatch, kernel", "stillwatch, from text"
OURS = {"rensa": KERNEL, "datasketch": KERNEL, "daft": FROM_TEXT}
"""What of ours each method is compared with."""


def prompts(texts: str | None, count: int) -> list[str]:
    """Prompts of a small world in one form: lower-cased words, as many as a sketch reads."""
    with tempfile.TemporaryDirectory(prefix="stillwatch-sketch-") as scratch:
        log, lake = Path(scratch) / "log", Path(scratch) / "lake"
        sw.make_world("plain", log, scale=0.005, seed=5, texts=texts)
        sw.ingest([log], lake=lake)
        read = (
            text
            for fragment in Lake.open(lake).fragments(["prompt"])
            for text in fragment().column("prompt").cast(pa.large_string()).to_pylist()
            if text
        )
        words = (WORD.findall(text.lower())[:SKETCH_TOKENS] for text in read)
        return list(islice((" ".join(w) for w in words if len(w) >= SHINGLE), count))


def shingles(text: str) -> list[str]:
    """Trigrams of a text's words, as they come."""
    words = text.split(" ")
    return [" ".join(words[i : i + SHINGLE]) for i in range(len(words) - SHINGLE + 1)]


def methods(texts: list[str]) -> dict[str, Callable[[], Any]]:
    """What each method does of a round, its input made ready."""
    daft, rensa, datasketch = (
        importlib.import_module(name) for name in ("daft", "rensa", "datasketch")
    )
    column = pa.array(texts, pa.large_string())
    table = daft.from_arrow(pa.table({"text": column})).collect()
    words = [shingles(text) for text in texts]
    bytes_of = [[s.encode() for s in w] for w in words]
    minhash = importlib.import_module("daft.functions").minhash

    def with_daft() -> Any:
        return table.select(
            minhash(daft.col("text"), num_hashes=HASHES, ngram_size=SHINGLE)
        ).collect()

    tokens = tokenise(column)
    return {
        KERNEL: lambda: frames(tokens),
        FROM_TEXT: lambda: frames(tokenise(column)),
        "rensa": lambda: rensa.RMinHash.digest_matrix_from_token_sets(words, HASHES, 1),
        "daft": with_daft,
        # Its own way for many texts at once, which makes the permutations once.
        "datasketch": lambda: datasketch.MinHash.bulk(bytes_of, num_perm=HASHES),
    }


def main() -> None:
    """Time all methods in turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts")
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    texts = prompts(options.texts, options.count)
    runs = methods(texts)
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(1 + options.rounds):
        for name, run in runs.items():
            began = time.perf_counter()
            run()
            if turn:  # the first one compiles, and starts what is to be started
                seconds[name].append(time.perf_counter() - began)
    median = {name: statistics.median(taken) for name, taken in seconds.items()}
    rows = {
        name: {
            "version": version(name) if name in OURS else sw.__version__,
            "seconds": [round(s, 4) for s in taken],
            "texts_a_second": round(len(texts) / median[name]),
            "times_as_fast": round(median[name] / median[OURS.get(name, name)], 2),
        }
        for name, taken in seconds.items()
    }
    for name, row in rows.items():
        print(f"{name:21} {row['texts_a_second']:>9,} texts a second", end="", file=sys.stderr)
        print(f", ours is {row['times_as_fast']} times as fast", file=sys.stderr)
    told = {
        "texts": len(texts),
        "mean_bytes": round(statistics.mean(map(len, texts))),
        "hashes": HASHES,
        "shingle_words": SHINGLE,
        "methods": rows,
    }
    json.dump(told, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
