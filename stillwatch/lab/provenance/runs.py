"""The ledger of a registration: each run is entered before it computes, and none can be taken out.

TRIAL.runs stands beside the registration TRIAL, one signed document a line. Each names the hash of
the one before it, the first that of the registration; so a line that is changed, left out or put in
shows. A run's line holds the digests of all that it is made on; when it has ended, another has the
hash of its report. A report holds the ledger up to its own run.

The registration says how many runs there may be. A run on the same materials as one before is the
same run again (it draws nothing of its own), as after a crash: it has that one's number. A run on
others has the next, and beyond the registered number it is refused.

What a file beside a file can't show is that both were copied before the run. Who wants that shown
leaves the hash of each run's line with an outsider, as that of the registration.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from stillwatch.errors import InputNotFound, TraceRefused
from stillwatch.lab.provenance.signing import checked, signed, write_new

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from stillwatch.lab.provenance.registration import Registration

ENTRY = "stillwatch-trace-run-1"

_MAX_BYTES = 64 << 20
_TODO = "Use the ledger as it was written, beside the registration that it is of"

Document = dict[str, Any]


@dataclass(frozen=True)
class Entered:
    """A run that was entered: its number, and the ledger up to it."""

    number: int
    ledger: list[Document]

    @property
    def hash(self) -> str:
        """The hash of its line: what to leave with an outsider."""
        return self.ledger[-1]["hash"]

    @property
    def materials(self) -> list[dict[str, Any]]:
        """What it is made on."""
        return self.ledger[-1]["body"]["materials"]


def runs_of(path: str | Path) -> Path:
    """Where the ledger of a registration is kept."""
    path = Path(path)
    return path.with_name(path.name + ".runs")


def begin(path: Path) -> None:
    """An empty ledger; raises `OutputExists`."""
    write_new(path, "")


def enter(
    path: Path,
    registration: Registration,
    materials: list[dict[str, Any]],
    signer: Ed25519PrivateKey,
    now: dt.datetime | None = None,
) -> Entered:
    """Enter a run before it computes; raises `TraceRefused` where there may be no more."""

    def entry(ledger: list[Document]) -> dict[str, Any]:
        number = _number(ledger, materials)
        if number > registration.runs:
            what = f"all {registration.runs} registered runs were made, on other materials"
            raise TraceRefused(path, what, "Run it on what it was run on, or register anew")
        return {"run": number, "materials": materials}

    ledger = _append(path, registration, entry, signer, now)
    return Entered(ledger[-1]["body"]["run"], ledger)


def ended(
    path: Path,
    registration: Registration,
    run: int,
    report: str,
    signer: Ed25519PrivateKey,
    now: dt.datetime | None = None,
) -> None:
    """Enter the hash of a run's report."""
    _append(path, registration, lambda _: {"run": run, "report": report}, signer, now)


def read_ledger(path: Path, registration: Registration) -> list[Document]:
    """A ledger that holds; raises `InputNotFound` and `TraceRefused`."""
    try:
        raw = path.read_bytes()
    except OSError as fault:
        raise InputNotFound(path, f"can't be read ({fault.strerror})", _TODO) from fault
    return _read(path, raw, registration)


def check_ledger(where: object, ledger: Sequence[Any], registration: Registration) -> None:
    """That a ledger is one chain from its registration on, with numbers as they must be."""
    before, seen = registration.hash, []
    for line, document in enumerate(ledger, 1):
        signer = registration.document["key"]
        body = checked(f"{where}, run entry {line}", document, ENTRY, signer)
        if body.get("prev") != before or body.get("registration") != registration.hash:
            what = f"entry {line} doesn't follow the one before it: one was taken out or put in"
            raise TraceRefused(where, what, _TODO)
        number, told = body.get("run"), body.get("materials")
        right = _number(seen, told) if isinstance(told, list) else None
        known = right == number if right is not None else number in _numbers(seen)
        if not known or not isinstance(number, int) or number > registration.runs:
            raise TraceRefused(where, f"entry {line} has a number that it can't have", _TODO)
        before = document["hash"]
        seen.append(document)


def runs_made(ledger: Sequence[Document]) -> dict[int, bool]:
    """By number, whether a run that was entered has a report."""
    told = dict.fromkeys(sorted(_numbers(ledger)), False)
    return told | {
        document["body"]["run"]: True for document in ledger if "report" in document["body"]
    }


def _numbers(ledger: Sequence[Document]) -> set[int]:
    return {document["body"]["run"] for document in ledger if "materials" in document["body"]}


def _number(ledger: Sequence[Document], materials: list[dict[str, Any]]) -> int:
    """The number of a run on these materials: that of the run on the same, or the next."""
    asked = _digests(materials)
    for document in ledger:
        held = document["body"].get("materials")
        if held is not None and _digests(held) == asked:
            return document["body"]["run"]
    return len(_numbers(ledger)) + 1


def _digests(materials: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(one["role"], one["sha256"]) for one in materials]


def _append(
    path: Path,
    registration: Registration,
    entry: Any,
    signer: Ed25519PrivateKey,
    now: dt.datetime | None,
) -> list[Document]:
    """The ledger with one more line, which is on the disk when this returns."""
    if signer.public_key().public_bytes_raw().hex() != registration.document["key"]:
        what = "is not the key that the trial was registered with"
        raise TraceRefused("--sign", what, "Sign with that one: a ledger has one signer")
    try:
        file = path.open("r+b")
    except OSError as fault:
        what = f"can't be opened ({fault.strerror}): runs of this registration aren't known"
        raise TraceRefused(path, what, _TODO) from fault
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)  # until it is closed
        raw = file.read(_MAX_BYTES + 1)
        # a line that was cut off was never entered: nothing was computed after it
        whole = raw[: raw.rfind(b"\n") + 1]
        ledger = _read(path, whole, registration)
        at = (now or dt.datetime.now(dt.UTC)).astimezone(dt.UTC).replace(microsecond=0)
        before = ledger[-1]["hash"] if ledger else registration.hash
        told = {"registration": registration.hash, "prev": before, "at": at.isoformat()}
        ledger.append(signed(ENTRY, told | entry(ledger), signer))
        file.seek(len(whole))
        file.truncate()
        file.write(json.dumps(ledger[-1]).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())
    return ledger


def _read(path: Path, raw: bytes, registration: Registration) -> list[Document]:
    if len(raw) > _MAX_BYTES:
        raise TraceRefused(path, "is too long", _TODO)
    try:
        ledger = [msgspec.json.decode(line) for line in raw.splitlines()]
        check_ledger(path, ledger, registration)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        raise TraceRefused(path, f"has a line that is not JSON ({fault})", _TODO) from fault
    except (KeyError, TypeError, AttributeError) as fault:
        raise TraceRefused(path, f"lacks or garbles a field ({fault})", _TODO) from fault
    return ledger
