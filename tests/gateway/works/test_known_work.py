"""A campaign's new heads are known by their work, and honest new accounts aren't taken for them."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from stillwatch.campaigns.attribution import Asked, told_of
from stillwatch.enforcing import Published, _decided, publish
from stillwatch.findings import Findings
from stillwatch.gateway.folder import Folder
from stillwatch.gateway.gate import Gate, _Loaded
from stillwatch.gateway.request import Request
from stillwatch.gateway.state import SLOT
from stillwatch.gateway.works.access import CAME
from stillwatch.gateway.works.counting import carry_over
from stillwatch.gateway.works.learn import Works, learn, no_works
from stillwatch.gateway.works.recogniser import _digest
from stillwatch.gateway.works.told import models_of, told
from stillwatch.ladder import Action
from stillwatch.pipeline import detect, ingest, last_judgement
from stillwatch.policy import Plan, Policy, default_policy
from stillwatch.policy.breaker import Trip
from stillwatch.tables import DECISIONS
from stillwatch.worlds import make_world
from tests.gateway.made import NOW, decision

DAYS = 22
READ = """
ts account_id org_id surface model system prompt turns tools tools_digest max_tokens temperature
thinking ip user_agent ja4 device_id
"""


def wide() -> Policy:
    """The default policy, live, with room for a world of which a third is a campaign's."""
    made = default_policy()
    return replace(
        made,
        live=True,
        budget=replace(
            made.budget,
            accounts_a_day=10**6,
            honest_exchanges_a_day=1e9,
            share_of_accounts=1.0,
            share_of_org=1.0,
        ),
        breaker=replace(
            made.breaker,
            share_of_org=1.0,
            share_of_accounts=1.0,
            jump_accounts=10**6,
            refused_share=1.0,
        ),
        recognition=replace(made.recognition, action=Action.DENY, false_rate=1e-3),
    )


@dataclass(frozen=True)
class Taken:
    """A world whose campaigns replace their accounts, taken down after `DAYS` days."""

    log: Path
    lake: Path
    gate: Path
    findings: Findings
    published: Published
    rest: list[Path]

    def new_requests(self) -> Iterator[Request]:
        """What accounts sent afterwards that nobody had seen before."""
        seen = self.findings.accounts["account_id"].combine_chunks()
        for day in self.rest:
            table = pq.read_table(day, columns=READ.split()).sort_by("ts")
            table = table.filter(pc.invert(pc.is_in(table["account_id"], value_set=seen)))
            place = table.schema.get_field_index("ts")
            for row in table.set_column(place, "ts", table["ts"].cast(pa.int64())).to_pylist():
                yield Request(**row | {"tools": None if row["tools"] is None else (*row["tools"],)})


@pytest.fixture(scope="module")
def taken(tmp_path_factory) -> Taken:
    """Detected and published once."""
    base = tmp_path_factory.mktemp("churn")
    make_world("churn", base / "log", scale=0.015, seed=1207)
    days = sorted((base / "log/exchanges").glob("*.parquet"))
    (base / "first/exchanges").mkdir(parents=True)
    for day in days[:DAYS]:
        (base / "first/exchanges" / day.name).symlink_to(day)
    (base / "first/accounts.parquet").symlink_to(base / "log/accounts.parquet")
    ingest([base / "first"], lake=base / "lake")
    findings = detect(base / "lake")
    now = dt.datetime.fromtimestamp(
        pc.max(findings.accounts["last_ts"]).as_py().timestamp(), dt.UTC
    )
    made = publish(base / "gate", findings, wide(), now=now, lake=base / "lake")
    return Taken(base / "log", base / "lake", base / "gate", findings, made, days[DAYS:])


def test_new_heads_are_known_and_honest_new_accounts_are_let_alone(taken: Taken) -> None:
    """Of a world that nothing was tuned on: most who harvest on are refused, and nobody honest."""
    labels = pq.read_table(taken.log / "labels/accounts.parquet")
    campaign = dict(zip(*(labels[n].to_pylist() for n in ("account_id", "campaign")), strict=True))
    gate, sent, known = Gate(taken.gate), Counter[str](), dict[str, int]()
    for asked in taken.new_requests():
        sent[asked.account_id] += 1
        answer = gate.decide(asked)
        if answer.status == 403 and asked.account_id not in known:
            known[asked.account_id] = sent[asked.account_id]
            assert answer.reasons == ("known_work",)
            found = gate.look_up(answer.decision_id)
            assert found is not None
            assert found["account_id"] == asked.account_id
    harvest = [a for a in sent if campaign[a] and sent[a] >= 20]
    honest = [a for a in sent if not campaign[a]]
    assert len(harvest) > 200
    assert len(honest) > 200
    assert not [a for a in honest if a in known]
    assert sum(a in known for a in harvest) > 0.6 * len(harvest)
    assert np.median([known[a] for a in harvest if a in known]) <= 40


def test_without_an_action_nobody_is_looked_at(taken: Taken, tmp_path: Path) -> None:
    """Recognition is the policy's to ask for."""
    policy = wide()
    policy = replace(policy, recognition=replace(policy.recognition, action=None))
    now = taken.published.plan.at
    publish(tmp_path, taken.findings, policy, now=now, lake=taken.lake)
    gate = Gate(tmp_path)
    assert {gate.decide(asked).status for asked in list(taken.new_requests())[:3_000]} == {200}


def test_requests_are_told_as_the_judgement_tells_threads(taken: Taken) -> None:
    """The compiled models say what `campaigns.attribution` says, to the last digit that counts."""
    rng = np.random.default_rng(5)
    with last_judgement(taken.lake) as last:
        assert last is not None
        judgement, columns, rows = last
        precedents = judgement.grounds.precedents
    chosen = np.sort(rng.choice(rows, 3_000, replace=False))
    codes = np.column_stack(
        [rng.integers(0, width, 3_000) for width in (256, 10, 64, 11, 7, 8, 3, 3)]
    ).astype(np.uint8)
    codes[:, 1] = columns["capability"][chosen]
    keys = np.column_stack([columns[name][chosen] for name in ("opening", "closing")])
    mine = told(codes, keys, models_of(precedents))
    asked = Asked(np.arange(3_000), np.zeros(3_000, int), codes, keys)
    for k, precedent in enumerate(precedents):
        theirs = told_of(asked, precedent.model, precedent.typical)
        np.testing.assert_allclose(mine[:, k], theirs, atol=1e-9)


def test_a_finding_that_is_held_is_nobodys_work(taken: Taken, tmp_path: Path) -> None:
    """Where the breaker holds the plan, nothing is recognised by it either."""
    policy = replace(wide(), breaker=default_policy().breaker)
    made = publish(tmp_path, taken.findings, policy, now=taken.published.plan.at, lake=taken.lake)
    assert made.plan.trips
    assert made.works == ()


def test_works_are_of_what_is_decided_on_and_not_held_by_the_breaker() -> None:
    """Be it observed only, or held by a budget; the largest first."""
    stood = [("a", "in_force", "deny"), ("b", "in_force", "observe"), ("b", "held", "deny")]
    stood += [("b", "dry_run", "deny"), ("c", "waiting", "deny"), ("d", "ended", "deny")]
    rows = [
        decision(f"{campaign} {at}", action, campaign_id=campaign, standing=standing)
        for at, (campaign, standing, action) in enumerate(stood)
    ]
    planned = Plan(pa.Table.from_pylist(rows, DECISIONS), (), {}, default_policy(), NOW)
    assert list(_decided(planned).items()) == [("b", 2), ("a", 1)]
    trip = Trip("share_of_accounts", "", 0.5, 0.05, 9, 18, ("b",), (), "too many", "look")
    assert _decided(replace(planned, trips=(trip,))) == {"a": 1}


def test_what_was_counted_outlasts_a_table_that_names_the_campaigns_anew(taken: Taken) -> None:
    """Hits of a campaign are found under its name, wherever it stands; others' are let go."""
    gate = Gate(taken.gate)
    assert gate.standing() is not None
    recogniser = gate._loaded.recogniser  # type: ignore[union-attr]
    names = recogniser.names
    slots, way = np.zeros(1, SLOT), recogniser._way
    carry_over(slots, recogniser.stamp, recogniser._digests, way)
    slot = slots[0]
    slot["hits"][: len(names)] = range(1, len(names) + 1)
    slot["asked"][: len(names)] = 20
    slot["seats"], slot["sits"], slot["summed"], slot["parts"] = 1, 2, 0, 3
    others = ["c-new", *reversed(names)]
    carry_over(slots, np.uint64(9), np.array([_digest(n, 4) for n in others], np.uint32), way)
    n = len(names)
    assert slot["hits"][: n + 1].tolist() == [0, *range(n, 0, -1)]
    assert slot["asked"][: n + 1].tolist() == [0] + [20] * n
    assert (int(slot["seats"]), int(slot["summed"]), int(slot["parts"])) == (1 << n, n, 3)
    assert int(slot["sits"]) == 2
    carry_over(slots, np.uint64(10), np.zeros(0, np.uint32), way)
    assert not slot["hits"].any()
    assert (int(slot["seats"]), int(slot["summed"]), int(slot["parts"])) == (0, -1, 0)
    assert int(slot["sits"]) == 0


def test_works_of_another_version_s_form_are_of_no_use(taken: Taken) -> None:
    """Nothing is recognised by them, nor are they published again; decisions hold all the same."""
    held = Folder(taken.gate).open()[1]
    older = {name: said for name, said in held.says["works"].items() if name != "form"}
    arrays = {name: array for name, array in held.arrays.items() if "works.seated" not in name}
    assert Works.of(older, arrays).names == ()
    loaded = _Loaded(1, {**held.says, "works": older}, arrays)
    assert len(loaded.recogniser) == 0
    slot = np.zeros(1, SLOT)
    assert loaded.recogniser.look(Request("a", 0, prompt="two words"), slot, 0.1, 1) is None


def test_works_stay_while_a_judgement_misses_what_is_decided_on(taken: Taken) -> None:
    """And go where people rejected one of them, or the new ones tell of more accounts."""
    with last_judgement(taken.lake) as last:
        assert last is not None
        works = learn(*last, taken.published.works, pa.RecordBatch.from_pylist([], CAME))
    held = Folder(taken.gate).open()[1]
    assert Works.of(held.says["works"], held.arrays).names == works.names
    large, small = replace(works, names=("a", "b")), replace(works, names=("b", "c"))
    assert small.unless(large, {"a": 9, "b": 2, "c": 3}) is large
    assert small.unless(large, {"a": 3, "b": 2, "c": 3}) is small
    assert small.unless(large, {"a": 9, "c": 3}) is small
    assert no_works().unless(large, {"a": 1, "b": 1}) is large
    assert no_works().unless(large, {}).names == ()
