"""Findings made by hand, for tests of what shows them: three campaigns, one network, the rest."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import numpy as np
import pyarrow as pa

from stillwatch import tables
from stillwatch.findings import Findings

SCHEMAS = {
    "campaigns": tables.CAMPAIGNS,
    "members": tables.MEMBERS,
    "exchanges": tables.ATTRIBUTED,
    "evidence": tables.EVIDENCE,
    "daily": tables.DAILY,
    "links": tables.LINKS,
    "frames": tables.FRAMES,
    "objects": tables.OBJECTS,
}
"""The tables that are made of rows here; where accounts stand is made apart."""

START = dt.datetime(2026, 1, 5, 6, tzinfo=dt.UTC)
DAYS = 45

_CAMPAIGNS: list[dict[str, Any]] = [
    {
        "id": "cmp-4f1a90c2d7",
        "kind": "distillation",
        "accounts": 210,
        "a_day": 2900,
        "confidence": 0.993,
        "from": 3,
        "capabilities": {"coding": 0.46, "tool_use": 0.31, "agentic_reasoning": 0.17, "chat": 0.06},
    },
    {
        "id": "cmp-b83e02716a",
        "kind": "distillation",
        "accounts": 48,
        "a_day": 1150,
        "confidence": 0.987,
        "from": 0,
        "capabilities": {
            "agentic_reasoning": 0.38,
            "tool_use": 0.27,
            "coding": 0.2,
            "data_analysis": 0.14,
            "other": 0.01,
        },
    },
    {
        "id": "cmp-09d5ce11f4",
        "kind": "distillation",
        "accounts": 18,
        "a_day": 110,
        "confidence": 0.94,
        "from": 12,
        "capabilities": {
            "reasoning_elicitation": 0.52,
            "grading": 0.33,
            "sensitive_rewriting": 0.11,
            "other": 0.04,
        },
    },
    {
        "id": "net-7721ab03e9",
        "kind": "reseller",
        "accounts": 36,
        "a_day": 600,
        "confidence": 0.97,
        "from": 0,
        "capabilities": {"chat": 0.6, "coding": 0.25, "other": 0.15},
    },
]

_WHY = {
    "exchangeability": (
        38.0,
        "{n} accounts draw their prompts from one distribution: the mean "
        "distance between two of them is 0.0004, where honest pairs show 0.031.",
    ),
    "work_allocation": (
        9.4,
        "Work is dealt out evenly: the accounts differ by 4% in volume, where "
        "honest accounts of this size differ by 310%.",
    ),
    "harvest_signs": (
        5.2,
        "No prompt is followed up in 98.7% of exchanges, and the longest output "
        "was asked for in 81%.",
    ),
    "shared_objects": (3.1, "{n} accounts share 14 prompt frames that 0.2% of others use."),
    "shared_origin": (1.4, "61 accounts share 5 payment instruments."),
}


def findings(hostile: str = "", world: bool = True) -> Findings:
    """Three campaigns, one network and 900 others; `hostile` is put wherever log text appears."""
    rng = np.random.default_rng(7)
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in SCHEMAS}
    standing: list[dict[str, Any]] = []
    for plan in _CAMPAIGNS:
        _campaign(plan, rows, standing, rng, hostile)
    for at in range(900):
        name = f"acc-{rng.integers(1 << 40):010x}{hostile}"
        verdict = "rival:popular_software" if at < 12 else "alone"
        standing.append(_standing(name, int(rng.lognormal(4, 1)), None, verdict, hostile))
    for at in range(DAYS):
        for capability, share in (("chat", 0.5), ("coding", 0.2), ("other", 0.3)):
            rows["daily"].append(
                {
                    "campaign_id": None,
                    "day": (START + dt.timedelta(days=at)).date(),
                    "model": "still-1",
                    "capability": capability,
                    "exchanges": int(share * 5200 * (0.75 + 0.25 * np.sin(at * 0.9))),
                }
            )
    run: dict[str, Any] = {
        "version": "0.1.0",
        "rows": {"read": 9, "kept": 8, "quarantined": {"not_json": 1}},
    }
    if world:
        run["world"] = {"name": "plain", "scale": 0.01, "seed": 0}
    built = {
        name: pa.Table.from_pylist(rows[name], schema=schema) for name, schema in SCHEMAS.items()
    }
    accounts = pa.Table.from_pylist(standing, schema=tables.STANDING)
    return Findings(**built, accounts=accounts, run=run)


def empty() -> Findings:
    """The findings of a log in which nothing was found: five accounts, each on its own."""
    some = findings()
    alone = pa.Table.from_pylist(
        [_standing(f"acc-{at}", 30, None, "alone", "") for at in range(5)], schema=tables.STANDING
    )
    parts = {name: getattr(some, name).slice(0, 0) for name in SCHEMAS}
    return Findings(**parts, accounts=alone, run={"version": "0.1.0"})


def _campaign(
    plan: dict[str, Any],
    rows: dict[str, list[dict[str, Any]]],
    standing: list[dict[str, Any]],
    rng: np.random.Generator,
    hostile: str,
) -> None:
    n, first = plan["accounts"], START + dt.timedelta(days=plan["from"])
    last = START + dt.timedelta(days=DAYS - 1)
    names = [f"acc-{rng.integers(1 << 40):010x}{hostile}" for _ in range(n)]
    total = 0
    for at in range(plan["from"], DAYS):
        new = 0.52 if n == 210 and at >= 30 else 0.0
        for capability, share in plan["capabilities"].items():
            for model, part in (("still-1", 1 - new), (f"still-2{hostile}", new)):
                number = int(plan["a_day"] * share * part * rng.uniform(0.8, 1.15))
                if number and plan["kind"] == "distillation":
                    total += number
                    rows["daily"].append(
                        {
                            "campaign_id": plan["id"],
                            "day": (START + dt.timedelta(days=at)).date(),
                            "model": model,
                            "capability": capability,
                            "exchanges": number,
                        }
                    )
    total = total or plan["a_day"] * DAYS
    rows["campaigns"].append(
        {
            "campaign_id": plan["id"],
            "kind": plan["kind"],
            "confidence": plan["confidence"],
            "accounts": n,
            "exchanges": total,
            "first_ts": first,
            "last_ts": last,
            "capabilities": plan["capabilities"],
            "summary": f"{n} accounts, opened within nine days, take prompts from one queue and "
            f"never follow an answer up.{hostile}",
        }
    )
    for name in names:
        rows["members"].append(
            {
                "campaign_id": plan["id"],
                "account_id": name,
                "confidence": float(rng.uniform(0.9, 0.999)),
                "first_ts": first,
                "last_ts": last,
                "exchanges": total // n,
            }
        )
        verdict = "member" if plan["kind"] == "distillation" else "network"
        standing.append(_standing(name, total // n + 40, plan["id"], verdict, hostile))
    for kind, (weight, says) in _WHY.items():
        if plan["kind"] == "reseller" and kind in ("exchangeability", "harvest_signs"):
            continue
        detail = json.dumps({"says": says.format(n=n) + hostile, "accounts": n})
        rows["evidence"].append(_evidence(plan["id"], None, kind, weight, detail))
    if plan["kind"] == "reseller":
        own = json.dumps({"says": "Each customer behind these accounts has their own interests."})
        rows["evidence"].append(_evidence(plan["id"], None, "harvest_signs", -2.2, own))
    rival = {
        "says": "One owner would explain the twins, but no organisation claims these accounts.",
        "rival": "fleet",
    }
    rows["evidence"].append(_evidence(plan["id"], None, "rival", -22.84, json.dumps(rival)))
    idle = {"says": "3% of the members share one network.", "rival": "class"}
    rows["evidence"].append(_evidence(plan["id"], None, "rival", -0.0, json.dumps(idle)))
    member = json.dumps({"says": "Its exchanges fit the campaign's content 10^6 times better."})
    rows["evidence"].append(_evidence(plan["id"], names[0], "membership", 6.0, member))
    if plan["kind"] == "distillation":
        for at in range(50):
            rows["exchanges"].append(
                {"exchange_id": f"{plan['id']}-{at}", "campaign_id": plan["id"], "confidence": 0.98}
            )
    _shared(plan, rows, names)
    for at in range(n):
        for other in {int(o) for o in rng.integers(0, n, 3)} - {at}:
            rows["links"].append(
                {
                    "campaign_id": plan["id"],
                    "account_a": names[at],
                    "account_b": names[other],
                    "weight": float(rng.gamma(2.0, 2.0)),
                    "why": f"twins: distance 0.0003, and 3 rare frames in common{hostile}",
                }
            )


def _shared(plan: dict[str, Any], rows: dict[str, list[dict[str, Any]]], names: list[str]) -> None:
    """What members send and share in common."""
    for at in range(3 if plan["kind"] == "distillation" else 0):
        rows["frames"].append(
            {
                "campaign_id": plan["id"],
                "frame_id": f"{at:016x}",
                "capability": "coding",
                "exchanges": 900 - at,
                "accounts": len(names) - at,
                "others": 3 * at,
                "first_ts": START,
                "last_ts": START + dt.timedelta(days=DAYS - 1),
                "sketch": [at + 1, at + 2],
                "sample": ["ex-1", "ex-2"],
            }
        )
    for kind in ("network", "payment"):
        rows["objects"].append(
            {
                "campaign_id": plan["id"],
                "kind": kind,
                "object_id": f"{len(rows['objects']):016x}",
                "accounts": min(5, len(names)),
                "others": 2,
                "exchanges": 400 if kind == "network" else None,
                "account_id": names[0],
                "sample": ["ex-1"] if kind == "network" else [],
            }
        )


def _evidence(
    campaign_id: str, account_id: str | None, kind: str, weight: float, detail: str
) -> dict[str, Any]:
    return {
        "campaign_id": campaign_id,
        "account_id": account_id,
        "kind": kind,
        "weight": weight,
        "detail": detail,
        "sample": ["ex-1", "ex-2"],
    }


def _standing(
    name: str, exchanges: int, group: str | None, verdict: str, hostile: str
) -> dict[str, Any]:
    member = verdict == "member"
    detail = {
        "says": f"It {'draws' if member else 'does not draw'} from a queue of others.{hostile}",
        "for": [
            {
                "kind": "exchangeability",
                "weight": 6.1 if member else 0.2,
                "says": f"Its nearest account is at distance 0.0004.{hostile}",
            }
        ],
        "against": [
            {"kind": "harvest_signs", "weight": -0.7, "says": "It came back to 3% of its answers."}
        ],
        "nearest": [{"account_id": f"acc-near{hostile}", "mmd2": 0.0004, "z": 0.3}],
        "objects": [{"object": f"frame 81f{hostile}", "accounts": 40, "says": "A rare frame."}],
        "figures": {"follow_up_share": 0.013, "exchanges_a_day": 26.5},
    }
    return {
        "account_id": name,
        "exchanges": exchanges,
        "first_ts": START,
        "last_ts": START + dt.timedelta(days=DAYS - 1),
        "org_id": None,
        "capabilities": {"coding": 0.7, "chat": 0.3},
        "group_id": group,
        "verdict": verdict,
        "detail": json.dumps(detail),
    }
