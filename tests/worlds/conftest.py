"""Small worlds, made once for all tests of this folder."""

from __future__ import annotations

import pytest

from stillwatch.worlds import WORLDS, make_world
from tests.worlds.reading import Log

SCALE = 0.002


@pytest.fixture(scope="session")
def logs(tmp_path_factory) -> dict[str, Log]:
    """Every world at a small scale, with built-in texts."""
    root = tmp_path_factory.mktemp("worlds")
    for name in WORLDS:
        make_world(name, root / name, scale=SCALE, seed=7)
    return {name: Log(root / name) for name in WORLDS}
