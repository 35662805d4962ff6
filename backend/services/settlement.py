"""What people say of bookings: what became of one whose outcome is unknown, and that one was cancelled."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from backend.db.base import Sessions
from backend.db.queries import bookings
from backend.domain.message import clock_time
from backend.services.booking_outcomes import conclude, free_meal
from backend.services.errors import AppError
from backend.services.sessions import MAX_ID
from backend.services.work import Work

Verdict = Literal["booked", "not_booked"]
_STATES = {"booked": "booked", "not_booked": "refused"}
_NO_SUCH = "There is no such booking"
_NOT_NOW = "A table is being booked at this moment; please look again in a minute"


async def settle_by_guest(
    sessions: Sessions,
    booking_id: int,
    verdict: Verdict,
    *,
    user_id: int,
    note: str | None,
    operators: Sequence[str],
    now: datetime,
) -> Work:
    """A guest says what became of their own booking. The same said twice changes nothing.

    Raises AppError 404 when it is not theirs, 409 when nobody needs to say it, or somebody said otherwise.
    """
    async with sessions.begin() as session:
        locked, booking = await _own(session, booking_id, user_id=user_id)
        return await _settle(
            session, booking, verdict, locked=locked, by="guest", note=note, operators=operators, now=now
        )


async def settle_by_operator(
    sessions: Sessions, booking_id: int, verdict: Verdict, *, note: str | None, operators: Sequence[str], now: datetime
) -> Work:
    """An operator says it, of anybody's booking, and its guest is told. Raises AppError 404 or 409, as above."""
    async with sessions.begin() as session:
        locked, booking = await _anybodys(session, booking_id)
        return await _settle(
            session, booking, verdict, locked=locked, by="operator", note=note, operators=operators, now=now
        )


async def cancel_booking(sessions: Sessions, booking_id: int, *, user_id: int, now: datetime) -> Work:
    """Note that a guest does not come. The restaurant learns nothing of it. Cancelled twice is cancelled.

    Raises AppError 404 when it is not theirs, 409 when there is nothing to cancel.
    """
    async with sessions.begin() as session:
        locked, booking = await _own(session, booking_id, user_id=user_id)
        if booking.state == "cancelled":
            return Work()
        if booking.state == "unknown":
            raise AppError(409, "Nobody knows yet whether this table is yours; say first whether it was booked")
        if booking.state != "booked":
            raise AppError(409, _NOT_NOW if booking.state == "attempting" else "There is no table to cancel")
        await bookings.cancel(session, booking_id)
        at = clock_time(booking.reserved_ts, booking.timezone)
        note = f"paused: your table at {booking.restaurant}, {at}, was cancelled; resume this watch to go on"
        await bookings.note_paused(session, booking, note=note)
        return await free_meal(session, booking, locked, now=now)


async def unknown_bookings(sessions: Sessions) -> Sequence[Row[Any]]:
    """What waits to be settled, the oldest first."""
    async with sessions() as session:
        return await bookings.unknown(session)


async def _settle(
    session: AsyncSession,
    booking: Row[Any],
    verdict: Verdict,
    *,
    locked: Sequence[int],
    by: Literal["guest", "operator"],
    note: str | None,
    operators: Sequence[str],
    now: datetime,
) -> Work:
    state = _STATES[verdict]
    if booking.state == state:
        return Work()
    if booking.state == "attempting":
        raise AppError(409, _NOT_NOW)
    if booking.state != "unknown":
        raise AppError(409, f"The outcome of this booking is known: {booking.state.replace('_', ' ')}")
    reason = None if state == "booked" else "the restaurant has no such booking"
    await bookings.settle_unknown(session, booking.id, state=state, reason=reason, settled_by=by, note=note)
    concluded = await conclude(session, booking.id, operators=operators, now=now)
    if state == "booked":
        return concluded
    freed = await free_meal(session, booking, locked, now=now)
    waiting = dict.fromkeys((*concluded.bookings, *freed.bookings))
    return Work((*concluded.messages, *freed.messages), tuple(waiting))


async def _own(session: AsyncSession, booking_id: int, *, user_id: int) -> tuple[list[int], Row[Any]]:
    await bookings.wait_shortly(session)
    if not 0 < booking_id <= MAX_ID or not await bookings.is_of(session, booking_id, user_id=user_id):
        raise AppError(404, _NO_SUCH)
    return await _anybodys(session, booking_id)


async def _anybodys(session: AsyncSession, booking_id: int) -> tuple[list[int], Row[Any]]:
    locked = await bookings.lock_groups(session, booking_id) if 0 < booking_id <= MAX_ID else []
    booking = await bookings.load(session, booking_id) if 0 < booking_id <= MAX_ID else None
    if booking is None:
        raise AppError(404, _NO_SUCH)
    return locked, booking
