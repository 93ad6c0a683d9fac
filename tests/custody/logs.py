"""Logs whose identifiers can be told anywhere, and what all files of a folder hold."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.privacy import Keys, new_keys, read_keys
from stillwatch.tables import ACCOUNTS, EXCHANGES
from tests.sources.logs import to_lines

START = dt.datetime(2025, 3, 1, tzinfo=dt.UTC)
DAYS = 10
ACCOUNTS_MADE = 12


def identifiers(account: int) -> dict[str, str]:
    """What a log says of an account that names it."""
    return {
        "account_id": f"acct_QZX{account:04d}",
        "org_id": f"orgname-QZX{account % 3}.example",
        "key_id": f"keyQZX{account:04d}",
        "end_user": f"ida.QZX{account}@mail.example",
        "device_id": f"device-QZX-{account:04d}",
        "conversation_id": f"talkQZX{account:04d}",
        "ip": f"198.51.{account % 4}.{10 + account}",
    }


def make_exchanges(first: int = 0, days: int = DAYS, accounts: int = ACCOUNTS_MADE) -> pa.Table:
    """Four exchanges a day of every account, each at an hour of its own."""
    rows = []
    for day in range(days):
        for turn in range(4):
            for account in range(accounts):
                number = first + len(rows)
                told = identifiers(account)
                rows.append(
                    {
                        "exchange_id": f"ex-{number:06d}",
                        "ts": START + dt.timedelta(days=day, hours=5 * turn, minutes=account),
                        "model": "m",
                        "surface": "api",
                        "prompt": f"question {number % 7} about topic {number % 11}",
                        "response": "an answer",
                        "headers": {
                            "accept": "*/*",
                            "x-forwarded-for": f"{told['ip']}, 10.0.0.1",
                            "x-user": told["end_user"],
                        },
                        **told,
                    }
                )
    for row in rows:
        row["headers"] = list(row["headers"].items())
    return pa.Table.from_pylist(rows, EXCHANGES)


def make_accounts(accounts: int = ACCOUNTS_MADE) -> pa.Table:
    """A registration of every account, long before."""
    rows: list[dict[str, Any]] = []
    for account in range(accounts):
        told = identifiers(account)
        rows.append(
            {
                "account_id": told["account_id"],
                "org_id": told["org_id"],
                "created_at": START - dt.timedelta(days=100 + account),
                "plan": "pro",
                "email_domain": f"domain-QZX{account % 2}.example",
                "payment_id": f"card-QZX{account:04d}",
                "signup_ip": told["ip"],
            }
        )
    return pa.Table.from_pylist(rows, ACCOUNTS)


def write_log(folder: Path, exchanges: pa.Table | None = None, bad: int = 3) -> Path:
    """A log in lines and in Parquet, under a path that names a customer, with damaged rows."""
    log = folder / "customer-QZXpath"
    (log / "exchanges").mkdir(parents=True)
    table = make_exchanges() if exchanges is None else exchanges
    half = table.num_rows // 2
    pq.write_table(table.slice(0, half), log / "exchanges/a.parquet")
    damaged = b"".join(
        b'{"exchange_id": 5, "account_id": "acct_QZX%04d"}\n' % number for number in range(bad)
    )
    (log / "exchanges/b.jsonl").write_bytes(to_lines(table.slice(half)) + damaged)
    pq.write_table(make_accounts(), log / "accounts.parquet")
    return log


def make_keys(folder: Path) -> Keys:
    """Keys and their owner's file."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "keys.json").exists():
        new_keys(folder / "keys.json", folder / "owner.json")
    return read_keys(folder / "keys.json")


def everything_in(folder: Path) -> Iterator[tuple[Path, str]]:
    """All that files hold, as text: as it lies there, and tables decoded, too."""
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        raw = path.read_bytes()
        yield path, raw.decode("latin-1")
        yield path, raw.decode("utf-16-le", "replace")
        if path.suffix == ".parquet":
            file = pq.ParquetFile(path)
            yield path, json.dumps(file.read().to_pylist(), default=str)
            yield path, str(file.metadata.metadata)
        elif path.suffix == ".arrow":
            yield path, json.dumps(pa.ipc.open_file(path).read_all().to_pylist(), default=str)
        elif path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as held:
                yield path, " ".join(str(held[name].tolist()) for name in held.files)
