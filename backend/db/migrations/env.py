"""Alembic's entry: runs on the connection it is handed, inside the caller's transaction."""

from typing import Any, Literal

from advanced_alchemy.types import DateTimeUTC
from alembic import context

from backend.db.models import User


def _render(kind: str, value: Any, _: Any) -> str | Literal[False]:
    # A migration must not change its meaning with a library: instants are plain timestamptz there.
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(value, DateTimeUTC) else False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=User.metadata,
    transaction_per_migration=False,
    compare_server_default=True,
    render_item=_render,
)
context.run_migrations()
