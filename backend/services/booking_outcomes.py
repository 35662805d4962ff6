"""What follows when a booking's outcome is known or lost: who is told, whose other chances end, who is next."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from backend.db.queries import bookings, groups, notifications, runs, watches
from backend.db.queries.notifications import NewMessage
from backend.domain.booking_rules import choose_attempts
from backend.domain.dedup import booking_key
from backend.domain.types import Kind
from backend.services.work import Work

_KINDS = {
    "booked": Kind.BOOKED,
    "refused": Kind.BOOKING_REFUSED,
    "unknown": Kind.BOOKING_UNKNOWN,
    "dry_run": Kind.BOOKING_DRY_RUN,
}


_ENDS_OTHERS = {
    "booked": "another table was booked for this meal",
    "unknown": "a booking for this meal has an unknown outcome",
    "dry_run": "a dry run was made for another table",
}


async def conclude(session: AsyncSession, booking_id: int, *, operators: Sequence[str], now: datetime) -> Work:
    """Draw the consequences of a booking's new state, in the caller's transaction; returns what is to be sent on.

    A refusal is told only when the watch has no other chance left; who booked by hand sees it themselves. After a
    booking or a dry run its group is due at once: when the table is still open, the next person is tried.
    """
    booking = await bookings.load(session, booking_id)
    if booking is None:
        return Work()
    # Before the person's other chances end: whoever waits behind those has a turn as well.
    concerned = await bookings.concerned_groups(session, booking_id)
    if booking.state in _ENDS_OTHERS:
        await bookings.lapse_others(session, booking, reason=_ENDS_OTHERS[booking.state])
    if booking.state == "booked":
        if booking.watch_id is not None:
            await bookings.mark_watch_booked(session, booking.watch_id)
        if booking.run_id is not None:
            await runs.add(session, booking.run_id, booked=1)
    tell = booking.state != "refused" or (
        booking.watch_id is not None and not await bookings.has_more_chances(session, booking.watch_id)
    )
    messages = await _announce(session, booking, operators=operators) if tell else ()
    if booking.group_id is not None and booking.state in ("booked", "dry_run"):
        await groups.wake(session, booking.group_id)
    return Work(messages, await _turns(session, concerned, now=now))


async def next_attempts(session: AsyncSession, booking_id: int, *, now: datetime) -> Work:
    """Whoever has a turn now, in this booking's group and in those of the person's other chances."""
    return Work(bookings=await _turns(session, await bookings.concerned_groups(session, booking_id), now=now))


async def _turns(session: AsyncSession, group_ids: Sequence[int], *, now: datetime) -> tuple[int, ...]:
    return tuple(choose_attempts(await bookings.candidates(session, group_ids), now=now))


async def _announce(
    session: AsyncSession, booking: Row[Any], *, operators: Sequence[str]
) -> tuple[tuple[int, str], ...]:
    """Write the messages about a booking's present state; returns (id, channel). Told before: nothing is written."""
    if booking.state not in _KINDS:
        return ()
    booking_id = booking.id
    kind = _KINDS[booking.state]
    channels = await watches.channels_for_bookings(session, [booking.user_id]) if booking.user_id else {}
    messages = [
        NewMessage(
            user_id=booking.user_id,
            watch_id=booking.watch_id,
            booking_id=booking_id,
            channel_id=channel.id,
            channel=channel.kind,
            kind=kind,
            recipient=channel.address,
            items=((booking.drop_id, booking_key(kind, booking_id=booking_id, channel=channel.id)),),
        )
        for channel in channels.get(booking.user_id, ())
        if channel.kind == "email" or channel.is_verified
    ]
    if kind is Kind.BOOKING_UNKNOWN:
        messages += [
            NewMessage(
                user_id=None,
                watch_id=booking.watch_id,
                booking_id=booking_id,
                channel_id=None,
                channel="email",
                kind=kind,
                recipient=address,
                items=((booking.drop_id, booking_key(kind, booking_id=booking_id, channel=address)),),
            )
            for address in dict.fromkeys(operators)
        ]
    known = await notifications.known_keys(session, [message.items[0][1] for message in messages])
    return tuple(await notifications.add(session, [m for m in messages if m.items[0][1] not in known]))
