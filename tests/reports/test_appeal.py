"""The appeal pack tells an account its own, and nothing of others or of how detection measures."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from stillwatch.cases import Case, State, Store, case_accounts, change_state, get_case
from stillwatch.console.wording import odds, percent
from stillwatch.errors import UnknownName
from stillwatch.findings import Findings
from stillwatch.reports import Document, Sample, appeal_pack
from stillwatch.reports.appeal import other_accounts
from tests.reports.reading import bare, told


def first_of(store: Store, case_id: int) -> str:
    """An account of a case."""
    return case_accounts(store, case_id)[0]


def words(document: Document) -> str:
    """All of a document's text."""
    return "\n".join(document.strings())


def numbers_in(value: Any) -> set[float]:
    """Every number anywhere in a piece of JSON."""
    if isinstance(value, dict):
        return set().union(*(numbers_in(item) for item in value.values()))
    if isinstance(value, list):
        return set().union(*(numbers_in(item) for item in value))
    return {float(value)} if isinstance(value, int | float) else set()


@pytest.mark.parametrize("case_id", [1, 2, 3])
def test_no_other_account_is_in_it(store: Store, found: Findings, case_id: int) -> None:
    """In no format: members of this case, of others, neighbours, or anybody in the log."""
    mine = first_of(store, case_id)
    pack = appeal_pack(found, get_case(store, case_id), mine)
    names = set(found.accounts["account_id"].to_pylist()) | {"acc-near"}
    for kind, text in told(pack).items():
        assert bare(mine) in bare(text)
        assert not [name for name in names - {mine} if bare(name) in bare(text)], kind
    own = [f"own-{mine}"]
    exchanges = re.findall(r"\b(?:own-|cmp-)\S+", words(pack))
    assert exchanges == own


@pytest.mark.parametrize("case_id", [1, 2, 3])
def test_no_internal_number_is_in_it(store: Store, found: Findings, case_id: int) -> None:
    """Weights, odds, p-values, distances, rates and confidences, however they are written."""
    mine, case = first_of(store, case_id), get_case(store, case_id)
    member = next(r for r in found.members.to_pylist() if r["account_id"] == mine)
    standing = next(r for r in found.accounts.to_pylist() if r["account_id"] == mine)
    internal: set[float] = {*map(float, (member["confidence"], case.confidence, case.accounts))}
    for row in found.evidence.to_pylist():
        if row["campaign_id"] == case.campaign_id:
            internal |= {float(row["weight"]), *numbers_in(json.loads(row["detail"]))}
    internal |= numbers_in(json.loads(standing["detail"]))
    weights = {odds(row["weight"]) for row in found.evidence.to_pylist()}
    share = member["exchanges"] / standing["exchanges"]
    rest = standing["exchanges"] - member["exchanges"]
    own = {float(n) for n in (member["exchanges"], standing["exchanges"], rest, case_id, 0)}
    own_words = {percent(share), *(percent(part) for _, part in standing["capabilities"])}
    text = words(appeal_pack(found, case, mine)).replace(mine, "")
    shown = set(re.findall(r"\d[\d,.]*\d|\d", text)) | set(re.findall(r"\d+%", text))
    for number in internal - own:
        ways = {f"{number:g}", f"{number:.2f}", f"{number:.3f}", percent(number)}
        ways |= {f"{number:,.0f}"} if number.is_integer() else set()
        days = {"2026", "5", "18", "1"}  # of first and last day, which are its own
        assert not (ways & shown) - own_words - days, number
    assert not [one for one in weights if one in text]
    banned = (
        "likelihood",
        "e-value",
        "MMD",
        "distance",
        "threshold",
        "odds",
        "p-value",
        "confidence",
    )
    assert not [word for word in banned if word.lower() in text.lower()]


def test_small_numbers_of_others_are_not_told() -> None:
    """Below ten they could be known, and more are rounded down."""
    assert other_accounts(0) == other_accounts(9) == "fewer than ten other accounts"
    assert other_accounts(10) == other_accounts(99) == "at least ten other accounts"
    assert other_accounts(24_000) == "more than 10,000 other accounts"


def test_it_tells_its_own_and_how_to_answer(
    confirmed: Callable[[int], Case], store: Store, found: Findings
) -> None:
    """Own figures, reasons, what was weighed, what would help, the state."""
    case = confirmed(1)
    mine = first_of(store, 1)
    samples = {f"own-{mine}": Sample("mail me: ana@example.org", "secret system", "sure", {})}
    text = words(appeal_pack(found, case, mine, samples))
    row = next(r for r in found.members.to_pylist() if r["account_id"] == mine)
    assert f"{row['exchanges']:,} of its {row['exchanges'] + 40:,} exchanges" in text
    assert "more than 100 other accounts" in text
    assert "40 of its exchanges are of its own" in text
    assert "that one organisation owns these accounts and says so." in text
    assert "Reviewers looked at this case and upheld it. You can appeal." in text
    assert "name case 1" in text
    assert "mail me: [email]" in text
    assert "secret system" not in text
    assert "twins, no owner" not in text
    assert "Hopper" not in text


@pytest.mark.parametrize(
    ("states", "says"),
    [
        ([], "Nobody has reviewed this case yet"),
        ([State.IN_REVIEW], "Nothing is decided"),
        ([State.IN_REVIEW, State.REJECTED], "did not uphold it"),
        ([State.IN_REVIEW, State.REJECTED, State.CLOSED], "did not uphold this case"),
        ([State.IN_REVIEW, State.CONFIRMED, State.APPEALED], "under appeal"),
        ([State.IN_REVIEW, State.CLOSED], "nothing was decided"),
    ],
)
def test_it_tells_the_state(store: Store, found: Findings, states: list[State], says: str) -> None:
    """Each state in words that a customer can act on."""
    case = get_case(store, 2)
    for state in states:
        case = change_state(store, case.seen, state, "ana", "so")
    assert says in words(appeal_pack(found, case, first_of(store, 2)))


def test_accounts_of_elsewhere_are_refused(store: Store, found: Findings) -> None:
    """Another case's account, one outside, and none at all, without naming any that is in."""
    case = get_case(store, 1)
    outside = found.accounts["account_id"][-1].as_py()
    for name in (first_of(store, 2), outside, "", "acc"):
        for accounts in (None, case_accounts(store, 1)):
            with pytest.raises(UnknownName, match="no account of it is called") as fault:
                appeal_pack(found, case, name, accounts=accounts)
            assert first_of(store, 1) not in str(fault.value)


def test_an_account_that_the_findings_let_go_is_told_so(store: Store, found: Findings) -> None:
    """A decided case keeps its accounts; later findings may count one no longer."""
    outside = found.accounts["account_id"][-1].as_py()
    pack = appeal_pack(found, get_case(store, 1), outside, accounts=[outside])
    assert "latest findings don't count your account in this case any longer" in words(pack)
