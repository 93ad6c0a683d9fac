"""Imports that are done without."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from stillwatch.lake import reader_process
from stillwatch.lean import imported_without


def test_what_is_refused_is_found_again_afterwards() -> None:
    """As if it weren't installed, until then."""
    sys.modules.pop("colorsys", None)
    with imported_without("colorsys"), pytest.raises(ModuleNotFoundError):
        importlib.import_module("colorsys")
    importlib.import_module("colorsys")


def test_a_helper_loads_what_it_reads_with_and_no_more() -> None:
    """Nor does its first task load any of it."""
    told = """
    import pyarrow, sys
    from stillwatch.lake.hashing import hash_rows
    hash_rows(pyarrow.RecordBatch.from_pydict({"a": ["b", None], "c": [["d"], []]}))
    print(*({"pandas", "scipy", "cffi"} & sys.modules.keys()), gc.isenabled())
    """.replace("    ", "")
    command = [sys.executable, "-c", reader_process.LOADED + told]
    out = subprocess.run(command, capture_output=True, text=True, check=True)
    assert out.stdout.split() == ["False"]
    assert not out.stderr
