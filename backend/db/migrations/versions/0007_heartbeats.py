"""Signs of life of workers and schedulers, and since when a look has been due."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("scan_groups", sa.Column("due_since", sa.DateTime(timezone=True), nullable=True))
    op.add_column("scan_groups", sa.Column("complete_look_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "heartbeats",
        sa.Column("process", sa.String(), nullable=False),
        sa.Column("part", sa.String(), nullable=False),
        sa.Column("queues", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("beat_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("part IN ('worker', 'scheduler')", name=op.f("ck_heartbeats_part_known")),
        sa.PrimaryKeyConstraint("process", name=op.f("pk_heartbeats")),
    )


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead")
