"""Parts: what accounts do in some of the exchanges, each by itself and as one."""

from __future__ import annotations

import numpy as np
import pytest

from stillwatch.campaigns import parts
from stillwatch.campaigns.parts import parts_of, work_of
from tests.campaigns.made import Made


def test_the_work_of_few_exchanges_is_that_of_all(plain: Made):
    """The sum of the accounts' parts."""
    rows, accounts = plain.rows("m"), plain.places("m")
    work = work_of(plain.traffic, rows, accounts)
    assert work.size.tolist() == [len(rows)]
    np.testing.assert_array_equal(
        work.total, parts_of(plain.traffic, rows, accounts).pooled().total
    )


def test_the_work_of_many_is_that_of_evenly_spaced_ones(
    plain: Made, monkeypatch: pytest.MonkeyPatch
):
    """Of 550 exchanges, where 100 are enough, every fifth: of every account some."""
    monkeypatch.setattr(parts, "ENOUGH", 100)
    rows, accounts = plain.rows("m"), plain.places("m")
    work = work_of(plain.traffic, rows, accounts)
    expected = parts_of(plain.traffic, rows[::5], accounts)
    assert work.size.tolist() == [110]
    assert (expected.size >= 10).all()
    np.testing.assert_array_equal(work.total, expected.pooled().total)
