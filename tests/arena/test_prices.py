"""A purse is never overspent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.arena.prices import Purse

BILLS = st.lists(
    st.dictionaries(
        st.sampled_from(["accounts", "cards", "answers"]), st.floats(0, 30, width=32), max_size=3
    ),
    max_size=40,
)


@given(dollars=st.floats(0, 200, width=32), bills=BILLS)
def test_what_is_spent_and_left_is_what_there_was(
    dollars: float, bills: list[dict[str, float]]
) -> None:
    """Each bill is paid whole or not at all, and only where the money reaches."""
    purse = Purse(dollars)
    for bill in bills:
        before, left = dict(purse.spent), purse.left
        paid = purse.pay(bill)
        total = sum(round(amount, 6) for amount in bill.values())
        assert paid == (total <= left + 1e-6) or abs(total - left) < 1e-5
        assert purse.left >= 0
        if not paid:
            assert (purse.spent, purse.left) == (before, left)
    assert purse.left + purse.total == pytest.approx(dollars, abs=1e-5)
    assert purse.total == pytest.approx(sum(purse.spent.values()))


def test_a_bill_takes_money() -> None:
    """A negative bill would be a gift."""
    with pytest.raises(ValueError, match="takes money"):
        Purse(1.0).pay({"answers": -1.0})
