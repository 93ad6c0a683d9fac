"""Each move changes what the log shows, and as it says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from stillwatch.arena.defence import NoDefence
from stillwatch.arena.moves import OPERATORS, Style
from stillwatch.signals.frames import frames
from stillwatch.signals.tokens import tokenise
from tests.arena.conftest import Plays, Styles, small

MINE = "semi join (select account_id from roles where role = 'distiller') using (account_id)"


def shared(styles: Styles, style: Style, column: str, table: str = "exchanges") -> float:
    """Share of values of `column` that several accounts of the operator use."""
    return styles[style].log.sql(
        "select coalesce(avg((n > 1)::int), 0) from (select count(distinct account_id) n "
        f"from {table} {MINE} where {column} is not null group by {column})"
    )[0][0]


@pytest.mark.parametrize(
    ("column", "table"),
    [("ip", "exchanges"), ("payment_id", "accounts"), ("device_id", "exchanges")],
)
def test_accounts_that_moved_apart_share_nothing(styles: Styles, column: str, table: str) -> None:
    """No address, card or device; addresses and cards are shared otherwise."""
    assert shared(styles, Style(apart=True), column, table) == 0
    if column != "device_id":
        assert shared(styles, Style(), column, table) > 0.1


def test_reworded_prompts_share_no_frame(plays: Plays) -> None:
    """Of pairs of rubrics many have a common band; hardly any once they are reworded."""

    def sharing(style: Style) -> float:
        campaign = replace(OPERATORS["default"].campaign, mix={"grading": 1.0})
        log = plays(small(first=style, moves=frozenset(), campaign=campaign), NoDefence()).log
        rows = log.sql(
            "select distinct prompt from exchanges join harvested using (exchange_id) "
            "order by md5(prompt) limit 300"
        )
        found = frames(tokenise(pa.array([prompt for (prompt,) in rows]))).bands
        one, other = np.triu_indices(len(found), 1)
        return float(((found[one] == found[other]) & (found[one] != 0)).any(axis=1).mean())

    assert sharing(Style(paraphrase=True)) < 0.1 * sharing(Style())


def test_customers_are_the_share_they_should_be(styles: Styles) -> None:
    """Half of what is sent is of customers, who are paid for and don't count."""
    outcome, log = styles[Style(camouflage=0.5)]
    harvested = log.sql(
        f"select avg((campaign is not null)::int) from (select * from exchanges {MINE}) "
        "left join harvested using (exchange_id)"
    )[0][0]
    assert harvested == pytest.approx(0.5, abs=0.07)
    assert outcome.spent["customers"] > 0
    assert outcome.answers == pytest.approx(outcome.strategy.answers, rel=0.02)
    assert log.sql("select count(*) from harvested")[0][0] >= outcome.answers


def test_accounts_are_spread_over_surfaces(styles: Styles) -> None:
    """All by the API otherwise."""

    def surfaces(style: Style) -> set[str]:
        rows = styles[style].log.sql(f"select distinct surface from exchanges {MINE}")
        return {surface for (surface,) in rows}

    assert surfaces(Style()) == {"api"}
    assert surfaces(Style(spread=True)) == {"api", "bedrock", "vertex", "azure"}
    assert styles[Style(spread=True)].outcome.spent["tenancies"] > 0


@pytest.mark.parametrize("pace", [26, 6])
def test_no_account_exceeds_its_pace(styles: Styles, pace: int) -> None:
    """Long tasks included; what failed and was sent again counts once. The slow bring less."""
    most = styles[Style(pace=pace)].log.sql(
        "select max(n) from (select count(*) n from exchanges join harvested "
        "using (exchange_id) where status = 200 group by account_id, date_trunc('day', ts))"
    )[0][0]
    assert most <= pace
    slow, fast = (styles[Style(pace=p)].outcome.answers for p in (3, 26))
    assert slow < 0.4 * fast
