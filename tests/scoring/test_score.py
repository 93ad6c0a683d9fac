"""Scores against a brute-force count, and on the edges where a ratio has no meaning."""

from __future__ import annotations

import doctest
import json
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch import tables
from stillwatch.errors import InputNotFound
from stillwatch.findings import Findings
from stillwatch.scoring import matching, score


def _table(schema: pa.Schema, rows: list[dict]) -> pa.Table:
    return pa.Table.from_pylist([{n: r.get(n) for n in schema.names} for r in rows], schema)


def _findings(campaigns: dict[str, str], members: list[tuple], exchanges: list[tuple]) -> Findings:
    def empty(schema: pa.Schema) -> pa.Table:
        return schema.empty_table()

    return Findings(
        campaigns=_table(
            tables.CAMPAIGNS,
            [
                {"campaign_id": c, "kind": k, "confidence": 0.9, "accounts": 0, "exchanges": 0}
                for c, k in campaigns.items()
            ],
        ),
        members=_table(
            tables.MEMBERS,
            [
                {"campaign_id": c, "account_id": a, "confidence": p, "exchanges": 1}
                for c, a, p in members
            ],
        ),
        exchanges=_table(
            tables.ATTRIBUTED,
            [{"exchange_id": e, "campaign_id": c, "confidence": 0.9} for c, e in exchanges],
        ),
        evidence=empty(tables.EVIDENCE),
        daily=empty(tables.DAILY),
        links=empty(tables.LINKS),
        accounts=empty(tables.STANDING),
        run={},
    )


def _labels(folder: Path, accounts: list[tuple], exchanges: list[tuple]) -> Path:
    (folder / "labels").mkdir(parents=True)
    names = tables.LABEL_ACCOUNTS.names
    pq.write_table(
        _table(tables.LABEL_ACCOUNTS, [dict(zip(names, row, strict=True)) for row in accounts]),
        folder / "labels/accounts.parquet",
    )
    pq.write_table(
        _table(tables.LABEL_EXCHANGES, [{"exchange_id": e, "campaign": c} for e, c in exchanges]),
        folder / "labels/exchanges.parquet",
    )
    return folder


@pytest.mark.parametrize("seed", range(8))
def test_agrees_with_counting_one_by_one(tmp_path, seed):
    """Every figure equals a plain loop over accounts and exchanges, on random worlds."""
    rng = random.Random(seed)
    accounts = []
    for i in range(120):
        campaign = rng.choice(["x", "y", None, None])
        role = rng.choice(tables.ROLES)
        accounts.append((f"a{i}", role, campaign, rng.choice(["n", "m", None])))
    exchanges = [(f"e{i}", rng.choice("xy")) for i in range(300)]
    members = {(rng.choice("pqr"), f"a{rng.randrange(130)}"): rng.random() for _ in range(70)}
    listed = {(rng.choice("pq"), f"e{rng.randrange(400)}") for _ in range(200)}
    found = _findings(
        {"p": "distillation", "q": "distillation", "r": "reseller"},
        [(c, a, p) for (c, a), p in members.items()],
        sorted(listed),
    )
    got = score(_labels(tmp_path / "log", accounts, exchanges), found)

    flagged = {a for c, a in members if c != "r"}
    guilty = {a for a, _, c, _ in accounts if c}
    assert got.accounts.true_positives == len(flagged & guilty)
    assert got.accounts.false_positives == len(flagged - guilty)
    assert got.accounts.false_negatives == len(guilty - flagged)
    assert got.accounts.precision == pytest.approx(len(flagged & guilty) / len(flagged))
    assert got.accounts.recall == pytest.approx(len(flagged & guilty) / len(guilty))
    p, r = got.accounts.precision, got.accounts.recall
    assert got.accounts.f1 == pytest.approx(2 * p * r / (p + r))
    attributed, there = {e for _, e in listed}, {e for e, _ in exchanges}
    assert got.exchanges.precision == pytest.approx(len(attributed & there) / len(attributed))
    assert got.exchanges.recall == pytest.approx(len(attributed & there) / len(there))
    for role in tables.ROLES:
        innocent = {a for a, k, c, _ in accounts if k == role and not c}
        if innocent:
            assert got.roles[role].innocent == len(innocent)
            assert got.roles[role].flagged == len(innocent & flagged)
    strangers = flagged - {a for a, *_ in accounts}
    if strangers:
        assert got.roles["unlabelled"].flagged == len(strangers)
    squares = [(p - (a in guilty)) ** 2 for (c, a), p in members.items() if c != "r"]
    assert got.brier == pytest.approx(sum(squares) / len(squares))
    for match in got.campaigns:
        own = {a for a, _, c, _ in accounts if c == match.campaign}
        best = max(("p", "q"), key=lambda f: len(own & {a for c, a in members if c == f}))
        inside = {a for c, a in members if c == best}
        assert match.purity == pytest.approx(len(own & inside) / len(inside))
        assert match.completeness == pytest.approx(len(own & inside) / len(own))
    json.dumps(got.to_dict())


def test_splits_merges_and_false_campaigns(tmp_path):
    """A campaign in two pieces is a split, two in one a merge, strangers a false campaign."""
    accounts = [(f"x{i}", "distiller", "x", None) for i in range(10)]
    accounts += [(f"y{i}", "distiller", "y", None) for i in range(10)]
    accounts += [(f"z{i}", "reseller", "z", "net") for i in range(10)]
    accounts += [(f"p{i}", "person", None, None) for i in range(10)]
    members = [("one", f"x{i}", 0.9) for i in range(5)]
    members += [("two", f"x{i}", 0.9) for i in range(5, 10)]
    members += [("both", f"{c}{i}", 0.9) for c in "yz" for i in range(6)]
    members += [("wrong", f"p{i}", 0.9) for i in range(4)] + [("wrong", "y9", 0.9)]
    members += [("pool", f"z{i}", 0.9) for i in range(8)]
    kinds = dict.fromkeys(("one", "two", "both", "wrong"), "distillation") | {"pool": "reseller"}
    got = score(_labels(tmp_path / "log", accounts, []), _findings(kinds, members, []))
    assert got.splits == ("x",)
    assert got.merges == ("both",)
    assert got.false_campaigns == ("wrong",)
    assert got.networks_named == ("net",)
    assert got.networks_true == 1
    assert got.roles["person"].false_positive_rate == pytest.approx(0.4)


def test_nothing_there_and_nothing_found(tmp_path):
    """Ratios without a denominator are None; a false alarm in an honest world still shows."""
    people = [(f"p{i}", "person", None, None) for i in range(5)]
    log = _labels(tmp_path / "log", people, [])
    quiet = score(log, _findings({}, [], []))
    assert quiet.accounts.precision is None
    assert quiet.accounts.recall is None
    assert quiet.accounts.f1 is None
    assert quiet.brier is None
    assert quiet.campaigns == ()
    loud = score(log / "labels", _findings({"c": "distillation"}, [("c", "p1", 0.8)], []))
    assert loud.accounts.precision == 0.0
    assert loud.accounts.recall is None
    assert loud.false_campaigns == ("c",)


def test_missed_campaign_has_no_match(tmp_path):
    """A campaign that nothing touches is listed with no match, and recall is 0."""
    log = _labels(tmp_path / "log", [("a", "distiller", "x", None)], [("e", "x")])
    got = score(log, _findings({}, [], []))
    assert got.campaigns[0].found is None
    assert got.campaigns[0].completeness == 0.0
    assert got.accounts.recall == 0.0
    assert got.exchanges.recall == 0.0
    assert got.exchanges.precision is None


def test_missing_labels_say_what_to_do(tmp_path):
    """An unlabelled log is refused by name, with the way out."""
    with pytest.raises(InputNotFound, match=r"labels/accounts\.parquet.*stillwatch world"):
        score(tmp_path, _findings({}, [], []))


def test_the_example_of_a_match_is_true():
    """The docstring's example is what the code does."""
    assert doctest.testmod(matching).failed == 0
