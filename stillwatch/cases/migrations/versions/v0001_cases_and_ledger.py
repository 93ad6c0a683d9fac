"""Cases, their campaigns and accounts, and the append-only ledger with its guards."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_REFUSAL = "the ledger is append-only"

_SQLITE = (
    f"create trigger ledger_no_update before update on ledger "
    f"begin select raise(abort, '{_REFUSAL}'); end",
    f"create trigger ledger_no_delete before delete on ledger "
    f"begin select raise(abort, '{_REFUSAL}'); end",
    # an insert that replaces a row would delete it without a trigger
    "create trigger ledger_in_order before insert on ledger "
    "when new.seq <> (select coalesce(max(seq), 0) + 1 from ledger) "
    "or new.prev <> coalesce((select hash from ledger order by seq desc limit 1), "
    "'0000000000000000000000000000000000000000000000000000000000000000') "
    "begin select raise(abort, 'a ledger entry must follow the last one'); end",
)

_POSTGRESQL = (
    f"""create function ledger_refuse() returns trigger language plpgsql as $$
    begin raise exception '{_REFUSAL}'; end $$""",
    """create trigger ledger_no_change before update or delete on ledger
    for each row execute function ledger_refuse()""",
    """create trigger ledger_no_truncate before truncate on ledger
    for each statement execute function ledger_refuse()""",
    """create function ledger_follow() returns trigger language plpgsql as $$
    begin
      if new.seq <> (select coalesce(max(seq), 0) + 1 from ledger)
      or new.prev <> coalesce((select hash from ledger order by seq desc limit 1), repeat('0', 64))
      then raise exception 'a ledger entry must follow the last one'; end if;
      return new;
    end $$""",
    """create trigger ledger_in_order before insert on ledger
    for each row execute function ledger_follow()""",
)


def upgrade() -> None:
    """From nothing."""
    op.create_table(
        "cases",
        sa.Column("case_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("outcome", sa.String),
        sa.Column("decided_seq", sa.BigInteger),
        sa.Column("before", sa.Text),
        sa.Column("assignee", sa.Text),
        sa.Column("tags", sa.Text, nullable=False),
        sa.Column("snoozed_until", sa.String),
        sa.Column("grown_since", sa.String),
        sa.Column("merged_into", sa.Integer, sa.ForeignKey("cases.case_id")),
        sa.Column("campaign_id", sa.Text, nullable=False),
        sa.Column("confidence", sa.Double, nullable=False),
        sa.Column("summary", sa.Text, nullable=False),
        sa.Column("accounts", sa.Integer, nullable=False),
        sa.Column("exchanges", sa.BigInteger, nullable=False),
        sa.Column("first_ts", sa.String),
        sa.Column("last_ts", sa.String),
        sa.Column("opened_at", sa.String, nullable=False),
        sa.Column("changed_at", sa.String, nullable=False),
        sa.Column("changed_by", sa.Text, nullable=False),
    )
    op.create_table(
        "case_campaigns",
        sa.Column("campaign_id", sa.String, primary_key=True),
        sa.Column("case_id", sa.Integer, sa.ForeignKey("cases.case_id"), nullable=False),
    )
    op.create_table(
        "case_accounts",
        sa.Column("campaign_id", sa.String, primary_key=True),
        sa.Column("account_key", sa.String, primary_key=True),
        sa.Column("case_id", sa.Integer, sa.ForeignKey("cases.case_id"), nullable=False),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("confidence", sa.Double, nullable=False),
        sa.Column("exchanges", sa.BigInteger, nullable=False),
        sa.Column("first_ts", sa.String),
        sa.Column("last_ts", sa.String),
        sa.Column("added_seq", sa.BigInteger, nullable=False),
    )
    op.create_index("case_accounts_by_case", "case_accounts", ["case_id"])
    op.create_table(
        "ledger",
        sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", sa.String, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("act", sa.String, nullable=False),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("prev", sa.String, nullable=False),
        sa.Column("hash", sa.String, nullable=False),
    )
    op.create_index("ledger_by_subject", "ledger", ["subject"])
    guards = _SQLITE if op.get_bind().dialect.name == "sqlite" else _POSTGRESQL
    for statement in guards:
        op.execute(statement)
