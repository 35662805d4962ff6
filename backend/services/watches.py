"""Leaving and listing watches."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import Row

from backend.db.base import AnySession, AnySessions
from backend.db.queries import groups, locations, switches, watches
from backend.domain import booking_promises, windows
from backend.domain.booking_promises import Promise
from backend.domain.types import SlotPreference, Tier, Watch
from backend.services.accounts import normal_address
from backend.services.errors import AppError
from backend.services.phones import to_e164

MAX_DAYS_AHEAD = 90
MOST_NOTICE_MINUTES = 7 * 24 * 60
MAX_ID = 2**63 - 1
STATUSES = ("active", "paused", "booked", "cancelled", "expired")


@dataclass(frozen=True, slots=True)
class NewWatch:
    """What a person asks for. Times are the restaurant's; booking details may be missing unless auto_book is set.

    `preferred_time` is needed when the nearest table to a time is preferred.
    """

    location_key: str
    target_date: date
    party_size: int
    time_start: time
    time_end: time
    auto_book: bool
    first_name: str | None
    last_name: str | None
    email: str | None
    phone: str | None
    slot_preference: str = SlotPreference.EARLIEST
    preferred_time: time | None = None
    min_notice_minutes: int = 0


@dataclass(frozen=True, slots=True)
class Made:
    """A watch's id, and what becomes of its wish for a booking, if it has one."""

    watch_id: int
    promise: Promise | None


async def make_watch(
    sessions: AnySessions, user: Row[Any], wish: NewWatch, *, max_active: int, auto_book: str, now: datetime
) -> Made:
    """Write a watch and make its group due. The same watch twice is the same watch. Raises AppError 400.

    `auto_book` is how the installation was set up; a wish for a booking is kept also where it cannot be met now.
    """
    async with sessions.begin() as session:
        location = await locations.by_key(session, wish.location_key)
        if location is None:
            raise AppError(400, f"There is no restaurant {wish.location_key!r}", field="location_key")
        check(wish, location, now=now)
        values = {"user_id": user.id, **booking_details(wish, user, location), **window_of(wish)}
        promise = await promise_of(session, wish, location, auto_book=auto_book)
        # The group comes first: its row lock puts this watch before or after a look, never in between.
        await groups.ensure(
            session,
            location_key=location.key,
            target_date=wish.target_date,
            party_size=wish.party_size,
            tier=tier_of(wish, location, now=now),
        )
        same = await watches.find_same(session, values)
        if same is not None:
            await watches.renew(session, same, values)
            return Made(same, promise)
        if await watches.count_active(session, user.id) >= max_active:
            raise AppError(400, f"You have {max_active} watches already; end one first")
        return Made(await watches.add(session, values), promise)


async def list_watches(sessions: AnySessions, user_id: int, *, statuses: Sequence[str]) -> Sequence[Row[Any]]:
    """A person's own watches, by date. Raises AppError 400 for an unknown status."""
    for status in statuses:
        if status not in STATUSES:
            raise AppError(400, f"There is no status {status!r}; use one of {', '.join(STATUSES)}", field="status")
    async with sessions() as session:
        return await watches.of_user(session, user_id, statuses=statuses)


def check(wish: NewWatch, location: Row[Any], *, now: datetime) -> None:
    """Whether such a watch makes sense. Raises AppError 400."""
    if not 1 <= wish.party_size <= 20:
        raise AppError(400, "A party has 1 to 20 people", field="party_size")
    today = windows.today(now, location.timezone)
    if wish.target_date < today:
        raise AppError(400, "That day is over at the restaurant", field="target_date")
    if (wish.target_date - today).days > MAX_DAYS_AHEAD:
        raise AppError(400, f"At most {MAX_DAYS_AHEAD} days ahead", field="target_date")
    if wish.time_start > wish.time_end:
        raise AppError(400, "The window ends before it starts", field="time_end")
    if windows.instant(wish.target_date, wish.time_end, location.timezone) < now:
        raise AppError(400, "That window has passed at the restaurant", field="time_end")
    if wish.slot_preference not in list(SlotPreference):
        words = ", ".join(SlotPreference)
        raise AppError(400, f"The table to prefer is one of: {words}", field="slot_preference")
    if wish.slot_preference == SlotPreference.NEAREST and wish.preferred_time is None:
        raise AppError(400, "Nearest to which time? Please say it", field="preferred_time")
    if not 0 <= wish.min_notice_minutes <= MOST_NOTICE_MINUTES:
        raise AppError(400, "The notice you need is 0 minutes to 7 days (10080 minutes)", field="min_notice_minutes")


async def promise_of(session: AnySession, wish: NewWatch, location: Row[Any], *, auto_book: str) -> Promise | None:
    """What becomes of a wish for a booking; None where there is no such wish."""
    if not wish.auto_book:
        return None
    switched_on = await switches.is_on(session, "booking")
    return booking_promises.of_watch(auto_book, switched_on=switched_on, restaurant=location.name)


def tier_of(wish: NewWatch, location: Row[Any], *, now: datetime) -> Tier:
    """How soon the window starts."""
    draft = Watch(0, 0, location.key, wish.target_date, wish.party_size, wish.time_start, wish.time_end, False, now)
    return windows.tier_of(draft, location.timezone, now)


def booking_details(wish: NewWatch, user: Row[Any], location: Row[Any]) -> dict[str, Any]:
    """In whose name to book, and which table; what is missing comes from the profile. Raises AppError 400."""
    details = {
        "book_first_name": wish.first_name or user.first_name,
        "book_last_name": wish.last_name or user.last_name,
        "book_email": _address(wish.email) or user.email,
        "book_phone": _phone(wish, user),
    }
    if wish.auto_book:
        if not location.auto_book_allowed:
            sentence = booking_promises.refusal_of_restaurant(location.name, location.auto_book_reason)
            raise AppError(400, sentence, field="auto_book")
        missing = [key for key, value in details.items() if not value]
        if missing:
            words = ", ".join(key.removeprefix("book_").replace("_", " ") for key in missing)
            raise AppError(400, f"To book for you we also need: {words}", field=missing[0])
        if not str(details["book_phone"]).startswith("+1"):
            raise AppError(400, "The restaurants take bookings with a North American number only", field="book_phone")
    return {
        **details,
        "auto_book": wish.auto_book,
        "slot_preference": str(wish.slot_preference),
        "preferred_time": wish.preferred_time,
        "min_notice_minutes": wish.min_notice_minutes,
    }


def _phone(wish: NewWatch, user: Row[Any]) -> str | None:
    if wish.phone:
        return to_e164(wish.phone, field="book_phone")
    try:
        return to_e164(user.phone, field="book_phone") if user.phone else None
    except AppError:
        # Of an earlier version's profile, where anything could stand.
        if wish.auto_book:
            raise
        return None


def _address(email: str | None) -> str | None:
    try:
        return normal_address(email) if email else None
    except AppError as refused:
        raise AppError(refused.status, refused.sentence, field="book_email") from None


def window_of(wish: NewWatch) -> dict[str, Any]:
    """Restaurant, day, party and window, as columns."""
    return {
        "location_key": wish.location_key,
        "target_date": wish.target_date,
        "party_size": wish.party_size,
        "time_start": wish.time_start,
        "time_end": wish.time_end,
    }
