"""A small log made by hand, in which it is known who carries what; and its findings.

Twelve accounts of a campaign, 400 honest ones, and one that another campaign holds. Whatever must
not leave holds the word `CANARY`.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

import stillwatch as sw
from stillwatch import tables
from stillwatch.findings import Findings
from stillwatch.signals.extract import signals

TODAY = dt.date(2026, 6, 5)
START = dt.datetime(2026, 6, 1, 8, tzinfo=dt.UTC)
MEMBERS = [f"CANARY-m{at}" for at in range(12)]
HONEST = [f"CANARY-h{at}" for at in range(400)]
OTHER = "CANARY-other"
EACH = 12

JA4 = "t13d1516h2_8daaf6152771_b186095e22b6"

TEMPLATE = (
    "You are a strict grader. Read the task and the answer below, judge the answer by the rubric "
    "from one to ten for correctness, depth and style, and reply with the score alone. Task: {} "
    "Rubric: correctness first, then depth, then style; no explanation, only the number."
)
_WORDS = [
    "".join(letters) for letters in itertools.product("bdfglmnprs", "aeiou", "kltvz", "aeiou")
]
"""Without digits, which frames mask."""


def exchange_rows() -> list[dict[str, Any]]:
    """All exchanges."""
    rng = random.Random(7)
    rows = []
    for place, account in enumerate([*MEMBERS, *HONEST, OTHER]):
        member, honest = account in MEMBERS, account in HONEST
        mine = rng.sample(_WORDS, 60)
        for at in range(EACH):
            text = " ".join(rng.choices(mine, k=25))
            task = f"CANARY{place} {' '.join(rng.choices(_WORDS, k=30))}"
            rows.append(
                {
                    "exchange_id": f"CANARY-{account}-{at}",
                    "ts": START + dt.timedelta(hours=at),
                    "account_id": account,
                    "org_id": "CANARY-org" if place == 3 else f"own{place}",
                    "model": "still-1",
                    "prompt": text if honest else TEMPLATE.format(task),
                    "response": "CANARY answer",
                    **_ways(place, at, member, honest),
                }
            )
    return rows


def _ways(place: int, at: int, member: bool, honest: bool) -> dict[str, Any]:
    if not member:
        return {
            "ip": "8.8.4.9" if honest and place % 80 == 0 else f"9.{place // 200}.{place % 200}.5",
            "user_agent": "popular/1",
            "ja4": "t13d1715h2_5b57614c22b0_3d5424432f57",
            "asn": 64500 + place,
            "headers": [("x-app", "own"), ("cookie", "CANARY")],
            "system": f"CANARY {place}",
            "device_id": f"CANARY-d{place}",
        }
    agents = [
        "harvester/141.0.0.2",
        "popular/1",
        "CANARY-org-bot/1",
        "bot (CANARY@example.org)",
        "b\x1bt",
    ]
    addresses = ["8.8.8.1", "8.8.4.7", "10.0.0.9", f"11.0.{place}.4", "nonsense", "2600:1:2::9"]
    return {
        "ip": addresses[at % len(addresses)],
        "user_agent": agents[at % len(agents)],
        "ja4": JA4,
        "asn": 64400,
        "headers": [("x-stainless-lang", "js"), ("x-app", "graders"), ("cookie", "CANARY")],
        "system": "CANARY you grade",
        "device_id": "CANARY-shared" if place < 6 else f"CANARY-d{place}",
        "tools": ["CANARY_read", "write"],
    }


def account_rows() -> list[dict[str, Any]]:
    """Registrations: four members share a card, five a mail domain that honest ones have, too."""
    return [
        {
            "account_id": account,
            "created_at": START,
            "payment_id": "CANARY-card" if place < 7 else f"CANARY-card{place}",
            "email_domain": "canary-mail.example" if place < 5 else "canary-popular.example",
        }
        for place, account in enumerate([*MEMBERS, *HONEST, OTHER])
    ]


def lake(folder: Path) -> Path:
    """The log, ingested."""
    parts = folder / "log" / "exchanges"
    parts.mkdir(parents=True)
    exchanges = pa.Table.from_pylist(exchange_rows(), schema=tables.EXCHANGES)
    half = exchanges.num_rows // 2
    pq.write_table(exchanges.slice(0, half), parts / "0.parquet")
    pq.write_table(exchanges.slice(half), parts / "1.parquet")
    accounts = pa.Table.from_pylist(account_rows(), schema=tables.ACCOUNTS)
    pq.write_table(accounts, folder / "log" / "accounts.parquet")
    sw.ingest([folder / "log"], lake=folder / "lake")
    return folder / "lake"


def findings() -> Findings:
    """One campaign of the members, another of `OTHER`, and all the rest alone."""
    campaigns, members, attributed, standing = [], [], [], []
    for name, who in (("c-one", MEMBERS), ("c-two", [OTHER])):
        campaigns.append(
            {
                "campaign_id": name,
                "kind": "distillation",
                "confidence": 0.98,
                "accounts": len(who),
                "exchanges": EACH * len(who),
                "first_ts": START,
                "last_ts": START + dt.timedelta(days=1),
                "capabilities": [("grading", 0.93), ("chat", 0.07)],
                "summary": "CANARY",
            }
        )
        for account in who:
            members.append(
                {
                    "campaign_id": name,
                    "account_id": account,
                    "confidence": 0.99,
                    "first_ts": START,
                    "last_ts": START + dt.timedelta(days=1),
                    "exchanges": EACH,
                }
            )
            attributed += [
                {
                    "exchange_id": f"CANARY-{account}-{at}",
                    "campaign_id": name,
                    "confidence": 0.97,
                }
                for at in range(EACH)
            ]
    for place, account in enumerate([*MEMBERS, *HONEST, OTHER]):
        standing.append(
            {
                "account_id": account,
                "exchanges": EACH,
                "org_id": "CANARY-org" if place == 3 else f"own{place}",
                "verdict": "alone" if account in HONEST else "member",
                "detail": json.dumps({}),
            }
        )
    frames = [
        {
            "campaign_id": "c-one",
            "frame_id": "CANARY",
            "capability": "grading",
            "exchanges": 144,
            "accounts": 12,
            "others": 0,
            "sketch": _sketch(),
            "sample": ["CANARY"],
        }
    ]
    return Findings(
        campaigns=pa.Table.from_pylist(campaigns, schema=tables.CAMPAIGNS),
        members=pa.Table.from_pylist(members, schema=tables.MEMBERS),
        exchanges=pa.Table.from_pylist(attributed, schema=tables.ATTRIBUTED),
        evidence=tables.EVIDENCE.empty_table(),
        daily=tables.DAILY.empty_table(),
        links=tables.LINKS.empty_table(),
        accounts=pa.Table.from_pylist(standing, schema=tables.STANDING),
        frames=pa.Table.from_pylist(frames, schema=tables.FRAMES),
        run={"version": "0.1.0"},
    )


def _sketch() -> list[int]:
    """All bands of six members' first prompts, as the findings have them."""
    rows = [row for row in exchange_rows() if row["account_id"] in MEMBERS[:6]][::EACH]
    kept = pa.Table.from_pylist(rows, schema=tables.EXCHANGES).combine_chunks().to_batches()[0]
    return sorted({band for bands in signals(kept).column("bands").to_pylist() for band in bands})
