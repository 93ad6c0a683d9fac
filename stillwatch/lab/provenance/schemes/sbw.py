"""Stateless Bernoulli watermarking (2609.03844), as vLLM serves it.

Same bits as `vllm/v1/watermarking/sbw.py` (https://github.com/vllm-project/vllm): a seed from key
and context, Philox with the token as its counter, green where 31 bits lie below `gamma`.

- `selfhash`: the seed is the least of key * h(c) * h(token) over the context but its first token,
  and of key * h(token)**2.
- `lefthash`: the seed is the key times the sum of the context's tokens, as text is served. In the
  two versions of the source that we could read, vLLM's own detector sums hashes of the tokens
  instead, and so can't find what its sampler marks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from stillwatch.lab.provenance.schemes.null import Trials
from stillwatch.lab.provenance.schemes.philox import MASK, chosen, philox
from stillwatch.lab.provenance.schemes.scheme import mixed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.lab.provenance.schemes.scheme import Ints

_INT31 = 0x7FFFFFFF
_KEYS = 2**31


@dataclass(frozen=True)
class Bernoulli:
    """A key and the fields of vLLM's `WatermarkConfig`, without their prefix `sbw_`."""

    key: int
    context_width: int = 4
    scheme: str = "selfhash"
    gamma: float = 0.5

    sees_prompt = False

    @property
    def width(self) -> int:
        """Tokens of a context."""
        return self.context_width

    @property
    def ids_follow_key(self) -> bool:
        """As `Scheme.ids_follow_key`."""
        return self.scheme == "selfhash"

    @property
    def null(self) -> Trials:
        """The law of a pair's score under a random key."""
        return Trials(int(self.gamma * _INT31) / 2**31)

    def ids(self, contexts: Ints, tokens: Ints) -> NDArray[np.uint64]:
        """As `Scheme.ids`."""
        return mixed(self._seeds(contexts, tokens), tokens)

    def context_ids(self, contexts: Ints) -> NDArray[np.uint64]:
        """As `Scheme.context_ids`."""
        if self.scheme == "selfhash":
            return mixed(np.zeros(len(contexts), np.int64), *contexts.T[1:])
        return mixed(contexts.sum(axis=1))

    def _seeds(self, contexts: Ints, tokens: Ints) -> NDArray[np.int64]:
        key = np.int64(self.key)
        with np.errstate(over="ignore"):
            if self.scheme != "selfhash":
                return key * contexts.sum(axis=1)
            own = hashed(tokens)
            least = key * own * own
            for column in contexts.T[1:]:
                least = np.minimum(least, key * (hashed(column) * own))
        return least

    def keyed(self, contexts: Ints, tokens: Ints) -> NDArray[np.bool_]:
        """All but pairs whose seed is zero: tokens of a context that sum to it, a hash of zero."""
        return self._seeds(contexts, tokens) != 0

    def scores(self, contexts: Ints, tokens: Ints) -> NDArray[np.float64]:
        """As `Scheme.scores`."""
        seeds, ids = self._seeds(contexts, tokens).astype(np.uint64), tokens.astype(np.uint64)
        none = np.zeros(len(tokens), np.uint64)
        counter = (ids >> np.uint64(2), none, none, none)
        outputs = philox(counter, (seeds & MASK, seeds >> np.uint64(32)))
        drawn = chosen(outputs, ids) & np.uint64(_INT31)
        return (drawn < np.uint64(int(self.gamma * _INT31))).astype(np.float64)

    def rekeyed(self, rng: np.random.Generator) -> Bernoulli:
        """As `Scheme.rekeyed`."""
        return replace(self, key=int(rng.integers(1, _KEYS)))

    def parameters(self) -> dict[str, Any]:
        """As `Scheme.parameters`."""
        return {
            "scheme": "sbw",
            "context_width": self.context_width,
            "sbw_scheme": self.scheme,
            "sbw_gamma": self.gamma,
        }

    def secret(self) -> dict[str, Any]:
        """As `Scheme.secret`."""
        return {"key": self.key}


def hashed(values: Ints) -> NDArray[np.int64]:
    """Jenkins' hash of 32-bit integers, with arithmetic shifts as in PyTorch."""
    with np.errstate(over="ignore"):
        held = (values + 1).astype(np.int32)
        for shift, how in ((6, -1), (-17, 0), (9, -1), (4, 0), (3, -1), (10, 0), (-15, 0)):
            moved = held << np.int32(shift) if shift > 0 else held >> np.int32(-shift)
            held = held - moved if how else held ^ moved
    return held.astype(np.int64)
