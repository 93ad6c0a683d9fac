"""What is told of a case: counted by brute force, and nothing of customers in any format."""

from __future__ import annotations

import dataclasses
import ipaddress
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from stillwatch import tables
from stillwatch.cases import State, Store, change_state, get_case, open_cases
from stillwatch.errors import SharingRefused
from stillwatch.findings import Findings
from stillwatch.lake import Lake
from stillwatch.privacy import Privacy
from stillwatch.sharing import carriers
from stillwatch.sharing.carriers import Look, People, look
from stillwatch.sharing.drawing_up import Draft, Wishes, draw_up
from stillwatch.sharing.gateway_list import gateway_list
from stillwatch.sharing.indicators import ActorKind, Attribution, Kind, rounded
from stillwatch.sharing.keyed import keyed
from stillwatch.sharing.misp import misp_event
from stillwatch.sharing.selection import Limits
from stillwatch.sharing.sigma import sigma
from stillwatch.sharing.sketches import sketch_bands
from stillwatch.sharing.stix.bundle import Approved, bundle
from stillwatch.signals.extract import signals
from stillwatch.signals.keys import string_keys
from tests.sharing import made, world


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log."""
    return world.lake(tmp_path_factory.mktemp("world"))


@pytest.fixture
def found() -> Findings:
    """Its findings."""
    return world.findings()


@pytest.fixture
def store(found: Findings, tmp_path: Path) -> Iterator[Store]:
    """With both cases confirmed."""
    opened = Store.open(tmp_path / "cases.db", create=True)
    open_cases(opened, found, "setup")
    for number in (1, 2):
        case = change_state(opened, get_case(opened, number).seen, State.IN_REVIEW, "ana", "look")
        change_state(opened, case.seen, State.CONFIRMED, "ana", "twins")
    yield opened
    opened.close()


def _drawn(store: Store, found: Findings, lake: Path, **more: Any) -> Draft:
    wishes = Wishes(**{"key": made.KEY, **more})
    return draw_up(store, 1, found, lake, made.NAME, wishes, world.TODAY)


def _keys(names: list[str]) -> np.ndarray:
    return np.unique(string_keys(pa.array(names)))


def test_counts_are_those_of_brute_force(lake: Path) -> None:
    """Of every value, its carriers among members and among honest accounts, once each."""
    rows = world.exchange_rows()
    mine = [row["exchange_id"] for row in rows if row["account_id"] in world.MEMBERS]
    people = People(
        _keys(world.MEMBERS), np.sort(_keys(world.HONEST)), _keys(mine), np.zeros(0, np.uint64)
    )
    seen = look(Lake.open(lake), people, 5, 0.5)
    expected: dict[tuple[Kind, str], tuple[int, int]] = {}
    for kind, values in _carried_by_hand(rows).items():
        for value, accounts in values.items():
            members = len(accounts & set(world.MEMBERS))
            if members >= 5:
                expected[kind, value] = members, len(accounts & set(world.HONEST))
    assert _as_counted(seen) == expected
    assert not any(one.more for one in seen.carried)


def test_what_is_popular_is_counted_no_further(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Than it takes to know that it can't be told; what is rare is counted in full."""
    monkeypatch.setattr(carriers, "COUNTED", 4)
    mine = [row["exchange_id"] for row in world.exchange_rows()]
    no_bands = np.zeros(0, np.uint64)
    people = People(_keys(world.MEMBERS), _keys(world.HONEST), _keys(mine), no_bands)
    by_value = {one.text: one for one in look(Lake.open(lake), people, 5, 0.0).carried}
    assert by_value["popular/1"].more
    assert (by_value["harvester/141.0.0.2"].honest, by_value["harvester/141.0.0.2"].more) == (
        0,
        False,
    )


def _carried_by_hand(rows: list[dict[str, Any]]) -> dict[Kind, dict[str, set[str]]]:
    out: dict[Kind, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for row in rows:
        who = row["account_id"]
        out[Kind.USER_AGENT][row["user_agent"]].add(who)
        out[Kind.JA4][row["ja4"]].add(who)
        out[Kind.ASN][str(row["asn"])].add(who)
        out[Kind.DEVICE][row["device_id"]].add(who)
        out[Kind.SYSTEM][row["system"]].add(who)
        out[Kind.PREFIX][_network(row["ip"])].add(who)
        if row.get("tools"):
            out[Kind.TOOLS]["\n".join(row["tools"])].add(who)
        told = sorted(f"{k}={v}" for k, v in row["headers"] if k != "cookie")
        out[Kind.HEADERS]["; ".join(told)].add(who)
    for row in world.account_rows():
        out[Kind.PAYMENT][row["payment_id"]].add(row["account_id"])
        out[Kind.EMAIL_DOMAIN][row["email_domain"]].add(row["account_id"])
    return out


def _network(address: str) -> str:
    try:
        size = 24 if ipaddress.ip_address(address).version == 4 else 48
    except ValueError:
        return address
    return str(ipaddress.ip_network(f"{address}/{size}", strict=False))


def _as_counted(seen: Look) -> dict[tuple[Kind, str], tuple[int, int]]:
    return {
        (one.kind, _network(one.text) if one.kind == Kind.PREFIX else one.text): (
            one.accounts,
            one.honest,
        )
        for one in seen.carried
        if one.kind != Kind.SKETCH
    }


def test_what_is_told(store: Store, found: Findings, lake: Path) -> None:
    """Exactly what many members carry and no honest account does, as much as it is safe to say."""
    told = _drawn(store, found, lake).telling
    plain = {(i.kind, i.value) for i in told.indicators if i.kind not in {"sketch", "centroid"}}

    def hashed(kind: Kind, value: str) -> tuple[Kind, str]:
        return kind, str(keyed(made.KEY, "2026-06", kind, value))

    assert plain == {
        (Kind.PREFIX, "8.8.8.0/24"),
        (Kind.PREFIX, "2600:1:2::/48"),
        (Kind.ASN, "AS64400"),
        (Kind.USER_AGENT, "harvester/141.0.0.2"),
        (Kind.HEADERS, "x-app=graders; x-stainless-lang=js"),
        (Kind.JA4, world.JA4),
        hashed(Kind.DEVICE, "CANARY-shared"),
        hashed(Kind.PAYMENT, "CANARY-card"),
        hashed(Kind.EMAIL_DOMAIN, "canary-mail.example"),
        hashed(Kind.SYSTEM, "CANARY you grade"),
        hashed(Kind.TOOLS, "CANARY_read\nwrite"),
    }
    assert {i.about for i in told.indicators if i.kind == Kind.CENTROID} == {"", "grading"}
    assert (told.accounts, told.exchanges) == (rounded(12), rounded(144))
    assert told.capabilities == {"grading": 95, "chat": 5}
    assert all(i.confidence <= 98 for i in told.indicators)


def test_why_the_rest_is_withheld(store: Store, found: Findings, lake: Path) -> None:
    """Each with a reason that a person can check."""
    withheld = _drawn(store, found, lake).withheld
    why = {(one.kind, one.what): one.why for one in withheld}
    assert "1.25% of honest accounts" in why[Kind.PREFIX, "8.8.4.0/24"]
    assert "no public address" in why[Kind.PREFIX, "10.0.0.9"]
    assert "no address" in why[Kind.PREFIX, "nonsense"]
    assert "100.00% of honest accounts" in why[Kind.USER_AGENT, "popular/1"]
    assert "names an account or an organisation" in why[Kind.USER_AGENT, "CANARY-org-bot/1"]
    assert "secret or somebody's address" in why[Kind.USER_AGENT, "bot (CANARY@example.org)"]
    assert "plain printable" in why[Kind.USER_AGENT, r"b\x1bt"]
    few = {one.kind: one.things for one in withheld if one.what == "values that few carry"}
    assert few[Kind.PREFIX] == 12
    assert few[Kind.DEVICE] == 6


def test_without_a_key_no_hash_is_told(store: Store, found: Findings, lake: Path) -> None:
    """A plain hash would be the value."""
    made_without = _drawn(store, found, lake, key=None)
    kinds = {one.kind for one in made_without.telling.indicators}
    assert not kinds & {Kind.DEVICE, Kind.PAYMENT, Kind.SYSTEM, Kind.TOOLS, Kind.EMAIL_DOMAIN}
    assert any("without a group's key" in one.why for one in made_without.withheld)


def test_only_what_is_common_is_in_a_sketch(store: Store, found: Findings, lake: Path) -> None:
    """Bands of the template are told; those that what one account filled in goes into are not."""
    (sketch,) = (i for i in _drawn(store, found, lake).telling.indicators if i.kind == Kind.SKETCH)
    told, all_of_it = sketch_bands(sketch.value), set(found.frames["sketch"].to_pylist()[0])
    assert told < all_of_it
    counted: dict[int, set[str]] = defaultdict(set)
    rows = [row for row in world.exchange_rows() if row["account_id"] in world.MEMBERS]
    batch = pa.Table.from_pylist(rows, schema=tables.EXCHANGES).combine_chunks().to_batches()[0]
    for row, bands in zip(rows, signals(batch).column("bands").to_pylist(), strict=True):
        for band in bands:
            counted[band].add(row["account_id"])
    assert told == {band for band in all_of_it if len(counted[band]) >= 5}


def test_nothing_of_customers_is_in_any_format(store: Store, found: Findings, lake: Path) -> None:
    """Neither a word of a text, nor an account, organisation, exchange, or raw identifier."""
    told = _drawn(store, found, lake).telling
    stix = bundle([Approved(told, made.AT)], "Example Provider")
    leaves = [
        json.dumps(told.to_json()),
        json.dumps(stix),
        json.dumps(misp_event(stix, "Example Provider")),
        sigma(told, world.TODAY, world.TODAY),
        gateway_list(told, world.TODAY).text,
    ]
    for text in leaves:
        assert "canary" not in text.lower()
        assert "c-one" not in text
        assert "strict grader" not in text


def test_limits_hold_as_they_are_set(store: Store, found: Findings, lake: Path) -> None:
    """More accounts are asked for, and less is told; more honest ones allowed, and more is."""
    strict = _drawn(store, found, lake, limits=Limits(least_accounts=8)).telling
    assert not [i for i in strict.indicators if i.kind in {Kind.DEVICE, Kind.PAYMENT}]
    loose = Limits(most_honest=0.02, least_right=0.5)
    values = {i.value: i for i in _drawn(store, found, lake, limits=loose).telling.indicators}
    assert values["8.8.4.0/24"].confidence < values["8.8.8.0/24"].confidence


def test_whom_people_cleared_is_honest(store: Store, found: Findings, lake: Path) -> None:
    """What only a flagged account carried counts against an indicator, once people reject it."""
    before = _drawn(store, found, lake)
    case = change_state(store, get_case(store, 2).seen, State.IN_REVIEW, "ana", "look again")
    change_state(store, case.seen, State.REJECTED, "ana", "it is a class")
    after = _drawn(store, found, lake)
    assert after.honest == before.honest + 1
    assert not [i for i in after.telling.indicators if i.kind == Kind.SKETCH]
    assert [i for i in before.telling.indicators if i.kind == Kind.SKETCH]


def test_what_people_write_is_read_too(store: Store, found: Findings, lake: Path) -> None:
    """A note or a name that gives somebody away is refused."""
    for note in (
        "ask ana@example.org",
        f"see {world.MEMBERS[0]}",
        "the key is sk-abcdefghijklmnop1",
        "read \x1b[31mthis",
        "backwards \u202egnp",
    ):
        with pytest.raises(SharingRefused, match="the note"):
            _drawn(store, found, lake, note=note)
    with pytest.raises(SharingRefused, match="the attribution"):
        _drawn(store, found, lake, attribution=Attribution(ActorKind.THREAT_ACTOR, "CANARY-org"))


def test_too_few_honest_accounts_are_no_ground(store: Store, found: Findings, lake: Path) -> None:
    """None of a hundred carrying something says little of a million."""
    few = dataclasses.replace(found, accounts=found.accounts.slice(0, 200))
    with pytest.raises(SharingRefused, match="too few to say"):
        _drawn(store, few, lake)


def test_honest_accounts_are_counted_in_the_log(
    store: Store, found: Findings, lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What findings know and the log no longer has, after retention or in another log, says
    nothing of whom an indicator would hit."""
    assert _drawn(store, found, lake).honest == len(world.HONEST)
    gone = set(_keys(world.HONEST[:150]).tolist())

    def kept(self: Lake, *args: Any, **more: Any) -> Iterator[Any]:
        for fragment in whole(self, *args, **more):
            yield lambda fragment=fragment: _without(fragment(), gone)

    whole = Lake.fragments
    monkeypatch.setattr(Lake, "fragments", kept)
    with pytest.raises(SharingRefused, match="of its findings the log has 250 honest accounts"):
        _drawn(store, found, lake)


def _without(batch: pa.RecordBatch, gone: set[int]) -> pa.RecordBatch:
    mine = [key not in gone for key in string_keys(batch.column("account_id")).tolist()]
    return batch.filter(pa.array(mine))


def test_of_a_lake_of_names_no_name_is_told(
    store: Store, found: Findings, lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hashes of names would match nobody's; and whether a client's text names a customer can't be
    seen where customers have other names. Texts are as they were sent."""
    monkeypatch.setattr(Lake, "privacy", Privacy(keys="019fe02bfc24219b"))
    made_of_names = _drawn(store, found, lake)
    kinds = {one.kind for one in made_of_names.telling.indicators}
    clients = {Kind.USER_AGENT, Kind.HEADERS}
    assert not kinds & {Kind.DEVICE, Kind.PAYMENT, Kind.EMAIL_DOMAIN, *clients}
    assert kinds > {Kind.SYSTEM, Kind.SKETCH, Kind.CENTROID, Kind.JA4}
    assert any("which no peer has" in one.why for one in made_of_names.withheld)


def test_only_confirmed_cases(store: Store, found: Findings, lake: Path) -> None:
    """And only what the decision covers."""
    change_state(store, get_case(store, 1).seen, State.APPEALED, "ana", "they say")
    with pytest.raises(SharingRefused, match="Only confirmed cases"):
        _drawn(store, found, lake)
