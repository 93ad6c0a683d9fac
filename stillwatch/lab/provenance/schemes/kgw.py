"""Green lists (Kirchenbauer et al., 2301.10226 and 2306.04634), as Hugging Face draws them.

Same draws as `transformers.WatermarkLogitsProcessor` and `WatermarkDetector` of 5.x on a CPU: a
seed from key and context, `torch.randperm` over the vocabulary, the first part of it green.

- `lefthash`: the seed is the key times the last token, whatever `context_width` says.
- `selfhash`: the seed is the least product of the key, the marked token's table entry and that of a
  token in the window of the last `context_width`, the marked one among them; so pairs share a list
  wherever the least product and the token are the same. The table is drawn by the key.

Lists drawn on a GPU differ: Hugging Face draws them on the device that serves.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from stillwatch.lab.provenance.schemes.mersenne import among_first, permutation
from stillwatch.lab.provenance.schemes.null import Trials
from stillwatch.lab.provenance.schemes.scheme import mixed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.lab.provenance.schemes.scheme import Ints

TABLE_SIZE = 1_000_003
SELFHASH = "selfhash"
_MODULUS = 2**64 - 1
_KEYS = 2**31
"""Keys for controls are drawn below this: products with tokens then stay within 64 bits."""


@dataclass(frozen=True)
class GreenList:
    """A key, and the fields of Hugging Face's `WatermarkingConfig` under their own names."""

    hashing_key: int
    vocab_size: int
    greenlist_ratio: float = 0.25
    context_width: int = 1
    seeding_scheme: str = "lefthash"

    sees_prompt = True

    @property
    def width(self) -> int:
        """One token for the left hash; the self hash's window has the marked token in it."""
        return max(self.context_width - 1, 0) if self._self else 1

    @property
    def ids_follow_key(self) -> bool:
        """As `Scheme.ids_follow_key`."""
        return self._self

    @property
    def _self(self) -> bool:
        return self.seeding_scheme == SELFHASH

    @property
    def green(self) -> int:
        """Tokens in a green list."""
        return int(self.vocab_size * self.greenlist_ratio)

    @property
    def null(self) -> Trials:
        """The law of a pair's score under a random key."""
        return Trials(self.green / self.vocab_size)

    @cached_property
    def _table(self) -> NDArray[np.int64]:
        """The entries that tokens of the vocabulary have; drawing all of them takes far longer."""
        return permutation(self.hashing_key, TABLE_SIZE, min(self.vocab_size, TABLE_SIZE))

    def _entries(self, tokens: Ints) -> NDArray[np.int64]:
        wrapped = tokens % TABLE_SIZE
        if wrapped.max(initial=0) < len(self._table):
            return self._table[wrapped] + 1
        return permutation(self.hashing_key, TABLE_SIZE, TABLE_SIZE)[wrapped] + 1

    def ids(self, contexts: Ints, tokens: Ints) -> NDArray[np.uint64]:
        """As `Scheme.ids`."""
        if not self._self:
            return mixed(contexts[:, -1], tokens)
        return mixed(self._products(contexts, tokens), tokens)

    def context_ids(self, contexts: Ints) -> NDArray[np.uint64]:
        """As `Scheme.context_ids`."""
        columns = contexts.T if self._self else contexts.T[-1:]
        return mixed(np.zeros(len(contexts), np.int64), *columns)

    def keyed(self, contexts: Ints, tokens: Ints) -> NDArray[np.bool_]:
        """All but what follows token 0 under the left hash: its list is the same for every key."""
        return np.ones(len(tokens), np.bool_) if self._self else contexts[:, -1] != 0

    def _products(self, contexts: Ints, tokens: Ints) -> NDArray[np.int64]:
        entries = self._entries(np.column_stack([contexts, tokens]))
        # they wrap, as PyTorch's int64 does, before the least is taken
        with np.errstate(over="ignore"):
            return (np.int64(self.hashing_key) * entries * entries[:, -1:]).min(axis=1)

    def seeds(self, contexts: Ints, tokens: Ints) -> NDArray[np.uint32]:
        """The low half of each pair's seed, all that the generator keeps of it."""
        if self._self:
            whole = [int(value) % _MODULUS for value in self._products(contexts, tokens)]
        else:
            whole = [self.hashing_key * int(value) % _MODULUS for value in contexts[:, -1]]
        return np.array([value & 0xFFFFFFFF for value in whole], np.uint32)

    def scores(self, contexts: Ints, tokens: Ints) -> NDArray[np.float64]:
        """As `Scheme.scores`."""
        seeds = self.seeds(contexts, tokens)
        order = np.argsort(seeds, kind="stable")
        found = np.empty(len(tokens))
        found[order] = among_first(seeds[order], tokens[order], self.vocab_size, self.green)
        return found

    def rekeyed(self, rng: np.random.Generator) -> GreenList:
        """As `Scheme.rekeyed`."""
        return replace(self, hashing_key=int(rng.integers(1, _KEYS)))

    def parameters(self) -> dict[str, Any]:
        """As `Scheme.parameters`."""
        return {
            "scheme": "kgw",
            "vocab_size": self.vocab_size,
            "greenlist_ratio": self.greenlist_ratio,
            "context_width": self.context_width,
            "seeding_scheme": self.seeding_scheme,
        }

    def secret(self) -> dict[str, Any]:
        """As `Scheme.secret`."""
        return {"hashing_key": self.hashing_key}
