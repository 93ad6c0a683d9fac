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
from stillwatch.lab.provenance.commitment import Registration, registration_of
from stillwatch.lab.provenance.controls import holm
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

    from stillwatch.lab.provenance.materials import Materials
    from stillwatch.lab.provenance.outcome import Outcome

REPORT = "stillwatch-trace-report-1"
JSON_NAME, MARKDOWN_NAME = "report.json", "report.md"

_CLOCKS = dt.timedelta(minutes=5)
"""By so much may two machines' clocks differ."""


def report_of(
    registration: Registration,
    outcomes: Sequence[Outcome],
    materials: Materials,
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
    refusals = [why for told in outcomes for why in told.refusals(levels.control_alpha)]
    tests = [_told(outcome) for outcome in outcomes]
    body = {
        "ran": at.isoformat(),
        "registered": registration.created.isoformat(),
        "older_by_s": str(int((at - registration.created).total_seconds())),
        "software": f"stillwatch {stillwatch.__version__}",
        "registration": registration.document,
        "receipt": receipt,
        "materials": {
            role: {name: str(value) for name, value in told.items()}
            for role, told in materials.used.items()
        },
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
        "controls": {f"{n}. {c.name}": repr(c.p) for n, c in enumerate(outcome.controls, 1)},
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
    adjusted = holm([float(test["p"]) for test in body["tests"]])
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


def write_report(folder: str | Path, document: dict[str, Any]) -> None:
    """Write both files to a folder that holds no report yet; raises `OutputExists`."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / MARKDOWN_NAME).exists():
        todo = "Name another folder: a report is not replaced"
        raise OutputExists(folder / MARKDOWN_NAME, "is there already", todo)
    write_new(folder / JSON_NAME, document)
    write_new(folder / MARKDOWN_NAME, markdown(document))


def verified(
    path: str | Path, registration: str | Path | None = None, key: str | None = None
) -> dict[str, Any]:
    """The body of a report that holds; raises `TraceRefused` where anything doesn't.

    Its signature and its registration's hold; Holm and the verdict follow from its p-values; the
    tests are those registered; the Markdown beside it is its own. With `registration`, the file
    that was deposited, it must be that one; with `key`, that key must have signed.
    """
    path = Path(path)
    path = path / JSON_NAME if path.is_dir() else path
    document = read(path)
    body = checked(path, document, REPORT, key)
    todo = "Ask for the report as it was written"
    try:
        held = registration_of(path, body["registration"])
        names = [test.name for test in held.tests]
        if [test["name"] for test in body["tests"]] != names:
            raise TraceRefused(path, "tells of other tests than were registered", todo)
        adjusted, verdict = _concluded(body, held)
        same = body["adjusted"] == adjusted and body["verdict"] == verdict
        told = markdown(document)
    except (KeyError, TypeError, ValueError, AttributeError) as fault:
        raise TraceRefused(path, f"lacks or garbles a field ({fault})", todo) from fault
    if not same:
        raise TraceRefused(path, "has a verdict that doesn't follow from its figures", todo)
    if registration is not None and read(registration) != body["registration"]:
        raise TraceRefused(path, "was made under another registration", todo)
    beside = path.with_name(MARKDOWN_NAME)
    if beside.exists() and beside.read_text(encoding="utf-8") != told:
        raise TraceRefused(beside, "is not what the signed report says", todo)
    return body
