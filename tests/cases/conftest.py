"""Both engines, each test in a store of its own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from stillwatch.cases import Store, open_cases
from tests import fabricated
from tests.cases.postgres import find_binaries, running


@pytest.fixture(scope="session")
def postgres() -> Iterator[Path]:
    """A real PostgreSQL for the session."""
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed (on Debian: apt-get install postgresql)")
    with running(binaries) as folder:
        yield folder


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where an empty store may be made, on each engine in turn."""
    if request.param == "sqlite":
        return str(tmp_path / "cases.db")
    folder, name = request.getfixturevalue("postgres"), f"t{uuid.uuid4().hex}"
    with psycopg.connect(f"host={folder} user=postgres", autocommit=True) as connection:
        connection.execute(
            psycopg.sql.SQL("create database {}").format(psycopg.sql.Identifier(name))
        )
    return f"postgresql+psycopg://postgres@/{name}?host={folder}"


@pytest.fixture
def store(address: str) -> Iterator[Store]:
    """A store with a case for each of three campaigns."""
    made = Store.open(address, create=True)
    open_cases(made, fabricated.findings(), "setup")
    yield made
    made.close()
