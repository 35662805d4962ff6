"""Moves a database to the newest schema and brings in the restaurants; safe when started twice at once."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from backend.db.insist import insist
from backend.db.models import Location

HERE = Path(__file__).parent
_LOCK = 7_102_026

# New York's General Business Law 391-w (2025) restricts third-party reservation services.
NO_AUTO_BOOK = {"hillstone_park_avenue", "east_hampton_grill"}
NO_AUTO_BOOK_REASON = "New York State restricts booking by third parties"


async def migrate(engine: AsyncEngine, *, to: str = "head") -> None:
    """Upgrade and add missing restaurants, all in one transaction under a lock: a failure leaves nothing.

    Beside the version that still runs it may be the one that Postgres ends in a deadlock: then it begins again. `to`
    stops at a revision, without the restaurants, for tests of what comes after it.
    """
    await insist(lambda: _migrate(engine, to))


async def _migrate(engine: AsyncEngine, to: str) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        await connection.run_sync(lambda sync: command.upgrade(_config(sync), to))
        if to == "head":
            await connection.run_sync(_seed)


async def is_current(engine: AsyncEngine) -> bool:
    """True when the database is at the newest revision."""
    async with engine.connect() as connection:
        current = await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_heads())
    return set(current) == set(ScriptDirectory(str(HERE)).get_heads())


async def check(engine: AsyncEngine) -> None:
    """Raise alembic's CommandError when models and database differ."""
    async with engine.connect() as connection:
        await connection.run_sync(lambda sync: command.check(_config(sync)))


def read_locations() -> Iterable[dict[str, Any]]:
    """The restaurants that the project ships, as rows."""
    for row in json.loads((HERE.parent / "locations.json").read_text()):
        is_allowed = row["key"] not in NO_AUTO_BOOK
        yield {
            **row,
            "auto_book_allowed": is_allowed,
            "auto_book_reason": None if is_allowed else NO_AUTO_BOOK_REASON,
        }


def _seed(connection: Connection) -> None:
    # Rows that exist are left alone: operators edit them.
    connection.execute(insert(Location).on_conflict_do_nothing(), list(read_locations()))
    connection.execute(
        text("INSERT INTO switches (name) VALUES ('scanning'), ('notifying'), ('booking') ON CONFLICT DO NOTHING")
    )


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(HERE))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
