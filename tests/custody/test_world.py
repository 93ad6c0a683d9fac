"""A whole world through names: the same campaigns as without, once the owner leads them back."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import stillwatch as sw
from stillwatch.custody.reidentifying import names_of, reveal, with_identifiers
from stillwatch.findings import Findings
from stillwatch.privacy import new_keys, read_owner
from tests.custody.logs import everything_in
from tests.pipeline.small import differences, make_small


def campaigns(findings: Findings) -> set[tuple[str, frozenset[str]]]:
    """Kind and members of each, whatever it is called."""
    members: dict[str, set[str]] = {}
    for row in findings.members.to_pylist():
        members.setdefault(row["campaign_id"], set()).add(row["account_id"])
    kinds = findings.campaigns.select(["campaign_id", "kind"]).to_pylist()
    return {(row["kind"], frozenset(members[row["campaign_id"]])) for row in kinds}


def test_the_same_campaigns_with_names_and_with_networks(tmp_path: Path) -> None:
    """By names: the same campaigns of the same members, and nine in ten of the same exchanges:
    which halves the work is learnt in goes by the accounts' keys. By networks: all the same."""
    small = make_small(tmp_path / "world")
    new_keys(tmp_path / "keys.json", tmp_path / "owner.json")
    fixed = json.loads((tmp_path / "keys.json").read_text())
    fixed["epochs"][0]["secret"] = base64.b64encode(bytes(range(32))).decode()
    (tmp_path / "keys.json").write_text(json.dumps(fixed))
    ways = {
        "plain": {},
        "named": {"pseudonyms": tmp_path / "keys.json"},
        "networks": {"addresses": "prefix"},
    }
    found = {}
    for way, rules in ways.items():
        sw.ingest([small.folder], lake=tmp_path / way, **rules)
        found[way] = sw.detect(tmp_path / way, out=tmp_path / f"{way}-findings", threads=2)
    assert not differences(found["plain"], found["networks"])
    named = sw.read_findings(tmp_path / "named-findings")
    assert campaigns(named).isdisjoint(campaigns(found["plain"]))
    owner = read_owner(tmp_path / "owner.json")
    known = reveal(tmp_path / "named", names_of(named), owner, "ida", "a test")
    told = with_identifiers(named, known)
    assert campaigns(told) == campaigns(found["plain"])
    assert len(campaigns(told)) >= 3
    one, other = (set(f.exchanges["exchange_id"].to_pylist()) for f in (told, found["plain"]))
    assert len(one & other) >= 0.9 * len(one | other)
    ids = set(small.accounts["account_id"].to_pylist()) - {None}
    for folder in ("named", "named-findings"):
        for path, text in everything_in(tmp_path / folder):
            assert not any(account in text for account in ids), path
