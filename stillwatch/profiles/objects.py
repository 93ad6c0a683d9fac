"""Objects: what accounts can share, and which accounts used each how often.

Set-shaped: each step is SQL in the common part of DuckDB's and Spark's dialects, over the tables
`signals` (with `family`) and `registrations`. Only objects with at least two accounts are kept:
what nobody shares links nobody.
"""

from __future__ import annotations

SIGNAL_OBJECTS = (
    "family",
    "opening",
    "closing",
    "system",
    "toolset",
    "conversation",
    "network",
    "client",
    "device",
)
"""Columns of signals that are objects."""

REGISTRATION_OBJECTS = ("payment", "signup_network", "email_domain", "cohort")
"""Columns of `registrations` that are objects."""

OBJECT_KINDS = SIGNAL_OBJECTS + REGISTRATION_OBJECTS
"""All kinds of objects; the position is the code stored in incidence tables."""

WORK = ("family", "opening", "closing", "system", "toolset", "conversation")
"""Kinds that come from the work itself; the rest come from how access is had."""


def incidence_sql(kind: str) -> str:
    """The step for one kind: object, account, exchanges.

    Rows come in any order: each object and account is there once, so whoever reads them can order
    them and count an object's accounts, and does it quicker.
    """
    table = "signals" if kind in SIGNAL_OBJECTS else "registrations"
    return f"""
        with uses as (
            select {kind} as object, account, cast(count(*) as integer) as exchanges
            from {table} where {kind} <> 0 group by {kind}, account
        ),
        shared as (
            select object from uses group by object having count(*) >= 2
        )
        select object, account, exchanges
        from uses where object in (select object from shared)
    """
