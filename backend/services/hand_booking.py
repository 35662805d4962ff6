"""A booking that a signed-in person asks for themselves: through the ledger and its rules, like an automatic one."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row
from sqlalchemy.exc import IntegrityError

from backend.clients.errors import BudgetUnavailable, NotSent
from backend.clients.wisely import Reply, Wisely, booking_body
from backend.db.base import Sessions
from backend.db.insist import insist
from backend.db.queries import bookings, locations, switches
from backend.domain import windows
from backend.domain.booking_rules import held_back, meal_of
from backend.services.errors import AppError
from backend.services.verdict import write_verdict
from backend.services.work import Work


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants booked, in the words of the reservation service. `reserved_ts` is epoch ms."""

    merchant_id: int
    party_size: int
    reserved_ts: int
    reservation_type_id: int
    first_name: str
    last_name: str
    email: str
    phone: str


@dataclass(frozen=True, slots=True)
class HandBooked:
    """The service's reply, and the ledger rows to send on."""

    reply: Reply
    work: Work = field(default_factory=Work)


async def book_by_hand(
    sessions: Sessions,
    wisely: Wisely,
    user: Row[Any],
    wish: Wish,
    *,
    auto_book: str,
    operators: Sequence[str],
    now: datetime,
) -> HandBooked:
    """Write the attempt down, make it once, write the verdict down.

    Raises AppError: 400 for what makes no sense, 403 where booking is off, 409 when this person has a booking for that
    meal, 503 when nothing could be sent.
    """
    token = uuid4()
    row = await _row(sessions, user, wish, auto_book=auto_book, now=now)
    try:
        async with sessions.begin() as session:
            booking_id = await bookings.add_attempt(session, row, token=token)
    except IntegrityError:
        raise AppError(409, "There is a booking for this meal already, or one is being made") from None
    try:
        reply = await wisely.book(booking_body(wish.merchant_id, wish))
    except (BudgetUnavailable, NotSent) as error:
        reason = f"not sent: {error}"
        await insist(lambda: _lapse(sessions, booking_id, token=token, reason=reason))
        raise AppError(503, "The reservation service cannot be reached now; nothing was booked") from error
    outcome = await insist(
        lambda: write_verdict(sessions, booking_id, reply, token=token, operators=operators, now=now)
    )
    return HandBooked(reply, outcome.work)


async def _row(sessions: Sessions, user: Row[Any], wish: Wish, *, auto_book: str, now: datetime) -> dict[str, Any]:
    for name in ("first_name", "last_name", "email", "phone"):
        if not getattr(wish, name):
            raise AppError(400, f"To book we also need: {name.replace('_', ' ')}", field=name)
    if not wish.phone.startswith("+1"):
        raise AppError(400, "The restaurants take bookings with a North American number only", field="phone")
    if not 1 <= wish.party_size <= 20:
        raise AppError(400, "A party has 1 to 20 people", field="party_size")
    if wish.reserved_ts <= windows.epoch_ms(now):
        raise AppError(400, "That time is over", field="reserved_ts")
    async with sessions() as session:
        location = await locations.by_merchant(session, wish.merchant_id)
        if location is None:
            raise AppError(400, "There is no such restaurant", field="merchant_id")
        switched_on = await switches.is_on(session, "booking")
    reason = held_back(auto_book, switched_on=switched_on, allowed_here=location.auto_book_allowed)
    if auto_book == "dry-run":
        reason = reason or "booking is in a dry run here"
    if reason is not None:
        raise AppError(403, f"Nothing was booked: {reason.replace('automatic booking', 'booking')}")
    at = windows.local(wish.reserved_ts, location.timezone)
    return {
        "user_id": user.id,
        "location_key": location.key,
        "target_date": at.date(),
        "meal": meal_of(at.time()),
        "party_size": wish.party_size,
        "reserved_ts": wish.reserved_ts,
        "reservation_type_id": wish.reservation_type_id,
        "first_name": wish.first_name,
        "last_name": wish.last_name,
        "email": wish.email,
        "phone": wish.phone,
    }


async def _lapse(sessions: Sessions, booking_id: int, *, token: UUID, reason: str) -> None:
    async with sessions.begin() as session:
        await bookings.settle(session, booking_id, token=token, state="lapsed", reason=reason, answer=None)
