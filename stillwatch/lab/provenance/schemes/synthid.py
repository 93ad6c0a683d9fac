"""SynthID-Text's g-values (Nature 634, 2024), as Hugging Face computes them.

Same values as `transformers.SynthIDTextWatermarkLogitsProcessor` of 5.x: a linear congruential
hash of the n-gram, then of one key a layer, looked up in a table of bits that a public seed draws.

Its hash is taken modulo the table's size, 65,536 by default. A linear congruential generator's low
bits depend on low bits only, so the whole function sees sixteen bits of an n-gram and sixteen of a
key: n-grams that agree in these score alike under every key (`ids`), and the share of ones is the
table's, not one half. Both matter for a p-value at a hundred thousand tokens.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from stillwatch.lab.provenance.schemes.mersenne import words
from stillwatch.lab.provenance.schemes.null import Trials
from stillwatch.lab.provenance.schemes.scheme import mixed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.lab.provenance.schemes.scheme import Ints

_MULTIPLIER = np.int64(6364136223846793005)
_KEYS = 2**31


@dataclass(frozen=True)
class SynthID:
    """Keys, one a layer, and the fields of `SynthIDTextWatermarkingConfig` under their own names.

    Contexts are those of the answer alone: serving starts with an empty one.
    """

    keys: tuple[int, ...]
    ngram_len: int = 5
    sampling_table_size: int = 2**16
    sampling_table_seed: int = 0

    sees_prompt = False
    ids_follow_key = False

    @property
    def width(self) -> int:
        """Tokens of a context."""
        return self.ngram_len - 1

    @cached_property
    def table(self) -> NDArray[np.int64]:
        """The bits that hashes are looked up in, as `torch.randint(0, 2)` draws them."""
        return (words(self.sampling_table_seed, self.sampling_table_size) & 1).astype(np.int64)

    @property
    def null(self) -> Trials:
        """The law of a pair's score under a random key."""
        return Trials(float(self.table.mean()), len(self.keys))

    def _hashed(self, contexts: Ints, tokens: Ints) -> NDArray[np.int64]:
        value = np.ones(len(tokens), np.int64)
        for column in (*contexts.T, tokens):
            value = _accumulated(value, column)
        return value

    def ids(self, contexts: Ints, tokens: Ints) -> NDArray[np.uint64]:
        """As `Scheme.ids`."""
        value = self._hashed(contexts, tokens).astype(np.uint64)
        size = self.sampling_table_size
        # only for powers of two do the low bits say all
        return value % np.uint64(size) if size & (size - 1) == 0 else value

    def context_ids(self, contexts: Ints) -> NDArray[np.uint64]:
        """As `Scheme.context_ids`."""
        return mixed(np.zeros(len(contexts), np.int64), *contexts.T)

    def g_values(self, contexts: Ints, tokens: Ints) -> NDArray[np.int64]:
        """Bits by pair and layer."""
        value = self._hashed(contexts, tokens)[:, None]
        keyed = _accumulated(value, np.array(self.keys, np.int64)[None, :])
        return self.table[keyed % self.sampling_table_size]

    def keyed(self, contexts: Ints, tokens: Ints) -> NDArray[np.bool_]:
        """All pairs."""
        return np.ones(len(tokens), np.bool_)

    def scores(self, contexts: Ints, tokens: Ints) -> NDArray[np.float64]:
        """As `Scheme.scores`."""
        return self.g_values(contexts, tokens).sum(axis=1).astype(np.float64)

    def rekeyed(self, rng: np.random.Generator) -> SynthID:
        """As `Scheme.rekeyed`."""
        drawn = rng.integers(1, _KEYS, len(self.keys))
        return replace(self, keys=tuple(int(key) for key in drawn))

    def parameters(self) -> dict[str, Any]:
        """As `Scheme.parameters`."""
        return {
            "scheme": "synthid",
            "ngram_len": self.ngram_len,
            "depth": len(self.keys),
            "sampling_table_size": self.sampling_table_size,
            "sampling_table_seed": self.sampling_table_seed,
        }

    def secret(self) -> dict[str, Any]:
        """As `Scheme.secret`."""
        return {"keys": list(self.keys)}


def _accumulated(value: NDArray[np.int64], data: NDArray[np.int64]) -> NDArray[np.int64]:
    with np.errstate(over="ignore"):
        return (value + data) * _MULTIPLIER + np.int64(1)
