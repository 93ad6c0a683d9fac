"""Who may come in, and what is done to accounts by two people."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """From cases and the ledger alone."""
    op.create_table(
        "people",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("display", sa.Text),
        sa.Column("password", sa.String),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("issuer", sa.Text),
        sa.Column("subject", sa.Text),
        sa.Column("created_at", sa.String, nullable=False),
        sa.UniqueConstraint("issuer", "subject"),
    )
    op.create_table(
        "sessions",
        sa.Column("digest", sa.String, primary_key=True),
        sa.Column("name", sa.String, sa.ForeignKey("people.name"), nullable=False),
        sa.Column("seen_at", sa.String, nullable=False),
        sa.Column("expires_at", sa.String, nullable=False),
    )
    op.create_index("sessions_by_name", "sessions", ["name"])
    op.create_table(
        "tokens",
        sa.Column("token_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("digest", sa.String, nullable=False, unique=True),
        sa.Column("owner", sa.String, sa.ForeignKey("people.name"), nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("created_at", sa.String, nullable=False),
        sa.Column("expires_at", sa.String, nullable=False),
        sa.Column("revoked_at", sa.String),
    )
    op.create_table(
        "sign_in_attempts",
        sa.Column("about", sa.String, primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("last_at", sa.String, nullable=False),
        sa.Column("until", sa.String, nullable=False),
    )
    op.create_index("sign_in_attempts_by_until", "sign_in_attempts", ["until"])
    op.create_table(
        "enforcements",
        sa.Column("enforcement_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("case_id", sa.Integer, sa.ForeignKey("cases.case_id"), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("action", sa.String, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("accounts", sa.Integer, nullable=False),
        sa.Column("exchanges", sa.BigInteger, nullable=False),
        sa.Column("decided_seq", sa.BigInteger, nullable=False),
        sa.Column("until", sa.String, nullable=False),
        sa.Column("proposed_by", sa.Text, nullable=False),
        sa.Column("proposed_at", sa.String, nullable=False),
        sa.Column("approved_by", sa.Text),
        sa.Column("approved_at", sa.String),
    )
    op.create_table(
        "enforced_accounts",
        sa.Column(
            "enforcement_id",
            sa.Integer,
            sa.ForeignKey("enforcements.enforcement_id"),
            primary_key=True,
        ),
        sa.Column("account_key", sa.String, primary_key=True),
        sa.Column("account_id", sa.Text, nullable=False),
    )
