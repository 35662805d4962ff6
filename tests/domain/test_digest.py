"""A digest is due once a day, by the person's clock."""

from datetime import UTC, date, datetime, time

import pytest

from backend.domain.digest import due_on

pytestmark = pytest.mark.fast


@pytest.mark.parametrize(
    ("now", "day"),
    [
        ("2026-11-25T13:59:59", None),
        ("2026-11-25T14:00:00", date(2026, 11, 25)),
        ("2026-11-25T20:00:00", date(2026, 11, 25)),
        ("2026-11-25T20:00:01", None),
    ],
)
def test_from_the_time_on_and_for_six_hours(now: str, day: date | None) -> None:
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)

    assert due_on(time(9), "America/New_York", now=at) == day


def test_late_in_the_evening_it_may_be_sent_after_midnight() -> None:
    at = datetime(2026, 11, 26, 6, 30, tzinfo=UTC)

    assert due_on(time(23), "America/New_York", now=at) == date(2026, 11, 25)


@pytest.mark.parametrize(
    ("zone", "clock", "first_instant"),
    [
        # 02:30 does not exist on that day: 03:30 it is.
        ("America/New_York", time(2, 30), "2026-03-08T07:30:00"),
        # 01:30 is there twice: the first.
        ("America/New_York", time(1, 30), "2026-11-01T05:30:00"),
        ("America/Phoenix", time(2, 30), "2026-03-08T09:30:00"),
    ],
)
def test_on_the_days_when_clocks_change(zone: str, clock: time, first_instant: str) -> None:
    at = datetime.fromisoformat(first_instant).replace(tzinfo=UTC)

    assert due_on(clock, zone, now=at) == at.date()
    assert due_on(clock, zone, now=at.replace(minute=29)) is None
