"""The table finds everybody who is in it, and nobody else."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from stillwatch import tables
from stillwatch.gateway.table import Table, account_digest, table_of
from stillwatch.ladder import Action
from tests.gateway.made import decision

KEY = bytes(32)


@given(
    accounts=st.sets(st.text(max_size=20), max_size=30),
    others=st.sets(st.text(max_size=20), max_size=10),
    data=st.data(),
)
def test_a_table_is_a_dictionary(accounts: set[str], others: set[str], data) -> None:
    """Whatever accounts are called, with each one's own decision."""
    actions = {a: data.draw(st.sampled_from(list(Action))) for a in accounts}
    rows = [
        decision(a, action.value, case_id=i or None, surfaces=["api"] if i % 2 else None)
        for i, (a, action) in enumerate(actions.items())
    ]
    table = Table(*table_of(pa.Table.from_pylist(rows, tables.DECISIONS), KEY))
    assert len(table) == len(accounts)
    for row in rows:
        found = table.find(*account_digest(row["account_id"], KEY))
        assert found is not None
        assert found.decision_id == row["decision_id"]
        assert (found.action, found.case_id) == (row["action"], row["case_id"])
        scope = table.scopes[found.scope]
        assert scope.covers("app", None) is (row["surfaces"] is None)
        assert scope.covers("api", None)
    for account in others - accounts:
        assert table.find(*account_digest(account, KEY)) is None


def test_a_digest_needs_the_key_and_takes_any_text() -> None:
    """Two deployments know an account by different digests; broken text is an account as well."""
    assert account_digest("acc", KEY) != account_digest("acc", bytes([1]) * 32)
    assert account_digest("\ud800", KEY) == account_digest("\ud800", KEY)
