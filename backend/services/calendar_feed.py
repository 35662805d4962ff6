"""A person's bookings and watches as a calendar to subscribe to, at an address that only they know."""

from datetime import UTC, datetime, timedelta
from typing import Any

from icalendar import Event
from icalendar.enums import STATUS, TRANSP
from sqlalchemy import Row

from backend.db.base import Sessions
from backend.db.queries import calendars
from backend.domain.windows import instant, local
from backend.services.calendar import Reservation, calendar_of, event_of
from backend.services.errors import AppError
from backend.services.message_links import host_of
from backend.services.sessions import hash_token, new_token

# Of a window of one minute, something is to be seen as well.
SHOWN_AT_LEAST = timedelta(minutes=30)


async def make_feed(sessions: Sessions, user_id: int, *, public_url: str) -> str:
    """A new address; it is told once, and the one before stops working."""
    token = new_token()
    async with sessions.begin() as session:
        await calendars.set_token(session, user_id, hash_token(token))
    return f"{public_url}/api/calendar/{token}.ics"


async def revoke_feed(sessions: Sessions, user_id: int) -> None:
    """The feed's address leads nowhere from now on."""
    async with sessions.begin() as session:
        await calendars.clear_token(session, user_id)


async def read_feed(sessions: Sessions, token: str, *, public_url: str) -> bytes:
    """The calendar at an address. Raises AppError 404."""
    async with sessions() as session:
        user_id = await calendars.owner(session, hash_token(token))
        if user_id is None:
            raise AppError(404, "There is no such calendar")
        booked = await calendars.bookings(session, user_id)
        watched = await calendars.watches(session, user_id)
    host = host_of(public_url)
    events = [_booking(row, public_url=public_url, host=host) for row in booked]
    events += [_watch(row, public_url=public_url, host=host) for row in watched]
    return calendar_of(events, uid=f"calendar-{user_id}@{host}", name="Tables")


def _booking(row: Row[Any], *, public_url: str, host: str) -> Event:
    reservation = Reservation(
        booking_id=row.id,
        restaurant=row.name,
        where=_where(row),
        timezone=row.timezone,
        reserved_ts=row.reserved_ts,
        party_size=row.party_size,
        link=f"{public_url}/#booking={row.id}",
        is_cancelled=row.outcome == "cancelled",
    )
    return event_of(reservation, host=host, changed_at=row.changed_at)


def _watch(row: Row[Any], *, public_url: str, host: str) -> Event:
    """The window in which somebody hopes for a table: it keeps nobody's time."""
    starts_at = instant(row.target_date, row.time_start, row.timezone)
    ends_at = max(instant(row.target_date, row.time_end, row.timezone), starts_at + SHOWN_AT_LEAST)
    link = f"{public_url}/#watch={row.id}"
    return Event.new(
        uid=f"watch-{row.id}@{host}",
        stamp=row.updated_at.astimezone(UTC),
        start=_local(starts_at, row.timezone),
        end=_local(ends_at, row.timezone),
        summary=f"Watching {row.name}, party of {row.party_size}",
        location=_where(row),
        description=f"We tell you when a table opens.\n{link}",
        url=link,
        status=STATUS.TENTATIVE,
        transparency=TRANSP.TRANSPARENT,
    )


def _local(at: datetime, timezone: str) -> datetime:
    return local(round(at.timestamp() * 1000), timezone)


def _where(row: Row[Any]) -> str:
    return f"{row.name}, {row.city}, {row.state}"
