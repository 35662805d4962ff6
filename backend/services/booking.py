"""Books a table, once: claim, read everything again, one call, one verdict."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from backend.clients.errors import BudgetUnavailable, NotSent
from backend.clients.wisely import Wisely, booking_body
from backend.db.base import Sessions
from backend.db.insist import insist
from backend.db.queries import bookings, watches
from backend.domain.booking_rules import TOO_OLD, exhausted, has_notice, held_back, is_too_old
from backend.domain.matching import still_wants
from backend.services.booking_outcomes import conclude, next_attempts
from backend.services.verdict import Outcome, write_verdict

_NEEDED = ("first_name", "last_name", "email", "phone")


async def attempt(
    sessions: Sessions, wisely: Wisely, booking_id: int, *, auto_book: str, operators: Sequence[str], now: datetime
) -> Outcome:
    """Try one wanted booking. A message delivered twice, or too late, changes nothing."""
    token = uuid4()
    try:
        claimed = await insist(
            lambda: _claim(sessions, booking_id, token=token, auto_book=auto_book, operators=operators, now=now)
        )
    except IntegrityError as error:
        return await _blocked(sessions, booking_id, constraint=str(error.orig), now=now)
    if isinstance(claimed, Outcome):
        return claimed
    try:
        reply = await wisely.book(claimed)
    except (BudgetUnavailable, NotSent) as error:
        reason = str(error)
        await insist(lambda: _give_back(sessions, booking_id, token=token, reason=reason))
        return Outcome("not_sent", reason)
    # The table may be booked by now: the verdict is written down whatever the database is going through.
    return await insist(lambda: write_verdict(sessions, booking_id, reply, token=token, operators=operators, now=now))


async def _claim(
    sessions: Sessions, booking_id: int, *, token: UUID, auto_book: str, operators: Sequence[str], now: datetime
) -> Outcome | dict[str, Any]:
    """The body to send, or why nothing is sent. Raises IntegrityError when another live booking stands in the way."""
    async with sessions.begin() as session:
        await bookings.lock_group(session, booking_id)
        booking = await bookings.load(session, booking_id)
        if booking is not None and booking.state == "attempting" and booking.claim_token == token:
            # Claimed by us, by a commit whose answer was lost.
            return booking_body(booking.merchant_id, booking)
        if booking is None or booking.state != "wanted":
            return Outcome("not_wanted", booking and booking.state)
        watch = await watches.by_id(session, booking.watch_id)
        reason = _no_longer(booking, watch, auto_book, now=now) or await _spent(session, booking)
        if reason is not None:
            await bookings.close_wanted(session, booking_id, state="lapsed", reason=reason)
            return Outcome("lapsed", reason, await next_attempts(session, booking_id, now=now))
        body = booking_body(booking.merchant_id, await bookings.claim(session, booking_id, token=token))
        if auto_book != "dry-run":
            return body
        # All that a booking needs was there but the call.
        await bookings.settle(
            session, booking_id, token=token, state="dry_run", reason="booking is in a dry run", answer=None
        )
        return Outcome("dry_run", None, await conclude(session, booking_id, operators=operators, now=now))


async def _give_back(sessions: Sessions, booking_id: int, *, token: UUID, reason: str) -> None:
    async with sessions.begin() as session:
        await bookings.unclaim(session, booking_id, token=token, reason=reason)


async def _blocked(sessions: Sessions, booking_id: int, *, constraint: str, now: datetime) -> Outcome:
    """Somebody else tries this table, or this person has, or may yet get, a booking for this meal."""
    if "uq_bookings_attempting_drop" in constraint:
        return Outcome("waits", "somebody else is trying this table")
    async with sessions.begin() as session:
        await bookings.lock_group(session, booking_id)
        standing = await bookings.blockers(session, booking_id)
        if standing <= {"attempting"}:
            # A refusal of the other attempt gives this one its turn.
            return Outcome("waits", "another booking for this meal is being made")
        reason = "this person has a booking for this meal"
        await bookings.close_wanted(session, booking_id, state="lapsed", reason=reason)
        return Outcome("lapsed", reason, await next_attempts(session, booking_id, now=now))


async def _spent(session: AsyncSession, booking: Row[Any]) -> str | None:
    return exhausted(await bookings.candidates(session, [booking.group_id])).get(booking.id)


def _no_longer(booking: Row[Any], watch: Row[Any] | None, auto_book: str, *, now: datetime) -> str | None:
    if watch is None:
        return "the watch is gone"
    if watch.status != "active":
        return f"the watch is {watch.status}"
    if not watch.auto_book:
        return "booking was not wanted"
    if not watch.is_enabled:
        return "the account is disabled"
    if not booking.is_open:
        return "the table was gone"
    wish = watches.to_domain(watch)
    if not still_wants(
        wish,
        booking.reserved_ts,
        booking.timezone,
        location_key=booking.location_key,
        party_size=booking.party_size,
        now=now,
    ):
        return "the watch was changed"
    if not has_notice(wish, booking.reserved_ts, now=now):
        return f"it starts in less than the {wish.min_notice_minutes} minutes of notice that were asked for"
    if missing := [name for name in _NEEDED if not getattr(watch, f"book_{name}")]:
        return f"the booking details are incomplete: {', '.join(missing).replace('_', ' ')}"
    if is_too_old(booking.wanted_at, booking.last_seen_at, now=now):
        return TOO_OLD
    return held_back(auto_book, switched_on=booking.switched_on, allowed_here=booking.auto_book_allowed)
