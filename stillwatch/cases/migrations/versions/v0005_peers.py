"""Peers: who they are, what they told, what they may read, and what they asked."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """From a store that knows no peers."""
    op.create_table(
        "peers",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("url", sa.Text),
        sa.Column("token_file", sa.Text),
        sa.Column("token_digest", sa.String),
        sa.Column("token_until", sa.String),
        sa.Column("added_at", sa.String, nullable=False),
        sa.Column("added_by", sa.Text, nullable=False),
        sa.Column("disputed_at", sa.String),
        sa.Column("disputed_by", sa.Text),
        sa.Column("reason", sa.Text),
    )
    op.create_index("peers_by_token", "peers", ["token_digest"])
    op.create_table(
        "peer_pulls",
        sa.Column("peer", sa.String, primary_key=True),
        sa.Column("collection", sa.String, primary_key=True),
        sa.Column("added_after", sa.String, nullable=False),
        sa.Column("pulled_at", sa.String, nullable=False),
    )
    op.create_table(
        "told_by_peers",
        sa.Column("peer", sa.String, primary_key=True),
        sa.Column("object_id", sa.String, primary_key=True),
        sa.Column("version", sa.String, primary_key=True),
        sa.Column("type", sa.String, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("came_by", sa.String, nullable=False),
        sa.Column("received_at", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("decided_at", sa.String),
        sa.Column("decided_by", sa.Text),
        sa.Column("reason", sa.Text),
    )
    op.create_index("told_by_peers_by_state", "told_by_peers", ["state", "peer"])
    op.create_table(
        "told_to_peers",
        sa.Column("added_at", sa.String, primary_key=True),
        sa.Column("object_id", sa.String, nullable=False),
        sa.Column("version", sa.String, nullable=False),
        sa.Column("type", sa.String, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_index("told_to_peers_by_object", "told_to_peers", ["object_id", "version"])
    op.create_table(
        "peer_statuses",
        sa.Column("status_id", sa.String, primary_key=True),
        sa.Column("peer", sa.String, nullable=False),
        sa.Column("at", sa.String, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
    )
    op.create_table(
        "peer_questions",
        sa.Column("question_id", sa.String, primary_key=True),
        sa.Column("peer", sa.String, nullable=False),
        sa.Column("at", sa.String, nullable=False),
        sa.Column("elements", sa.Integer, nullable=False),
    )
    op.create_index("peer_questions_by_peer", "peer_questions", ["peer", "at"])
