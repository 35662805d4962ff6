"""Clock times at a restaurant and the instants they stand for."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.types import Tier
from backend.domain.windows import epoch_ms, instant, is_within_horizon, local, tier_of, today, window_is_ahead
from tests.domain.conftest import NEW_YORK, make_watch

pytestmark = pytest.mark.fast

EASTERN, CENTRAL, MOUNTAIN, PACIFIC = "America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles"
ARIZONA = "America/Phoenix"
SPRING = (date(2026, 3, 8), date(2027, 3, 14))
AUTUMN = (date(2026, 11, 1), date(2027, 11, 7))
STANDARD = {EASTERN: 5, CENTRAL: 6, MOUNTAIN: 7, PACIFIC: 8}
SERVERS = ("UTC", "Asia/Tokyo", "America/Los_Angeles", "Pacific/Kiritimati")


def utc(day: date, hour: int, minute: int = 0) -> datetime:
    """`hour` may be past 23: it is then on the next day."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=hour, minutes=minute)


@pytest.mark.parametrize(("zone", "behind"), STANDARD.items())
@pytest.mark.parametrize("day", SPRING)
def test_the_evening_of_the_spring_change_has_summer_time(zone: str, behind: int, day: date) -> None:
    before, after = instant(day, time(1, 59), zone), instant(day, time(18, 15), zone)

    assert before == utc(day, 1 + behind, 59)
    assert after == utc(day, 18 + behind - 1, 15)


@pytest.mark.parametrize(("zone", "behind"), STANDARD.items())
@pytest.mark.parametrize("day", AUTUMN)
def test_the_evening_of_the_autumn_change_has_standard_time(zone: str, behind: int, day: date) -> None:
    before, after = instant(day, time(0, 59), zone), instant(day, time(18, 15), zone)

    assert before == utc(day, behind - 1, 59)
    assert after == utc(day, 18 + behind, 15)


@pytest.mark.parametrize(("zone", "behind"), STANDARD.items())
@pytest.mark.parametrize("day", AUTUMN)
def test_an_hour_that_comes_twice_means_the_first_one(zone: str, behind: int, day: date) -> None:
    assert instant(day, time(1, 30), zone) == utc(day, behind, 30)


@pytest.mark.parametrize(("zone", "behind"), STANDARD.items())
@pytest.mark.parametrize("day", SPRING)
def test_an_hour_that_is_left_out_is_read_by_the_clock_as_it_was(zone: str, behind: int, day: date) -> None:
    assert instant(day, time(2, 30), zone) == utc(day, 2 + behind, 30)


@pytest.mark.parametrize("zone", STANDARD)
@pytest.mark.parametrize(("day", "hours"), [*((day, 23) for day in SPRING), *((day, 25) for day in AUTUMN)])
def test_a_day_of_change_is_an_hour_shorter_or_longer(zone: str, day: date, hours: int) -> None:
    midnights = instant(day, time(0), zone), instant(day + timedelta(days=1), time(0), zone)

    assert midnights[1] - midnights[0] == timedelta(hours=hours)


@pytest.mark.parametrize("day", [*SPRING, *AUTUMN])
def test_phoenix_knows_no_summer_time(day: date) -> None:
    assert instant(day, time(0), ARIZONA) == utc(day, 7)
    assert instant(day, time(18, 15), ARIZONA) == utc(day, 25, 15)


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("zone", [*STANDARD, ARIZONA])
@pytest.mark.parametrize("day", [*SPRING, *AUTUMN])
def test_the_zone_of_the_server_does_not_matter(
    server_zone: Callable[[str], None], server: str, zone: str, day: date
) -> None:
    expected = datetime.combine(day, time(18, 15), ZoneInfo(zone)).timestamp()

    server_zone(server)
    at = instant(day, time(18, 15), zone)

    assert at.timestamp() == expected
    assert local(epoch_ms(at), zone).replace(tzinfo=None) == datetime.combine(day, time(18, 15))
    assert today(at, zone) == day


@given(
    day=st.dates(date(2026, 1, 1), date(2027, 12, 31)),
    minute=st.integers(0, 24 * 60 - 1),
    zone=st.sampled_from([*STANDARD, ARIZONA]),
)
def test_a_clock_time_survives_the_way_to_an_instant_and_back(day: date, minute: int, zone: str) -> None:
    clock = time(minute // 60, minute % 60)

    back = local(epoch_ms(instant(day, clock, zone)), zone).replace(tzinfo=None, fold=0)

    left_out = day in SPRING and zone != ARIZONA and clock.hour == 2
    assert back - datetime.combine(day, clock) == timedelta(hours=1 if left_out else 0)


def test_the_day_at_the_restaurant_is_not_the_servers() -> None:
    late = datetime(2026, 12, 5, 6, tzinfo=UTC)

    assert (today(late, PACIFIC), today(late, EASTERN)) == (date(2026, 12, 4), date(2026, 12, 5))


def test_a_window_that_starts_in_exactly_24_hours_is_not_yet_urgent() -> None:
    watch = make_watch(start=time(18), end=time(20))
    starts_at = instant(watch.target_date, time(18), NEW_YORK)

    tiers = [tier_of(watch, NEW_YORK, starts_at - timedelta(hours=24, seconds=-late)) for late in (0, 1)]

    assert tiers == [Tier.NORMAL, Tier.URGENT]


def test_a_running_window_is_urgent() -> None:
    watch = make_watch(start=time(18), end=time(20))

    assert tier_of(watch, NEW_YORK, instant(watch.target_date, time(19), NEW_YORK)) is Tier.URGENT


@pytest.mark.parametrize(("day", "clock"), [(SPRING[0], time(17)), (AUTUMN[0], time(19))])
def test_24_hours_are_24_hours_on_a_day_of_change(day: date, clock: time) -> None:
    watch = make_watch(day=day, start=time(18), end=time(20))
    day_before = instant(day - timedelta(days=1), clock, NEW_YORK)

    tiers = [tier_of(watch, NEW_YORK, day_before + timedelta(seconds=late)) for late in (0, 1)]

    assert tiers == [Tier.NORMAL, Tier.URGENT]


def test_a_window_is_ahead_until_its_last_minute_begins() -> None:
    watch = make_watch(start=time(18), end=time(20))
    last = instant(watch.target_date, time(20), NEW_YORK)

    ahead = [
        window_is_ahead(watch.target_date, watch.time_end, NEW_YORK, last + timedelta(seconds=late))
        for late in (-1, 0, 1)
    ]

    assert ahead == [True, True, False]


@pytest.mark.parametrize("server", SERVERS)
def test_the_end_of_a_window_is_the_restaurants_not_the_servers(
    server_zone: Callable[[str], None], server: str
) -> None:
    watch = make_watch(day=date(2026, 7, 10), end=time(20))

    server_zone(server)

    assert window_is_ahead(watch.target_date, watch.time_end, PACIFIC, datetime(2026, 7, 11, 2, 59, tzinfo=UTC))
    assert not window_is_ahead(watch.target_date, watch.time_end, EASTERN, datetime(2026, 7, 11, 2, 59, tzinfo=UTC))


@pytest.mark.parametrize(("days", "within"), [(-1, False), (0, True), (30, True), (31, False)])
def test_the_horizon_counts_from_the_restaurants_today(days: int, within: bool) -> None:
    # Ten in the evening in Los Angeles, already tomorrow by UTC.
    now = datetime(2026, 3, 8, 5, 0, tzinfo=UTC)
    here = date(2026, 3, 7)

    assert is_within_horizon(here + timedelta(days=days), PACIFIC, 30, now=now) is within


@pytest.mark.parametrize("server", SERVERS)
def test_the_horizon_does_not_move_with_the_server(server_zone: Callable[[str], None], server: str) -> None:
    now = datetime(2026, 3, 8, 5, 0, tzinfo=UTC)

    server_zone(server)

    assert is_within_horizon(date(2026, 4, 6), PACIFIC, 30, now=now)
    assert not is_within_horizon(date(2026, 4, 7), PACIFIC, 30, now=now)
