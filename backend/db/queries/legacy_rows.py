"""Writes an earlier version's rows, many at a time; where a row is here already, the newer one wins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_TIMES = {"created_at": "timestamptz"}
# Columns of each table with their types, in the order in which rows may refer to each other.
COLUMNS: dict[str, dict[str, str]] = {
    "users": {
        **dict.fromkeys(("email", "password_hash", "name", "first_name", "last_name", "phone", "picture"), "text"),
        "google_id": "text",
        **dict.fromkeys(("created_at", "updated_at", "last_login"), "timestamptz"),
    },
    "sessions": {"user_id": "bigint", "token_hash": "bytea", **_TIMES, "expires_at": "timestamptz"},
    "watches": {
        **{"user_id": "bigint", "location_key": "text", "party_size": "int", "target_date": "date"},
        **{"time_start": "time", "time_end": "time", "auto_book": "bool", "auto_book_held": "bool"},
        **dict.fromkeys(("book_first_name", "book_last_name", "book_email", "book_phone", "status"), "text"),
        **dict.fromkeys(("created_at", "updated_at", "notified_at", "booked_at"), "timestamptz"),
    },
    "alerts": {
        **{"name": "text", "email": "text", "party_size": "int"},
        **dict.fromkeys(("preferred_date", "preferred_time", "location"), "text"),
        **_TIMES,
    },
    "wait_reports": {"location": "text", "wait_minutes": "int", "source": "text", **_TIMES},
    "scan_history": {
        **{"location": "text", "scan_date": "date", "time_slot": "text", "party_sizes": "text", "available": "bool"},
        "scanned_at": "timestamptz",
    },
    "slot_drops": {
        **{"location": "text", "slot_date": "date", "slot_time": "text", "source": "text"},
        **dict.fromkeys(("appeared_at", "last_seen_at", "gone_at", "created_at"), "timestamptz"),
    },
    "feedback": {**dict.fromkeys(("message", "contact", "ip"), "text"), **_TIMES},
    "call_logs": {
        **dict.fromkeys(("location", "phone", "call_id", "transcript", "summary", "recording_url"), "text"),
        **{"wait_count": "int", "wait_minutes": "int", "call_duration": "float8", "answered_by": "text"},
        **{"status": "text", "called_at": "timestamptz", "raw_json": "text", **_TIMES},
    },
    "notification_log": {
        **{"watch_id": "bigint", "user_id": "bigint"},
        **dict.fromkeys(("channel", "kind", "recipient", "subject", "body", "status", "error_message"), "text"),
        **{"attempts": "int", "next_attempt_at": "timestamptz", **_TIMES, "sent_at": "timestamptz"},
    },
}

# Where a plain "the row of the source replaces ours" would undo what people did here.
_INSTEAD = {
    "users": {
        "password_hash": """
            CASE WHEN t.password_hash LIKE '$argon2%' THEN t.password_hash ELSE excluded.password_hash END""",
        "last_login": "greatest(t.last_login, excluded.last_login)",
    },
    "watches": {
        # What has ended here does not come back to life.
        "status": """
            CASE WHEN t.status <> 'active' AND excluded.status = 'active' THEN t.status ELSE excluded.status END""",
        # What was released stays released.
        "auto_book_held": "t.auto_book_held OR (excluded.auto_book_held AND NOT t.auto_book)",
        "needs_match": "true",
    },
}
# Equal instants: the source was read later than our copy of it was written.
_NEWER = {
    "users": "excluded.updated_at >= t.updated_at",
    # A table that is booked there is booked, whatever was changed here since: two would be one too many.
    "watches": """(excluded.updated_at >= t.updated_at
               OR (excluded.status = 'booked' AND t.status IN ('active', 'paused')))""",
}


def _upsert(table: str, columns: Mapping[str, str]) -> str:
    types = {"id": "bigint", **columns}
    sets = {name: f"excluded.{name}" for name in columns} | _INSTEAD.get(table, {})
    compared = [name for name in columns if name != "auto_book_held"]
    return f"""
        INSERT INTO {table} AS t ({", ".join(types)})
        SELECT * FROM unnest({", ".join(f"CAST(:{name} AS {kind}[])" for name, kind in types.items())})
        ON CONFLICT (id) DO UPDATE SET {", ".join(f"{name} = {value}" for name, value in sets.items())}
        WHERE {_NEWER.get(table, "true")}
          AND ({", ".join(f"t.{name}" for name in compared)})
              IS DISTINCT FROM ({", ".join(sets[name] for name in compared)})
        RETURNING id, xmax = 0 AS is_new
    """


_UPSERT = {table: text(_upsert(table, columns)) for table, columns in COLUMNS.items()}


@dataclass(frozen=True, slots=True)
class Written:
    """Ids that are new here, and of rows that replaced ours."""

    new: tuple[int, ...]
    changed: tuple[int, ...]


async def write(session: AsyncSession, table: str, rows: Sequence[Mapping[str, Any]]) -> Written:
    """Insert rows with their ids; where one is there, the newer wins."""
    values = {name: [row[name] for row in rows] for name in ("id", *COLUMNS[table])}
    found = (await session.execute(_UPSERT[table], values)).all()
    return Written(tuple(row.id for row in found if row.is_new), tuple(row.id for row in found if not row.is_new))
