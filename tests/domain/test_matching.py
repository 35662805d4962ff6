"""Which slots a watch wants."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.matching import matching, wants
from backend.domain.windows import epoch_ms, instant, local
from tests.domain.conftest import DAY, NEW_YORK, NOW, make_watch

pytestmark = pytest.mark.fast

ZONES = ("America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "America/Phoenix")


def at(clock: time, day: date = DAY, zone: str = NEW_YORK) -> int:
    return epoch_ms(instant(day, clock, zone))


@pytest.mark.parametrize(
    ("clock", "wanted"),
    [(time(17, 59), False), (time(18, 0), True), (time(19, 15), True), (time(20, 0), True), (time(20, 1), False)],
)
def test_a_window_includes_both_of_its_ends(clock: time, wanted: bool) -> None:
    watch = make_watch(start=time(18), end=time(20))

    assert wants(watch, at(clock), NEW_YORK, now=NOW) is wanted


@pytest.mark.parametrize("days", [-1, 1, 7])
def test_another_day_is_not_wanted(days: int) -> None:
    slot = at(time(19), DAY + timedelta(days=days))

    assert not wants(make_watch(), slot, NEW_YORK, now=NOW - timedelta(days=3))


def test_a_slot_that_has_begun_is_not_wanted() -> None:
    slot = at(time(19))
    starts_at = instant(DAY, time(19), NEW_YORK)

    wanted = [wants(make_watch(), slot, NEW_YORK, now=starts_at + timedelta(seconds=late)) for late in (-1, 0, 1)]

    assert wanted == [True, False, False]


def test_the_window_is_read_by_the_restaurants_clock(server_zone: Callable[[str], None]) -> None:
    slot = at(time(19), zone="America/Los_Angeles")

    server_zone("Asia/Tokyo")

    assert wants(make_watch(), slot, "America/Los_Angeles", now=NOW)
    assert not wants(make_watch(), slot, NEW_YORK, now=NOW)


@pytest.mark.parametrize("day", [date(2026, 3, 8), date(2026, 11, 1), date(2027, 3, 14), date(2027, 11, 7)])
def test_the_window_stays_where_it_was_on_a_day_of_change(day: date) -> None:
    watch = make_watch(day=day, start=time(18), end=time(20))
    slots = [at(clock, day) for clock in (time(17, 45), time(18, 0), time(20, 0), time(20, 15))]

    found = matching(watch, slots, NEW_YORK, now=datetime(2026, 1, 1, tzinfo=UTC))

    assert found == slots[1:3]


def test_matches_are_sorted_and_each_comes_once() -> None:
    early, late = at(time(18, 30)), at(time(19, 30))

    assert matching(make_watch(), [late, early, late], NEW_YORK, now=NOW) == [early, late]


quarters = st.integers(-4 * 30, 4 * 54).map(lambda quarter: timedelta(minutes=15 * quarter))
clocks = st.integers(0, 95).map(lambda quarter: time(quarter // 4, quarter % 4 * 15))


@given(
    day=st.dates(date(2026, 1, 1), date(2027, 12, 31)),
    zone=st.sampled_from(ZONES),
    ends=st.tuples(clocks, clocks).map(sorted),
    slots=st.lists(quarters, max_size=20),
    now=quarters,
)
def test_a_slot_is_wanted_exactly_when_its_local_reading_lies_in_the_window(
    day: date, zone: str, ends: list[time], slots: list[timedelta], now: timedelta
) -> None:
    watch = make_watch(day=day, start=ends[0], end=ends[1])
    midnight = instant(day, time(0), zone)
    given_slots = [epoch_ms(midnight + slot) for slot in slots]

    found = matching(watch, given_slots, zone, now=midnight + now)

    low, high = datetime.combine(day, ends[0]), datetime.combine(day, ends[1])
    readings = {ts: local(ts, zone).replace(tzinfo=None, fold=0) for ts in given_slots}
    assert found == sorted(
        ts for ts, reading in readings.items() if low <= reading <= high and ts > epoch_ms(midnight + now)
    )
