"""What peers told, read and weighed: hostile objects, age, corroboration, and what one can't do."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from stillwatch.cases import Store
from stillwatch.leads import MOST_WEIGHT
from stillwatch.peers.reading import ToldCampaign, told_campaigns
from stillwatch.peers.received import State, Told, decide, keep_posted, keep_pulled
from stillwatch.peers.registry import add_peer, dispute_peer
from stillwatch.peers.weighing import LEADS_A_PEER, leads, weighed
from stillwatch.sharing.indicators import Indicator, Kind
from stillwatch.sharing.sketches import sketch_value
from stillwatch.sharing.stix.fixed import EXTENSION
from stillwatch.signals.keys import network_keys
from tests.peers.conftest import ACTOR, checked, stix

TODAY = dt.date(2026, 6, 6)
DAY = dt.date(2026, 6, 4)
SKETCH = sketch_value([1, 2, 3])


def mark(value: str = SKETCH, kind: str = "sketch", name: str = "mark", **more: Any):
    """An indicator as Stillwatch tells it."""
    ours = {"kind": kind, "value": value, "accounts": 7}
    ours |= {"first_day": str(DAY), "last_day": str(DAY)}
    return stix(
        "indicator",
        name,
        valid_from="2026-06-01T00:00:00.000Z",
        confidence=80,
        extensions={EXTENSION: ours | more.pop("ours", {})},
        **more,
    )


def campaign(name: str = "one", **more: Any):
    """A campaign as Stillwatch tells it."""
    return stix("campaign", name, last_seen=f"{DAY}T00:00:00.000Z", **{"confidence": 100, **more})


def indicates(what: dict[str, Any], of: dict[str, Any]):
    """That an indicator is of a campaign."""
    made = stix("relationship", what["id"] + of["id"], relationship_type="indicates")
    return made | {"source_ref": what["id"], "target_ref": of["id"]}


def told(*values: dict[str, Any], peer: str = "al") -> list[Told]:
    """Objects as they were told."""
    return [
        Told(peer, one.id, one.version, one.type, one.body, "pull", "", State.ACCEPTED, None, None)
        for one in checked(*values)
    ]


def read(*marks: dict[str, Any]) -> list[Indicator]:
    """The indicators of one campaign that are read."""
    one = campaign()
    values = [one, *marks, *(indicates(m, one) for m in marks)]
    (found,) = told_campaigns(told(*values), TODAY)
    return list(found.indicators)


def test_a_campaign_is_read_with_its_marks():
    """In plain words: kind, value, and how sure its peer is."""
    (found,) = read(mark())
    assert (found.kind, found.value, found.confidence) == (Kind.SKETCH, SKETCH, 80)


@pytest.mark.parametrize(
    "bad",
    [
        mark(revoked=True),
        mark(valid_until="2026-06-05T00:00:00Z"),
        mark() | {"valid_from": "2026-07-01T00:00:00Z"},
        mark() | {"valid_from": "when"},
        mark(ours={"kind": "iris"}),
        mark(ours={"value": "x" * 5_000}),
        mark(ours={"value": ""}),
        mark(ours={"last_day": "2025-01-01"}),
        mark(ours={"last_day": 10**30}),
        mark(ours={"accounts": "many"}),
        mark(ours={"about": "everything"}),
        mark() | {"extensions": []},
        stix("indicator", "p", valid_from="2026-06-01T00:00:00Z", pattern="[file:name = 'a']"),
        stix("indicator", "q", valid_from="2026-06-01T00:00:00Z", pattern="x" * 50_000),
        stix(
            "indicator",
            "r",
            valid_from="2026-06-01T00:00:00Z",
            pattern="[ipv4-addr:value ISSUBSET '10.0.0.0/8']",
        ),
    ],
    ids=range(15),
)
def test_marks_that_are_none_are_left_out(bad: dict[str, Any]):
    """Revoked, ended, too old, of a kind that isn't, of too many people: the good one stays."""
    assert [one.value for one in read(bad, mark(name="good"))] == [SKETCH]


def test_others_networks_are_read_from_their_patterns():
    """Of one address or network, to the prefix that is looked for."""
    pattern = "[ipv4-addr:value = '192.0.2.7']"
    (found,) = read(stix("indicator", "n", valid_from="2026-06-01T00:00:00Z", pattern=pattern))
    assert (found.kind, found.value) == (Kind.PREFIX, "192.0.2.0/24")


def test_nobody_adds_to_what_another_peer_told():
    """A mark counts for a campaign of its own peer only."""
    one, good, bad = campaign(), mark(), mark(sketch_value([9]), name="bad")
    mine = told(one, good, indicates(good, one))
    theirs = told(bad, indicates(bad, one), peer="eve")
    found = told_campaigns([*mine, *theirs], TODAY)
    assert [(c.peer, [m.value for m in c.indicators]) for c in found] == [("al", [SKETCH])]


def made(
    peer: str, *bands: int, origin: str | None = None, confidence: int = 100, days: int = 0
) -> ToldCampaign:
    """A campaign that was told, with a sketch."""
    last = TODAY - dt.timedelta(days=days)
    marks = (Indicator(Kind.SKETCH, sketch_value(bands or (1, 2, 3)), 90, 9, last, last),)
    name = f"campaign--{peer}{bands}"
    return ToldCampaign(peer, name, origin or peer, confidence, last, "", (), marks)


def weights(*campaigns: ToldCampaign) -> list[float]:
    """Their leads' weights."""
    return [round(lead.weight, 3) for lead in weighed(campaigns, TODAY)]


def test_weight_falls_with_age_and_with_doubt():
    """By half in sixty days, in parts of its peer's own confidence, and to nothing."""
    assert weights(made("al")) == [0.9]
    assert weights(made("al", days=60)) == [0.45]
    assert weights(made("al", confidence=50)) == [0.45]
    assert weights(made("al", days=600)) == []


def test_corroboration_counts_once_an_origin():
    """Who passes on another's word adds nothing; who found the same by themselves does."""
    assert weights(made("al"), made("bo")) == [0.99, 0.99]
    assert weights(made("al", origin="x"), made("bo", origin="x")) == [0.9, 0.9]
    assert weights(made("al", origin="x"), made("al", 1, 2, origin="y")) == [0.9, 0.9]
    assert weights(made("al", 1, 2, 3), made("bo", 7, 8, 9)) == [0.9, 0.9]
    many = [made(f"p{i}") for i in range(30)]
    assert max(lead.weight for lead in weighed(many, TODAY)) <= MOST_WEIGHT


def test_a_flood_drowns_only_its_own_peer():
    """So many leads a peer; another's is there all the same."""
    flood = [made("eve", i, i + 1) for i in range(1, 400, 2)]
    found = weighed([*flood, made("al", 1_000)], TODAY)
    assert [lead.peers[0] for lead in found].count("eve") == LEADS_A_PEER
    assert [lead.peers[0] for lead in found].count("al") == 1


def test_what_can_not_be_looked_for_leads_nowhere():
    """Marks that are for people and gateways only, and values of another version."""
    ja4 = Indicator(Kind.JA4, "t13d1516h2_8daaf6152771_e5627efa2ab1", 90, 9, DAY, DAY)
    other = Indicator(Kind.SKETCH, "b9.0000000000000001", 90, 9, DAY, DAY)
    one = made("al")
    (lead,) = weighed([ToldCampaign(*list(vars(one).values())[:-1], (ja4, other))], TODAY)
    assert not len(lead.bands)
    assert lead.told == {"ja4": 1, "sketch": 1}
    assert weighed([ToldCampaign(*list(vars(one).values())[:-1], (ja4,))], TODAY) == []


def test_networks_are_those_of_signals():
    """A prefix is looked for by the key that an address of it has."""
    marks = tuple(
        Indicator(Kind.PREFIX, value, 90, 9, DAY, DAY)
        for value in ("192.0.2.0/24", "2001:db8:1::/48")
    )
    one = made("al")
    (lead,) = weighed([ToldCampaign(*list(vars(one).values())[:-1], marks)], TODAY)
    keys = network_keys(pa.array(["192.0.2.200", "2001:db8:1:7::9"]))
    assert np.array_equal(lead.networks, np.sort(keys))


def test_only_what_counts_makes_leads(store: Store):
    """Posted: not before a person took it in. Disputed, its peer or itself: no more."""
    one, good = campaign(), mark()
    objects = checked(one, good, indicates(good, one))
    bo = add_peer(store, "bo", None, None, ACTOR)
    keep_posted(store, bo, objects)
    assert leads(store, TODAY) == []
    decide(store, "bo", None, State.ACCEPTED, "we know them", ACTOR)
    assert [lead.peers for lead in leads(store, TODAY)] == [("bo",)]
    decide(store, "bo", good["id"], State.DISPUTED, "a class", ACTOR)
    assert leads(store, TODAY) == []
    al = add_peer(store, "al", "http://127.0.0.1:9/", None, ACTOR)
    keep_pulled(store, al, "c", objects, "2026-06-05T00:00:00.000000Z")
    assert [lead.peers for lead in leads(store, TODAY)] == [("al",)]
    dispute_peer(store, "al", "hacked", ACTOR)
    assert leads(store, TODAY) == []


def test_a_revocation_takes_out_what_was_told(store: Store):
    """Its own peer's later word on a mark, and on the campaign."""
    one, good = campaign(), mark()
    al = add_peer(store, "al", "http://127.0.0.1:9/", None, ACTOR)
    at = "2026-06-05T00:00:00.00000{}Z"
    keep_pulled(store, al, "c", checked(one, good, indicates(good, one)), at.format(1))
    assert len(leads(store, TODAY)) == 1
    taken = campaign(revoked=True) | {"modified": "2026-06-05T00:00:00.000Z"}
    keep_pulled(store, al, "c", checked(taken), at.format(2))
    assert leads(store, TODAY) == []


def test_until_a_time_only_what_had_come_by_then(store: Store):
    """So that a run as of a day knows nothing that came later."""
    one, good = campaign(), mark()
    al = add_peer(store, "al", "http://127.0.0.1:9/", None, ACTOR)
    objects = checked(one, good, indicates(good, one))
    keep_pulled(store, al, "c", objects, "2026-06-05T00:00:00.000000Z")
    long_ago = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    assert leads(store, TODAY, until=long_ago) == []
    assert len(leads(store, TODAY, until=dt.datetime.now(dt.UTC))) == 1


def test_bodies_are_pure_ascii():
    """Whatever a peer writes, what is kept can be printed."""
    (one,) = checked(campaign("\u202e\x1b[2J\u0000"))
    assert one.body.isascii()
    assert json.loads(one.body)["name"].startswith("\u202e")
