"""Rules, lists and MISP events: read by their own tools, and no text acts in them."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from typing import Any

import pytest
import yaml
from sigma.collection import SigmaCollection
from sigma.rule import SigmaRule
from sigma.types import SigmaString

from stillwatch.sharing.gateway_list import COLUMNS, gateway_list
from stillwatch.sharing.indicators import Kind
from stillwatch.sharing.misp import misp_event
from stillwatch.sharing.sigma import escaped, sigma
from stillwatch.sharing.stix.bundle import Approved, bundle
from stillwatch.sharing.stix.patterns import pattern_of
from tests.sharing import made

TODAY = made.AT.date()


def _rules(text: str) -> list[SigmaRule]:
    return [one for one in SigmaCollection.from_yaml(text).rules if isinstance(one, SigmaRule)]


def _values(rule: SigmaRule) -> list[Any]:
    (item,) = rule.detection.detections["selection"].detection_items
    return list(item.value)  # type: ignore[union-attr]


def test_rules_are_valid_sigma() -> None:
    """One a kind that can be compared, each with an id, a level and an end."""
    rules = _rules(sigma(made.telling(), TODAY, TODAY))
    assert len(rules) == 4
    assert len({rule.id for rule in rules}) == 4
    assert {str(rule.level) for rule in rules} == {"low"}
    assert all(rule.custom_attributes["expires"] > str(TODAY) for rule in rules)
    assert [type(value).__name__ for rule in rules for value in _values(rule)] == [
        "SigmaCIDRExpression",
        "SigmaCIDRExpression",
        "SigmaNumber",
        "SigmaCasedString",
        "SigmaCasedString",
    ]


def test_hostile_text_is_one_value_of_a_rule() -> None:
    """No tag, anchor, comment or wildcard comes of it: every text is found letter for letter."""
    text = sigma(made.hostile(), TODAY, TODAY)
    for document in yaml.safe_load_all(text):
        assert set(document["detection"]) == {"selection", "condition"}
    (agents, prints) = _rules(text)
    for rule in (agents, prints):
        plain = [SigmaString(escaped(one)) for one in made.HOSTILE]
        assert [value.s for value in _values(rule)] == [one.s for one in plain]
        assert all(not value.contains_special() for value in plain)
        assert ["".join(map(str, one.s)) for one in plain] == list(made.HOSTILE)


def test_rules_and_lists_leave_out_what_has_ended() -> None:
    """On the day of its end a value is in neither."""
    told = made.telling((made.indicator(Kind.PREFIX), made.indicator(Kind.JA4)))
    later = made.LAST + dt.timedelta(days=30)
    assert len(_rules(sigma(told, TODAY, later))) == 1
    assert gateway_list(told, later).rows == 1
    assert sigma(told, TODAY, later + dt.timedelta(days=40)) == ""
    assert gateway_list(told, later + dt.timedelta(days=40)).rows == 0


def test_a_list_has_every_indicator_with_its_end() -> None:
    """Read back it is what was told."""
    told = made.telling()
    rows = list(csv.DictReader(io.StringIO(gateway_list(told, TODAY).text)))
    assert tuple(rows[0]) == COLUMNS
    assert {(row["kind"], row["value"]) for row in rows} == {
        (one.kind, one.value) for one in told.indicators
    }
    assert {row["expires"] for row in rows if row["kind"] == "prefix"} == {"2026-07-04"}


def test_no_cell_of_a_list_is_a_formula() -> None:
    """Such values are left out and counted, the others are letter for letter."""
    listed = gateway_list(made.hostile(), TODAY)
    rows = list(csv.reader(io.StringIO(listed.text)))[1:]
    assert not [cell for row in rows for cell in row if cell.startswith(tuple("=+-@\t\r|%"))]
    assert listed.rows == len(rows)
    assert listed.left_out == 2 * sum(text[0] in "=+-@|%" for text in made.HOSTILE)
    assert listed.rows + listed.left_out == len(made.hostile().indicators)
    known = {one.value for one in made.hostile().indicators}
    assert {row[1] for row in rows} <= known


@pytest.mark.parametrize("told", [made.telling(), made.hostile()], ids=["plain", "hostile"])
def test_misp_gives_back_the_same_indicators(told: Any) -> None:
    """Every pattern comes out of MISP's converter as it went in; an AS as MISP's own attribute."""
    event = misp_event(bundle([Approved(told, made.AT)], "P"), "P")
    event = event.get("Event", event)
    held = {
        attribute["value"]
        for one in event["Object"]
        if one["name"] == "stix2-pattern"
        for attribute in one["Attribute"]
        if attribute["object_relation"] == "stix2-pattern"
    }
    systems = {one["value"] for one in event.get("Attribute", []) if one["type"] == "AS"}
    assert held == {pattern_of(one) for one in told.indicators if one.kind != Kind.ASN}
    assert systems == {one.value for one in told.indicators if one.kind == Kind.ASN}
    assert "tlp:amber" in {tag["name"] for tag in event["Tag"]}
    json.dumps(event, ensure_ascii=True).encode("ascii")
