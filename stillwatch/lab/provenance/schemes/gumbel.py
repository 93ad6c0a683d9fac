"""The Gumbel watermark (Aaronson), as vLLM serves and detects it.

Same numbers as vLLM's `vllm/v1/watermarking` at version `philox4x32-10-v1`
(https://github.com/vllm-project/vllm, `prfs/philox.py`, `prfs/base.py`, `gumbel.py`): Philox over
the context in blocks of four tokens, then over the token; 24 bits of a word become a uniform u, and
a pair scores -log(1 - u), an exponential variable under a wrong key.

With two keys (`dual_key_gumbel`) each token was drawn by one of two keys derived from the first,
and a pair scores the weighted sum of both. vLLM approximates that sum's tail by a gamma; here it is
the convolution itself.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from stillwatch.lab.provenance.schemes.null import Exponentials
from stillwatch.lab.provenance.schemes.philox import MASK, chosen, philox
from stillwatch.lab.provenance.schemes.scheme import mixed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.lab.provenance.schemes.scheme import Ints

_CONTEXT_DOMAIN, _TOKEN_DOMAIN = np.uint64(0x574D4358), np.uint64(0x574D544B)
_KEYS = 2**64


@dataclass(frozen=True)
class Gumbel:
    """A key and the fields of vLLM's `WatermarkConfig` under their own names.

    `alpha` is the weight of the second of two keys; without it there is one.
    """

    key: int
    context_width: int = 4
    alpha: float | None = None

    sees_prompt = False
    ids_follow_key = False

    @property
    def width(self) -> int:
        """Tokens of a context."""
        return self.context_width

    @property
    def null(self) -> Exponentials:
        """The law of a pair's score under a random key."""
        return Exponentials() if self.alpha is None else Exponentials((1 - self.alpha, self.alpha))

    def ids(self, contexts: Ints, tokens: Ints) -> NDArray[np.uint64]:
        """As `Scheme.ids`."""
        return mixed(*contexts.T, tokens)

    def context_ids(self, contexts: Ints) -> NDArray[np.uint64]:
        """As `Scheme.context_ids`."""
        return mixed(*contexts.T)

    def keyed(self, contexts: Ints, tokens: Ints) -> NDArray[np.bool_]:
        """All pairs."""
        return np.ones(len(tokens), np.bool_)

    def scores(self, contexts: Ints, tokens: Ints) -> NDArray[np.float64]:
        """As `Scheme.scores`."""
        if self.alpha is None:
            return _surprise(self.key, contexts, tokens)
        first = _surprise(derived(self.key, b"key_a"), contexts, tokens)
        second = _surprise(derived(self.key, b"key_b"), contexts, tokens)
        return (1 - self.alpha) * first + self.alpha * second

    def rekeyed(self, rng: np.random.Generator) -> Gumbel:
        """As `Scheme.rekeyed`."""
        return replace(self, key=int(rng.integers(0, _KEYS, dtype=np.uint64, endpoint=False)))

    def parameters(self) -> dict[str, Any]:
        """As `Scheme.parameters`."""
        told = {"scheme": "gumbel", "context_width": self.context_width, "prf": "philox"}
        return (
            told
            if self.alpha is None
            else told | {"scheme": "dual_key_gumbel"} | {"alpha": self.alpha}
        )

    def secret(self) -> dict[str, Any]:
        """As `Scheme.secret`."""
        return {"key": self.key}


def derived(key: int, domain: bytes) -> int:
    """One of the two keys that vLLM makes of one."""
    return int.from_bytes(hashlib.sha256(domain + key.to_bytes(8, "big")).digest()[:8], "big")


def mantissas(key: int, contexts: Ints, tokens: Ints) -> NDArray[np.uint64]:
    """24 bits for each pair; contexts [n, width]."""
    rows, width = contexts.shape
    low, high = np.uint64(key & 0xFFFFFFFF), np.uint64(key >> 32)
    masked = contexts.astype(np.uint64) & MASK
    none = np.zeros(rows, np.uint64)
    state = (np.full(rows, _CONTEXT_DOMAIN), np.full(rows, np.uint64(width)), none, none)
    for offset in range(0, width, 4):
        block = [
            masked[:, offset + index]
            if offset + index < width
            else np.full(rows, MASK - np.uint64(index))
            for index in range(4)
        ]
        counter = tuple(word ^ part for word, part in zip(state, block, strict=True))
        keyed = np.full(rows, low ^ np.uint64(offset)), np.full(rows, high)
        state = philox(counter, keyed)  # pyright: ignore[reportArgumentType]
    ids = tokens.astype(np.uint64) & MASK
    outputs = philox(
        (ids >> np.uint64(2), state[0], state[1], state[2]),
        (low ^ state[3], np.full(rows, high ^ _TOKEN_DOMAIN)),
    )
    return chosen(outputs, ids) >> np.uint64(8)


def uniforms(key: int, contexts: Ints, tokens: Ints) -> NDArray[np.float32]:
    """What a pair is given, in (0, 1), rounded to single precision as vLLM does."""
    return ((mantissas(key, contexts, tokens) + 1.0) / (2**24 + 1)).astype(np.float32)


def _surprise(key: int, contexts: Ints, tokens: Ints) -> NDArray[np.float64]:
    return -np.log1p(-uniforms(key, contexts, tokens).astype(np.float64))
