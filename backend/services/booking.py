"""Books a table, once: claim, read everything again, one call, one verdict."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Row
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from backend.clients.errors import BudgetUnavailable, NotSent
from backend.clients.wisely import Reply, Wisely
from backend.db.base import Sessions
from backend.db.queries import bookings, groups, runs
from backend.domain.booking_rules import WANTED_FOR, choose_attempts, held_back
from backend.services import booking_outcomes
from backend.services.outbox import Work


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an attempt came to, and the ledger rows that follow from it."""

    state: str
    reason: str | None = None
    work: Work = field(default_factory=Work)


async def attempt(
    sessions: Sessions, wisely: Wisely, booking_id: int, *, auto_book: str, operators: Sequence[str], now: datetime
) -> Outcome:
    """Try one wanted booking. A message delivered twice, or too late, changes nothing."""
    token = uuid4()
    try:
        async with sessions.begin() as session:
            booking = await bookings.load(session, booking_id)
            if booking is None or booking.state != "wanted":
                return Outcome("not_wanted", booking and booking.state)
            reason = _no_longer(booking, auto_book, now=now)
            if reason is not None:
                await bookings.close_wanted(session, booking_id, state="lapsed", reason=reason)
                return Outcome("lapsed", reason, await _follow(session, booking, now=now))
            if auto_book == "dry-run":
                return await _dry_run(session, booking, operators=operators, now=now)
            await bookings.claim(session, booking_id, token=token)
    except IntegrityError as error:
        return await _blocked(sessions, booking_id, constraint=str(error.orig))
    try:
        reply = await wisely.book(_body(booking))
    except (BudgetUnavailable, NotSent) as error:
        async with sessions.begin() as session:
            await bookings.unclaim(session, booking_id, token=token, reason=str(error))
        return Outcome("not_sent", str(error))
    async with sessions.begin() as session:
        answer = json.dumps(reply.answer) if reply.answer is not None else None
        if not await bookings.settle(
            session, booking_id, token=token, state=reply.outcome, reason=reply.reason, answer=answer
        ):
            return Outcome("too_late", reply.outcome)
        return await _settled(session, booking, reply, operators=operators, now=now)


async def _settled(
    session: AsyncSession, booking: Row[Any], reply: Reply, *, operators: Sequence[str], now: datetime
) -> Outcome:
    if reply.outcome == "booked":
        await bookings.lapse_others(session, booking, reason="another table was booked for this meal")
        if booking.watch_id is not None:
            await bookings.mark_watch_booked(session, booking.watch_id)
        if booking.run_id is not None:
            await runs.add(session, booking.run_id, booked=1)
    if reply.outcome == "unknown":
        await bookings.lapse_others(session, booking, reason="a booking for this meal has an unknown outcome")
    tell = reply.outcome != "refused" or not await bookings.has_more_chances(session, booking.watch_id)
    messages = await booking_outcomes.announce(session, booking.id, operators=operators) if tell else ()
    follow = await _follow(session, booking, now=now)
    if booking.group_id is not None and reply.outcome == "booked":
        await groups.wake(session, booking.group_id)
    return Outcome(reply.outcome, reply.reason, Work(messages, follow.bookings))


async def _dry_run(session: AsyncSession, booking: Row[Any], *, operators: Sequence[str], now: datetime) -> Outcome:
    await bookings.close_wanted(session, booking.id, state="dry_run", reason="booking is in a dry run")
    await bookings.lapse_others(session, booking, reason="a dry run was made for another table")
    messages = await booking_outcomes.announce(session, booking.id, operators=operators)
    follow = await _follow(session, booking, now=now)
    await groups.wake(session, booking.group_id)
    return Outcome("dry_run", None, Work(messages, follow.bookings))


async def _blocked(sessions: Sessions, booking_id: int, *, constraint: str) -> Outcome:
    # A person or a watch that holds a live booking has no more chances; a drop that somebody is trying may come free.
    if "uq_bookings_attempting_drop" in constraint:
        return Outcome("waits", "somebody else is trying this table")
    reason = "this person has a booking for this meal, or one is being made"
    async with sessions.begin() as session:
        await bookings.close_wanted(session, booking_id, state="lapsed", reason=reason)
    return Outcome("lapsed", reason)


async def _follow(session: AsyncSession, booking: Row[Any], *, now: datetime) -> Work:
    """Whoever is next in this group."""
    if booking.group_id is None:
        return Work()
    return Work(bookings=tuple(choose_attempts(await bookings.candidates(session, [booking.group_id]), now=now)))


def _no_longer(booking: Row[Any], auto_book: str, *, now: datetime) -> str | None:
    if booking.watch_status != "active" or not booking.watch_auto_book:
        return f"the watch is {booking.watch_status}" if booking.watch_status != "active" else "booking was not wanted"
    if not booking.is_enabled:
        return "the account is disabled"
    if not booking.is_open:
        return "the table was gone"
    if now - booking.wanted_at > WANTED_FOR:
        return "not attempted within 120 seconds"
    return held_back(auto_book, switched_on=booking.switched_on, allowed_here=booking.auto_book_allowed)


def _body(booking: Row[Any]) -> dict[str, Any]:
    digits = "".join(character for character in booking.phone if character.isdigit())
    return {
        "merchant_id": booking.merchant_id,
        "party_size": booking.party_size,
        "reserved_ts": booking.reserved_ts,
        "reservation_type_id": booking.reservation_type_id,
        "name": f"{booking.first_name} {booking.last_name}",
        "first_name": booking.first_name,
        "last_name": booking.last_name,
        "email": booking.email,
        "phone": digits[-10:],
        "country_code": "US",
        "source": "web",
        "marketing_opt_in": False,
    }
