"""Examples in docstrings are true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import stillwatch

_RUN_BY_OTHERS = (".migrations", "__main__", "litellm_hook")
"""Modules that do something when they are imported, or need who imports them."""


def test_examples_in_docstrings_are_true() -> None:
    """All of them; modules of extras that aren't installed are left out."""
    wrong, tried = [], 0
    for found in pkgutil.walk_packages(stillwatch.__path__, "stillwatch."):
        if any(part in found.name for part in _RUN_BY_OTHERS):
            continue
        try:
            module = importlib.import_module(found.name)
        except ImportError:
            continue
        done = doctest.testmod(module)
        tried += done.attempted
        if done.failed:
            wrong.append(found.name)
    assert wrong == []
    assert tried > 100
