"""Writes an earlier version's rows, many at a time, and remembers what came."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
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
        # What has ended in one of the two versions has ended.
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
    "watches": "excluded.updated_at >= t.updated_at",
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
_FILLED = text(" UNION ALL ".join(f"SELECT '{table}' AS name, count(*) AS n FROM {table}" for table in COLUMNS))
_LAST = text("SELECT highest, own_above, rejected, created_at FROM legacy_imports ORDER BY id DESC LIMIT 1")
_IDS = {table: text(f"SELECT id FROM {table} WHERE id <= :highest") for table in COLUMNS}
_PEOPLE = text("SELECT id, email, google_id, created_at FROM users")
_LOCK_GROUPS = text("SELECT id FROM scan_groups ORDER BY id FOR UPDATE")
_ADD_GROUPS = text("""
    INSERT INTO scan_groups AS g (location_key, target_date, party_size, last_ok_at)
    SELECT * FROM unnest(CAST(:location_key AS text[]), CAST(:target_date AS date[]), CAST(:party_size AS int[]),
                         CAST(:last_ok_at AS timestamptz[]))
    ON CONFLICT (location_key, target_date, party_size) DO UPDATE
      SET last_ok_at = greatest(g.last_ok_at, excluded.last_ok_at)
""")
_WAKE = text("""
    UPDATE scan_groups g
    SET next_scan_at = least(coalesce(g.next_scan_at, now()), now()),
        tier = CASE WHEN due.starts_at < now() + interval '24 hours' THEN 'urgent'
                    WHEN g.tier = 'browse' THEN 'normal' ELSE g.tier END
    FROM (
        SELECT w.location_key, w.target_date, w.party_size,
               min((w.target_date + w.time_start) AT TIME ZONE l.timezone) AS starts_at
        FROM watches w JOIN locations l ON l.key = w.location_key
        WHERE w.id = ANY(:ids) AND w.status = 'active' AND w.target_date >= (now() - interval '1 day')::date
        GROUP BY 1, 2, 3
    ) due
    WHERE (g.location_key, g.target_date, g.party_size) = (due.location_key, due.target_date, due.party_size)
""")
_END_SESSIONS = text("DELETE FROM sessions WHERE id <= :highest AND NOT id = ANY(:ids)")
_ADD_ADDRESSES = text("""
    INSERT INTO channels AS c (user_id, kind, address, verified_at, verified_by)
    SELECT *, 'import' FROM unnest(CAST(:user_id AS bigint[]), CAST(:kind AS text[]), CAST(:address AS text[]),
                                   CAST(:known_since AS timestamptz[]))
    ON CONFLICT (user_id, kind, address) DO UPDATE
      SET verified_at = excluded.verified_at, verified_by = excluded.verified_by WHERE c.verified_at IS NULL
""")
_ADD_TOLD = text("""
    INSERT INTO told_before (watch_id, slot_date, slot_time, party_size, told_at)
    SELECT * FROM unnest(CAST(:watch_id AS bigint[]), CAST(:slot_date AS date[]), CAST(:slot_time AS time[]),
                         CAST(:party_size AS int[]), CAST(:told_at AS timestamptz[]))
    ON CONFLICT (watch_id, slot_date, slot_time, party_size) DO NOTHING
""")
# While both versions run, both tell of the same opening: that drop is the one that was meant.
_TOLD_HERE_TOO = text("""
    UPDATE told_before t SET drop_id = d.id
    FROM notification_log n JOIN notification_items i ON i.notification_id = n.id JOIN slot_drops d ON d.id = i.drop_id
    WHERE t.drop_id IS NULL AND n.watch_id = t.watch_id AND d.party_size = t.party_size AND d.slot_date = t.slot_date
      AND d.slot_time = to_char(t.slot_date + t.slot_time, 'FMHH12:MI AM')
      AND d.appeared_at <= t.told_at + interval '1 hour'
      AND coalesce(d.gone_at, now()) >= t.told_at - interval '1 hour'
""")
_RELEASE = text("""
    UPDATE watches SET auto_book_held = false, needs_match = true WHERE auto_book_held RETURNING id
""")
_COUNT_HELD = text("SELECT count(*) FROM watches WHERE auto_book_held AND status IN ('active', 'paused')")
_MOVE_SEQUENCE = text("""
    SELECT setval(s.name, greatest(:to, coalesce(pg_sequence_last_value(s.name), 0)))
    FROM (SELECT CAST(pg_get_serial_sequence(:table, 'id') AS regclass) AS name) s
""")
_REMEMBER = text("""
    INSERT INTO legacy_imports (source, is_final, highest, own_above, counts, rejected)
    VALUES (:source, :is_final, CAST(:highest AS jsonb), CAST(:own_above AS jsonb), CAST(:counts AS jsonb),
            CAST(:rejected AS jsonb))
""")


@dataclass(frozen=True, slots=True)
class Written:
    """Ids that are new here, and of rows that replaced ours."""

    new: tuple[int, ...]
    changed: tuple[int, ...]


async def lock(session: AsyncSession) -> None:
    """One import at a time, and nobody signs up while the tables are compared."""
    await session.execute(text("SELECT pg_advisory_xact_lock(7102027)"))
    await session.execute(text("LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE"))


async def filled_tables(session: AsyncSession) -> dict[str, int]:
    """Tables that hold rows, with their number."""
    return {row.name: row.n for row in await session.execute(_FILLED) if row.n}


async def last_import(session: AsyncSession) -> Row[Any] | None:
    return (await session.execute(_LAST)).one_or_none()


async def ids_up_to(session: AsyncSession, table: str, highest: int) -> set[int]:
    return set((await session.execute(_IDS[table], {"highest": highest})).scalars())


async def people(session: AsyncSession) -> Sequence[Row[Any]]:
    return (await session.execute(_PEOPLE)).all()


async def add_groups(session: AsyncSession, watches: Sequence[Mapping[str, Any]]) -> None:
    """The groups that watches need, and the locks that put them before or after a look and never in between."""
    await session.execute(_LOCK_GROUPS)
    last: dict[tuple[Any, ...], datetime | None] = {}
    for row in watches:
        key = (row["location_key"], row["target_date"], row["party_size"])
        seen = [at for at in (last.get(key), row["last_scanned"]) if at is not None]
        last[key] = max(seen, default=None)
    keys = sorted(last)
    columns = {name: [key[i] for key in keys] for i, name in enumerate(("location_key", "target_date", "party_size"))}
    await session.execute(_ADD_GROUPS, {**columns, "last_ok_at": [last[key] for key in keys]})


async def write(session: AsyncSession, table: str, rows: Sequence[Mapping[str, Any]]) -> Written:
    """Insert rows with their ids; where one is there, the newer wins."""
    values = {name: [row[name] for row in rows] for name in ("id", *COLUMNS[table])}
    found = (await session.execute(_UPSERT[table], values)).all()
    return Written(tuple(row.id for row in found if row.is_new), tuple(row.id for row in found if not row.is_new))


async def wake_groups(session: AsyncSession, watch_ids: Sequence[int]) -> None:
    """Have the groups of active watches looked at soon."""
    await session.execute(_WAKE, {"ids": list(watch_ids)})


async def end_sessions(session: AsyncSession, *, highest: int, but: Sequence[int]) -> None:
    """Sign-ins that came once and that the source has no longer: people signed out there."""
    await session.execute(_END_SESSIONS, {"highest": highest, "ids": list(but)})


async def add_addresses(session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> None:
    names = ("user_id", "kind", "address", "known_since")
    await session.execute(_ADD_ADDRESSES, {name: [row[name] for row in rows] for name in names})


async def add_told(session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> None:
    names = ("watch_id", "slot_date", "slot_time", "party_size", "told_at")
    await session.execute(_ADD_TOLD, {name: [row[name] for row in rows] for name in names})


async def use_up_what_was_told_here_too(session: AsyncSession) -> None:
    await session.execute(_TOLD_HERE_TOO)


async def release_held(session: AsyncSession) -> list[int]:
    """From now on imported watches may be booked automatically; returns their ids."""
    return list((await session.execute(_RELEASE)).scalars())


async def count_held(session: AsyncSession) -> int:
    return int(await session.scalar(_COUNT_HELD) or 0)


async def move_sequence(session: AsyncSession, table: str, to: int) -> None:
    """The next id of ours is above `to`. Not undone by a rollback, so it comes last."""
    await session.execute(_MOVE_SEQUENCE, {"table": table, "to": to})


async def remember(session: AsyncSession, *, source: str, is_final: bool, **facts: Mapping[str, Any]) -> None:
    """Write down what came, for the next import."""
    values = {name: json.dumps(value) for name, value in facts.items()}
    await session.execute(_REMEMBER, {"source": source, "is_final": is_final, **values})
