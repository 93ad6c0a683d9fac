"""Logs of software that nobody has heard of, each in its own house style, with what they mean.

The styles differ in nesting, naming, times, where the records are, and in what is missing.
"""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

BEGAN = dt.datetime(2026, 11, 1, 8, tzinfo=dt.UTC)
WORDS = ["please", "explain", "sort", "a", "list", "of", "orders", "by", "date", "and", "test"]
Truth = dict[str, Any]


def exchanges(n: int, seed: int) -> list[Truth]:
    """`n` made-up exchanges."""
    rng = random.Random(seed)
    when = BEGAN
    out = []
    for _ in range(n):
        when += dt.timedelta(milliseconds=rng.randint(200, 90_000))
        out.append(
            {
                "exchange_id": f"{rng.getrandbits(96):024x}",
                "ts": when,
                "account_id": f"t-{rng.randrange(12):03d}",
                "key_id": f"k{rng.randrange(20)}",
                "model": rng.choice(["claude-sonnet-5", "gpt-6-mini", "house-7b"]),
                "system": "You answer in one line.",
                "prompt": " ".join(rng.choices(WORDS, k=rng.randint(4, 30))),
                "response": " ".join(rng.choices(WORDS, k=rng.randint(4, 60))),
                "turns": 2,
                "stop_reason": rng.choice(["stop", "length"]),
                "input_tokens": rng.randint(5, 900),
                "output_tokens": rng.randint(5, 900),
                "max_tokens": rng.choice([512, 1024]),
                "status": rng.choice([200, 200, 200, 429]),
                "latency_ms": rng.randint(80, 20_000),
                "ip": f"203.0.113.{rng.randrange(200)}",
                "user_agent": rng.choice(["clinic-app/2.1", "python-httpx/0.28.1"]),
            }
        )
    return out


def clinic(rows: list[Truth], path: Path) -> Path:
    """Nested camel case, one object a line, milliseconds, messages as a list."""
    lines = [
        {
            "schema": 3,
            "eventTime": int(row["ts"].timestamp() * 1000),
            "requestID": row["exchange_id"],
            "principal": {"tenantID": row["account_id"], "apiKeyID": row["key_id"]},
            "llm": {
                "modelName": row["model"],
                "maxTokens": row["max_tokens"],
                "conversation": [
                    {"role": "system", "content": row["system"]},
                    {"role": "user", "content": row["prompt"]},
                ],
            },
            "reply": {"text": row["response"], "finishReason": row["stop_reason"]},
            "usage": {"tokensIn": row["input_tokens"], "tokensOut": row["output_tokens"]},
            "net": {"clientAddr": row["ip"], "agent": row["user_agent"]},
            "httpStatus": row["status"],
            "elapsedMs": row["latency_ms"],
        }
        for row in rows
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def forum(rows: list[Truth], path: Path) -> Path:
    """Terse names in one document, times as web servers write them, no id, a proxy's list."""
    document = {
        "exported": "2026-11-02",
        "site": "forum",
        "rows": [
            {
                "t": row["ts"].strftime("%d/%b/%Y:%H:%M:%S +0000"),
                "uid": row["account_id"],
                "engine": row["model"],
                "q": row["prompt"],
                "a": row["response"],
                "fwd": f"198.51.100.7, {row['ip']}",
                "http": row["status"],
                "took": row["latency_ms"] / 1000,
            }
            for row in rows
        ],
    }
    path.write_text(json.dumps(document, indent=1))
    return path


def search_index(rows: list[Truth], path: Path) -> Path:
    """Flat dotted names, bodies as JSON text, durations in nanoseconds."""
    lines = []
    for row in rows:
        asked = {
            "model": row["model"],
            "max_tokens": row["max_tokens"],
            "messages": [
                {"role": "system", "content": row["system"]},
                {"role": "user", "content": row["prompt"]},
            ],
        }
        choice = {
            "message": {"role": "assistant", "content": row["response"]},
            "finish_reason": row["stop_reason"],
        }
        usage = {
            "prompt_tokens": row["input_tokens"],
            "completion_tokens": row["output_tokens"],
        }
        told = {"id": "chatcmpl-1", "choices": [choice], "usage": usage}
        lines.append(
            {
                "@timestamp": row["ts"].isoformat(),
                "event.id": row["exchange_id"],
                "event.duration": row["latency_ms"] * 1_000_000,
                "labels.customer": row["account_id"],
                "labels.apikey": row["key_id"],
                "http.request.body.content": json.dumps(asked),
                "http.response.body.content": json.dumps(told),
                "http.response.status_code": row["status"],
                "source.ip": row["ip"],
                "user_agent.original": row["user_agent"],
                "host.name": "gw-1",
                "log.level": "info",
            }
        )
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


Write = Callable[[list[Truth], Path], Path]
STYLES: dict[str, tuple[Write, set[str]]] = {
    "clinic": (clinic, set()),
    "forum": (
        forum,
        {
            "exchange_id",
            "key_id",
            "system",
            "turns",
            "stop_reason",
            "input_tokens",
            "output_tokens",
            "max_tokens",
            "user_agent",
        },
    ),
    "search_index": (search_index, set()),
}
"""By name: how it is written, and the columns that it lacks."""
