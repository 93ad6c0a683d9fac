"""Cases: campaigns under review, and the ledger of every act on them.

A case is opened from findings, changes only by acts that name the version they are based on, and
leaves one row in an append-only, hash-chained ledger for each act, in the same transaction.
"""

from __future__ import annotations

from stillwatch.cases.acts import (
    assign,
    change_state,
    comment,
    snooze,
    tag,
    undo,
    untag,
)
from stillwatch.cases.case import Case, Seen
from stillwatch.cases.export import export_ledger
from stillwatch.cases.joining import merge, split
from stillwatch.cases.labels import Label, labels
from stillwatch.cases.opening import Opened, open_cases
from stillwatch.cases.reading import case_accounts, get_case, history, list_cases
from stillwatch.cases.states import State
from stillwatch.cases.store import Store
from stillwatch.cases.verify import Problem, Verdict, verify

__all__ = [
    "Case",
    "Label",
    "Opened",
    "Problem",
    "Seen",
    "State",
    "Store",
    "Verdict",
    "assign",
    "case_accounts",
    "change_state",
    "comment",
    "export_ledger",
    "get_case",
    "history",
    "labels",
    "list_cases",
    "merge",
    "open_cases",
    "snooze",
    "split",
    "tag",
    "undo",
    "untag",
    "verify",
]
