"""Exit codes, and how a refusal is said: one line, on standard error, without a traceback."""

from __future__ import annotations

import sys

from stillwatch import errors
from stillwatch.display import plain

OK = 0
USAGE = 2
SYSTEM = 74
INTERRUPTED = 130

MEANINGS = {
    OK: "done",
    1: "an error that should not happen, with its traceback",
    USAGE: "the command line itself is wrong (an unknown option, a missing argument)",
    errors.InputNotFound.exit_code: "a path that was named is not there or holds nothing readable",
    errors.FormatUnknown.exit_code: "a file's format is not known, or not the one asked for",
    errors.LakeBroken.exit_code: "a lake's files do not fit together",
    errors.FindingsBroken.exit_code: "a findings folder is incomplete or damaged",
    errors.NothingToRead.exit_code: "the log holds no usable exchange",
    errors.UnknownName.exit_code: "no such world, campaign, account or method",
    errors.OutputExists.exit_code: "the place to write to holds something that is not ours",
    errors.LakeBusy.exit_code: "another ingest is writing to this lake",
    errors.ExtraMissing.exit_code: "a method needs an extra that is not installed",
    errors.EngineFailed.exit_code: "the engine is not one, can't be reached, or failed",
    errors.CaseChanged.exit_code: "somebody changed the case since you looked; nothing was done",
    errors.CaseRefused.exit_code: "a case's state or a text doesn't allow it; nothing was done",
    errors.StoreBroken.exit_code: "the store of cases can't be reached or read, or is newer",
    errors.LedgerBroken.exit_code: "a ledger was tampered with or damaged",
    errors.SignInRefused.exit_code: "a sign-in was refused",
    errors.AccessRefused.exit_code: "a role, or the rules for names and passwords, don't allow it",
    errors.GateFailed.exit_code: "the gateway's service can't start",
    errors.PolicyInvalid.exit_code: "a policy file can't be read or says what it can't mean",
    errors.TableBroken.exit_code: "a gateway's folder or decision table isn't there, or is damaged",
    errors.ArenaRefused.exit_code: "the arena can't be played: no such operator, move or days",
    errors.MappingInvalid.exit_code: "a mapping file can't be read or says what it can't mean",
    errors.WarehouseFailed.exit_code: "a warehouse at a URL can't be reached, found or read",
    errors.PrivacyRefused.exit_code: "a file of keys, or a lake's rules, don't allow it",
    errors.PeerRefused.exit_code: "a peer can't be reached, or what it told can't be taken",
    errors.SharingRefused.exit_code: "what may not be told, or isn't ready to be; nothing left",
    errors.LabRefused.exit_code: "a run of the lab, its inputs or its files don't fit together",
    errors.TraceRefused.exit_code: "a provenance test is refused, or its files don't fit together",
    errors.MeasureRefused.exit_code: "a registry of canaries or a trace policy is wrong",
    errors.HelperLost.exit_code: "a process that helped with an ingest ended; ingest again",
    SYSTEM: "the system refused: no permission, disk full",
    INTERRUPTED: "interrupted by Ctrl-C or a polite kill",
}
"""Every exit code of the command, with its meaning in a few words."""

EPILOG = "Exit codes:\n\n" + "\n\n".join(f"- {code}: {words}" for code, words in MEANINGS.items())


def refuse(fault: errors.StillwatchError | OSError) -> int:
    """Say `fault` in one line on standard error; returns the exit code to leave with."""
    if isinstance(fault, errors.StillwatchError):
        line, code = str(fault), fault.exit_code
    else:
        where = fault.filename if fault.filename is not None else "stillwatch"
        line = f"{where}: {fault.strerror or fault}. Check the path, its permissions and free space"
        code = SYSTEM
    print(f"stillwatch: {plain(line, 1000)}", file=sys.stderr)
    return code
