"""The tables of the store, as queries see them; `migrations` make them.

Times are text (`times.stamp`), so that both engines keep and order them alike. Account ids and
summaries come from logs and may hold anything: they are escaped where a database can't keep them,
and accounts are keyed by a digest, since an index can't take an id of a megabyte.
"""

from __future__ import annotations

import hashlib

from sqlalchemy import BigInteger, Boolean, Column, Double, Integer, MetaData, String, Table, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

metadata = MetaData()


class LogText(TypeDecorator[str]):
    r"""Any text of a log, NUL included: kept with `\` doubled and NUL as `\0`, given back whole."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """On the way in."""
        return None if value is None else value.replace("\\", "\\\\").replace("\0", "\\0")

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """On the way out."""
        if value is None or "\\" not in value:
            return value
        return "\\".join(part.replace("\\0", "\0") for part in value.split("\\\\"))


CASES = Table(
    "cases",
    metadata,
    Column("case_id", Integer, primary_key=True, autoincrement=False),
    Column("version", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("outcome", String),
    Column("decided_seq", BigInteger),
    Column("before", Text),
    Column("assignee", Text),
    Column("tags", Text, nullable=False),
    Column("snoozed_until", String),
    Column("grown_since", String),
    Column("merged_into", Integer),
    Column("campaign_id", Text, nullable=False),
    Column("confidence", Double, nullable=False),
    Column("summary", LogText, nullable=False),
    Column("accounts", Integer, nullable=False),
    Column("exchanges", BigInteger, nullable=False),
    Column("first_ts", String),
    Column("last_ts", String),
    Column("opened_at", String, nullable=False),
    Column("changed_at", String, nullable=False),
    Column("changed_by", Text, nullable=False),
)
"""One row a case. `before` is the standing (JSON) that an undo returns to; `decided_seq` is the
ledger's number of the decision that `outcome` came of."""

HOMES = Table(
    "case_campaigns",
    metadata,
    Column("campaign_id", String, primary_key=True),
    Column("case_id", Integer, nullable=False),
)
"""Which case a campaign's new accounts go to."""

MEMBERS = Table(
    "case_accounts",
    metadata,
    Column("campaign_id", String, primary_key=True),
    Column("account_key", String, primary_key=True),
    Column("case_id", Integer, nullable=False),
    Column("account_id", LogText, nullable=False),
    Column("confidence", Double, nullable=False),
    Column("exchanges", BigInteger, nullable=False),
    Column("first_ts", String),
    Column("last_ts", String),
    Column("added_seq", BigInteger, nullable=False),
)
"""Which case holds an account of a campaign, and the ledger's number of the act that put it there:
a decision speaks of the accounts that were there before it."""

LEDGER = Table(
    "ledger",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", String, nullable=False),
    Column("actor", Text, nullable=False),
    Column("act", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("detail", Text, nullable=False),
    Column("prev", String, nullable=False),
    Column("hash", String, nullable=False),
)
"""One row an act, `seq` from 1 without gaps; triggers refuse to change, remove or misplace one."""


PEOPLE = Table(
    "people",
    metadata,
    Column("name", String, primary_key=True),
    Column("role", String, nullable=False),
    Column("display", Text),
    Column("password", String),
    Column("enabled", Boolean, nullable=False),
    Column("issuer", Text),
    Column("subject", Text),
    Column("created_at", String, nullable=False),
)
"""Who may come in. `password` is argon2's hash; `issuer` and `subject` name them at a provider."""

SESSIONS = Table(
    "sessions",
    metadata,
    Column("digest", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("seen_at", String, nullable=False),
    Column("expires_at", String, nullable=False),
)
"""One row a session, by the digest of its key."""

TOKENS = Table(
    "tokens",
    metadata,
    Column("token_id", Integer, primary_key=True, autoincrement=False),
    Column("digest", String, nullable=False),
    Column("owner", String, nullable=False),
    Column("label", Text, nullable=False),
    Column("role", String, nullable=False),
    Column("created_at", String, nullable=False),
    Column("expires_at", String, nullable=False),
    Column("revoked_at", String),
)
"""One row a token for the API, by the digest of its secret."""

ATTEMPTS = Table(
    "sign_in_attempts",
    metadata,
    Column("about", String, primary_key=True),
    Column("count", Integer, nullable=False),
    Column("last_at", String, nullable=False),
    Column("until", String, nullable=False),
)
"""Sign-ins that failed, by a digest of the name or address that they are about."""

ENFORCEMENTS = Table(
    "enforcements",
    metadata,
    Column("enforcement_id", Integer, primary_key=True, autoincrement=False),
    Column("case_id", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("action", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("accounts", Integer, nullable=False),
    Column("exchanges", BigInteger, nullable=False),
    Column("decided_seq", BigInteger, nullable=False),
    Column("until", String, nullable=False),
    Column("proposed_by", Text, nullable=False),
    Column("proposed_at", String, nullable=False),
    Column("approved_by", Text),
    Column("approved_at", String),
)
"""What is to be done to accounts of a confirmed case; `decided_seq` is the decision it rests on."""

ENFORCED = Table(
    "enforced_accounts",
    metadata,
    Column("enforcement_id", Integer, primary_key=True),
    Column("account_key", String, primary_key=True),
    Column("account_id", LogText, nullable=False),
)
"""Whom an enforcement is about."""

REVERSALS = Table(
    "reversals",
    metadata,
    Column("reversal_id", Integer, primary_key=True, autoincrement=False),
    Column("decision_id", String, nullable=False),
    Column("account_key", String, nullable=False),
    Column("account_id", LogText, nullable=False),
    Column("action", String, nullable=False),
    Column("rule", Text, nullable=False),
    Column("campaign_id", Text),
    Column("reason", Text, nullable=False),
    Column("until", String, nullable=False),
    Column("reversed_by", Text, nullable=False),
    Column("reversed_at", String, nullable=False),
)
"""Decisions of rules that somebody took back; rules leave the account alone `until` then."""

SHARES = Table(
    "shares",
    metadata,
    Column("share_id", Integer, primary_key=True, autoincrement=False),
    Column("case_id", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("name", String, nullable=False),
    Column("told", Text, nullable=False),
    Column("digest", String, nullable=False),
    Column("indicators", Integer, nullable=False),
    Column("tlp", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("decided_seq", BigInteger, nullable=False),
    Column("proposed_by", Text, nullable=False),
    Column("proposed_at", String, nullable=False),
    Column("approved_by", Text),
    Column("approved_at", String),
    Column("changed_at", String, nullable=False),
)
"""What is told to others about a case. `told` is all of it, canonical JSON, and `digest` its
SHA-256; `name` is what others know the campaign by, and `decided_seq` the decision it rests on."""


PEERS = Table(
    "peers",
    metadata,
    Column("name", String, primary_key=True),
    Column("url", Text),
    Column("token_file", Text),
    Column("token_digest", String),
    Column("token_until", String),
    Column("added_at", String, nullable=False),
    Column("added_by", Text, nullable=False),
    Column("disputed_at", String),
    Column("disputed_by", Text),
    Column("reason", Text),
)
"""One row a peer: where it tells from, with which token it is asked, and, by its digest, the one
that it comes in with here. A disputed peer's word counts for nothing."""

PEER_PULLS = Table(
    "peer_pulls",
    metadata,
    Column("peer", String, primary_key=True),
    Column("collection", String, primary_key=True),
    Column("added_after", String, nullable=False),
    Column("pulled_at", String, nullable=False),
)
"""How far each of a peer's collections has been pulled."""

TOLD_BY_PEERS = Table(
    "told_by_peers",
    metadata,
    Column("peer", String, primary_key=True),
    Column("object_id", String, primary_key=True),
    Column("version", String, primary_key=True),
    Column("type", String, nullable=False),
    Column("body", Text, nullable=False),
    Column("came_by", String, nullable=False),
    Column("received_at", String, nullable=False),
    Column("state", String, nullable=False),
    Column("decided_at", String),
    Column("decided_by", Text),
    Column("reason", Text),
)
"""STIX objects that peers told. `came_by` is `pull` or `post`; `state` is `pending`, `accepted`,
`declined` or `disputed`: only what is accepted is evidence."""

TOLD_TO_PEERS = Table(
    "told_to_peers",
    metadata,
    Column("added_at", String, primary_key=True),
    Column("object_id", String, nullable=False),
    Column("version", String, nullable=False),
    Column("type", String, nullable=False),
    Column("body", Text, nullable=False),
)
"""STIX objects that peers may read, in order: no two were added at the same time."""

PEER_STATUSES = Table(
    "peer_statuses",
    metadata,
    Column("status_id", String, primary_key=True),
    Column("peer", String, nullable=False),
    Column("at", String, nullable=False),
    Column("body", Text, nullable=False),
)
"""What became of each request by which a peer told something."""

PEER_QUESTIONS = Table(
    "peer_questions",
    metadata,
    Column("question_id", String, primary_key=True),
    Column("peer", String, nullable=False),
    Column("at", String, nullable=False),
    Column("elements", Integer, nullable=False),
)
"""Questions of peers on what was seen here too, for the bounds on how much they may ask."""


def account_key(account_id: str) -> str:
    """What an account is found by."""
    return hashlib.sha256(account_id.encode("utf-8", "surrogatepass")).hexdigest()
