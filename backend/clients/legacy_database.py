"""Reads an earlier version's database without changing it: one moment's view of SQLite or Postgres, by column name."""

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg

_HEADER = b"SQLite format 3\x00"
_NEEDED = {"users": ("id", "email"), "watches": ("id", "user_id", "target_date")}
# Tables that only this version has.
_OURS = {"scan_groups", "notification_items"}


class LegacyUnreadable(Exception):
    """It cannot be reached, or is not what it should be; the text says which. It never holds a password."""


@dataclass(frozen=True, slots=True)
class LegacyDatabase:
    """What was read. `ignored` are tables of no meaning here."""

    kind: str
    tables: Mapping[str, Sequence[Mapping[str, Any]]]
    ignored: tuple[str, ...]


def read_sqlite(path: Path, wanted: Collection[str]) -> LegacyDatabase:
    """Read a `houstons.db`. Raises LegacyUnreadable."""
    try:
        with path.open("rb") as file:
            if file.read(len(_HEADER)) != _HEADER:
                raise LegacyUnreadable(f"{path} is not an SQLite database")
        connection = sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro", uri=True, isolation_level=None)
    except (OSError, sqlite3.Error) as error:
        raise LegacyUnreadable(f"{path} cannot be opened: {error}") from None
    try:
        # Old rows may hold bytes that are no text.
        connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
        connection.execute("BEGIN")
        master = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        present = {str(row[0]) for row in master}
        tables = {name: _rows(connection, name) for name in sorted(present & set(wanted))}
    except sqlite3.Error as error:
        raise LegacyUnreadable(f"{path} cannot be read: {error}") from None
    finally:
        connection.close()
    return _checked("sqlite", tables, present, wanted)


async def read_postgres(url: str, wanted: Collection[str]) -> LegacyDatabase:
    """Read the earlier Postgres schema. Raises LegacyUnreadable."""
    scheme, _, rest = url.partition("://")
    if scheme.split("+")[0] not in ("postgres", "postgresql") or not rest:
        raise LegacyUnreadable("The address of the earlier version's database must begin with postgres://")
    try:
        connection = await asyncpg.connect(f"postgresql://{rest}", timeout=20)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        reason = str(error) or type(error).__name__
        raise LegacyUnreadable(f"The earlier version's Postgres cannot be reached: {reason}") from None
    except ValueError:
        raise LegacyUnreadable("The address of the earlier version's database cannot be read") from None
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            found = await connection.fetch(
                "SELECT table_name FROM information_schema.tables "
                "WHERE table_schema = ANY(current_schemas(false)) AND table_type = 'BASE TABLE'"
            )
            present = {str(row["table_name"]) for row in found}
            tables = {
                name: [dict(row) for row in await connection.fetch(f'SELECT * FROM "{name}"')]
                for name in sorted(present & set(wanted))
            }
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise LegacyUnreadable(f"The earlier version's Postgres cannot be read: {error}") from None
    finally:
        await connection.close(timeout=10)
    return _checked("postgres", tables, present, wanted)


def _rows(connection: sqlite3.Connection, table: str) -> list[dict[str, Any]]:
    cursor = connection.execute(f'SELECT * FROM "{table}"')
    names = [str(column[0]).lower() for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def _checked(
    kind: str, tables: Mapping[str, Sequence[Mapping[str, Any]]], present: set[str], wanted: Collection[str]
) -> LegacyDatabase:
    if present & _OURS:
        raise LegacyUnreadable("That database is one of this version, not of the earlier one")
    for table, columns in _NEEDED.items():
        if table not in tables:
            raise LegacyUnreadable(f"That is no database of the earlier version: it has no table {table}")
        rows = tables[table]
        missing = [column for column in columns if rows and column not in rows[0]]
        if missing:
            raise LegacyUnreadable(
                f"That is no database of the earlier version: {table} has no column {', '.join(missing)}"
            )
    return LegacyDatabase(kind, tables, tuple(sorted(present - set(wanted))))
