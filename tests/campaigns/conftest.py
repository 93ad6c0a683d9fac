"""A plain campaign among sixty customers, made once."""

from __future__ import annotations

import pytest

from tests.campaigns.made import Log, Made


@pytest.fixture(scope="session")
def plain() -> Made:
    """Ten members, forty exchanges of common work each and fifteen of their own; m-.. and c-.."""
    return Log().outsiders().campaign().made()


@pytest.fixture(scope="session")
def honest() -> Made:
    """The look-alike: ten more customers, called m-.., as busy as members, who share nothing."""
    log = Log(1).outsiders()
    for i in range(10):
        log.customer(f"m-{i:03d}", 55)
    return log.made()
