"""The report says what the findings say, figure for figure, and names nobody."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from stillwatch import tables
from stillwatch.cases import Case, State, Store, change_state, get_case, merge, open_cases
from stillwatch.console.wording import capability_title, count, day, odds, percent
from stillwatch.errors import UnknownName
from stillwatch.findings import FILES, Findings
from stillwatch.reports import Document, Sample, as_pdf, report, whole_history
from stillwatch.reports.document import Bars, Block, Section, Table
from stillwatch.reports.wording import others
from tests import fabricated
from tests.reports.conftest import full_findings
from tests.reports.reading import bare, told


def of_case(store: Store, found: Findings, case_id: int = 1, **more: Any) -> Document:
    """The report of a case."""
    return report(found, get_case(store, case_id), whole_history(store, case_id), **more)


def tables_of(document: Document) -> Iterator[Table]:
    """Every table of a document."""
    for section in document.sections:
        for block in section.blocks:
            if isinstance(block, Table):
                yield block


def words(document: Document) -> str:
    """All of a document's text."""
    return "\n".join(document.strings())


@pytest.fixture
def merged(store: Store, found: Findings) -> Document:
    """The report of a case that another was merged into."""
    one, two = get_case(store, 1), get_case(store, 2)
    merge(store, one.seen, two.seen, "Ana Lovelace", "same works")
    return of_case(store, found)


def said_of(value: Any) -> set[str]:
    """The ways in which a report may say a value."""
    if value is None:
        return {"–"}
    if isinstance(value, str):
        return {value, capability_title(value)}
    if isinstance(value, dt.date):
        return {day(value)}
    ways = {percent(value), f"{value:,.1f}", f"{value:.2f}", odds(value)}
    if float(value).is_integer():
        ways |= {count(int(value)), others(int(value))}
    return ways


def recomputed(found: Findings, folder: Path, document: Document) -> int:
    """Runs every row of the appendix on the files alone; how many rows there were."""
    found.save(folder / "findings")
    with duckdb.connect() as connection:
        for name in FILES:
            path = folder / "findings" / f"{name}.parquet"
            connection.execute(f"create view {name} as from '{path}'")
        blocks = [b for s in document.sections for b in s.blocks if isinstance(b, Table | Bars)]
        (appendix,) = (t for t in tables_of(document) if t.caption == "Figures")
        for what, said, table, where, expression in appendix.rows:
            rows = connection.execute(f"select {expression} from {table} where {where}").fetchall()
            shown = re.fullmatch("as in “(.*)”", said)
            if not shown:
                assert len(rows) == 1, what
                assert said in said_of(rows[0][0]), (what, said, rows)
                continue
            (block,) = (b for b in blocks if b.caption == shown[1])
            if isinstance(block, Bars):
                assert [value for _, value in rows] == [n for n in block.values if n], what
                continue
            cells = {cell for line in block.rows for cell in line}
            for row in rows:
                for value in row:
                    near = said_of(value) & cells
                    assert near or value in ("network", "payment", "device", "fleet", "class"), what
    return len(appendix.rows)


def test_every_figure_of_the_appendix_is_recomputed_from_the_files(
    store: Store, found: Findings, tmp_path: Path
) -> None:
    """Table, filter and expression give the value that the report says, by DuckDB alone."""
    assert recomputed(found, tmp_path, of_case(store, found)) > 30


def test_so_are_those_of_a_merged_case(merged: Document, found: Findings, tmp_path: Path) -> None:
    """Two campaigns: sums over both, and each on its own."""
    assert recomputed(found, tmp_path, merged) > 45
    assert merged.title == "258 accounts, 2 distillation campaigns"
    assert {"cmp-4f1a90c2d7", "cmp-b83e02716a"} <= set(merged.strings())
    assert "cmp-09d5ce11f4" not in words(merged)


def test_every_number_of_the_text_is_in_the_appendix(store: Store, found: Findings) -> None:
    """Outside the appendix no number stands that the appendix doesn't explain."""
    document = of_case(store, found)
    *_, appendix, _ = document.sections
    (table,) = (block for block in appendix.blocks if isinstance(block, Table))
    known = {number for row in table.rows for number in re.findall(r"[\d.,]*\d", row[1])}
    shown = {re.sub("as in “|”", "", row[1]) for row in table.rows}
    loose: set[str] = set()
    for section in document.sections[:-2]:
        if section.title in ("What was done", "Limits"):
            continue
        for block in section.blocks:
            if isinstance(block, Table) and block.caption in shown:
                continue
            for text in strings_of(block):
                bare_of_names = text.replace("still-2", "")
                loose |= set(re.findall(r"[\d.,]*\d", bare_of_names)) - known
    assert not loose


def strings_of(block: Block) -> list[str]:
    """The strings of one block."""
    return list(Document("", "", None, (Section("", (block,)),)).strings())


def test_it_tells_what_a_provider_would_publish(
    confirmed: Callable[[int], Case], store: Store, found: Findings
) -> None:
    """Scale, aims, the turn to a model, access, tests with odds, rivals, decisions by role."""
    confirmed(1)
    text = words(of_case(store, found, enforced={"Suspended": 204}))
    assert "A distillation campaign of 210 accounts" in text
    assert "They were after coding, tool use and agentic reasoning" in text
    assert re.search(r"It turned to still-2 on 4 Feb 2026: 5\d% of its exchanges", text)
    assert "nobody else in the log asked for it" in text
    assert "Fed from one queue: over a trillion to 1" in text
    assert "Of 312 accounts outside, <1% come as close." in text
    assert "83% of the members' exchanges are of a frame family" in text
    assert "Members that share a network: 61." in text
    assert "A fleet of one owner. One owner runs all of these accounts, openly." in text
    assert "Reviewers confirmed this case." in text
    assert "reviewer B" in text
    assert "Suspended" in text
    assert "204" in text


def test_it_names_nobody(confirmed: Callable[[int], Case], store: Store, found: Findings) -> None:
    """No account, no reviewer, no reason, no value of what is shared, in any format."""
    confirmed(1)
    samples = {
        "cmp-4f1a90c2d7-0": Sample(
            f"for {found.members['account_id'][0].as_py()} at ana@example.org", None, None, {}
        )
    }
    document = of_case(store, found, samples=samples)
    names = set(found.accounts["account_id"].to_pylist())
    secrets = ["Lovelace", "Hopper", "detector-host", "her turn", "twins, no owner", "203.0.113.7"]
    for kind, text in told(document).items():
        assert bare("for [account] at [email]") in bare(text), kind
        assert not [name for name in [*names, *secrets] if bare(name) in bare(text)], kind


def test_no_word_of_the_findings_is_in_it(tmp_path: Path) -> None:
    """Sentences, ids, keys and models of the findings may name customers: only figures are told."""
    found = full_findings(" ft:acme-corp")
    store = Store.open(tmp_path / "other.db", create=True)
    open_cases(store, found, "ana")
    for case_id in (1, 2, 3):
        text = words(of_case(store, found, case_id))
        assert "acme" not in text
        assert "a model of its own name" in text or case_id != 1
    store.close()


def test_the_internal_appendix_names_members(
    confirmed: Callable[[int], Case], store: Store, found: Findings
) -> None:
    """On demand only, and marked."""
    confirmed(3)
    document = of_case(store, found, 3, with_accounts=True)
    mine = found.members.to_pylist()
    names = {r["account_id"] for r in mine if r["campaign_id"] == "cmp-09d5ce11f4"}
    assert len(names) == 18
    assert names <= set(document.strings())
    assert "for inside only" in document.subtitle
    assert "her turn, acc-9" in words(document)
    assert not ({r["account_id"] for r in mine} - names) & set(document.strings())


def test_undecided_and_rejected_cases_say_so_first(store: Store, found: Findings) -> None:
    """A reader can't take a suspicion for a decision."""
    first = list(of_case(store, found).strings())
    assert any("Nobody has reviewed this case yet" in text for text in first[:5])
    case = get_case(store, 1)
    case = change_state(store, case.seen, State.IN_REVIEW, "ana", "mine")
    change_state(store, case.seen, State.REJECTED, "ana", "a class")
    first = list(of_case(store, found).strings())
    assert any("Reviewers rejected this case" in text for text in first[:5])


def test_it_is_the_same_each_time_and_in_each_format(store: Store, found: Findings) -> None:
    """Bytes of the PDF don't depend on when; every string is in every format."""
    document = of_case(store, found)
    assert as_pdf(document) == as_pdf(of_case(store, found))
    for kind, text in told(document).items():
        missing = [s for s in document.strings() if bare(s) not in bare(text)]
        # pages part cells of tables in the PDF, and their heads are set anew on each
        assert len(missing) <= (3 if kind == "pdf" else 0), (kind, missing)


def test_findings_of_something_else_are_refused(store: Store) -> None:
    """A case's campaigns must be in the findings."""
    with pytest.raises(UnknownName, match="hold no campaign of case 1"):
        of_case(store, fabricated.empty())


def test_evidence_without_figures_is_told_without_them(store: Store) -> None:
    """Findings of older versions, or of another detector, have no frames, objects or figures."""
    without = replace(
        fabricated.findings(),
        frames=tables.FRAMES.empty_table(),
        objects=tables.OBJECTS.empty_table(),
    )
    text = words(of_case(store, without))
    assert "The findings tell of no frame family" in text
    assert "Fed from one queue: over a trillion to 1" in text
    assert "nan" not in text.lower().split()
