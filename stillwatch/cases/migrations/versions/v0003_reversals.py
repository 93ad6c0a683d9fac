"""What rules decided and people took back."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """From a store that knows only what people decided."""
    op.create_table(
        "reversals",
        sa.Column("reversal_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("decision_id", sa.String, nullable=False),
        sa.Column("account_key", sa.String, nullable=False),
        sa.Column("account_id", sa.Text, nullable=False),
        sa.Column("action", sa.String, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("campaign_id", sa.Text),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("until", sa.String, nullable=False),
        sa.Column("reversed_by", sa.Text, nullable=False),
        sa.Column("reversed_at", sa.String, nullable=False),
    )
    op.create_index("reversals_by_account", "reversals", ["account_key"])
