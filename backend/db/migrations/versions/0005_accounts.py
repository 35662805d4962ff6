"""Accounts: proven addresses, one-time links, what a session is used from, telephone numbers in E.164."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# North American numbers, the only ones that digits alone can stand for.
_E164 = r"""
    '+1' || right(regexp_replace({column}, '\D', '', 'g'), 10)
    WHERE {column} NOT LIKE '+%' AND regexp_replace({column}, '\D', '', 'g') ~ '^1?[2-9]\d{{2}}[2-9]\d{{6}}$'
"""


def upgrade() -> None:
    op.add_column("users", sa.Column("email_verified_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("sessions", sa.Column("user_agent", sa.String(), nullable=True))
    op.add_column(
        "sessions",
        sa.Column("last_used_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    )
    op.create_table(
        "one_time_tokens",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("purpose IN ('verify', 'reset')", name=op.f("ck_one_time_tokens_purpose_known")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_one_time_tokens_user_id_users"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_one_time_tokens")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_one_time_tokens_token_hash")),
    )
    op.create_index(op.f("ix_one_time_tokens_user_id"), "one_time_tokens", ["user_id"], unique=False)
    op.create_index(op.f("ix_one_time_tokens_expires_at"), "one_time_tokens", ["expires_at"], unique=False)
    # Addresses that were written to until now go on being written to; new ones have to be proven first.
    op.execute(
        """
        UPDATE channels SET verified_at = created_at, verified_by = 'import'
        WHERE kind = 'email' AND verified_at IS NULL
        """
    )
    op.execute("UPDATE users SET phone = " + _E164.format(column="phone"))
    op.execute("UPDATE watches SET book_phone = " + _E164.format(column="book_phone"))
    op.execute("UPDATE bookings SET phone = " + _E164.format(column="phone"))


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead")
