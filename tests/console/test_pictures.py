"""Timeline, shares, models and graph hold the figures they draw."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from stillwatch import tables
from stillwatch.console.graph import panel
from stillwatch.console.models import models
from stillwatch.console.shares import shares
from stillwatch.console.story import tell
from stillwatch.console.timeline import timeline
from stillwatch.findings import Findings
from tests import fabricated

DAY = dt.date(2026, 3, 1)


@pytest.fixture(scope="module")
def found() -> Findings:
    """Three campaigns and a network."""
    return fabricated.findings()


def with_daily(rows: list[dict[str, Any]]) -> Findings:
    """Findings whose `daily` is `rows`, of campaign `c` unless they say otherwise."""
    blank = {"campaign_id": "c", "capability": "coding", "model": "old"}
    daily = pa.Table.from_pylist([{**blank, **row} for row in rows], schema=tables.DAILY)
    some = fabricated.empty()
    return Findings(
        **{
            name: getattr(some, name)
            for name in ("campaigns", "members", "exchanges", "evidence", "links", "accounts")
        },
        daily=daily,
        run={},
    )


def test_timeline_loses_no_exchange(found: Findings) -> None:
    """Cells add up to `daily`; the tallest bar of each row is its peak."""
    drawn = timeline(found, tell(found))
    assert drawn is not None
    assert [line.label for line in drawn.lines][-1] == "All other traffic"
    total = sum(row["exchanges"] for row in found.daily.to_pylist())
    assert sum(line.total for line in drawn.lines) == total
    for line in drawn.lines:
        assert sum(line.cells) == line.total
        assert max(bar.height for bar in line.bars) == 1
        assert line.peak == max(line.cells)


@pytest.mark.parametrize(("days", "step"), [(1, 1), (120, 1), (121, 2), (700, 6)])
def test_timeline_widens_its_bars_on_long_logs(days: int, step: int) -> None:
    """At most 120 bars, each of the same number of days."""
    rows = [{"day": DAY + dt.timedelta(days=at), "exchanges": 1} for at in range(days)]
    found = with_daily(rows)
    drawn = timeline(found, tell(found))
    assert drawn is not None
    assert (drawn.step, drawn.width) == (step, -(-days // step))
    assert sum(line.total for line in drawn.lines) == days


def test_a_turn_to_a_new_model_is_dated() -> None:
    """Half the traffic moving on one day is found with its day and share."""
    rows = [{"day": DAY + dt.timedelta(days=at), "exchanges": 100} for at in range(6)]
    for at in range(6, 10):
        day = DAY + dt.timedelta(days=at)
        rows += [{"day": day, "exchanges": 40}, {"day": day, "exchanges": 60, "model": "new"}]
    (turn,) = models(with_daily(rows))["c"].turns
    assert (turn.model, turn.day) == ("new", DAY + dt.timedelta(days=6))
    assert turn.share == pytest.approx(0.6)


def test_a_steady_mix_is_no_turn() -> None:
    """A model used from the start, or rising slowly, is not called a turn."""
    rows = []
    for at in range(20):
        day = DAY + dt.timedelta(days=at)
        rows += [
            {"day": day, "exchanges": 100},
            {"day": day, "exchanges": 30, "model": "steady"},
            {"day": day, "exchanges": 2 * at, "model": "rising"},
        ]
    assert models(with_daily(rows))["c"].turns == ()


def test_shares_add_up(found: Findings) -> None:
    """Each bar is whole, and in falling order."""
    bars = shares(found, tell(found))
    assert [bar.label for bar in bars][-1] == "All other traffic"
    for bar in bars:
        assert sum(part.share for part in bar.parts) == pytest.approx(1)
    named = [part.share for part in bars[0].parts if part.title != "everything smaller"]
    assert named == sorted(named, reverse=True)


def test_graph_draws_only_what_is_stored(found: Findings) -> None:
    """Links drawn are links of the table, between drawn accounts, inside the frame."""
    stored = {(row["account_a"], row["account_b"], row["why"]) for row in found.links.to_pylist()}
    for chapter in tell(found).campaigns:
        drawn = panel(found, chapter)
        assert drawn is not None
        assert len(drawn.nodes) == min(90, chapter.accounts)
        assert {(link.a.account_id, link.b.account_id, link.why) for link in drawn.links} <= stored
        at = np.array([(node.x, node.y) for node in drawn.nodes])
        assert at.min() >= 0
        assert at.max() <= 300
        gaps = np.linalg.norm(at[:, None] - at[None], axis=2)
        assert gaps[np.triu_indices(len(at), 1)].min() > 0.5


def test_linked_accounts_are_drawn_closer_than_others() -> None:
    """Two separate rings of links come out as two separate clouds."""
    names = [f"a{at}" for at in range(24)]
    rows = []
    for low in (0, 12):
        for at in range(12):
            for hop in (1, 2, 5):
                a, b = names[low + at], names[low + (at + hop) % 12]
                rows.append({"account_a": a, "account_b": b, "weight": 1.0, "why": "twins"})
    found = fabricated.findings()
    chapter = tell(found).campaigns[0]
    for row in rows:
        row["campaign_id"] = chapter.campaign_id
    links = pa.Table.from_pylist(rows, schema=tables.LINKS)
    drawn = panel(Findings(**{**vars(found), "links": links}), chapter)
    assert drawn is not None
    place = {node.account_id: np.array([node.x, node.y]) for node in drawn.nodes}
    inside = [np.linalg.norm(place[row["account_a"]] - place[row["account_b"]]) for row in rows]
    across = [np.linalg.norm(place[a] - place[b]) for a in names[:12] for b in names[12:]]
    assert np.mean(inside) < 0.6 * np.mean(across)


def test_networks_without_links_have_no_panel(found: Findings) -> None:
    """Nothing is drawn where nothing was stored."""
    bare = Findings(**{**vars(found), "links": found.links.slice(0, 0)})
    assert panel(bare, tell(bare).campaigns[0]) is None
