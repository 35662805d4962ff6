"""Databases as the earlier version left them: SQLite in both column orders, and its Postgres schema."""

import hashlib
import sqlite3
from pathlib import Path
from typing import Any

import asyncpg

# A file that grew: what was added later stands last.
GROWN = """
CREATE TABLE users (id INTEGER PRIMARY KEY AUTOINCREMENT, email TEXT UNIQUE NOT NULL, password_hash TEXT, name TEXT,
    created_at TEXT DEFAULT (datetime('now')), google_id TEXT, picture TEXT, phone TEXT, last_login TEXT);
CREATE TABLE sessions (id INTEGER PRIMARY KEY AUTOINCREMENT, user_id INTEGER, token TEXT UNIQUE,
    created_at TEXT DEFAULT (datetime('now')));
CREATE TABLE watches (id INTEGER PRIMARY KEY AUTOINCREMENT, user_id INTEGER, location_key TEXT,
    party_size INTEGER DEFAULT 2, target_date TEXT, time_start TEXT DEFAULT '18:00', time_end TEXT DEFAULT '20:00',
    auto_book INTEGER DEFAULT 0, book_first_name TEXT, book_last_name TEXT, book_email TEXT, book_phone TEXT,
    status TEXT DEFAULT 'active', created_at TEXT DEFAULT (datetime('now')), notified_at TEXT, booked_at TEXT,
    last_scanned TEXT);
CREATE TABLE alerts (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT, email TEXT, party_size INTEGER DEFAULT 2,
    preferred_date TEXT, preferred_time TEXT, location TEXT, created_at TEXT DEFAULT (datetime('now')));
CREATE TABLE wait_reports (id INTEGER PRIMARY KEY AUTOINCREMENT, location TEXT, wait_minutes INTEGER, source TEXT,
    created_at TEXT DEFAULT (datetime('now')));
CREATE TABLE scan_history (id INTEGER PRIMARY KEY AUTOINCREMENT, location TEXT, scan_date TEXT, time_slot TEXT,
    party_sizes TEXT, available INTEGER, scanned_at TEXT DEFAULT (datetime('now')));
CREATE TABLE slot_drops (id INTEGER PRIMARY KEY AUTOINCREMENT, location TEXT, slot_date TEXT, slot_time TEXT,
    appeared_at TEXT, gone_at TEXT, created_at TEXT DEFAULT (datetime('now')));
CREATE TABLE feedback (id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp TEXT, message TEXT, contact TEXT, ip TEXT);
"""

# A file made by the last version: other columns, other order, and telephone calls.
NEW = (
    GROWN.replace(
        """password_hash TEXT, name TEXT,
    created_at TEXT DEFAULT (datetime('now')), google_id TEXT, picture TEXT, phone TEXT, last_login TEXT""",
        """password_hash TEXT, name TEXT, google_id TEXT UNIQUE,
    picture TEXT, phone TEXT, created_at TEXT DEFAULT (datetime('now')), last_login TEXT""",
    )
    + """
CREATE TABLE call_logs (id INTEGER PRIMARY KEY AUTOINCREMENT, location TEXT, phone TEXT, call_id TEXT,
    wait_count INTEGER, wait_minutes INTEGER, transcript TEXT, summary TEXT, recording_url TEXT, call_duration REAL,
    answered_by TEXT, status TEXT, called_at TEXT, created_at TEXT DEFAULT (datetime('now')));
"""
)

OLD_CALLS = """
CREATE TABLE call_logs (id INTEGER PRIMARY KEY AUTOINCREMENT, location TEXT, call_id TEXT, timestamp TEXT,
    transcript TEXT, wait_minutes INTEGER, status TEXT, recording_url TEXT, raw_json TEXT);
"""

POSTGRES = """
CREATE TABLE users (id SERIAL PRIMARY KEY, email TEXT UNIQUE NOT NULL, password_hash TEXT NOT NULL DEFAULT '',
    name TEXT, google_id TEXT, picture TEXT, phone TEXT, created_at TIMESTAMPTZ DEFAULT now(),
    updated_at TIMESTAMPTZ DEFAULT now(), last_login TIMESTAMPTZ);
CREATE TABLE sessions (id SERIAL PRIMARY KEY, user_id INTEGER REFERENCES users, token TEXT UNIQUE,
    created_at TIMESTAMPTZ DEFAULT now(), expires_at TIMESTAMPTZ);
CREATE TABLE watches (id SERIAL PRIMARY KEY, user_id INTEGER, location_key TEXT, party_size INTEGER DEFAULT 2,
    target_date DATE, time_start TIME DEFAULT '18:00', time_end TIME DEFAULT '20:00', auto_book BOOLEAN DEFAULT false,
    book_first_name TEXT, book_last_name TEXT, book_email TEXT, book_phone TEXT, status TEXT DEFAULT 'active',
    created_at TIMESTAMPTZ DEFAULT now(), updated_at TIMESTAMPTZ DEFAULT now(), notified_at TIMESTAMPTZ,
    booked_at TIMESTAMPTZ, last_scanned TIMESTAMPTZ);
CREATE TABLE alerts (id SERIAL PRIMARY KEY, name TEXT, email TEXT, party_size INTEGER DEFAULT 2, preferred_date DATE,
    preferred_time TIME, location TEXT, created_at TIMESTAMPTZ DEFAULT now());
CREATE TABLE wait_reports (id SERIAL PRIMARY KEY, location TEXT, wait_minutes INTEGER, source TEXT,
    created_at TIMESTAMPTZ DEFAULT now());
CREATE TABLE scan_history (id SERIAL PRIMARY KEY, location TEXT, scan_date DATE, time_slot TEXT, party_sizes TEXT,
    available BOOLEAN, scanned_at TIMESTAMPTZ DEFAULT now());
CREATE TABLE slot_drops (id SERIAL PRIMARY KEY, location TEXT, slot_date DATE, slot_time TIME,
    appeared_at TIMESTAMPTZ, gone_at TIMESTAMPTZ, created_at TIMESTAMPTZ DEFAULT now());
CREATE TABLE feedback (id SERIAL PRIMARY KEY, message TEXT, contact TEXT, ip TEXT,
    created_at TIMESTAMPTZ DEFAULT now());
CREATE TABLE notification_log (id SERIAL PRIMARY KEY, watch_id INTEGER, user_id INTEGER, channel TEXT, recipient TEXT,
    subject TEXT, body TEXT, status TEXT, error_message TEXT, created_at TIMESTAMPTZ DEFAULT now());
"""


def sha256(password: str) -> str:
    """How the earlier version kept passwords."""
    return hashlib.sha256(password.encode()).hexdigest()


class SqliteFile:
    """A houstons.db that a test fills."""

    def __init__(self, path: Path, schema: str = NEW) -> None:
        self.path = path
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.executescript(schema)

    def add(self, table: str, **row: Any) -> int:
        names = ", ".join(row)
        marks = ", ".join("?" for _ in row)
        cursor = self._connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(row.values()))
        return int(cursor.lastrowid or 0)

    def run(self, statement: str, *values: Any) -> None:
        self._connection.execute(statement, values)

    def close(self) -> None:
        self._connection.close()


class PostgresDatabase:
    """The earlier version's Postgres that a test fills."""

    def __init__(self, url: str, connection: Any) -> None:
        self.url = url
        self.connection = connection

    async def add(self, table: str, **row: Any) -> int:
        names = ", ".join(row)
        marks = ", ".join(f"${n}" for n in range(1, len(row) + 1))
        statement = f"INSERT INTO {table} ({names}) VALUES ({marks}) RETURNING id"
        return int(await self.connection.fetchval(statement, *row.values()))

    async def run(self, statement: str, *values: Any) -> None:
        await self.connection.execute(statement, *values)


async def make_postgres(admin_url: str, name: str) -> PostgresDatabase:
    """A database of its own on the tests' server, with the earlier version's tables."""
    admin = await asyncpg.connect(admin_url)
    await admin.execute(f"CREATE DATABASE {name}")
    await admin.close()
    url = admin_url.rsplit("/", 1)[0] + f"/{name}"
    connection = await asyncpg.connect(url)
    await connection.execute(POSTGRES)
    return PostgresDatabase(url, connection)


async def drop_postgres(admin_url: str, database: PostgresDatabase, name: str) -> None:
    await database.connection.close()
    admin = await asyncpg.connect(admin_url)
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()
