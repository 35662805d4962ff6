"""The ledger of bookings: chances, attempts and outcomes. Its unique indexes decide every race."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from backend.db.models import Booking
from backend.domain.booking_rules import WANTED_FOR, Candidate
from backend.domain.types import BookingState

LEASE = timedelta(seconds=90)

_CANDIDATES = text("""
    SELECT b.id, b.watch_id, b.drop_id, b.rank, b.state, b.wanted_at, b.settled_at, d.last_seen_at,
           d.gone_at IS NULL AS is_open
    FROM bookings b JOIN slot_drops d ON d.id = b.drop_id
    WHERE d.group_id = ANY(:groups) AND (b.state IN ('wanted', 'attempting') OR d.gone_at IS NULL)
""")
_LOAD = text("""
    SELECT b.*, d.group_id, d.gone_at IS NULL AS is_open, w.status AS watch_status,
           w.auto_book AND NOT w.auto_book_held AS watch_auto_book,
           u.disabled_at IS NULL AS is_enabled, l.merchant_id, l.auto_book_allowed,
           (SELECT is_on FROM switches WHERE name = 'booking') AS switched_on
    FROM bookings b JOIN locations l ON l.key = b.location_key LEFT JOIN slot_drops d ON d.id = b.drop_id
    LEFT JOIN watches w ON w.id = b.watch_id LEFT JOIN users u ON u.id = b.user_id
    WHERE b.id = :id FOR UPDATE OF b
""")
_CLAIM = text("""
    UPDATE bookings SET state = 'attempting', claim_token = :token, attempted_at = now(),
           lease_until = now() + CAST(:lease AS interval)
    WHERE id = :id AND state = 'wanted'
""")
_UNCLAIM = text("""
    UPDATE bookings SET state = 'wanted', claim_token = NULL, lease_until = NULL, attempted_at = NULL,
           dispatched_at = NULL, reason = :reason
    WHERE id = :id AND state = 'attempting' AND claim_token = :token
""")
# A late answer may settle its own row after the lease ran out and made it unknown, while nobody else has settled it.
_SETTLE = text("""
    UPDATE bookings SET state = :state, reason = :reason, answer = CAST(:answer AS jsonb), settled_at = now(),
           lease_until = NULL
    WHERE id = :id AND claim_token = :token AND state IN ('attempting', 'unknown')
""")
_CLOSE_WANTED = text("""
    UPDATE bookings SET state = :state, reason = :reason, settled_at = now() WHERE id = :id AND state = 'wanted'
""")
_LAPSE_OTHERS = text("""
    UPDATE bookings SET state = 'lapsed', reason = :reason, settled_at = now() WHERE state = 'wanted'
      AND (watch_id = :watch_id OR ((user_id = :user_id OR phone = :phone) AND target_date = :day AND meal = :meal))
""")
_LAPSE_OLD = text("""
    UPDATE bookings SET state = 'lapsed', reason = 'not attempted within 120 seconds', settled_at = now()
    WHERE state = 'wanted' AND wanted_at < now() - CAST(:wanted_for AS interval)
""")
_LAPSE_GONE = text("""
    UPDATE bookings b SET state = 'lapsed', reason = 'the table was gone', settled_at = now()
    WHERE b.state = 'wanted' AND b.drop_id = ANY(:drops)
""")
_LOST = text("""
    UPDATE bookings SET state = 'unknown', reason = 'the worker did not come back', settled_at = now(),
           lease_until = NULL
    WHERE state = 'attempting' AND lease_until < now() RETURNING id
""")
_WAITING_GROUPS = text("""
    SELECT DISTINCT d.group_id FROM bookings b JOIN slot_drops d ON d.id = b.drop_id WHERE b.state = 'wanted'
      AND (:everything OR b.dispatched_at IS NULL OR b.dispatched_at < now() - interval '60 seconds')
""")
_DISPATCHED = text("UPDATE bookings SET dispatched_at = now() WHERE id = ANY(:ids) AND state = 'wanted'")
_HAS_MORE = text("SELECT EXISTS (SELECT 1 FROM bookings WHERE watch_id = :watch_id AND state = 'wanted')")
_WATCH_BOOKED = text("""
    UPDATE watches SET status = 'booked', booked_at = now(), updated_at = now() WHERE id = :id AND status <> 'booked'
""")


async def add_chances(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    """Write wanted rows; one that exists for its watch and drop stays as it is."""
    if rows:
        ordered = sorted(rows, key=lambda row: (row["watch_id"], row["drop_id"]))
        await session.execute(insert(Booking).on_conflict_do_nothing(), ordered)


async def candidates(session: AsyncSession, group_ids: Sequence[int]) -> list[Candidate]:
    """The chances of some groups, as the rules see them."""
    return [
        Candidate(
            id=row.id,
            watch_id=row.watch_id,
            drop_id=row.drop_id,
            rank=row.rank,
            state=BookingState(row.state),
            wanted_at=row.wanted_at,
            settled_at=row.settled_at,
            drop_last_seen_at=row.last_seen_at,
            drop_is_open=row.is_open,
        )
        for row in await session.execute(_CANDIDATES, {"groups": list(group_ids)})
    ]


async def load(session: AsyncSession, booking_id: int) -> Row[Any] | None:
    """A booking with what decides about it, locked."""
    return (await session.execute(_LOAD, {"id": booking_id})).one_or_none()


async def claim(session: AsyncSession, booking_id: int, *, token: UUID) -> bool:
    """wanted → attempting. Raises IntegrityError when another live booking stands in the way."""
    result: Any = await session.execute(_CLAIM, {"id": booking_id, "token": token, "lease": LEASE})
    return bool(result.rowcount == 1)


async def unclaim(session: AsyncSession, booking_id: int, *, token: UUID, reason: str) -> None:
    """Back to wanted: nothing was sent."""
    await session.execute(_UNCLAIM, {"id": booking_id, "token": token, "reason": reason})


async def settle(
    session: AsyncSession, booking_id: int, *, token: UUID, state: str, reason: str | None, answer: str | None
) -> bool:
    """Write an outcome; False when the row is somebody else's by now. `answer` is JSON text."""
    values = {"id": booking_id, "token": token, "state": state, "reason": reason, "answer": answer}
    result: Any = await session.execute(_SETTLE, values)
    return bool(result.rowcount == 1)


async def close_wanted(session: AsyncSession, booking_id: int, *, state: str, reason: str) -> bool:
    """End a chance without an attempt."""
    result: Any = await session.execute(_CLOSE_WANTED, {"id": booking_id, "state": state, "reason": reason})
    return bool(result.rowcount == 1)


async def lapse_others(session: AsyncSession, booking: Row[Any], *, reason: str) -> None:
    """End the other chances of this watch, and of this person for this meal."""
    values = {"watch_id": booking.watch_id, "user_id": booking.user_id, "phone": booking.phone}
    await session.execute(_LAPSE_OTHERS, {**values, "day": booking.target_date, "meal": booking.meal, "reason": reason})


async def lapse_gone(session: AsyncSession, drop_ids: Sequence[int]) -> None:
    if drop_ids:
        await session.execute(_LAPSE_GONE, {"drops": sorted(drop_ids)})


async def lapse_old(session: AsyncSession) -> None:
    await session.execute(_LAPSE_OLD, {"wanted_for": WANTED_FOR})


async def take_lost(session: AsyncSession) -> list[int]:
    """Attempts whose worker did not come back become unknown; returns their ids."""
    return list((await session.execute(_LOST)).scalars())


async def waiting_groups(session: AsyncSession, *, everything: bool) -> list[int]:
    return list((await session.execute(_WAITING_GROUPS, {"everything": everything})).scalars())


async def mark_dispatched(session: AsyncSession, ids: Sequence[int]) -> None:
    if ids:
        await session.execute(_DISPATCHED, {"ids": sorted(ids)})


async def has_more_chances(session: AsyncSession, watch_id: int) -> bool:
    return bool(await session.scalar(_HAS_MORE, {"watch_id": watch_id}))


async def mark_watch_booked(session: AsyncSession, watch_id: int) -> None:
    await session.execute(_WATCH_BOOKED, {"id": watch_id})
