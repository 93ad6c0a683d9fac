"""Vectors of texts under the two encoders, kept on disk between runs where they are slow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest

from benchmarks.window_sets import minilm
from stillwatch.signals.content import content
from stillwatch.signals.tokens import tokenise

ENCODERS = ("minilm", "features")


def vectors(encoder: str, texts: list[str], cache: Path) -> NDArray[np.float32]:
    """Unit vectors (n, d) of n texts by `minilm` or by our own random `features`."""
    return _kept(texts, cache) if encoder == "minilm" else _features(texts)


def _features(texts: list[str]) -> NDArray[np.float32]:
    made = content(tokenise(pa.array(texts, pa.large_string()))).astype(np.float32)
    return made / np.maximum(np.linalg.norm(made, axis=1, keepdims=True), 1e-9)


def _kept(texts: list[str], cache: Path) -> NDArray[np.float32]:
    """MiniLM's vectors, from `cache` where a text is in it; what is not is worked out and added."""
    path = cache / "minilm.npz"
    known: dict[int, NDArray[np.float32]] = {}
    if path.is_file():
        with np.load(path) as held:
            known = dict(zip(held["key"].tolist(), held["vector"], strict=True))
    keys = [xxh3_64_intdigest(text.encode("utf-8", "replace")) for text in texts]
    fresh = {k: text for k, text in zip(keys, texts, strict=True) if k not in known}
    if fresh:
        known |= zip(fresh, minilm.embed(list(fresh.values())), strict=True)
        cache.mkdir(parents=True, exist_ok=True)
        np.savez(path, key=np.array(list(known), np.uint64), vector=np.stack(list(known.values())))
    return np.stack([known[k] for k in keys])
