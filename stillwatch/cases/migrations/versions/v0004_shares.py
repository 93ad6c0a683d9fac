"""What is told to others about a case, by two people."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """From a store that tells nobody."""
    op.create_table(
        "shares",
        sa.Column("share_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("case_id", sa.Integer, sa.ForeignKey("cases.case_id"), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("told", sa.Text, nullable=False),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("indicators", sa.Integer, nullable=False),
        sa.Column("tlp", sa.String, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("decided_seq", sa.BigInteger, nullable=False),
        sa.Column("proposed_by", sa.Text, nullable=False),
        sa.Column("proposed_at", sa.String, nullable=False),
        sa.Column("approved_by", sa.Text),
        sa.Column("approved_at", sa.String),
        sa.Column("changed_at", sa.String, nullable=False),
    )
    op.create_index("shares_by_case", "shares", ["case_id"])
