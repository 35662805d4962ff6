"""What follows when a booking's outcome is known or lost: who is told, whose other chances end, who is next."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from backend.db.queries import bookings, groups, runs
from backend.domain.message import clock_time
from backend.services.booking_news import announce, tell_refusals
from backend.services.turns import next_turns
from backend.services.work import Work

_ENDS_OTHERS = {
    "booked": "another table was booked for this meal",
    "unknown": "a booking for this meal has an unknown outcome",
    "dry_run": "a dry run was made for another table",
}


async def conclude(session: AsyncSession, booking_id: int, *, operators: Sequence[str], now: datetime) -> Work:
    """Draw the consequences of a booking's new state, in the caller's transaction; returns what is to be sent on.

    A refusal is told only when the watch has no other chance left; who booked by hand, or settled it themselves, sees
    it. After a booking or a dry run its group is due at once: when the table is still open, the next person is tried.
    Before a booking is concluded, the groups that it concerns are locked (`bookings.lock_groups`).
    """
    booking = await bookings.load(session, booking_id)
    if booking is None:
        return Work()
    # Before the person's other chances end: whoever waits behind those has a turn as well.
    concerned = await bookings.concerned_groups(session, booking_id)
    if booking.state in _ENDS_OTHERS:
        await bookings.lapse_others(session, booking, reason=_ENDS_OTHERS[booking.state])
    if booking.state == "booked":
        await _end_watches(session, booking)
        if booking.run_id is not None:
            await runs.add(session, booking.run_id, booked=1)
    messages = await _news(session, booking, operators=operators)
    if booking.group_id is not None and booking.state in ("booked", "dry_run"):
        await groups.wake(session, booking.group_id)
    turns = await next_turns(session, concerned, now=now)
    return Work((*messages, *turns.messages), turns.bookings)


async def next_attempts(session: AsyncSession, booking_id: int, *, now: datetime) -> Work:
    """After a chance that ended untried: whoever has a turn now, in its group and in those of the person's other
    chances, and what is to be told of its watch.
    """
    booking = await bookings.load(session, booking_id)
    watch_ids = [booking.watch_id] if booking is not None and booking.watch_id is not None else []
    told = await tell_refusals(session, watch_ids) if watch_ids else ()
    turns = await next_turns(session, await bookings.concerned_groups(session, booking_id), now=now)
    return Work((*told, *turns.messages), turns.bookings)


async def free_meal(session: AsyncSession, booking: Row[Any], locked: Sequence[int], *, now: datetime) -> Work:
    """The person may have another table for that meal: what waited behind this booking goes on, in locked groups."""
    await bookings.match_again(session, booking)
    for group_id in locked:
        await groups.wake(session, group_id)
    return await next_turns(session, locked, now=now)


async def _end_watches(session: AsyncSession, booking: Row[Any]) -> None:
    if booking.watch_id is not None:
        await bookings.mark_watch_booked(session, booking.watch_id)
    at = clock_time(booking.reserved_ts, booking.timezone)
    await bookings.pause_others(session, booking, note=f"paused: you have a table at {booking.restaurant}, {at}")


async def _news(session: AsyncSession, booking: Row[Any], *, operators: Sequence[str]) -> tuple[tuple[int, str], ...]:
    if booking.settled_by == "guest":
        return ()
    if booking.state == "refused" and booking.watch_id is not None:
        return await tell_refusals(session, [booking.watch_id])
    if booking.state == "refused" and booking.settled_by is None:
        # Asked for by hand: they read the answer where they asked.
        return ()
    return await announce(session, booking, operators=operators)
