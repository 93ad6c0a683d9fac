"""Two deployments with customers of their own: what one tells, the other one finds; a liar's word
flags nobody."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import stillwatch as sw
from benchmarks.peers import FOOTPRINT, Deployments, deployments, exchange, outcome, tell
from stillwatch.cases import Store
from stillwatch.errors import PeerRefused, PrivacyRefused
from stillwatch.lake import Lake
from stillwatch.leads import Centre, Lead
from stillwatch.peers.reading import told_campaigns
from stillwatch.peers.received import State, decide, evidence, told
from stillwatch.peers.received import Told as Kept
from stillwatch.peers.registry import dispute_peer
from stillwatch.peers.seen import item_of, prefix_of, seen
from stillwatch.peers.weighing import leads, weighed
from stillwatch.privacy import Privacy
from stillwatch.sharing.indicators import Kind, Telling
from stillwatch.sharing.keyed import GroupKey
from stillwatch.signals.extract import READS, signals
from stillwatch.statistics.mmd import Means
from stillwatch.tables import CONTENT_COMPONENTS


class Told(NamedTuple):
    """What a module's tests look at: made, told and pulled once."""

    made: Deployments
    telling: Telling
    evidence: list[Kept]
    leads: list[Lead]
    helped: sw.Findings
    out: Path


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """Two deployments, after the one told the other over TAXII."""
    out = tmp_path_factory.mktemp("both")
    made = deployments(out, seed=1, manner="framed", each=80, scale=0.004)
    telling = tell(made, out)
    store = exchange([telling], out, made.today)
    kept, found = evidence(store), leads(store, made.today)
    store.close()
    return Told(made, telling, kept, found, sw.detect(made.second, leads=found, threads=1), out)


def test_alone_nothing_is_found(both: Told):
    """The footprint is below what the second deployment finds by itself, and so is all else."""
    alone = outcome(both.made, sw.detect(both.made.second, threads=1))
    assert (alone.found, alone.honest) == (0, 0)


def test_told_the_footprint_is_found_and_nobody_else(both: Told):
    """Most of the ten accounts, none of the honest ones, and a campaign that is sure enough."""
    helped = outcome(both.made, both.helped)
    assert helped.honest == 0
    assert helped.found >= FOOTPRINT / 2
    assert helped.confidence >= 0.95


def test_evidence_says_who_told_and_what_was_found_here(both: Told):
    """The peer's word is one reason, with its figures, and counts for less than the log's own."""
    rows = [r for r in both.helped.evidence.to_pylist() if r["account_id"] is None]
    word = next(r for r in rows if r["kind"] == "told_by_peers")
    own = [r["weight"] for r in rows if r["kind"] not in ("told_by_peers", "rival")]
    assert 0 < word["weight"] <= 1.0 < sum(own)
    detail = json.loads(word["detail"])
    assert (detail["peers"], detail["lead"]) == ("al", both.leads[0].name)
    assert detail["told_sketch"] > 0
    assert both.helped.run["leads"][0]["dropped"] is False


def test_what_is_told_holds_no_text_and_no_account(both: Told):
    """Not one account of the first deployment, honest or not, is in what was told."""
    sent = json.dumps(both.telling.to_json())
    assert not [name for name in both.made.at_first | both.made.at_second if name in sent]
    assert both.telling.indicators


def test_disputed_it_leads_nowhere(both: Told):
    """One indicator after the other, or the peer at once."""
    store = Store.open(both.out / "second.db")
    try:
        campaign = next(one for one in told(store) if one.type == "campaign")
        decide(store, "al", campaign.object_id, State.DISPUTED, "our own batch jobs", "bo")
        assert leads(store, both.made.today) == []
        decide(store, "al", campaign.object_id, State.ACCEPTED, "a mistake", "bo")
        assert len(leads(store, both.made.today)) == 1
        dispute_peer(store, "al", "hacked", "bo")
        assert leads(store, both.made.today) == []
    finally:
        store.close()


def test_too_old_it_leads_nowhere(both: Told):
    """By half in sixty days; after half a year nothing of it is in force."""

    def weights(days: int) -> list[float]:
        day = both.made.today + dt.timedelta(days=days)
        return [lead.weight for lead in weighed(told_campaigns(both.evidence, day), day)]

    (now,), (later,) = weights(0), weights(60)
    assert later == pytest.approx(now / 2, rel=0.02)
    assert weights(200) == []


def honest_lead(both: Told, role: str, **more: object) -> Lead:
    """A lie: what one kind of honest account sends here, told as a campaign's with all weight."""
    mine = {name for name, of in both.made.roles.items() if of == role}
    sw.ingest([both.made.second], lake=both.out / "lake2")
    bands: list[np.ndarray] = []
    for fragment in Lake.open(both.out / "lake2").fragments(READS):
        batch = fragment()
        chosen = [name in mine for name in batch.column("account_id").to_pylist()]
        sent = signals(batch).column("bands").flatten().to_numpy().reshape(-1, 8)
        bands.append(sent[np.array(chosen)].ravel())
    keys = np.unique(np.concatenate(bands))
    lie = Lead("campaign--lie", ("eve",), 1.0, keys[keys != 0], keys[:0], (), {"sketch": len(keys)})
    return dataclasses.replace(lie, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("role", ["batch", "classroom", "evaluation", "agent"])
def test_a_liar_flags_nobody(both: Told, role: str):
    """All that the look-alikes of a campaign send is told as one's, with the most weight there is:
    still no honest account is flagged."""
    found = sw.detect(both.made.second, leads=[honest_lead(both, role)], threads=1)
    assert outcome(both.made, found).honest == 0
    assert found.run["leads"][0]["accounts_looked_at"] > 100


def test_a_poisoned_collection_is_dropped_whole(both: Told):
    """Marks of everybody are nobody's: the lead says so in the run's record, and others hold."""
    everything = Centre(
        -1, Means(np.ones(1), np.zeros((1, CONTENT_COMPONENTS), np.float32), np.zeros(1)), 9.0
    )
    lie = honest_lead(both, "person", centres=(everything,))
    found = sw.detect(both.made.second, leads=[lie, *both.leads], threads=1)
    assert [(told["lead"], told["dropped"]) for told in found.run["leads"]] == [
        ("campaign--lie", True),
        (both.leads[0].name, False),
    ]
    assert outcome(both.made, found) == outcome(both.made, both.helped)


def test_a_lead_changes_nothing_where_nothing_carries_it(both: Told):
    """Findings are those without it, row by row."""
    nowhere = dataclasses.replace(
        both.leads[0], bands=np.array([7], np.uint64), centres=(), name="campaign--nowhere"
    )
    alone = sw.detect(both.made.second, threads=1)
    asked = sw.detect(both.made.second, leads=[nowhere], threads=1)
    for name in ("campaigns", "members", "exchanges", "evidence", "accounts"):
        assert getattr(asked, name).equals(getattr(alone, name)), name


def test_what_was_seen_is_of_members_only(both: Told):
    """Cards, devices and networks of the accounts of campaigns, hashed; of nobody else."""
    sw.ingest([both.made.second], lake=both.out / "lake2")
    lake, group = Lake.open(both.out / "lake2"), GroupKey(bytes(range(32)))
    made = seen(lake, both.helped, (), group, "2026-06")
    members = set(both.helped.members["account_id"].to_pylist())
    accounts = {row["account_id"]: row for row in lake.accounts().to_pylist()}
    wanted = {
        item_of(group, "2026-06", Kind.PAYMENT, accounts[name]["payment_id"])
        for name in members
        if accounts[name]["payment_id"]
    }
    for batch in lake.scan(["account_id", "ip", "device_id"]):
        for row in batch.to_pylist():
            if row["account_id"] in members:
                prefix = prefix_of(row["ip"] or "")
                found = ((Kind.PREFIX, prefix), (Kind.DEVICE, row["device_id"]))
                wanted |= {item_of(group, "2026-06", kind, v) for kind, v in found if v}
    assert made.items == tuple(sorted(wanted))
    assert len(made.items) >= len(members)
    with pytest.raises(PeerRefused, match="is no campaign"):
        seen(lake, both.helped, ["c-none"], group, "2026-06")


def test_names_are_not_compared(both: Told, monkeypatch: pytest.MonkeyPatch):
    """A peer has other names for the same cards: that nothing is shared would be no answer."""
    sw.ingest([both.made.second], lake=both.out / "lake3")
    monkeypatch.setattr(Lake, "privacy", Privacy(keys="019fe02bfc24219b"))
    with pytest.raises(PrivacyRefused, match="holds names in place of cards"):
        seen(Lake.open(both.out / "lake3"), both.helped, (), GroupKey(bytes(range(32))), "2026-06")
