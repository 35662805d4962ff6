"""Claims of groups: which run they were sent with, and who looks at them."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("scan_groups", sa.Column("run_id", sa.BigInteger(), nullable=True))
    op.add_column("scan_groups", sa.Column("claim_token", sa.Uuid(), nullable=True))


def downgrade() -> None:
    op.drop_column("scan_groups", "claim_token")
    op.drop_column("scan_groups", "run_id")
