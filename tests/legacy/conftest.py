"""An earlier version's database, and an import of it into ours."""

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from backend.clients.legacy_database import LegacyDatabase, read_postgres, read_sqlite
from backend.db.queries.legacy_rows import COLUMNS
from backend.local.postgres import PostgresServer
from backend.services.legacy_import import Imported, import_legacy
from tests.legacy.sources import PostgresDatabase, SqliteFile, drop_postgres, make_postgres
from workers.resources import Resources


@dataclass(frozen=True, slots=True)
class Home:
    """Our database, into which things are moved."""

    r: Resources

    @property
    def day(self) -> date:
        """Three days ahead: in the future in every zone."""
        return (datetime.now(UTC) + timedelta(days=3)).date()

    async def move_in(
        self, source: SqliteFile | PostgresDatabase | None, *, final: bool = False, dry_run: bool = False
    ) -> Imported:
        read: LegacyDatabase | None = None
        if isinstance(source, SqliteFile):
            read = read_sqlite(source.path, COLUMNS)
        elif source is not None:
            read = await read_postgres(source.url, COLUMNS)
        return await import_legacy(
            self.r.sessions, read, is_final=final, dry_run=dry_run, now=datetime.now(UTC), advance=lambda n: None
        )

    async def rows(self, statement: str, **values: Any) -> Sequence[Any]:
        async with self.r.sessions() as session:
            return (await session.execute(text(statement), values)).all()

    async def one(self, statement: str, **values: Any) -> Any:
        rows = await self.rows(statement, **values)
        assert len(rows) == 1, rows
        return rows[0]

    async def run(self, statement: str, **values: Any) -> None:
        async with self.r.sessions.begin() as session:
            await session.execute(text(statement), values)

    async def snapshot(self) -> dict[str, list[Any]]:
        """Everything that an import may write."""
        tables = [*COLUMNS, "channels", "scan_groups", "told_before", "legacy_imports"]
        return {
            table: [tuple(row) for row in await self.rows(f"SELECT * FROM {table} ORDER BY id")] for table in tables
        }


@pytest.fixture
def home(resources: Resources) -> Home:
    return Home(resources)


@pytest.fixture
def old(tmp_path: Path) -> Iterator[SqliteFile]:
    """A houstons.db with nobody in it."""
    file = SqliteFile(tmp_path / "houstons.db")
    yield file
    file.close()


@pytest.fixture
async def old_postgres(postgres: PostgresServer) -> AsyncIterator[PostgresDatabase]:
    """The earlier version's Postgres with nobody in it."""
    name = f"old_{uuid4().hex}"
    database = await make_postgres(postgres.url, name)
    yield database
    await drop_postgres(postgres.url, database, name)


def reasons(imported: Imported) -> set[tuple[str, str, str]]:
    """(table, id, reason) of what could not come."""
    return {(remark.table, remark.id, remark.reason) for remark in imported.rejected}


def remarks(imported: Imported) -> set[tuple[str, str, str]]:
    """(table, id, sentence) of what came with something left out."""
    return {(remark.table, remark.id, remark.reason) for remark in imported.remarks}
