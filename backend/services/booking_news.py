"""Writes the messages about bookings: to their guests, and about unknown ones to the operators as well."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from backend.db.queries import bookings, notifications, watches
from backend.db.queries.notifications import NewMessage
from backend.domain.dedup import booking_key
from backend.domain.notification_rules import told_of_booking
from backend.domain.types import Kind

_KINDS = {
    "booked": Kind.BOOKED,
    "refused": Kind.BOOKING_REFUSED,
    "unknown": Kind.BOOKING_UNKNOWN,
    "dry_run": Kind.BOOKING_DRY_RUN,
}


async def tell_refusals(session: AsyncSession, watch_ids: Sequence[int] | None) -> tuple[tuple[int, str], ...]:
    """Tell of the last refusal of each of these watches (None: of all) that has no other chance left; once.

    Returns the messages as (id, channel).
    """
    last: dict[int, Row[Any]] = {}
    for row in sorted(await bookings.take_untold(session, watch_ids), key=lambda row: (row.settled_at, row.id)):
        last[row.watch_id] = row
    messages: list[tuple[int, str]] = []
    for row in sorted(last.values(), key=lambda row: row.id):
        booking = None if row.has_meal else await bookings.load(session, row.id)
        if booking is not None:
            messages += await announce(session, booking, operators=())
    return tuple(messages)


async def announce(
    session: AsyncSession, booking: Row[Any], *, operators: Sequence[str]
) -> tuple[tuple[int, str], ...]:
    """Write the messages about a booking's present state; returns (id, channel). Told before: nothing is written."""
    kind = _KINDS.get(booking.state)
    if kind is None:
        return ()
    messages = await _to_guest(session, booking, kind)
    if kind is Kind.BOOKING_UNKNOWN:
        messages += _to_operators(booking, operators)
    return await _add_untold(session, messages)


async def announce_second(
    session: AsyncSession, booking: Row[Any], *, operators: Sequence[str]
) -> tuple[tuple[int, str], ...]:
    """Tell of a table that the restaurant booked although the guest has another one for that meal by now: the ledger
    cannot hold both. To the guest it is a booking like any other; the operators are asked to look. Once.
    """
    messages = await _to_guest(session, booking, Kind.BOOKED)
    return await _add_untold(session, [*messages, *_to_operators(booking, operators, again=1)])


async def _to_guest(session: AsyncSession, booking: Row[Any], kind: Kind) -> list[NewMessage]:
    channels = await watches.channels_for_bookings(session, [booking.user_id]) if booking.user_id else {}
    return [
        NewMessage(
            user_id=booking.user_id,
            watch_id=booking.watch_id,
            booking_id=booking.id,
            channel_id=channel.id,
            channel=channel.kind,
            kind=kind,
            recipient=channel.address,
            items=((booking.drop_id, booking_key(kind, booking_id=booking.id, channel=channel.id)),),
        )
        for channel in told_of_booking(channels.get(booking.user_id, ()))
    ]


def _to_operators(booking: Row[Any], operators: Sequence[str], *, again: int = 0) -> list[NewMessage]:
    kind = Kind.BOOKING_UNKNOWN
    return [
        NewMessage(
            user_id=None,
            watch_id=booking.watch_id,
            booking_id=booking.id,
            channel_id=None,
            channel="email",
            kind=kind,
            recipient=address,
            items=((booking.drop_id, booking_key(kind, booking_id=booking.id, channel=address, again=again)),),
        )
        for address in dict.fromkeys(operators)
    ]


async def _add_untold(session: AsyncSession, messages: Sequence[NewMessage]) -> tuple[tuple[int, str], ...]:
    known = await notifications.known_keys(session, [message.items[0][1] for message in messages])
    return tuple(await notifications.add(session, [m for m in messages if m.items[0][1] not in known]))
