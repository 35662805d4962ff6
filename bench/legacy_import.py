"""How long moving in takes: a houstons.db of many rows into an empty Postgres. `python -m bench.legacy_import`."""

import asyncio
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import click

from backend.clients.legacy_database import LegacyDatabase, read_sqlite
from backend.db.base import open_engine, sessions_of
from backend.db.migrations import migrate
from backend.db.queries.legacy_rows import COLUMNS
from backend.local.postgres import PostgresServer
from backend.services.legacy_import import import_legacy

TABLES = {
    "users": ("id", "email", "password_hash", "name", "created_at"),
    "sessions": ("id", "user_id", "token", "created_at"),
    "watches": ("id", "user_id", "location_key", "target_date", "time_start", "time_end", "status", "created_at"),
    "wait_reports": ("id", "location", "wait_minutes", "source", "created_at"),
    "scan_history": ("id", "location", "scan_date", "time_slot", "party_sizes", "available", "scanned_at"),
    "slot_drops": ("id", "location", "slot_date", "slot_time", "appeared_at", "created_at"),
}
# How the rows of a grown installation are spread.
SHARES = {"users": 5, "sessions": 10, "watches": 15, "wait_reports": 10, "scan_history": 50, "slot_drops": 10}
PLACES = ("peachtree", "west_paces", "rutherford_grill")


@click.command()
@click.option("--rows", default=100_000, show_default=True, help="Rows in all tables together.")
def main(rows: int) -> None:
    """Import, import the same again, and print how long each took."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        place.chmod(0o755)
        fill(place / "houstons.db", rows)
        with PostgresServer(place) as server:
            for what, read, seconds in asyncio.run(measure(server.url, place / "houstons.db")):
                click.echo(f"{what:<16} {read:>8} rows {seconds:>7.1f} s {read / seconds:>9.0f} rows a second")


def fill(path: Path, rows: int) -> None:
    """Make the file."""
    connection = sqlite3.connect(path)
    for table, columns in TABLES.items():
        connection.execute(f"CREATE TABLE {table} ({', '.join(columns)})")
        values = _rows(table, rows * SHARES[table] // 100, users=max(1, rows * SHARES["users"] // 100))
        connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(columns))})", values)
    connection.commit()
    connection.close()


async def measure(database_url: str, path: Path) -> Sequence[tuple[str, int, float]]:
    """(what, rows, seconds) of reading and writing, into an empty database and on top."""
    engine = open_engine(database_url, pool_size=1, name="bench")
    await migrate(engine)
    results = []
    for what in ("empty database", "the same again"):
        started = time.monotonic()
        source: LegacyDatabase = read_sqlite(path, COLUMNS)
        imported = await import_legacy(
            sessions_of(engine),
            source,
            is_final=False,
            dry_run=False,
            now=datetime.now(UTC),
            advance=lambda done: None,
        )
        results.append((what, sum(table.read for table in imported.tables), time.monotonic() - started))
    await engine.dispose()
    return results


def _rows(table: str, count: int, *, users: int) -> Iterator[tuple[object, ...]]:
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"
    for n in range(1, count + 1):
        user_id, place = (n - 1) % users + 1, PLACES[n % 3]
        day = str(date(2026, 1, 1) + timedelta(days=n % 365))
        yield {
            "users": (n, f"guest{n}@guests.test", f"{n:064x}", f"Guest {n}", now),
            "sessions": (n, user_id, f"{n:064x}", now),
            "watches": (n, user_id, place, day, "6:00 PM", "20:00", ("active", "expired")[n % 2], now),
            "wait_reports": (n, place, n % 90, "user", now),
            "scan_history": (n, place, day, "6:15 PM", "2,4", n % 2, now),
            "slot_drops": (n, place, day, "7:30 PM", now, now),
        }[table]


if __name__ == "__main__":
    main()
