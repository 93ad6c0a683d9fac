"""The report of a trial: signed JSON that can be recomputed, and the same in words.

FOLDER/report.json    figures as strings, the registration whole, hash and signature
FOLDER/report.md      the same, for people; rendered from the JSON and from nothing else
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stillwatch.errors import OutputExists, TraceRefused
from stillwatch.lab.provenance.binding import check_same
from stillwatch.lab.provenance.commitment import registration_of
from stillwatch.lab.provenance.controls import SUSPICIOUS, holm
from stillwatch.lab.provenance.outcome import FEWEST_ANSWERS, NEVER_SERVED, comparable
from stillwatch.lab.provenance.plan import KEYED, least, needs, test_of
from stillwatch.lab.provenance.registration import Registration
from stillwatch.lab.provenance.runs import (
    Entered,
    check_ledger,
    read_ledger,
    runs_made,
    runs_of,
)
from stillwatch.lab.provenance.signing import checked, figure, read, signed, write_new
from stillwatch.lab.provenance.telling import markdown
from stillwatch.lab.provenance.wording import (
    NOT_SHOWN,
    REFUSED,
    SHOWN,
    alternatives,
    verdict_words,
)

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from stillwatch.lab.provenance.outcome import Outcome
    from stillwatch.lab.provenance.plan import Test

REPORT = "stillwatch-trace-report-2"
JSON_NAME, MARKDOWN_NAME = "report.json", "report.md"

_CLOCKS = dt.timedelta(minutes=5)
"""By so much may two machines' clocks differ."""


def report_of(
    registration: Registration,
    outcomes: Sequence[Outcome],
    entered: Entered,
    signer: Ed25519PrivateKey,
    receipt: str = "",
    now: dt.datetime | None = None,
) -> dict[str, Any]:
    """The signed report; raises `TraceRefused` for a registration from the future."""
    import stillwatch

    at = (now or dt.datetime.now(dt.UTC)).astimezone(dt.UTC).replace(microsecond=0)
    if registration.created > at + _CLOCKS:
        what = f"was registered at {registration.created.isoformat()}, which is yet to come"
        raise TraceRefused("registration", what, "Set the clock right")
    levels = registration.levels
    alpha = levels.alpha / (len(outcomes) * registration.runs)
    refusals = [why for told in outcomes for why in told.refusals(levels.control_alpha, alpha)]
    tests = [_told(outcome) for outcome in outcomes]
    body = {
        "ran": at.isoformat(),
        "registered": registration.created.isoformat(),
        "older_by_s": str(int((at - registration.created).total_seconds())),
        "software": f"stillwatch {stillwatch.__version__}",
        "registration": registration.document,
        "receipt": receipt,
        "run": entered.number,
        "ledger": entered.ledger,
        "materials": entered.materials,
        "tests": tests,
        "refusals": refusals,
    }
    body["adjusted"], body["verdict"] = _concluded(body, registration)
    return signed(REPORT, body, signer)


def _told(outcome: Outcome) -> dict[str, Any]:
    wrong = outcome.wrong
    return {
        "name": outcome.test.name,
        "test": asdict(outcome.test),
        "p": repr(outcome.p),
        "null": outcome.null,
        "figures": outcome.figures,
        "controls": [{"name": one.name, "p": repr(one.p)} for one in outcome.controls],
        "amounts": [{"of": one.of, "has": one.has, "needs": one.needs} for one in outcome.amounts],
        "least_p": repr(outcome.least_p),
        "wrong_keys": None
        if wrong is None
        else {
            "keys": str(len(wrong.p)),
            "below_0.05": figure(wrong.below_05),
            "below_0.01": figure(wrong.below_01),
            "p_that_they_are_too_small": figure(wrong.suspicion),
            "distance_from_uniform": figure(wrong.distance),
            "smallest_p": figure(float(wrong.p.min())),
        },
    }


def _concluded(
    body: dict[str, Any], registration: Registration
) -> tuple[list[str], dict[str, Any]]:
    """Adjusted p-values and verdict, from what the body holds and nothing else."""
    within = holm([probability(test["p"]) for test in body["tests"]])
    # whoever may run it again may choose the best run: each pays for all that were registered
    adjusted = [min(1.0, p * registration.runs) for p in within]
    alpha = registration.levels.alpha
    shown = [test["name"] for test, p in zip(body["tests"], adjusted, strict=True) if p <= alpha]
    code = REFUSED if body["refusals"] else SHOWN if shown else NOT_SHOWN
    modes = {test["test"]["mode"] for test in body["tests"] if test["name"] in shown}
    return [repr(p) for p in adjusted], {
        "code": code,
        "words": verdict_words(code, figure(alpha), shown, body["refusals"]),
        "shown_by": shown if code == SHOWN else [],
        "consistent_with": alternatives(modes) if code == SHOWN else [],
    }


def probability(told: str) -> float:
    """A probability as a report writes it; raises `ValueError` where it is none."""
    p = float(told)
    if not 0 <= p <= 1:
        raise ValueError(f"{told} is no probability")
    return p


def _failed(body: dict[str, Any], registration: Registration) -> bool:
    """Whether a control in the body fails, or is none, or a test has too little to go on."""
    many = len(body["tests"]) * registration.runs
    levels = registration.levels
    for told in body["tests"]:
        test = test_of(told["test"])
        if probability(told["least_p"]) > levels.alpha / many:
            return True
        if _accuses(test, told, registration):
            return True
        wrong = told["wrong_keys"]
        if test.mode in KEYED and wrong is None:
            return True
        if wrong is not None and (
            int(wrong["keys"]) < levels.wrong_keys
            or probability(wrong["p_that_they_are_too_small"]) < SUSPICIOUS
        ):
            return True
        if _too_little(test, told):
            return True
    return False


def _accuses(test: Test, told: dict[str, Any], registration: Registration) -> bool:
    """Whether a test accuses a control, or has none, or leaves one that was registered out."""
    innocent = [role for role in needs(test) if role.startswith("innocent")]
    registered = sum(one.role in innocent for one in registration.bound)
    models = [one for one in told["controls"] if one["name"] != NEVER_SERVED]
    # one innocent may be what the suspect is compared with
    compared = test.mode == "membership" or test.statistic == "contrast"
    if not told["controls"] or len(models) < registered - compared:
        return True
    least = registration.levels.control_alpha
    return any(probability(one["p"]) < least for one in told["controls"])


def _too_little(test: Test, told: dict[str, Any]) -> bool:
    """Whether the suspect or a control has less than the test needs, or it isn't said."""
    amounts = [int(one["has"]) for one in told["amounts"]]
    models = [one for one in told["controls"] if one["name"] != NEVER_SERVED]
    if test.mode in KEYED:
        return len(amounts) != 1 + len(models) or min(amounts) < test.least
    if test.mode == "membership":
        return len(amounts) != 1 or amounts[0] < FEWEST_ANSWERS
    if test.statistic == "occurrence":
        return len(amounts) != 1 + len(models) or min(amounts[1:]) < comparable(amounts[0])
    return False


def _check_power(where: object, registration: Registration) -> None:
    """That each test asks for as much as this version's power table does."""
    many = len(registration.tests) * registration.runs
    for test in registration.tests:
        needed = least(test, many, registration.levels)
        if test.least < needed:
            what = f"{test.name} asks for {test.least:,} pieces of evidence, not {needed:,}"
            todo = "Verify it with the version that wrote it, or register anew"
            raise TraceRefused(where, what, todo)


def check_free(folder: Path) -> None:
    """Raises `OutputExists` where a report is: to be asked before hours of work, too."""
    for name in (JSON_NAME, MARKDOWN_NAME):
        if (folder / name).exists():
            todo = "Name another folder: a report is not replaced"
            raise OutputExists(folder / name, "is there already", todo)


def write_report(folder: str | Path, document: dict[str, Any]) -> None:
    """Write both files to a folder that holds no report yet; raises `OutputExists`."""
    folder = Path(folder)
    check_free(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_new(folder / JSON_NAME, document)
    write_new(folder / MARKDOWN_NAME, markdown(document))


def verified(
    path: str | Path, registration: str | Path | None = None, key: str | None = None
) -> dict[str, Any]:
    """The body of a report that holds; raises `TraceRefused` where anything doesn't.

    Its signature and its registration's hold; Holm and the verdict follow from its p-values; the
    tests are those registered, and ask for as much evidence as the power table does; a verdict has
    its controls and its evidence; the materials are those registered; its run is in a ledger that
    is one chain from the registration on. The Markdown beside it is its own. With `registration`,
    the file that was deposited, it must be that one, and its ledger the beginning of the one that
    is kept beside it, if it is; with `key`, that key must have signed.
    """
    path = Path(path)
    path = path / JSON_NAME if path.is_dir() else path
    document = read(path)
    body = checked(path, document, REPORT, key)
    todo = "Ask for the report as it was written"
    try:
        held = registration_of(path, body["registration"])
        if document["key"] != held.document["key"]:
            raise TraceRefused(path, "is signed by another than who registered it", todo)
        if [test_of(test["test"]) for test in body["tests"]] != list(held.tests):
            raise TraceRefused(path, "tells of other tests than were registered", todo)
        if [test["name"] for test in body["tests"]] != [test.name for test in held.tests]:
            raise TraceRefused(path, "calls its tests by other names", todo)
        _check_power(path, held)
        _check_run(path, body, held)
        adjusted, verdict = _concluded(body, held)
        same = body["adjusted"] == adjusted and body["verdict"] == verdict
        same &= verdict["code"] == REFUSED or not _failed(body, held)
        told = markdown(document)
    except (KeyError, TypeError, ValueError, AttributeError) as fault:
        raise TraceRefused(path, f"lacks or garbles a field ({fault})", todo) from fault
    if not same:
        raise TraceRefused(path, "has a verdict that doesn't follow from its figures", todo)
    if registration is not None:
        _check_deposited(path, body, held, Path(registration))
    beside = path.with_name(MARKDOWN_NAME)
    if beside.exists() and beside.read_text(encoding="utf-8") != told:
        raise TraceRefused(beside, "is not what the signed report says", todo)
    return body


def runs_beside(registration: str | Path) -> dict[int, bool] | None:
    """By number, whether a run that was entered was reported; None where there is no ledger."""
    beside = runs_of(registration)
    if not beside.exists():
        return None
    held = registration_of(registration, read(registration))
    return runs_made(read_ledger(beside, held))


def _check_run(path: Path, body: dict[str, Any], held: Registration) -> None:
    """That the report's run was entered, on these materials, which are those registered."""
    todo = "Ask for the report as it was written"
    ledger = body["ledger"]
    check_ledger(path, ledger, held)
    last = ledger[-1]["body"] if ledger else {}
    if last.get("run") != body["run"] or last.get("materials") != body["materials"]:
        raise TraceRefused(path, "is not of the run that its ledger ends with", todo)
    check_same(path, held.bound, body["materials"])


def _check_deposited(
    path: Path, body: dict[str, Any], held: Registration, registration: Path
) -> None:
    todo = "Ask for the report as it was written"
    if read(registration) != body["registration"]:
        raise TraceRefused(path, "was made under another registration", todo)
    beside = runs_of(registration)
    if beside.exists():
        ledger = read_ledger(beside, held)
        if ledger[: len(body["ledger"])] != body["ledger"]:
            raise TraceRefused(path, f"has another ledger of runs than {beside.name}", todo)
