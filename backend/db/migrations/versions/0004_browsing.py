"""Groups that nobody watches: looked at so that the grid fills, what is on a screen first."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("scan_groups", sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True))
    op.drop_constraint(op.f("ck_scan_groups_tier_known"), "scan_groups", type_="check")
    op.create_check_constraint(
        op.f("ck_scan_groups_tier_known"), "scan_groups", "tier IN ('urgent', 'normal', 'browse')"
    )
    op.create_index("ix_scan_groups_grid", "scan_groups", ["party_size", "target_date"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_scan_groups_grid", table_name="scan_groups")
    op.execute("UPDATE scan_groups SET tier = 'normal', next_scan_at = NULL WHERE tier = 'browse'")
    op.drop_constraint(op.f("ck_scan_groups_tier_known"), "scan_groups", type_="check")
    op.create_check_constraint(op.f("ck_scan_groups_tier_known"), "scan_groups", "tier IN ('urgent', 'normal')")
    op.drop_column("scan_groups", "asked_at")
