"""Moving in from the earlier version: what is here, what follows from its rows, and what is remembered of it."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, time
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from backend.db.queries.legacy_rows import COLUMNS

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
_SECOND_TABLES = text("""
    UPDATE watches w SET auto_book = false, auto_book_held = false FROM watches b
    WHERE b.id = ANY(:booked) AND b.status = 'booked' AND w.user_id = b.user_id AND w.target_date = b.target_date
      AND (w.time_start < :dinner_from) = (b.time_start < :dinner_from) AND w.status = 'active' AND w.auto_book
    RETURNING w.id
""")
_RELEASE = text("""
    WITH released AS (
        UPDATE watches SET auto_book_held = false, needs_match = true WHERE auto_book_held RETURNING id, status
    )
    SELECT id FROM released WHERE status IN ('active', 'paused')
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


async def stop_second_tables(session: AsyncSession, booked: Sequence[int], *, dinner_from: time) -> list[int]:
    """No automatic booking, not even of watches made here, for a meal that the earlier version booked; the ids."""
    return list((await session.execute(_SECOND_TABLES, {"booked": booked, "dinner_from": dinner_from})).scalars())


async def release_held(session: AsyncSession) -> list[int]:
    """From now on imported watches may be booked automatically; returns the ids of those that wait for a table."""
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
