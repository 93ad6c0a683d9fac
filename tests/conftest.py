"""What all tests share: the flag that refreshes generated documents and golden files."""

from __future__ import annotations

import pytest
from hypothesis import settings

# Kernels are compiled at their first call, so examples have no deadline; examples are the same in
# every run, so that a failure is a change's and not chance's.
settings.register_profile("stillwatch", deadline=None, derandomize=True)
settings.load_profile("stillwatch")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--refresh` writes what golden tests compare with; read the diff before committing it."""
    parser.addoption("--refresh", action="store_true", help="write golden files anew")


@pytest.fixture
def refresh(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are to be written anew."""
    return bool(request.config.getoption("--refresh"))
