"""Shared origin: rare ways of access that members have in common."""

from __future__ import annotations

import numpy as np
import pytest

from stillwatch.campaigns.origin import KINDS, shared_origin, sharing
from tests.campaigns.made import Log, Made


def many(**columns: int) -> Log:
    """Ten customers called m-.. among a hundred and ten, with `columns` on their exchanges."""
    log = Log(1).outsiders(110)
    for i in range(10):
        log.customer(f"m-{i:03d}", 25, **columns)
    return log


@pytest.mark.parametrize("kind", KINDS)
def test_each_way_of_access_shows(kind: str):
    """One network, device, payment, sign-up network or cohort that only members have."""
    log = many(**({kind: 5} if kind in ("network", "device") else {}))
    if kind not in ("network", "device"):
        log.register("m", **{kind: 5})
    made = log.made()
    test = shared_origin(made.traffic, made.component(only_common=False))
    assert test.weight > 1
    assert {k: test.figures[f"accounts_sharing_{k}"] for k in KINDS} == {
        k: 10 * (k == kind) for k in KINDS
    }


def test_no_origin_in_common_weighs_next_to_nothing(honest: Made):
    """The look-alike: networks and devices of each one's own, held against nobody."""
    test = shared_origin(honest.traffic, honest.component(only_common=False))
    assert -0.31 <= test.weight <= 0
    assert float(test.figures["p"]) == 1
    assert "share no way of access" in test.says


def test_what_half_of_everybody_has_is_no_way_of_their_own():
    """A carrier's network that outsiders use as well: nothing is rare about it."""
    log = many()
    for row in log.rows:
        if row["account"] % 2:
            row["network"] = 5
    made = log.made()
    test = shared_origin(made.traffic, made.component(only_common=False))
    assert -0.31 <= test.weight < 0.5
    assert test.figures["accounts_sharing_network"] == 0


def test_rarity_is_by_hand():
    """Two share a network of three users and a payment of two: log10 6/3 and log10 6/2."""
    log = Log()
    for name, network in (("a", 5), ("b", 5), ("c", 5), ("d", 0), ("e", 6), ("f", 7)):
        log.send(name, network=network)
    log.register("a", payment=9).register("b", payment=9)
    traffic = log.made().traffic
    weight, by_kind = sharing(traffic, np.array([0, 1, 4]))
    assert weight.tolist() == pytest.approx([0.30103 + 0.47712] * 2 + [0], abs=1e-4)
    assert by_kind == dict.fromkeys(KINDS, 0)
    # c has that network too, but with none of these accounts has e anything in common.
    assert sharing(traffic, np.array([2, 4]))[0].tolist() == [0, 0]
