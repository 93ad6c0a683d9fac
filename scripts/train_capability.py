"""Train the capability classifier: `python scripts/train_capability.py --texts FOLDER`."""

from __future__ import annotations

import argparse
import random
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa

sys.path.insert(0, str(Path(__file__).parent))

from capability.fit import fit
from capability.report import write_report
from capability.texts import PER_SOURCE, Text, generated, joined, published, real_turns

ROOT = Path(__file__).parent.parent


def main() -> None:
    """Read the texts, fit, write the weights and the report, print the digest."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=Path, default=ROOT / "../shared/data/prompts")
    parser.add_argument(
        "--weights", type=Path, default=ROOT / "stillwatch/signals/weights/capability.npz"
    )
    parser.add_argument("--report", type=Path, default=ROOT / "docs/capability.md")
    args = parser.parse_args()
    parts = split(
        [*published(args.texts), *real_turns(), *generated(args.texts), *joined(args.texts)]
    )
    print({k: len(v) for k, v in parts.items()}, flush=True)
    fitted = fit(parts["train"], parts["dev"])
    np.savez_compressed(
        args.weights, hashed=fitted.hashed, scale=fitted.scale, dense=fitted.dense, bias=fitted.bias
    )
    print("weights sha256", fitted.digest(), flush=True)
    write_report(args.report, args.texts, parts, fitted.digest())


def split(texts: list[Text]) -> dict[str, list[Text]]:
    """Parts without a shared text: numbers masked, tokens compared; at most `PER_SOURCE` texts of
    an origin in each part, drawn under a fixed seed."""
    from stillwatch.signals.tokens import tokenise

    tokens = tokenise(pa.array([t.text for t in texts], pa.large_string()))
    keys = [
        tokens.hashes[a:b].tobytes()
        for a, b in zip(tokens.offsets, tokens.offsets[1:], strict=False)
    ]
    order = {"train": 0, "dev": 1, "test": 2}
    at = sorted(range(len(texts)), key=lambda i: order[texts[i].part])
    seen: dict[bytes, str] = {}
    parts: dict[str, dict[str, list[Text]]] = {p: {} for p in order}
    for i in at:
        part = texts[i].part
        first = seen.setdefault(keys[i], part)
        if first == part:
            parts[part].setdefault(texts[i].origin, []).append(texts[i])
    rng = random.Random(7)
    return {
        part: [
            t
            for origin in sorted(origins)
            for t in rng.sample(
                origins[origin], min(PER_SOURCE.get(origin, PER_SOURCE[""]), len(origins[origin]))
            )
        ]
        for part, origins in parts.items()
    }


if __name__ == "__main__":
    main()
