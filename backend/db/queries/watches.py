"""Watches."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import time
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from backend.db.base import AnySession
from backend.domain.types import Channel, SlotPreference, Watch

# Only a first sieve by clock times; the domain decides what a watch wants.
_CONCERNED = text("""
    SELECT g.id AS group_id, w.id, w.user_id, w.location_key, w.target_date, w.party_size, w.time_start, w.time_end,
           w.auto_book AND NOT w.auto_book_held AS auto_book,
           w.created_at, w.needs_match, w.book_first_name, w.book_last_name, w.book_email, w.book_phone,
           w.slot_preference, w.preferred_time, w.min_notice_minutes, l.timezone
    FROM unnest(CAST(:ids AS bigint[]), CAST(:new_from AS time[]), CAST(:new_to AS time[]),
                CAST(:open_from AS time[]), CAST(:open_to AS time[])) AS s(id, new_from, new_to, open_from, open_to)
    JOIN scan_groups g ON g.id = s.id JOIN locations l ON l.key = g.location_key JOIN watches w
      ON (w.location_key, w.target_date, w.party_size) = (g.location_key, g.target_date, g.party_size)
    JOIN users u ON u.id = w.user_id AND u.disabled_at IS NULL
    WHERE w.status = 'active' AND (
        (w.time_start <= s.new_to AND w.time_end >= s.new_from)
        OR (w.needs_match AND w.time_start <= s.open_to AND w.time_end >= s.open_from)
    )
    ORDER BY w.created_at, w.id
""")
_BY_ID = text("""
    SELECT w.id, w.user_id, w.location_key, w.target_date, w.party_size, w.time_start, w.time_end, w.status,
           w.auto_book AND NOT w.auto_book_held AS auto_book, w.created_at, w.needs_match,
           w.slot_preference, w.preferred_time, w.min_notice_minutes,
           w.book_first_name, w.book_last_name, w.book_email, w.book_phone,
           u.disabled_at IS NULL AS is_enabled
    FROM watches w JOIN users u ON u.id = w.user_id WHERE w.id = ANY(:ids)
""")
_USABLE_CHANNELS = """
    SELECT c.id, c.user_id, c.kind, c.address, c.verified_at IS NOT NULL AS is_verified,
           coalesce(p.sms_within_hours, 2) AS sms_within_hours, coalesce(p.sms_for_auto_book, true) AS sms_for_auto_book
    FROM channels c LEFT JOIN preferences p USING (user_id)
    WHERE c.user_id = ANY(:users) AND c.verified_at IS NOT NULL AND c.disabled_at IS NULL AND {unless} ORDER BY c.id
"""
_CHANNELS = text(_USABLE_CHANNELS.format(unless="c.muted_at IS NULL"))
_CHANNELS_FOR_BOOKINGS = text(_USABLE_CHANNELS.format(unless="(c.muted_at IS NULL OR c.kind = 'email')"))
_MATCHED = text("""
    UPDATE watches w SET needs_match = false FROM scan_groups g
    WHERE g.id = ANY(:ids) AND w.status = 'active' AND w.needs_match
      AND (w.location_key, w.target_date, w.party_size) = (g.location_key, g.target_date, g.party_size)
""")
_OF_USER = text("""
    SELECT w.*, g.last_ok_at AS last_scanned
    FROM watches w JOIN scan_groups g USING (location_key, target_date, party_size)
    WHERE w.user_id = :user_id AND w.status = ANY(:statuses) ORDER BY w.target_date, w.time_start, w.id
""")
_COUNT_ACTIVE = text("SELECT count(*) FROM watches WHERE user_id = :user_id AND status IN ('active', 'paused')")
_SAME = text("""
    SELECT id FROM watches WHERE user_id = :user_id AND location_key = :location_key AND target_date = :target_date
      AND party_size = :party_size AND time_start = :time_start AND time_end = :time_end AND status = 'active'
    ORDER BY id LIMIT 1
""")
_INSERT = text("""
    WITH added AS (
        INSERT INTO watches (user_id, location_key, party_size, target_date, time_start, time_end, auto_book,
                             book_first_name, book_last_name, book_email, book_phone,
                             slot_preference, preferred_time, min_notice_minutes)
        VALUES (:user_id, :location_key, :party_size, :target_date, :time_start, :time_end, :auto_book,
                :book_first_name, :book_last_name, :book_email, :book_phone,
                :slot_preference, :preferred_time, :min_notice_minutes) RETURNING id
    ), told AS (
        INSERT INTO events (kind, subject_id) SELECT 'new_watch', id FROM added
    )
    SELECT id FROM added
""")
_RENEW = text("""
    UPDATE watches SET auto_book = :auto_book, book_first_name = :book_first_name, book_last_name = :book_last_name,
           book_email = :book_email, book_phone = :book_phone, slot_preference = :slot_preference,
           preferred_time = :preferred_time, min_notice_minutes = :min_notice_minutes,
           needs_match = true, updated_at = now()
    WHERE id = :id
""")
_OWN = text("""
    SELECT w.*, g.last_ok_at AS last_scanned
    FROM watches w JOIN scan_groups g USING (location_key, target_date, party_size)
    WHERE w.id = ANY(:ids) AND w.user_id = :user_id ORDER BY w.id
""")
_SHORT_WAITS = text("SET LOCAL lock_timeout = '500ms'")
_LOCK_OWN = text("SELECT * FROM watches WHERE id = ANY(:ids) AND user_id = :user_id ORDER BY id FOR UPDATE")
_CHANGE = text("""
    UPDATE watches SET location_key = :location_key, party_size = :party_size, target_date = :target_date,
           time_start = :time_start, time_end = :time_end, auto_book = :auto_book,
           book_first_name = :book_first_name, book_last_name = :book_last_name, book_email = :book_email,
           book_phone = :book_phone, slot_preference = :slot_preference, preferred_time = :preferred_time,
           min_notice_minutes = :min_notice_minutes, needs_match = true, updated_at = now(),
           moved_at = CASE WHEN CAST(:keeps_place AS boolean) THEN moved_at ELSE now() END
    WHERE id = :id
""")
_SET_STATUS = text("""
    UPDATE watches SET status = CAST(:status AS text), updated_at = now(),
           needs_match = needs_match OR CAST(:status AS text) = 'active',
           note = CASE WHEN CAST(:status AS text) <> 'active' THEN note END
    WHERE id = ANY(:ids)
""")
# Chances that nobody has tried: the next look makes them again where they still fit, with the new details.
# One that somebody has in hand at this moment is left to them.
_DROP_WANTED = text("""
    DELETE FROM bookings WHERE id IN (
        SELECT id FROM bookings WHERE watch_id = ANY(:ids) AND state = 'wanted' FOR UPDATE SKIP LOCKED)
""")
# What waits to be told speaks of the old restaurant or day.
_DROP_QUEUED = text("""
    WITH stale AS (
        UPDATE notification_log SET status = 'expired', error_message = 'the watch was changed'
        WHERE watch_id = :id AND kind = 'table_open' AND status = 'queued' RETURNING id
    )
    DELETE FROM notification_items i USING stale WHERE i.notification_id = stale.id
""")


@dataclass(frozen=True, slots=True)
class Spans:
    """Earliest and latest clock time of what appeared in a group, if anything did, and of all that is open there."""

    group_id: int
    appeared: tuple[time, time] | None
    is_open: tuple[time, time]


def to_domain(row: Row[Any]) -> Watch:
    """The part of a watch that rules need."""
    return Watch(
        id=row.id,
        user_id=row.user_id,
        location_key=row.location_key,
        target_date=row.target_date,
        party_size=row.party_size,
        time_start=row.time_start,
        time_end=row.time_end,
        auto_book=row.auto_book,
        created_at=row.created_at,
        needs_match=row.needs_match,
        slot_preference=SlotPreference(row.slot_preference),
        preferred_time=row.preferred_time,
        min_notice_minutes=row.min_notice_minutes,
    )


async def by_id(session: AsyncSession, watch_id: int | None) -> Row[Any] | None:
    """A watch as it is now, and whether its person is enabled."""
    return (await by_ids(session, [watch_id])).get(watch_id) if watch_id is not None else None


async def by_ids(session: AsyncSession, watch_ids: Collection[int]) -> dict[int, Row[Any]]:
    """Watches as they are now, by id, and whether their people are enabled."""
    return {row.id: row for row in await session.execute(_BY_ID, {"ids": list(watch_ids)})}


async def concerned(session: AsyncSession, spans: Sequence[Spans]) -> dict[int, list[Row[Any]]]:
    """Active watches that may want something of what is open, by group, oldest first; of people not disabled."""
    found: dict[int, list[Row[Any]]] = {}
    if spans:
        values = {
            "ids": [span.group_id for span in spans],
            "new_from": [span.appeared and span.appeared[0] for span in spans],
            "new_to": [span.appeared and span.appeared[1] for span in spans],
            "open_from": [span.is_open[0] for span in spans],
            "open_to": [span.is_open[1] for span in spans],
        }
        for row in await session.execute(_CONCERNED, values):
            found.setdefault(row.group_id, []).append(row)
    return found


async def channels_of(session: AsyncSession, user_ids: Collection[int]) -> dict[int, list[Channel]]:
    """Channels by user at which something may be told: addresses that a stranger may have typed are left out."""
    return _by_user(await session.execute(_CHANNELS, {"users": sorted(user_ids)}))


async def channels_for_bookings(session: AsyncSession, user_ids: Collection[int]) -> dict[int, list[Channel]]:
    """The same with muted mail addresses: how a booking ended is told there all the same."""
    return _by_user(await session.execute(_CHANNELS_FOR_BOOKINGS, {"users": sorted(user_ids)}))


def _by_user(rows: Iterable[Row[Any]]) -> dict[int, list[Channel]]:
    found: dict[int, list[Channel]] = {}
    for row in rows:
        found.setdefault(row.user_id, []).append(Channel(**row._mapping))
    return found


async def mark_matched(session: AsyncSession, group_ids: Sequence[int]) -> None:
    """The watches of these groups know of all that is open."""
    await session.execute(_MATCHED, {"ids": list(group_ids)})


async def of_user(session: AnySession, user_id: int, *, statuses: Sequence[str]) -> Sequence[Row[Any]]:
    return (await session.execute(_OF_USER, {"user_id": user_id, "statuses": list(statuses)})).all()


async def count_active(session: AnySession, user_id: int) -> int:
    return int(await session.scalar(_COUNT_ACTIVE, {"user_id": user_id}) or 0)


async def find_same(session: AnySession, values: dict[str, Any]) -> int | None:
    """The caller's active watch with the same restaurant, day, party and window."""
    keys = ("user_id", "location_key", "target_date", "party_size", "time_start", "time_end")
    result: int | None = await session.scalar(_SAME, {key: values[key] for key in keys})
    return result


async def add(session: AnySession, values: dict[str, Any]) -> int:
    return int((await session.execute(_INSERT, values)).scalar_one())


async def renew(session: AnySession, watch_id: int, values: dict[str, Any]) -> None:
    """The same watch asked for again: its wishes about booking are the newer ones."""
    keys = (
        *("auto_book", "book_first_name", "book_last_name", "book_email", "book_phone"),
        *("slot_preference", "preferred_time", "min_notice_minutes"),
    )
    await session.execute(_RENEW, {"id": watch_id, **{key: values[key] for key in keys}})


async def own(session: AsyncSession, ids: Sequence[int], *, user_id: int) -> Sequence[Row[Any]]:
    """Those of the watches that are this person's."""
    return (await session.execute(_OWN, {"ids": sorted(set(ids)), "user_id": user_id})).all()


async def lock_own(session: AsyncSession, ids: Sequence[int], *, user_id: int) -> Sequence[Row[Any]]:
    """The same, locked; their groups must be locked before.

    Whoever writes a booking down holds its watch and may want the group: we give up first, before Postgres ends one.
    """
    await session.execute(_SHORT_WAITS)
    return (await session.execute(_LOCK_OWN, {"ids": sorted(set(ids)), "user_id": user_id})).all()


async def change(
    session: AsyncSession, watch_id: int, values: dict[str, Any], *, has_moved: bool, keeps_place: bool
) -> None:
    """Write new wishes, to be matched again; what follows from the old ones and was not acted on is taken back.

    A watch that does not keep its place stands in line from now on.
    """
    await session.execute(_CHANGE, {**values, "id": watch_id, "keeps_place": keeps_place})
    await session.execute(_DROP_WANTED, {"ids": [watch_id]})
    if has_moved:
        await session.execute(_DROP_QUEUED, {"id": watch_id})


async def set_status(session: AsyncSession, ids: Sequence[int], status: str) -> None:
    """Pause, resume or cancel. A watch that is active again is matched again; of the others no chance stays."""
    if ids:
        await session.execute(_SET_STATUS, {"ids": sorted(ids), "status": status})
        if status != "active":
            await session.execute(_DROP_WANTED, {"ids": sorted(ids)})
