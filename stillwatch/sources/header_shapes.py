"""Headers of many records at once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

Headers = dict[str, str | None]


def lowered(given: Sequence[Headers | None]) -> list[Headers]:
    """Each record's headers under lower-case names; of equal ones the last."""
    names = set(chain.from_iterable(held for held in given if held))
    lower = {name: name.lower() for name in names}
    if all(name == other for name, other in lower.items()):
        return [held or {} for held in given]
    return [{lower[name]: what for name, what in held.items()} if held else {} for held in given]


def without(given: Sequence[Headers], names: frozenset[str]) -> list[Headers | None]:
    """Each record's headers without those of `names`; `None` where none are left."""
    if not names.isdisjoint(chain.from_iterable(given)):
        given = [{n: v for n, v in held.items() if n not in names} for held in given]
    return [held or None for held in given]
