"""The registry of canaries: which code was shown to whom, and how often, by day.

One SQLite file, for all processes of a gateway's machine; a single statement counts an exposure
and keeps to its limits, so that two processes never show more than one would. Accounts stand in it
by the names that the deployment's keys give them (`privacy.names`), never in plain. References,
codes that were never shown to anybody, aren't in it: the key draws them (`canaries.references`).
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL, create_engine, text
from sqlalchemy.exc import DatabaseError

from stillwatch.errors import InputNotFound, MeasureRefused

VERSION = 1
BUSY_S = 10
"""How long one process waits for another that is writing."""

_TABLES = (
    """create table if not exists canaries (
        code text primary key, account text not null, epoch integer not null, made text not null
    )""",
    """create table if not exists exposures (
        code text not null references canaries (code), day text not null, count integer not null,
        primary key (code, day)
    )""",
)
_COUNT = """
    insert into exposures (code, day, count)
    select :code, :day, 1
    where (select coalesce(sum(count), 0) from exposures where code = :code) < :most
      and (select coalesce(sum(count), 0) from exposures where code = :code and day = :day)
          < :most_a_day
    on conflict (code, day) do update set count = count + 1
"""
_LIST = """
    select c.code, c.account, c.epoch, c.made,
           coalesce(sum(e.count), 0) as exposures, min(e.day) as first, max(e.day) as last
    from canaries as c left join exposures as e on e.code = c.code
    group by c.code, c.account, c.epoch, c.made
    order by c.epoch, c.account, c.code
"""


@dataclass(frozen=True, slots=True)
class Canary:
    """A code, the account that it was made for (its name), and its exposures; days are ISO dates.

    `made` is when it was registered, which is before it was shown.
    """

    code: str
    account: str
    epoch: int
    made: str
    exposures: int
    first: str | None
    last: str | None


class Registry:
    """The registry in one file, made where it isn't there and `create` is true.

    Raises `InputNotFound` and `MeasureRefused`.
    """

    def __init__(self, path: str | Path, *, create: bool = True) -> None:
        self.path = Path(path)
        if not self.path.parent.is_dir() or not (create or self.path.is_file()):
            todo = "Name the file that the gateway writes to"
            raise InputNotFound(path, "there is no registry of canaries", todo)
        address = URL.create("sqlite", database=str(self.path))
        self._engine = create_engine(address, connect_args={"timeout": BUSY_S})
        try:
            self._open()
        except DatabaseError as fault:
            raise self._broken(fault) from None

    def register(self, code: str, account: str, epoch: int, when: dt.datetime) -> None:
        """Note a code before it is first shown; a known one stays as it is."""
        made = when.astimezone(dt.UTC).isoformat(timespec="seconds")
        words = (
            "insert into canaries values (:code, :account, :epoch, :made) on conflict do nothing"
        )
        with self._engine.begin() as db:
            db.execute(
                text(words), {"code": code, "account": account, "epoch": epoch, "made": made}
            )

    def expose(self, code: str, when: dt.datetime, *, most_a_day: int, most: int) -> bool:
        """Count one exposure, if the code's limits allow it; whether they did."""
        told = {
            "code": code,
            "day": when.astimezone(dt.UTC).date().isoformat(),
            "most": most,
            "most_a_day": most_a_day,
        }
        with self._engine.begin() as db:
            return db.execute(text(_COUNT), told).rowcount == 1

    def canaries(self) -> list[Canary]:
        """All of them, in the order of epoch, account and code."""
        try:
            with self._engine.connect() as db:
                return [Canary(*row) for row in db.execute(text(_LIST))]
        except DatabaseError as fault:
            raise self._broken(fault) from None

    def close(self) -> None:
        """Let the file go."""
        self._engine.dispose()

    def _open(self) -> None:
        with self._engine.begin() as db:
            version = db.execute(text("pragma user_version")).scalar_one()
            if version > VERSION:
                raise MeasureRefused(
                    self.path, f"is of version {version}", "Use the Stillwatch that wrote it"
                )
            if version < VERSION:
                for table in _TABLES:
                    db.execute(text(table))
                db.execute(text(f"pragma user_version = {VERSION}"))

    def _broken(self, fault: DatabaseError) -> MeasureRefused:
        words = f"can't be read as a registry of canaries ({fault.orig})"
        return MeasureRefused(self.path, words, "Name another file, or restore it")
