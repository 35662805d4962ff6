"""Clock times belong to the restaurant, on every day of the year."""

import os
import time as clock
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.types import Tier
from backend.domain.windows import epoch_ms, instant, is_within_horizon, local, tier_of, today, window_is_ahead
from tests.domain.conftest import DAY, NEW_YORK, watch

pytestmark = pytest.mark.fast

ZONES = ["America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "America/Phoenix"]
SPRING, AUTUMN = date(2027, 3, 14), date(2026, 11, 1)


@pytest.fixture(params=["UTC", "Asia/Tokyo", "America/Los_Angeles"])
def server_zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A server somewhere else."""
    monkeypatch.setenv("TZ", request.param)
    clock.tzset()
    yield
    monkeypatch.undo()
    os.environ.pop("TZ", None)
    clock.tzset()


@pytest.mark.parametrize(
    ("zone", "day", "utc_hour"),
    [
        ("America/New_York", SPRING - timedelta(days=1), 23),
        ("America/New_York", SPRING, 22),
        ("America/New_York", AUTUMN - timedelta(days=1), 22),
        ("America/New_York", AUTUMN, 23),
        ("America/Los_Angeles", SPRING, 25),
        ("America/Los_Angeles", AUTUMN, 26),
        ("America/Phoenix", SPRING, 25),
        ("America/Phoenix", AUTUMN, 25),
    ],
)
@pytest.mark.usefixtures("server_zone")
def test_six_in_the_evening_is_the_restaurants_on_both_dst_days(zone: str, day: date, utc_hour: int) -> None:
    expected = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=utc_hour)

    assert instant(day, time(18), zone) == expected
    assert local(epoch_ms(expected), zone).time() == time(18)


@given(st.sampled_from(ZONES), st.dates(date(2026, 1, 1), date(2027, 12, 31)), st.integers(11 * 4, 22 * 4))
def test_service_times_survive_the_way_there_and_back(zone: str, day: date, quarter: int) -> None:
    wanted = time(quarter // 4, quarter % 4 * 15)

    back = local(epoch_ms(instant(day, wanted, zone)), zone)

    assert (back.date(), back.time()) == (day, wanted)


def test_the_day_at_the_restaurant_is_not_the_servers() -> None:
    late = datetime(2026, 12, 5, 3, tzinfo=UTC)

    assert today(late, "America/Los_Angeles") == date(2026, 12, 4)
    assert today(late, "America/New_York") == date(2026, 12, 4)
    assert today(datetime(2026, 12, 5, 6, tzinfo=UTC), "America/New_York") == date(2026, 12, 5)


@pytest.mark.parametrize(
    ("hours", "tier"), [(25, Tier.NORMAL), (24, Tier.NORMAL), (23, Tier.URGENT), (-1, Tier.URGENT)]
)
def test_a_watch_is_urgent_under_24_hours_before_its_window(hours: int, tier: Tier) -> None:
    now = instant(DAY, time(18), NEW_YORK) - timedelta(hours=hours)

    assert tier_of(watch(), NEW_YORK, now) is tier


def test_a_window_is_ahead_until_its_last_minute() -> None:
    end = instant(DAY, time(20), NEW_YORK)

    assert window_is_ahead(watch(), NEW_YORK, end)
    assert not window_is_ahead(watch(), NEW_YORK, end + timedelta(seconds=1))


@pytest.mark.parametrize(("ahead", "inside"), [(-1, False), (0, True), (30, True), (31, False)])
def test_the_horizon_counts_days_at_the_restaurant(ahead: int, inside: bool) -> None:
    now = datetime(2026, 12, 5, 3, tzinfo=UTC)
    day = date(2026, 12, 4) + timedelta(days=ahead)

    assert is_within_horizon(day, "America/Los_Angeles", 30, now=now) is inside
