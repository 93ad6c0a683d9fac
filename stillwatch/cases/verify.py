"""Verifying an exported ledger: every byte of it is checked, and what is wrong is located.

A line must be the canonical form of what it says, its hash that of its fields, its number and the
hash before it what follows from the line above, and the last line must name what came before it.
After a line that is wrong, the next one is taken at its word where it must be, so that one change
is one problem.

An entry may have been redacted since (`forgetting`): its hash is of what it said, so the hash is
taken on trust where a later entry that is sound names it, and digests what it says now.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from stillwatch.cases.canonical import GENESIS, canonical, digest, hash_entry
from stillwatch.cases.export import FORMAT
from stillwatch.cases.ledger import REDACT, Entry, entry_named
from stillwatch.errors import InputNotFound


@dataclass(frozen=True)
class Problem:
    """Something wrong with one line of an export."""

    line: int
    """From 1."""
    seq: int | None
    """The entry's number: what it is, or where it can't be read, what it should be."""
    field: str | None
    """The field that is wrong, where it can be told."""
    what: str


@dataclass
class Verdict:
    """What a verification found; good where there is no problem."""

    entries: int = 0
    head: str = GENESIS
    """Hash of the last entry: compare it with one that was told by another way."""
    redacted: int = 0
    """Entries that lost the name of an account, as a later entry of the ledger says."""
    problems: list[Problem] = field(default_factory=list)


_ENTRY = dict(zip(Entry._fields, (int, str, str, str, str, dict, str, str), strict=True))
_FOOTER = {"entries": int, "format": str, "head": str}


def verify(export: str | Path, head: str | None = None) -> Verdict:
    """Check an exported ledger, without the database; with `head`, also that it is the whole one.

    Raises `InputNotFound` where there is no such file.
    """
    path = Path(export)
    if not path.is_file():
        raise InputNotFound(
            path, "there is no such file", "Write one with `stillwatch ledger export`"
        )
    walk = _Walk()
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            walk.take(number, line)
    walk.finish()
    if head is not None and walk.verdict.head != head.strip().lower():
        walk.add(None, "head", f"ends with {walk.verdict.head}, not with the head that was given")
    return walk.verdict


class _Walk:
    """The state between two lines: what the next one must follow."""

    def __init__(self) -> None:
        self.verdict = Verdict()
        self._line = 0
        self._seq: int | None = 1
        """The next entry's number; None after a line that couldn't be read."""
        self._prevs: set[str] | None = {GENESIS}
        """What the next entry may name as the hash before it."""
        self._suspect: tuple[int, str] | None = None
        """A problem that is the hash's own, if the next line names this hash instead."""
        self._ended = False
        self._unsound: dict[tuple[str, str, str], int] = {}
        """Entries that don't fit their hash: name, hash and digest of what they say; and line."""
        self._excused: set[int] = set()

    def add(self, seq: int | None, name: str | None, what: str) -> None:
        """Note a problem of this line."""
        self.verdict.problems.append(Problem(self._line, seq, name, what))

    def take(self, number: int, line: bytes) -> None:
        """Check one line."""
        self._line = number
        if self._ended:
            self.add(None, None, "comes after the last line of the ledger")
            return
        try:
            fields = _read(line)
        except ValueError as fault:
            self.add(self._seq, None, str(fault))
            self._seq = self._prevs = self._suspect = None
            return
        odd = _first_odd_byte(fields, line)
        if "format" in fields:
            self._ended = True
            self._clear_suspect(fields["head"])
            self._check_footer(fields, odd)
        else:
            self._clear_suspect(fields["prev"])
            self._check_entry(fields, odd)

    def finish(self) -> None:
        """Check that the ledger ended."""
        problems = self.verdict.problems
        if not self._ended and not (problems and problems[-1].line == self._line):
            self._line += 1
            self.add(self._seq, None, "is missing: the end was cut off")
        self.verdict.problems = [p for p in problems if p.line not in self._excused]

    def _clear_suspect(self, named: str) -> None:
        if self._suspect and self._suspect[1] == named:
            at, problems = self._suspect[0], self.verdict.problems
            problems[at] = replace(problems[at], field="hash", what="its own hash was changed")
        self._suspect = None

    def _check_footer(self, fields: dict[str, Any], odd: int | None) -> None:
        if odd is not None:
            self.add(None, None, f"byte {odd} is not in canonical form")
        elif fields["format"] != FORMAT:
            self.add(None, "format", f"says {fields['format']!r} instead of {FORMAT!r}")
        elif self._seq is not None and fields["entries"] != self._seq - 1:
            count = self._seq - 1
            self.add(None, "entries", f"counts {fields['entries']} entries, where {count} precede")
        elif self._prevs is not None and fields["head"] not in self._prevs:
            self.add(None, "head", "is not the hash of the last entry")

    def _check_entry(self, fields: dict[str, Any], odd: int | None) -> None:
        seq, stated, computed = fields["seq"], fields["hash"], hash_entry(fields)
        sound = stated == computed
        if odd is not None:
            self.add(seq, None, f"byte {odd} is not in canonical form")
        elif not sound:
            told = entry_named(seq), stated, digest(fields["detail"])
            self._unsound[told] = self._line
            self._find_field(fields, computed)
        elif self._seq is not None and seq < self._seq:
            self.add(seq, "seq", "is repeated or out of order")
            return
        elif self._seq is not None and seq > self._seq:
            self.add(seq, "seq", f"entries {self._seq} to {seq - 1} are missing before it")
        elif self._prevs is not None and fields["prev"] not in self._prevs:
            self.add(seq, "prev", "doesn't follow the line above: one of the two was rewritten")
        if sound and fields["act"] == REDACT:
            self._excuse(fields["subject"], fields["detail"])
        self._seq = (seq if sound or self._seq is None else self._seq) + 1
        self._prevs = {stated, computed}
        self.verdict.entries += 1
        self.verdict.head = stated

    def _excuse(self, subject: str, detail: dict[str, Any]) -> None:
        line = self._unsound.pop((subject, str(detail.get("hash")), str(detail.get("says"))), None)
        if line is not None:
            self._excused.add(line)
            self.verdict.redacted += 1

    def _find_field(self, fields: dict[str, Any], computed: str) -> None:
        """Note an entry whose hash is not that of its fields, and which of them must be wrong."""
        seq = fields["seq"] if self._seq is None else self._seq
        for prev in self._prevs or ():
            if hash_entry({**fields, "seq": seq, "prev": prev}) == fields["hash"]:
                name = "seq" if fields["seq"] != seq else "prev"
                self.add(seq, name, f"its {name} was changed")
                return
        self.add(seq, None, "what it says was changed: it doesn't fit its hash")
        self._suspect = len(self.verdict.problems) - 1, computed


def _read(line: bytes) -> dict[str, Any]:
    """The fields of an entry or of the last line; raises `ValueError` saying what is wrong."""
    try:
        fields = json.loads(line.decode("ascii"), parse_float=_refuse, parse_constant=_refuse)
    except UnicodeDecodeError as fault:
        raise ValueError(f"byte {fault.start + 1} is not ASCII") from None
    except json.JSONDecodeError as fault:
        raise ValueError(f"is no JSON at byte {fault.pos + 1}") from None
    except RecursionError:
        raise ValueError("is nested too deeply to be ours") from None
    for kinds in (_ENTRY, _FOOTER):
        if isinstance(fields, dict) and fields.keys() == kinds.keys():
            wrong = [name for name, kind in kinds.items() if type(fields[name]) is not kind]
            if wrong:
                raise ValueError(f"its {wrong[0]} is of another kind than it must be")
            return fields
    raise ValueError("has not the fields of an entry")


def _refuse(number: str) -> None:
    raise ValueError(f"holds the number {number[:20]}, which is no integer")


def _first_odd_byte(fields: dict[str, Any], line: bytes) -> int | None:
    """The first byte, from 1, where a line is not the canonical form of its fields."""
    whole = canonical(fields).encode("ascii") + b"\n"
    if line == whole:
        return None
    same = (at for at, (a, b) in enumerate(zip(line, whole, strict=False), 1) if a != b)
    return next(same, min(len(line), len(whole)) + 1)
