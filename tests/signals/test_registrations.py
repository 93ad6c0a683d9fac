"""Registrations and names: what the accounts table gives, and which text stands behind a key."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa

from stillwatch.signals.keys import string_keys
from stillwatch.signals.registrations import COHORT_HOURS, COLUMNS, registrations
from stillwatch.tables import ACCOUNTS

NOON = dt.datetime(2026, 4, 22, 12, tzinfo=dt.UTC)


def accounts(*rows: dict) -> pa.Table:
    """An accounts table of some columns; the rest is null."""
    base = {"created_at": NOON}
    return pa.Table.from_pylist([base | row for row in rows], schema=ACCOUNTS)


def test_what_is_equal_has_equal_keys_and_unknown_is_zero():
    """Payment, organisation, domain, programme and sign-up network are compared by key."""
    table = registrations(
        accounts(
            {
                "account_id": "a",
                "payment_id": "p1",
                "email_domain": "x.org",
                "signup_ip": "192.0.2.1",
            },
            {"account_id": "b", "payment_id": "p1", "email_domain": "", "signup_ip": "192.0.2.200"},
            {"account_id": "c", "org_id": "o", "program": "education"},
        )
    )
    assert tuple(table.schema.names) == COLUMNS
    assert set(table.schema.types) == {pa.uint64()}
    assert table["account"].to_pylist() == string_keys(pa.array(["a", "b", "c"])).tolist()
    a, b, c = table.to_pylist()
    assert a["payment"] == b["payment"] != 0
    assert a["signup_network"] == b["signup_network"] != 0
    assert a["email_domain"] != 0
    assert c["org"] != 0
    assert c["program"] != 0
    assert c["payment"] == c["signup_network"] == b["email_domain"] == a["org"] == a["cohort"] == 0


def test_a_cohort_is_six_hours_of_one_operator():
    """Same bucket of time and same operator: one cohort; another of either: another."""
    later = dt.timedelta(hours=COHORT_HOURS)
    table = registrations(
        accounts(
            {"account_id": "a", "signup_asn": 64500},
            {"account_id": "b", "signup_asn": 64500, "created_at": NOON + later / 2},
            {"account_id": "c", "signup_asn": 64500, "created_at": NOON + later},
            {"account_id": "d", "signup_asn": 64501},
            {"account_id": "e"},
        )
    )
    a, b, c, d, e = table["cohort"].to_pylist()
    assert a == b != 0
    assert len({a, c, d}) == 3
    assert e == 0


def test_no_accounts_and_chunked_accounts():
    """An empty table gives an empty one; how a table is cut into chunks doesn't matter."""
    assert registrations(ACCOUNTS.empty_table()).num_rows == 0
    assert tuple(registrations(ACCOUNTS.empty_table()).schema.names) == COLUMNS
    rows = [{"account_id": f"a{i}", "payment_id": f"p{i % 3}", "signup_asn": i} for i in range(20)]
    whole = accounts(*rows)
    parts = pa.concat_tables([whole.slice(0, 7), whole.slice(7, 1), whole.slice(8)])
    assert registrations(parts).equals(registrations(whole))
