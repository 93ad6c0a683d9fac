"""One base class for everything that Stillwatch refuses to do, and one class a kind of failure.

Every message says where the trouble is and what to do about it; the command line prints it as one
line and leaves with the class's exit code.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class StillwatchError(Exception):
    """Base of all errors that a user can act on."""

    exit_code = 1

    def __init__(self, where: object, what: str, todo: str) -> None:
        self.where, self.what, self.todo = str(where), what, todo
        super().__init__(f"{where}: {what}. {todo}")

    def __reduce__(self) -> tuple[Any, ...]:
        """As another process gets it: whole, whatever its class asks for to be made."""
        return _remade, (type(self), self.args, self.__dict__)


def _remade(kind: type[StillwatchError], args: tuple[Any, ...], held: dict[str, Any]) -> Any:
    made = kind.__new__(kind, *args)
    made.args = args
    made.__dict__.update(held)
    return made


class InputNotFound(StillwatchError):
    """A path that was named doesn't exist or holds nothing that can be read."""

    exit_code = 3


class FormatUnknown(StillwatchError):
    """A file's format could not be recognised, or is not the one that was asked for."""

    exit_code = 4


class LakeBroken(StillwatchError):
    """A lake's manifest or segments don't fit together."""

    exit_code = 5


class FindingsBroken(StillwatchError):
    """A findings folder is incomplete or not written by this contract."""

    exit_code = 6


class NothingToRead(StillwatchError):
    """The log holds no usable exchange (all were quarantined, or none is old enough)."""

    exit_code = 7


class UnknownName(StillwatchError):
    """A world, campaign or account that was named is not there."""

    exit_code = 8


class OutputExists(StillwatchError):
    """The place to write to holds something that is not ours to replace."""

    exit_code = 9


class LakeBusy(StillwatchError):
    """Another process is writing to the lake."""

    exit_code = 10


class ExtraMissing(StillwatchError):
    """A method needs packages that come with an extra of the installation."""

    exit_code = 11


class EngineFailed(StillwatchError):
    """An engine that was named is none, can't be reached, or its workers can't do their part."""

    exit_code = 12


class CaseChanged(StillwatchError):
    """Somebody changed a case after the version that an act was based on; nothing was done."""

    exit_code = 13


class CaseRefused(StillwatchError):
    """An act that a case's state doesn't allow, or a text that can't be kept; nothing was done."""

    exit_code = 14


class StoreBroken(StillwatchError):
    """The store of cases can't be reached or read, or a newer version wrote it."""

    exit_code = 15


class LedgerBroken(StillwatchError):
    """A ledger was tampered with or damaged."""

    exit_code = 16


class JournalBroken(LedgerBroken):
    """A lake's journal of removals was tampered with or damaged."""


class SignInRefused(StillwatchError):
    """A sign-in that wasn't accepted; why is told only as far as it helps nobody to guess."""

    exit_code = 17


class SignInLimited(SignInRefused):
    """A sign-in that has to wait, `retry_after` seconds, because others before it failed."""

    def __init__(self, where: object, what: str, todo: str, retry_after: float) -> None:
        super().__init__(where, what, todo)
        self.retry_after = retry_after


class AccessRefused(StillwatchError):
    """What a role, or the rules for names and passwords, don't allow; nothing was done."""

    exit_code = 18


class GateFailed(StillwatchError):
    """The service of the gateway can't start: its address, its table or its workers."""

    exit_code = 20


class PolicyInvalid(StillwatchError):
    """A policy file can't be read or says what it can't mean; all that is wrong is told at once."""

    exit_code = 19

    def __init__(self, where: object, what: str, todo: str, faults: Sequence[str] = ()) -> None:
        super().__init__(where, what, todo)
        self.faults = tuple(faults) or (what,)


class TableBroken(StillwatchError):
    """The decision table of a gateway isn't there, or can't be read."""

    exit_code = 22


class ArenaRefused(StillwatchError):
    """An arena that can't be played: no such operator or move, or days that don't suffice."""

    exit_code = 21


class MappingInvalid(StillwatchError):
    """A mapping file that can't be read or says what it can't mean; all faults are told at once."""

    exit_code = 23

    def __init__(self, where: object, what: str, todo: str, faults: Sequence[str] = ()) -> None:
        super().__init__(where, what, todo)
        self.faults = tuple(faults) or (what,)


class WarehouseFailed(StillwatchError):
    """A warehouse at a URL can't be reached, found or read; no secret of its URL is in the text."""

    exit_code = 27


class PrivacyRefused(StillwatchError):
    """Keys that can't be used, or what a lake's rules for identifiers don't allow."""

    exit_code = 24


class PeerRefused(StillwatchError):
    """What a peer told or asked can't be taken, a peer can't be reached, or none has that name."""

    exit_code = 26


class SharingRefused(StillwatchError):
    """What may not be told, or isn't ready to be: nothing left the house."""

    exit_code = 25


class LabRefused(StillwatchError):
    """A run of the lab, its inputs or its files don't fit together, or no right is asserted."""

    exit_code = 28


class TraceRefused(StillwatchError):
    """A provenance test that may not be run or told, or files of one that don't fit together."""

    exit_code = 29


class MeasureRefused(StillwatchError):
    """A countermeasure, its registry, its keys or a trace policy can't be used as they are."""

    exit_code = 30

    def __init__(self, where: object, what: str, todo: str, faults: Sequence[str] = ()) -> None:
        super().__init__(where, what, todo)
        self.faults = tuple(faults) or (what,)


class HelperLost(StillwatchError):
    """A process that helped with an ingest ended before its task did."""

    exit_code = 31
