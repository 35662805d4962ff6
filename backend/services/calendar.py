"""A booking as calendars take it (RFC 5545). The same event in a mail and in a feed: one UID, so it is there once."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from icalendar import Alarm, Calendar, Event, Timezone
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
    events = list(events)
    calendar = Calendar.new(prodid=PRODUCT, method="PUBLISH", uid=uid, name=name, subcomponents=events)
    # Before the events: some calendars read in one go.
    calendar.subcomponents[:0] = _rules_for(events)
    return bytes(calendar.to_ical())


def _rules_for(events: Iterable[Event]) -> list[Timezone]:
    years: dict[str, set[int]] = {}
    for event in events:
        if (zone := event["DTSTART"].params.get("TZID")) is not None:
            years.setdefault(zone, set()).add(event.start.year)
    return [_rules(zone, first=min(of), last=max(of)) for zone, of in sorted(years.items())]


@lru_cache(maxsize=256)
def _rules(zone: str, *, first: int, last: int) -> Timezone:
    """How a zone's clocks run in those years. Working it out takes ten milliseconds, so it is done once."""
    return Timezone.from_tzid(zone, first_date=date(first, 1, 1), last_date=date(last + 1, 12, 31))


def _reminder(title: str) -> Alarm:
    alarm = Alarm.new(description=title)

    alarm.add("action", "DISPLAY")
    alarm.add("trigger", -REMIND_BEFORE)
    return alarm
