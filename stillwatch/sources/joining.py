"""Parts of one exchange that arrive in different records: kept until the other part comes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Generic, TypeVar

Part = TypeVar("Part")

LIMIT_BYTES = 256 << 20
_OVERHEAD_BYTES = 1000


class Waiting(Generic[Part]):
    """Parts by key, the oldest first, of about `limit_bytes` at most."""

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit, self._bytes = limit_bytes, 0
        self._parts: OrderedDict[Hashable, tuple[Part, int]] = OrderedDict()

    def __contains__(self, key: Hashable) -> bool:
        return key in self._parts

    def __len__(self) -> int:
        return len(self._parts)

    def get(self, key: Hashable) -> Part | None:
        """What waits under `key`, which stays."""
        held = self._parts.get(key)
        return None if held is None else held[0]

    def take(self, key: Hashable) -> Part | None:
        """What waits under `key`, which is let go."""
        if key not in self._parts:
            return None
        part, size = self._parts.pop(key)
        self._bytes -= size
        return part

    def put(self, key: Hashable, part: Part, size: int = 0) -> Sequence[Part]:
        """Keep `part` of `size` bytes in the place of what waits under `key`.

        Hands back the oldest parts, for which there is no room any more.
        """
        self.take(key)
        self._parts[key] = part, size + _OVERHEAD_BYTES
        self._bytes += size + _OVERHEAD_BYTES
        return self._crowded_out() if self._bytes > self._limit else ()

    def drain(self) -> Iterator[Part]:
        """All that still waits, the oldest first, each let go."""
        while self._parts:
            yield self._oldest()

    def _crowded_out(self) -> list[Part]:
        found: list[Part] = []
        while self._bytes > self._limit and self._parts:
            found.append(self._oldest())
        return found

    def _oldest(self) -> Part:
        _, (part, size) = self._parts.popitem(last=False)
        self._bytes -= size
        return part


class Recent:
    """The last keys that were seen, `most` of them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._keys: dict[str, None] = {}

    def __contains__(self, key: str) -> bool:
        return key in self._keys

    def see(self, keys: Iterable[str]) -> None:
        """Remember `keys`; of too many the oldest are forgotten."""
        self._keys.update(dict.fromkeys(keys))
        for old in list(islice(self._keys, max(0, len(self._keys) - self._most))):
            del self._keys[old]
