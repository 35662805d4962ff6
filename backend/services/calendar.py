"""A booking as calendars take it (RFC 5545). The same event in a mail and in a feed: one UID, so it is there once."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from icalendar import Alarm, Calendar, Event
from icalendar.enums import STATUS

from backend.domain.windows import local

PRODUCT = "-//Houston's Reservation Tracker//EN"
LASTS = timedelta(hours=2)
REMIND_BEFORE = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Reservation:
    """What a calendar is told. `where` is the restaurant with its town, `link` where the booking is looked after."""

    booking_id: int
    restaurant: str
    where: str
    timezone: str
    reserved_ts: int
    party_size: int
    link: str
    is_cancelled: bool = False


def event_of(reservation: Reservation, *, host: str, changed_at: datetime) -> Event:
    """The event, in the restaurant's clock time. `host` makes its UID this installation's own; `changed_at` is when
    what it says was last changed.
    """
    starts_at = local(reservation.reserved_ts, reservation.timezone)
    ends_at = (starts_at.astimezone(UTC) + LASTS).astimezone(starts_at.tzinfo)
    title = f"{reservation.restaurant}, party of {reservation.party_size}"
    event = Event.new(
        uid=f"booking-{reservation.booking_id}@{host}",
        stamp=changed_at.astimezone(UTC),
        sequence=int(reservation.is_cancelled),
        start=starts_at,
        end=ends_at,
        summary=title,
        location=reservation.where,
        description=f"To change or cancel, use the restaurant's own mail or call them.\n{reservation.link}",
        url=reservation.link,
        status=STATUS.CANCELLED if reservation.is_cancelled else STATUS.CONFIRMED,
    )
    if not reservation.is_cancelled:
        event.add_component(_reminder(title))
    return event


def calendar_of(events: Iterable[Event], *, uid: str, name: str | None = None) -> bytes:
    """A file of events with the rules of their zones, for a mail (`METHOD:PUBLISH`) or, with a name, a feed."""
    calendar = Calendar.new(prodid=PRODUCT, method="PUBLISH", uid=uid, name=name, subcomponents=list(events))
    years = [event.start.year for event in calendar.events]
    if years:
        calendar.add_missing_timezones(first_date=date(min(years), 1, 1), last_date=date(max(years) + 1, 12, 31))
    return bytes(calendar.to_ical())


def _reminder(title: str) -> Alarm:
    alarm = Alarm.new(description=title)

    alarm.add("action", "DISPLAY")
    alarm.add("trigger", -REMIND_BEFORE)
    return alarm
