"""One small world and its findings, made once for all tests of the pipeline."""

from __future__ import annotations

from pathlib import Path

import pytest

from stillwatch.findings import Findings
from stillwatch.pipeline import detect
from tests.pipeline.small import Small, make_small


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Small:
    """The world."""
    return make_small(tmp_path_factory.mktemp("small") / "plain")


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where its findings are written."""
    return tmp_path_factory.mktemp("found") / "findings"


@pytest.fixture(scope="session")
def found(small: Small, folder: Path) -> Findings:
    """Its findings, on one thread."""
    return detect(small.folder, out=folder, threads=1)
