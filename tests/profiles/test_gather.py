"""Gathering: one run's traffic from its signals, the same whatever the order of rows."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from stillwatch.profiles.gather import LEAST_SLICE, gather_exchanges
from stillwatch.profiles.objects import OBJECT_KINDS, REGISTRATION_OBJECTS
from stillwatch.traffic import Traffic
from tests.profiles.traffic_made import (
    columns_of,
    gathered,
    names_of,
    some_registrations,
    some_signals,
)

N, ACCOUNTS = 600, 25


@pytest.fixture(scope="module")
def signals() -> pa.Table:
    """Signals of few accounts that share much."""
    return some_signals(N, ACCOUNTS)


def said(traffic: Traffic) -> dict[str, object]:
    """All that traffic says, rows in order of exchange keys, to compare."""
    x = traffic.exchanges
    order = np.argsort(x["exchange"])
    ids = np.array(x.ids.to_pylist())[order]
    out: dict[str, object] = {
        "ids": ids.tolist(),
        "account": x.account[order].tolist(),
        "content": x.content[order].tolist(),
        "threads": (x.ids.take(pa.array(x.threads.order)).to_pylist(), x.threads.first.tolist()),
    }
    out |= {name: x[name][order].tolist() for name in x.keys}
    for part in (traffic.accounts, traffic.slices, traffic.incidence):
        for name, value in vars(part).items():
            plain = value.tolist() if isinstance(value, np.ndarray) else value
            if isinstance(value, dict):
                plain = {k: np.asarray(v).tolist() for k, v in value.items()}
            out[f"{type(part).__name__}.{name}"] = plain
    return out | {"models": traffic.models, "scale": traffic.scale}


@pytest.mark.parametrize("seed", range(2))
def test_order_of_rows_does_not_matter(signals: pa.Table, seed: int):
    """Shuffled signals and registrations, cut into chunks, on two threads: the same traffic."""
    registrations = some_registrations(ACCOUNTS)
    rng = np.random.default_rng(seed)
    shuffled = signals.take(pa.array(rng.permutation(N)))
    chunked = pa.concat_tables([shuffled.slice(0, 250), shuffled.slice(250)])
    other = registrations.take(pa.array(rng.permutation(registrations.num_rows)))
    names = {k: dict(reversed(v.items())) for k, v in names_of(signals).items()}
    again = gathered(chunked, other, names, threads=2)
    assert said(again) == said(gathered(signals, registrations))


def test_accounts_are_in_order_of_ids_with_their_figures(signals: pa.Table):
    """Places follow the sorted ids; counts, first and last times are those of their exchanges."""
    traffic = gathered(signals)
    names = names_of(signals)["account_id"]
    keys, ts = signals["account"].to_numpy(), signals["ts"].to_numpy()
    accounts = traffic.accounts
    assert accounts.ids == sorted(names.values())
    for place, name in enumerate(accounts.ids):
        mine = np.isin(keys, [k for k, v in names.items() if v == name])
        assert accounts.exchanges[place] == mine.sum() > 0
        assert (accounts.first[place], accounts.last[place]) == (ts[mine].min(), ts[mine].max())
    assert [names[k] for k in keys] == [accounts.ids[a] for a in traffic.exchanges.account]
    assert traffic.exchanges.ids.to_pylist() == [f"ex-{k}" for k in signals["exchange"].to_pylist()]


def test_registrations_go_to_their_accounts_and_unknown_ones_are_zero(signals: pa.Table):
    """What an accounts table says stands at its account; who isn't in it has zeros."""
    registrations = some_registrations(ACCOUNTS)
    traffic = gathered(signals, registrations)
    names = names_of(signals)["account_id"]
    rows = {
        names[row["account"]]: row for row in registrations.to_pylist() if row["account"] in names
    }
    assert 5 < len(rows) < len(traffic.accounts)
    for name in ("payment", "email_domain", "program", "signup_network", "cohort"):
        expected = [rows.get(i, {}).get(name, 0) for i in traffic.accounts.ids]
        assert traffic.accounts.registration[name].tolist() == expected
    assert "org" not in traffic.accounts.registration


def test_an_organisation_of_the_exchanges_comes_before_that_of_the_registration():
    """The registration's organisation counts where exchanges name none."""
    signals = some_signals(80, 6, values=1)
    assert not signals["org"].to_numpy().any()
    registrations = some_registrations(6)
    names = names_of(signals)["account_id"]
    rows = {
        names[r["account"]]: r["org"] for r in registrations.to_pylist() if r["account"] in names
    }
    org = gathered(signals, registrations).accounts.org.tolist()
    assert org == [rows.get(name, 0) for name in sorted(names.values())]
    assert any(org)
    place = signals.schema.get_field_index("org")
    field = signals.schema.field(place)
    said = signals.set_column(place, field, pa.array(np.full(80, 99, np.uint64)))
    assert set(gathered(said, registrations).accounts.org.tolist()) == {99}


@pytest.mark.parametrize("registrations", [None, some_registrations(0).slice(0, 0)])
def test_without_accounts_table_nobody_shares_a_registration(signals: pa.Table, registrations):
    """No table and an empty one are alike: every account is there, no registration object is."""
    traffic = gathered(signals, registrations)
    assert len(traffic.accounts) == len(names_of(signals)["account_id"])
    kinds = {traffic.incidence.kinds[k] for k in traffic.incidence.obj_kind}
    assert not kinds & set(REGISTRATION_OBJECTS)
    assert "family" in kinds


def test_incidence_counts_uses_and_users(signals: pa.Table):
    """Each use names an object's place, and each object how many accounts use it."""
    traffic = gathered(signals, some_registrations(ACCOUNTS))
    incidence, x = traffic.incidence, traffic.exchanges
    assert incidence.kinds == OBJECT_KINDS
    users = np.bincount(incidence.obj, minlength=len(incidence.obj_key))
    assert (users == incidence.obj_accounts).all()
    assert users.min() >= 2
    pairs = set(zip(incidence.account.tolist(), incidence.obj.tolist(), strict=True))
    assert len(pairs) == len(incidence.account)
    assert pairs == {
        (a, int(o))
        for a in range(len(traffic.accounts))
        for o in incidence.obj[slice(*incidence.uses_of(a))]
    }
    assert (np.diff(incidence.account) >= 0).all()
    for kind in ("family", "device", "payment"):
        code = OBJECT_KINDS.index(kind)
        for use in np.flatnonzero((incidence.obj_kind == code)[incidence.obj])[:200]:
            key, account = incidence.obj_key[incidence.obj[use]], incidence.account[use]
            if kind == "payment":
                assert traffic.accounts.registration[kind][account] == key
            else:
                mine = (x.account == account) & (x[kind] == key)
                assert incidence.exchanges[use] == mine.sum()


def test_slices_need_enough_exchanges(signals: pa.Table):
    """No slice is kept that carries no usable mean."""
    slices = gathered(signals).slices
    counts = np.bincount(gathered(signals).exchanges.account)
    whole = slices.capability == -1
    assert set(slices.account[whole].tolist()) == set(
        np.flatnonzero(counts >= LEAST_SLICE).tolist()
    )


def test_one_exchange_is_traffic():
    """The smallest log there is."""
    traffic = gathered(some_signals(1, 1))
    assert len(traffic.accounts) == len(traffic.exchanges) == 1
    assert len(traffic.slices.account) == len(traffic.incidence.account) == 0


def test_exchanges_alone_are_those_of_the_whole(signals: pa.Table):
    """Of the accounts that sent any, as a whole traffic of the same rows has them."""
    names, registrations = names_of(some_signals(N, 2 * ACCOUNTS)), some_registrations(ACCOUNTS)
    whole = gathered(signals, registrations)
    ids = whole.exchanges.ids
    exchanges, accounts = gather_exchanges(columns_of(signals), ids, names, registrations)
    assert len(names["account_id"]) > len(accounts)
    np.testing.assert_array_equal(exchanges.account, whole.exchanges.account)
    for name, column in whole.exchanges.keys.items():
        np.testing.assert_array_equal(exchanges[name][:], column[:])
    for name, value in vars(whole.accounts).items():
        np.testing.assert_equal(getattr(accounts, name), value)
