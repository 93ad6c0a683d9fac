"""Bundles: valid by the public validator's strict mode, stable, and updated in place."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from typing import Any

import pytest
import stix2
from stix2patterns.v21.pattern import Pattern
from stix2validator import ValidationOptions, validate_instance

from stillwatch.errors import SharingRefused
from stillwatch.sharing.indicators import Kind, Telling, Tlp
from stillwatch.sharing.stix.bundle import Approved, bundle
from stillwatch.sharing.stix.fixed import EXTENSION, TECHNIQUES
from tests.sharing import made

LATER = made.AT + dt.timedelta(days=3)


def _checked(told: dict[str, Any]) -> dict[str, Any]:
    """The bundle, once the validator has no error and no warning for it."""
    result = validate_instance(
        told, ValidationOptions(strict=True, version="2.1", enforce_refs=True)
    )
    errors = [str(error) for one in [result] for error in one.errors or ()]
    assert result.is_valid, errors
    stix2.parse(told, allow_custom=False)
    return told


def _of(told: dict[str, Any], type_: str) -> list[dict[str, Any]]:
    return [one for one in told["objects"] if one["type"] == type_]


@pytest.mark.parametrize("tlp", Tlp)
def test_is_valid_in_strict_mode(tlp: Tlp) -> None:
    """Every kind of indicator, every marking."""
    told = _checked(bundle([Approved(made.telling(tlp=tlp), made.AT)], "Example Provider"))
    assert len(_of(told, "indicator")) == len(Kind) + 1
    known = {
        ref["external_id"]
        for one in _of(told, "attack-pattern")
        for ref in one["external_references"]
    }
    assert known == set(TECHNIQUES)
    assert {"report", "sighting", "note", "intrusion-set", "infrastructure"} <= {
        one["type"] for one in told["objects"]
    }


def test_the_bare_minimum_is_valid_too() -> None:
    """No indicator, nobody attributed, no note, no capability."""
    bare = made.telling((), attribution=None, note=None, capabilities={})
    told = _checked(bundle([Approved(bare, made.AT)], "P"))
    assert not _of(told, "indicator")
    assert not _of(told, "intrusion-set")


def test_hostile_text_stays_inside_its_quotes() -> None:
    """Each pattern compares one header or fingerprint with exactly the text, and nothing else."""
    told = _checked(bundle([Approved(made.hostile(), made.AT)], "P'] \" <b>"))
    for one in _of(told, "indicator"):
        (compared,) = Pattern(one["pattern"]).inspect().comparisons.values()
        ((_, operator, literal),) = compared
        assert operator == "="
        text = literal[1:-1].replace("\\'", "'").replace("\\\\", "\\")
        assert one["extensions"][EXTENSION]["value"].removeprefix("x-app=") == text


def test_a_second_export_is_the_same() -> None:
    """To the last byte."""
    past = [Approved(made.telling(), made.AT)]
    assert json.dumps(bundle(past, "P")) == json.dumps(bundle(past, "P"))


def _ids(told: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["id"]: one for one in told["objects"]}


def test_an_update_makes_later_versions_of_the_same_objects() -> None:
    """What is told no more ends; nothing is doubled."""
    gone, stays, new = (made.indicator(Kind.PREFIX, at=at) for at in range(3))
    first = Approved(made.telling((gone, stays)), made.AT)
    second = Approved(made.telling((dataclasses.replace(stays, accounts=50), new)), LATER)
    before, after = _ids(bundle([first], "P")), _ids(_checked(bundle([first, second], "P")))
    assert {i for i in before if i.startswith(("campaign", "indicator", "report"))} <= set(after)
    for id_, one in before.items():
        if id_ in after and id_.startswith(("campaign", "indicator")):
            assert after[id_]["created"] == one["created"]
            assert after[id_]["modified"] > one["modified"]
    by_value = {
        one["extensions"][EXTENSION]["value"]: one
        for one in _of({"objects": list(after.values())}, "indicator")
    }
    assert by_value[gone.value]["valid_until"] == "2026-06-08T00:00:00.000Z"
    assert by_value[stays.value]["valid_until"] > "2026-07"
    assert by_value[new.value]["created"] == "2026-06-08T09:30:00.123Z"


def test_a_revocation_revokes_every_object_of_the_campaign() -> None:
    """And none that isn't the campaign's own."""
    past = [Approved(made.telling(), made.AT)]
    told, taken = _ids(bundle(past, "P")), _ids(_checked(bundle(past, "P", LATER)))
    own = {i for i, one in taken.items() if one.get("revoked")}
    assert own == {i for i, one in told.items() if "object_marking_refs" in one}
    assert all(taken[i]["modified"] > told[i]["modified"] for i in own)


def test_names_of_ours_are_not_in_it() -> None:
    """A telling is all that a bundle is made of."""
    with pytest.raises(SharingRefused, match="nothing was approved"):
        bundle([], "P")


def test_a_telling_survives_json() -> None:
    """And what isn't one is refused."""
    told = made.hostile()
    again = Telling.from_json(json.loads(json.dumps(told.to_json())))
    assert again == told
    for broken in ({}, {**told.to_json(), "tlp": "white"}, {**told.to_json(), "confidence": 101}):
        with pytest.raises(SharingRefused, match="can't be read"):
            Telling.from_json(broken)
