"""The rules of an inventory answer, as values."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.inventory import Candidate, Search, answer, nearest
from simulator.local_time import instant_of, local
from simulator.manners import Manners
from simulator.restaurants import RESTAURANTS, Restaurant, service_at
from simulator.world import World

pytestmark = pytest.mark.fast

QUARTER_MS = 15 * 60_000
CITIES = {
    "New York": RESTAURANTS[278278],
    "Los Angeles": RESTAURANTS[278267],
    "Phoenix": RESTAURANTS[278170],
}
CLOCK_CHANGES = [date(2026, 3, 8), date(2026, 11, 1)]

UNLIMITED = Manners(maximum_limit=500)
Sizes = tuple[int, ...]
quarters = st.lists(st.integers(0, 200), unique=True, max_size=60)
centres = st.integers(-50 * QUARTER_MS, 250 * QUARTER_MS)


def searched(
    world: World,
    restaurant: Restaurant,
    search_ts: int,
    *,
    party_size: int = 2,
    limit: int = 500,
    type_id: int | None = None,
    manners: Manners = UNLIMITED,
    now_ms: int = 0,
) -> dict[str, list[dict[str, Any]]]:
    """What a search finds, by the name of the type."""
    search = Search(restaurant, party_size, search_ts, limit, type_id)
    found = answer(world, search, manners, now_ms=now_ms)
    return {block["reservation_type_name"]: block["times"] for block in found["types"]}


def opened(restaurant: Restaurant, *at: int, sizes: Sizes = (1, 2), into: World | None = None) -> World:
    world = into or World()
    for reserved_ts in at:
        moment = local(reserved_ts, restaurant.zone)
        type_id, name = restaurant.type_at(moment.hour * 60 + moment.minute)
        world.open(restaurant, reserved_ts, type_id=type_id, type_name=name, party_sizes=sizes, tables=1)
    return world


def listed(found: dict[str, list[dict[str, Any]]]) -> list[int]:
    return sorted(slot["reserved_ts"] for times in found.values() for slot in times)


@given(open_quarters=quarters, centre=centres, limit=st.integers(1, 70))
def test_the_nearest_times_are_those_that_picking_one_after_the_other_finds(
    open_quarters: list[int], centre: int, limit: int
) -> None:
    left = [quarter * QUARTER_MS for quarter in open_quarters]

    found = nearest([Candidate(at, 1, None) for at in left], centre, limit)

    picked = []
    while left and len(picked) < limit:
        best = left[0]
        for at in left:
            nearer = abs(at - centre) < abs(best - centre)
            if nearer or (abs(at - centre) == abs(best - centre) and at < best):
                best = at
        left.remove(best)
        picked.append(best)
    assert [candidate.reserved_ts for candidate in found] == sorted(picked)


def test_an_exact_tie_goes_to_the_earlier_time() -> None:
    candidates = [Candidate(at, 1, None) for at in (100, 300)]

    found = nearest(candidates, 200, 1)

    assert [candidate.reserved_ts for candidate in found] == [100]


@pytest.mark.parametrize("city", CITIES)
@pytest.mark.parametrize("day", CLOCK_CHANGES)
@given(minute=st.integers(0, 1439))
def test_a_search_sees_all_of_a_day_on_which_the_clocks_change_and_nothing_else(
    city: str, day: date, minute: int
) -> None:
    restaurant = CITIES[city]
    midnight = instant_of(day, 0, restaurant.zone)
    next_midnight = instant_of(day + timedelta(days=1), 0, restaurant.zone)
    around = range(midnight - 8 * QUARTER_MS, next_midnight + 8 * QUARTER_MS, QUARTER_MS)
    world = opened(restaurant, *around)
    search_ts = midnight + (next_midnight - midnight) * minute // 1440

    found = listed(searched(world, restaurant, search_ts))

    assert found == [at for at in around if midnight <= at < next_midnight]


@pytest.mark.parametrize(
    ("city", "day", "hours"),
    [
        ("New York", CLOCK_CHANGES[0], 23),
        ("New York", CLOCK_CHANGES[1], 25),
        ("Los Angeles", CLOCK_CHANGES[0], 23),
        ("Los Angeles", CLOCK_CHANGES[1], 25),
        ("Phoenix", CLOCK_CHANGES[0], 24),
        ("Phoenix", CLOCK_CHANGES[1], 24),
    ],
)
def test_a_day_has_as_many_hours_as_its_clocks_say(city: str, day: date, hours: int) -> None:
    zone = CITIES[city].zone

    length = instant_of(day + timedelta(days=1), 0, zone) - instant_of(day, 0, zone)

    assert length == hours * 3_600_000


@pytest.mark.parametrize("city", CITIES)
@pytest.mark.parametrize("day", CLOCK_CHANGES)
def test_dinner_is_at_seven_on_the_wall_on_days_on_which_the_clocks_change(city: str, day: date) -> None:
    restaurant = CITIES[city]
    world = opened(restaurant, instant_of(day, 19 * 60, restaurant.zone))

    found = searched(world, restaurant, instant_of(day, 12 * 60, restaurant.zone))

    assert [slot["display_time"] for slot in found["Dinner"]] == ["7:00 PM"]


def test_a_time_that_the_clocks_skip_does_not_exist() -> None:
    with pytest.raises(ValueError, match="2026-03-08 02:30 does not exist"):
        instant_of(date(2026, 3, 8), 150, ZoneInfo("America/New_York"))


def test_of_a_time_that_the_clocks_show_twice_the_first_is_meant() -> None:
    found = instant_of(date(2026, 11, 1), 90, ZoneInfo("America/New_York"))

    assert datetime.fromtimestamp(found / 1000, UTC) == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)


@given(open_quarters=quarters, centre=st.integers(0, 200 * QUARTER_MS), limit=st.integers(1, 30))
def test_a_limit_per_type_fills_each_type_alone(open_quarters: list[int], centre: int, limit: int) -> None:
    restaurant = CITIES["New York"]
    start = instant_of(date(2026, 8, 14), 0, restaurant.zone)
    world = opened(restaurant, *(start + quarter * QUARTER_MS for quarter in open_quarters))
    manners = Manners(maximum_limit=500, limit_counts="per-type")

    found = searched(world, restaurant, start + centre, limit=limit, manners=manners)

    for name, times in found.items():
        type_id = {"Dinner": restaurant.dinner_type_id, "Lunch": restaurant.lunch_type_id}[name]
        alone = searched(world, restaurant, start + centre, limit=limit, type_id=type_id)
        assert times == alone[name]


def test_times_less_than_ten_minutes_ahead_are_left_out() -> None:
    restaurant = CITIES["New York"]
    first = instant_of(date(2026, 8, 14), 19 * 60, restaurant.zone)
    world = opened(restaurant, first, first + QUARTER_MS)

    just_in_time = searched(world, restaurant, first, now_ms=first - 600_000)
    too_late = searched(world, restaurant, first, now_ms=first - 599_999)

    assert listed(just_in_time) == [first, first + QUARTER_MS]
    assert listed(too_late) == [first + QUARTER_MS]


def test_of_two_slots_at_one_time_the_smaller_table_is_offered() -> None:
    restaurant = CITIES["New York"]
    seven = instant_of(date(2026, 8, 14), 19 * 60, restaurant.zone)
    world = opened(restaurant, seven, sizes=(1, 2, 3, 4))
    opened(restaurant, seven, sizes=(1, 2), into=world)

    for_two = searched(world, restaurant, seven, party_size=2)
    for_three = searched(world, restaurant, seven, party_size=3)

    assert [slot["max_party_size"] for slot in for_two["Dinner"]] == [2]
    assert [slot["max_party_size"] for slot in for_three["Dinner"]] == [4]


def test_times_that_are_not_open_can_be_listed_as_not_available() -> None:
    restaurant = CITIES["New York"]
    seven = instant_of(date(2026, 8, 14), 19 * 60, restaurant.zone)
    world = opened(restaurant, seven)

    found = searched(world, restaurant, seven, manners=Manners(list_unavailable=True))

    available = {slot["reserved_ts"]: slot["is_available"] for times in found.values() for slot in times}
    assert len(available) == 42
    assert [at for at, is_available in available.items() if is_available] == [seven]


@pytest.mark.parametrize(
    ("time", "service"),
    [
        ("00:30", "Lunch"),
        ("11:15", "Lunch"),
        ("16:15", "Lunch"),
        ("16:20", "Lunch"),
        ("16:25", "Dinner"),
        ("16:30", "Dinner"),
        ("23:00", "Dinner"),
    ],
)
def test_off_hours_belong_to_the_nearest_service(time: str, service: str) -> None:
    hours, minutes = time.split(":")

    found = service_at(int(hours) * 60 + int(minutes))

    assert found.name == service


def test_every_restaurant_has_a_zone_and_types_of_its_own() -> None:
    type_ids = [type_id for one in RESTAURANTS.values() for type_id in one.types]

    assert len(RESTAURANTS) == 30
    assert len(set(type_ids)) == 60
    assert {one.zone.key for one in RESTAURANTS.values()} >= {"America/New_York", "America/Phoenix"}
    assert RESTAURANTS[278278].types == {1695: "Dinner", 1862: "Lunch"}
