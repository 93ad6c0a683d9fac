"""What must hold of a store at any moment."""

from __future__ import annotations

from pathlib import Path

from stillwatch.cases import Store, case_accounts, export_ledger, history, list_cases, verify


def check(store: Store, folder: Path) -> int:
    """Cases and ledger agree, and the ledger verifies; how many entries it has."""
    out = folder / "ledger.jsonl"
    count, head = export_ledger(store, out)
    verdict = verify(out, head)
    assert verdict.problems == []
    assert verdict.entries == count
    cases = list_cases(store)
    for case in cases:
        past = list(history(store, case.case_id))
        assert [entry.detail["version"] for entry in past] == list(range(1, case.version + 1))
        states = [
            entry.detail["to"] for entry in past if "from" in entry.detail and entry.act != "assign"
        ]
        if case.merged_into is None:
            assert case.state == (states[-1] if states else "new")
        assert (case.changed_by, case.changed_at) == (past[-1].actor, past[-1].at)
        assert len(case_accounts(store, case.case_id)) == case.accounts
    assert sum(case.version for case in cases) == count - verdict.redacted
    return count
