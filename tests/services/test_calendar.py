"""Bookings as calendars take them."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar, Event

from backend.domain.windows import epoch_ms, instant
from backend.services.calendar import Reservation, calendar_of, event_of

pytestmark = pytest.mark.fast

BOOKED_AT = datetime(2026, 2, 1, 12, tzinfo=UTC)


def reservation(day: date, clock: time, zone: str, *, is_cancelled: bool = False) -> Reservation:
    return Reservation(
        booking_id=34,
        restaurant="Houston's - Peachtree",
        where="Houston's - Peachtree, Atlanta, GA; by the road",
        timezone=zone,
        reserved_ts=epoch_ms(instant(day, clock, zone)),
        party_size=4,
        link="https://tables.test/#booking=34",
        is_cancelled=is_cancelled,
    )


def read_back(wanted: Reservation) -> tuple[Calendar, Event]:
    event = event_of(wanted, host="tables.test", changed_at=BOOKED_AT)
    calendar = Calendar.from_ical(calendar_of([event], uid="booking-34@tables.test"))
    return calendar, calendar.events[0]


@pytest.mark.parametrize(
    ("day", "clock", "zone", "starts_at"),
    [
        (date(2026, 3, 7), time(18), "America/New_York", datetime(2026, 3, 7, 23, tzinfo=UTC)),
        (date(2026, 3, 8), time(18), "America/New_York", datetime(2026, 3, 8, 22, tzinfo=UTC)),
        (date(2026, 10, 31), time(18), "America/New_York", datetime(2026, 10, 31, 22, tzinfo=UTC)),
        (date(2026, 11, 1), time(18), "America/New_York", datetime(2026, 11, 1, 23, tzinfo=UTC)),
        (date(2026, 3, 8), time(18), "America/Phoenix", datetime(2026, 3, 9, 1, tzinfo=UTC)),
        (date(2026, 11, 1), time(18), "America/Phoenix", datetime(2026, 11, 2, 1, tzinfo=UTC)),
        (date(2026, 11, 1), time(11, 15), "America/Los_Angeles", datetime(2026, 11, 1, 19, 15, tzinfo=UTC)),
    ],
)
def test_an_event_is_at_its_instant_and_its_clock_time_also_when_the_clocks_change(
    day: date, clock: time, zone: str, starts_at: datetime
) -> None:
    _, event = read_back(reservation(day, clock, zone))

    assert event.start.astimezone(UTC) == starts_at
    assert event.end - event.start == timedelta(hours=2)
    assert event.start.replace(tzinfo=None) == datetime.combine(day, clock)
    assert event["DTSTART"].params["TZID"] == zone


def test_the_file_has_the_rules_of_its_zone_in_it() -> None:
    calendar, _ = read_back(reservation(date(2026, 11, 1), time(18), "America/New_York"))

    (rules,) = calendar.timezones
    zone = rules.to_tz(lookup_tzid=False)
    assert rules.tz_name == "America/New_York"
    for at in (datetime(2026, 3, 8, 18), datetime(2026, 10, 31, 18), datetime(2026, 11, 1, 18)):
        assert at.replace(tzinfo=zone).utcoffset() == at.replace(tzinfo=ZoneInfo("America/New_York")).utcoffset()


def test_a_feed_has_the_rules_of_each_zone_once() -> None:
    wanted = [
        replace(reservation(day, time(18), zone), booking_id=number)
        for number, (day, zone) in enumerate(
            [
                (date(2026, 12, 31), "America/New_York"),
                (date(2027, 3, 14), "America/New_York"),
                (date(2027, 3, 14), "America/Phoenix"),
            ]
        )
    ]
    events = [event_of(each, host="tables.test", changed_at=BOOKED_AT) for each in wanted]

    feed = Calendar.from_ical(calendar_of(events, uid="feed@tables.test", name="Tables"))

    assert [zone.tz_name for zone in feed.timezones] == ["America/New_York", "America/Phoenix"]
    assert [event.start.astimezone(UTC) for event in feed.events] == [
        datetime.fromtimestamp(each.reserved_ts / 1000, UTC) for each in wanted
    ]
    assert feed.get_missing_tzids() == set()


def test_an_event_says_all_that_a_guest_needs() -> None:
    calendar, event = read_back(reservation(date(2026, 7, 10), time(18, 15), "America/New_York"))

    assert (calendar["METHOD"], calendar["VERSION"]) == ("PUBLISH", "2.0")
    assert event["UID"] == "booking-34@tables.test"
    assert event["DTSTAMP"].dt == BOOKED_AT
    assert event["STATUS"] == "CONFIRMED"
    assert event["SUMMARY"] == "Houston's - Peachtree, party of 4"
    assert event["LOCATION"] == "Houston's - Peachtree, Atlanta, GA; by the road"
    assert event["URL"] == "https://tables.test/#booking=34"
    (alarm,) = event.alarms.times
    assert alarm.trigger == event.start - timedelta(hours=2)


def test_the_same_booking_is_the_same_file() -> None:
    wanted = reservation(date(2026, 7, 10), time(18, 15), "America/New_York")

    first, again = (read_back(wanted)[0].to_ical() for _ in range(2))

    assert first == again


def test_a_cancelled_booking_says_so_and_reminds_of_nothing() -> None:
    _, event = read_back(reservation(date(2026, 7, 10), time(18, 15), "America/New_York", is_cancelled=True))

    assert (event["STATUS"], event["SEQUENCE"], event["UID"]) == ("CANCELLED", 1, "booking-34@tables.test")
    assert event.walk("VALARM") == []


def test_a_feed_of_nothing_is_a_calendar_too() -> None:
    feed = Calendar.from_ical(calendar_of([], uid="feed@tables.test", name="Tables"))

    assert (feed.calendar_name, feed.events) == ("Tables", [])
