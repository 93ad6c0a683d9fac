"""Verdicts say what figures show; the picture shows all of them and stays text."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

pytest.importorskip("torch", reason="needs the extra lab (torch)")

from stillwatch.lab.uplift.figures import Comparison, Honest, Kept, Row, Skill
from stillwatch.lab.uplift.page import page
from stillwatch.lab.uplift.picture import picture
from stillwatch.lab.uplift.report import Report
from stillwatch.lab.uplift.retained import Retained
from stillwatch.lab.uplift.setting import SETTINGS
from stillwatch.lab.uplift.verdict import is_free, overall, verdict

SKILL = Skill(0.5, 0.4, 0.6)
FULL = Honest(1.0, 1.0, "", True, 0, None)
WITHHELD = Honest(None, 1.0, "all reasoning", True, 0, None)
FALSE = Honest(0.02, 0.6, "", False, 2, 2.6)


def _row(
    measure: str,
    share: float,
    honest: Honest,
    says: str = "something",
    formless: float | None = None,
) -> Row:
    kept = tuple(
        Kept(
            operator,
            Skill(0.5, 0.4, 0.6),
            Retained(each, each - 0.04, each + 0.04, "1"),
            ("x",),
            {},
        )
        for operator, each in (("passive", share / 2), ("adaptive", share))
    )
    return Row(measure, says, kept, kept[-1], formless, honest)


def _comparison(*rows: Row) -> Comparison:
    own, full = Skill(0.25, 0.2, 0.3), Skill(1.0, 0.99, 1.0)
    return Comparison("chains", (1,), 1.0, 0.14, own, full, rows)


def test_a_verdict_says_share_operator_and_price() -> None:
    """Against the best of the operators, and beside it the passive one, which flatters."""
    said = verdict(_row("withheld", 0.1, WITHHELD))
    assert said == (
        "Keeps 10% of the uplift (6% to 14%) against the best of 2 operators (adaptive: x), 5% "
        "against the passive one; it withholds all reasoning."
    )
    said = verdict(_row("withheld", 1.0, WITHHELD, formless=0.1))
    assert "10% against those who don't know the form of what is hidden" in said
    said = verdict(_row("antidistillation-1", 0.3, FALSE))
    assert "98.0% of traces are not whole and true" in said
    assert "40.0% of answers are wrong" in said
    assert "2.6 times the computing" in said
    assert verdict(_row("full", 1.0, FULL)).endswith("nothing is withheld and nothing is false.")


@pytest.mark.parametrize(
    ("row", "free"),
    [
        (_row("perfect", 0.1, FULL), True),
        (_row("unsure", 0.48, FULL), False),
        (_row("weak", 0.9, FULL), False),
        (_row("withheld", 0.1, WITHHELD), False),
        (_row("false", 0.1, FALSE), False),
        (_row("wrong", 0.1, Honest(1.0, 0.9, "", True, 0, None)), False),
    ],
)
def test_free_is_what_blunts_and_costs_nothing(row: Row, free: bool) -> None:
    """Surely below a half, nothing withheld, nothing false, answers right."""
    assert is_free(row) == free
    assert overall(_comparison(row)).startswith("A free point" if free else "No free point")


def test_no_uplift_is_said() -> None:
    """A teacher that teaches nothing makes no countermeasure look good."""
    row = _row("withheld", 0.1, WITHHELD)
    lost = Kept("adaptive", Skill(0.1, 0.1, 0.1), None, ("x",), {})
    told = Row(row.measure, row.says, (lost,), lost, None, row.honest)
    assert "next to nothing" in verdict(told)
    assert "next to nothing" in overall(_comparison(told))


def test_limits_are_judged_apart_from_measures() -> None:
    """Fewer answers are no countermeasure of the teacher's, and never the free point."""
    said = overall(_comparison(_row("full", 1.0, FULL), _row("full@10", 0.1, FULL)))
    assert "free point" not in said
    assert "full@10 keeps least: 10%" in said


def test_the_picture_is_one_document_with_a_point_a_measure() -> None:
    """Well-formed, without scripts, whatever a name holds; values outside are cut, not lost."""
    rows = [
        _row("full", 1.3, FULL),
        _row("</text><script>alert(1)</script>", -0.5, FALSE),
        _row("withheld", 0.1, WITHHELD),
    ]
    report = Report(SETTINGS["small"], (_comparison(*rows), _comparison(*rows)))
    svg = ElementTree.fromstring(picture(report))
    names = [element.tag.rpartition("}")[2] for element in svg.iter()]
    assert "script" not in names
    # two in the plot and one in the list, for each of three measures and two tasks
    assert names.count("circle") == 18
    high = float(svg.attrib["height"])
    for circle in (element for element in svg.iter() if element.tag.endswith("circle")):
        assert 0 <= float(circle.attrib["cy"]) <= high


def test_the_page_has_every_measure_and_what_toys_dont_say() -> None:
    """A table, a verdict each, and the caveat."""
    report = Report(
        SETTINGS["small"], (_comparison(_row("full", 1.0, FULL), _row("withheld", 0.1, WITHHELD)),)
    )
    said = page(report, "uplift.svg")
    assert "percentages of toys" in said
    assert said.count("\n| withheld |") == 1
    assert "- **withheld** (something): Keeps 10%" in said
