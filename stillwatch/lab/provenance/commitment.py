"""Pre-registration: what will be tested, with which key, said before anybody looked.

Who may choose key, test, level or texts afterwards can have any p-value. So a trial begins with a
file: for each key a commitment, a hash that can be checked later and gives nothing away now; all
tests with what they count and how much they need; the levels; what they are made on, by digest or
rule (`binding`); the seed of all that is drawn; how many runs there may be (`runs`); a date; a
signature. It goes to somebody outside (a notary, a time stamp, a mail to counsel), who can say
later that it is older than the trial. The date in it is only the word of the clock of the machine
that wrote it.

A key may be short enough to be guessed, so a commitment hashes it with 256 random bits, the
*opening*, kept in a file beside the registration that nobody else may read.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stillwatch.cases.canonical import digest
from stillwatch.errors import TraceRefused
from stillwatch.lab.provenance.binding import Bound, check_enough
from stillwatch.lab.provenance.plan import MOST_RUNS, Levels, Test, test_of
from stillwatch.lab.provenance.registration import Registration
from stillwatch.lab.provenance.runs import begin, runs_of
from stillwatch.lab.provenance.signing import bare, checked, read, signed, write_new

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from stillwatch.lab.provenance.schemes.scheme import Scheme

REGISTRATION = "stillwatch-trace-registration-2"
OPENING = "stillwatch-trace-opening-1"
MAX_TEXT = 4000

_TODO = "Use the registration and its opening as they were written"


def opening_of(path: Path) -> Path:
    """Where the opening of a registration is kept."""
    return path.with_name(path.name + ".opening")


def register(
    path: str | Path,
    schemes: Sequence[Scheme],
    tests: Sequence[Test],
    levels: Levels,
    bound: Sequence[Bound],
    signer: Ed25519PrivateKey,
    why: str = "",
    receipt: str = "",
    seed: str = "",
    runs: int = 1,
    now: dt.datetime | None = None,
) -> Registration:
    """Write a registration, its opening and its ledger of runs.

    Without a `seed` it is drawn. Raises `OutputExists` and `TraceRefused`.
    """
    path = Path(path)
    if max(map(len, (why, receipt, seed))) > MAX_TEXT:
        what = f"a text is longer than {MAX_TEXT:,} characters"
        raise TraceRefused(path, what, "Say it shorter, or give the hash of a file")
    check_enough(tests, bound)
    salts = [secrets.token_hex(32) for _ in schemes]
    created = (now or dt.datetime.now(dt.UTC)).astimezone(dt.UTC).replace(microsecond=0)
    body = {
        "created": created.isoformat(),
        "why": why,
        "receipt": receipt,
        "keys": [
            {"parameters": bare(scheme.parameters()), "commitment": _committed(scheme, salt)}
            for scheme, salt in zip(schemes, salts, strict=True)
        ],
        "tests": [asdict(test) for test in tests],
        "levels": bare(asdict(levels)),
        "materials": [asdict(one) for one in bound],
        "seed": seed or secrets.token_hex(16),
        "runs": runs,
    }
    document = signed(REGISTRATION, body, signer)
    # the opening first: a registration without one can't be used
    opening = {"format": OPENING, "registration": document["hash"], "salts": salts}
    write_new(opening_of(path), opening, secret=True)
    begin(runs_of(path))
    write_new(path, document)
    return read_registration(path)


def read_registration(path: str | Path, key: str | None = None) -> Registration:
    """A registration from its file; raises `InputNotFound` and `TraceRefused`."""
    return registration_of(path, read(path), key)


def registration_of(where: object, document: Any, key: str | None = None) -> Registration:
    """A registration from a document that holds."""
    body = checked(where, document, REGISTRATION, key)
    try:
        told = dict(body["levels"])
        many = int(told.pop("wrong_keys"))
        levels = Levels(**{name: float(value) for name, value in told.items()}, wrong_keys=many)
        runs = int(body["runs"])
        fault = levels.fault() or (None if 1 <= runs <= MOST_RUNS else f"{runs} runs")
        if fault is not None:
            raise TraceRefused(where, f"registers what no trial may have: {fault}", _TODO)
        return Registration(
            document["hash"],
            dt.datetime.fromisoformat(body["created"]),
            str(body["why"]),
            str(body["receipt"]),
            tuple(item["parameters"] for item in body["keys"]),
            tuple(item["commitment"] for item in body["keys"]),
            tuple(test_of(item) for item in body["tests"]),
            levels,
            tuple(Bound(**item) for item in body["materials"]),
            str(body["seed"]),
            runs,
            document,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as fault:
        raise TraceRefused(where, f"lacks or garbles a field ({fault})", _TODO) from fault


def check_keys(registration: Registration, schemes: Sequence[Scheme], opening: str | Path) -> None:
    """That these are the keys that were committed to; raises `TraceRefused` where they aren't."""
    told = read(opening)
    if not isinstance(told, dict) or told.get("registration") != registration.hash:
        raise TraceRefused(opening, "is not the opening of this registration", _TODO)
    salts = told.get("salts")
    if not isinstance(salts, list) or len(salts) != len(registration.commitments):
        raise TraceRefused(opening, "doesn't open each key", _TODO)
    if len(schemes) != len(registration.commitments):
        what = f"{len(schemes)} keys are given, {len(registration.commitments)} are registered"
        raise TraceRefused("keys", what, "Give the keys that were registered, in their order")
    for number, (scheme, salt) in enumerate(zip(schemes, salts, strict=True)):
        if bare(scheme.parameters()) != registration.parameters[number]:
            what = f"key {number + 1} has other settings than the one that was registered"
            raise TraceRefused("keys", what, "Give the keys that were registered")
        if _committed(scheme, str(salt)) != registration.commitments[number]:
            what = f"key {number + 1} is not the one that was registered"
            raise TraceRefused("keys", what, "Give the keys that were registered")


def _committed(scheme: Scheme, salt: str) -> str:
    told = {"parameters": scheme.parameters(), "secret": scheme.secret(), "salt": salt}
    return digest(bare(told))
