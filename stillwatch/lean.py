"""Imports that others make where they can, and can do without.

By itself, for whatever package this was in would be imported before it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType


class _Refusing:
    """Finds none of some modules, as if they weren't installed."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = frozenset(names)

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name in self._names:
            raise ModuleNotFoundError(f"{name} is not loaded here", name=name)
        return None


@contextmanager
def imported_without(*names: str) -> Iterator[None]:
    """Whatever is imported meanwhile finds none of `names`, where they aren't loaded yet.

    pyarrow loads pandas, and numba loads SciPy and cffi, only to know their types and routines
    where a program uses them too. They remember that there were none.
    """
    refusing = _Refusing(names)
    sys.meta_path.insert(0, refusing)
    try:
        yield
    finally:
        sys.meta_path.remove(refusing)
