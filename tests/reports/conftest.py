"""Findings with frames and objects, and a store with their cases."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from stillwatch import tables
from stillwatch.cases import Case, State, Store, change_state, get_case, open_cases
from stillwatch.findings import Findings
from tests import fabricated

FIGURES = {
    "exchangeability": {"outsiders_compared": 312, "p": 0.0032, "median_mmd2": 0.00417},
    "shared_objects": {
        "share_of_exchanges": 0.83,
        "shared_families": 1714,
        "share_in_drawn_sets": 0.21,
    },
    "work_allocation": {
        "load_variation": 0.043,
        "daily_correlation": 0.377,
        "daily_correlation_outside": 0.051,
    },
    "harvest_signs": {"share_of_exchanges": 0.513, "share_outside": 0.062},
    "shared_origin": {"accounts_sharing_network": 61, "accounts_sharing_payment": 37},
}


def full_findings(hostile: str = "") -> Findings:
    """The fabricated findings, with figures in the evidence, frames, objects and own evidence."""
    found = fabricated.findings(hostile)
    evidence = found.evidence.to_pylist()
    for row in evidence:
        detail = {**json.loads(row["detail"]), **FIGURES.get(row["kind"], {})}
        if row["kind"] == "rival":
            detail["fit"] = 0.41 if detail["rival"] == "fleet" else 0.0
        row["detail"] = json.dumps(detail)
    members = found.members.to_pylist()
    for row in members:
        own = {
            "says": f"{row['exchanges']:,} of this account's.{hostile}",
            "attributed": row["exchanges"],
        }
        evidence.append(
            {
                "campaign_id": row["campaign_id"],
                "account_id": row["account_id"],
                "kind": "membership",
                "weight": 3.87123,
                "detail": json.dumps(own),
                "sample": [f"own-{row['account_id']}"],
            }
        )
    frames, objects = [], []
    for campaign in found.campaigns.to_pylist():
        name = campaign["campaign_id"]
        for at in range(5):
            frames.append(
                {
                    "campaign_id": name,
                    "frame_id": f"{at:016x}{hostile}",
                    "capability": "coding",
                    "exchanges": 1000 - at,
                    "accounts": 40 - at,
                    "others": 7 * at,
                    "first_ts": fabricated.START,
                    "last_ts": fabricated.START + dt.timedelta(days=9),
                    "sketch": [at],
                    "sample": [f"{name}-{at}", f"{name}-{at + 10}"],
                }
            )
        for kind in ("network", "payment", "device", f"odd{hostile}"):
            objects.append(
                {
                    "campaign_id": name,
                    "kind": kind,
                    "object_id": f"203.0.113.7{hostile}",
                    "accounts": 14,
                    "others": 3,
                    "exchanges": 871,
                    "account_id": members[0]["account_id"],
                    "sample": [f"{name}-1"],
                }
            )
    return dataclasses.replace(
        found,
        evidence=pa.Table.from_pylist(evidence, schema=tables.EVIDENCE),
        frames=pa.Table.from_pylist(frames, schema=tables.FRAMES),
        objects=pa.Table.from_pylist(objects, schema=tables.OBJECTS),
    )


@pytest.fixture(scope="session")
def found() -> Findings:
    """Full findings without hostile text."""
    return full_findings()


@pytest.fixture
def store(found: Findings, tmp_path: Path) -> Iterator[Store]:
    """A store with three cases, all new."""
    opened = Store.open(tmp_path / "cases.db", create=True)
    open_cases(opened, found, "detector-host")
    yield opened
    opened.close()


@pytest.fixture
def confirmed(store: Store) -> Callable[[int], Case]:
    """Confirms the case of a number."""

    def confirm(case_id: int) -> Case:
        case = get_case(store, case_id)
        case = change_state(store, case.seen, State.IN_REVIEW, "Ana Lovelace", "her turn, acc-9")
        return change_state(store, case.seen, State.CONFIRMED, "Bela Hopper", "twins, no owner")

    return confirm
