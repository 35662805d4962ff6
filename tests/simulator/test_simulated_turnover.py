"""Turnover on a virtual clock: how long tables live, when they are released, and that a seed decides."""

from __future__ import annotations

import random
import statistics
from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.lives import HABITS, TimeClass, appearances, class_of, lead
from simulator.local_time import local
from simulator.release import Table, release
from simulator.restaurants import RESTAURANTS, Restaurant
from simulator.turnover import Plan, Turnover
from simulator.world import Origin, World

pytestmark = pytest.mark.fast

PARK_AVENUE = RESTAURANTS[278278]
PHOENIX = RESTAURANTS[278170]
BEGIN = datetime(2026, 8, 10, 9, 0, tzinfo=PARK_AVENUE.zone)


class Stage:
    """A restaurant whose tables come and go on a clock that a test moves on."""

    def __init__(self, plan: Plan, restaurant: Restaurant = PARK_AVENUE, begin: datetime = BEGIN) -> None:
        self.seconds = begin.timestamp()
        self.world = World()
        self.restaurant = restaurant
        self.turnover = Turnover(self.world, now=lambda: self.seconds)
        self.turnover.start(plan)

    def open_after(self, seconds: float) -> set[tuple[str, tuple[int, ...]]]:
        """Move on, and say what is open then, as (local time, party sizes)."""
        self.seconds += seconds
        self.turnover.catch_up(self.restaurant)
        return {(slot.local, slot.party_sizes) for slot in self.world.slots()}


def lives(time_class: TimeClass, count: int = 4_000) -> list[float]:
    """Minutes that tables of a class live, undisturbed."""
    chance = random.Random(f"{time_class}")
    return [HABITS[time_class].life.draw(chance) / 60 for _ in range(count)]


def test_half_of_the_prime_tables_are_gone_within_five_minutes() -> None:
    minutes = lives(TimeClass.PRIME)

    assert statistics.median(minutes) == pytest.approx(5, rel=0.1)
    assert sum(life < 10 for life in minutes) / len(minutes) == pytest.approx(0.78, abs=0.03)


def test_a_look_every_nineteen_minutes_catches_nine_in_ten_prime_tables_once_only() -> None:
    chance = random.Random(5)
    looks = [int((chance.uniform(0, 19) + life) // 19) for life in lives(TimeClass.PRIME, 20_000)]
    seen = [count for count in looks if count > 0]

    assert sum(count == 1 for count in seen) / len(seen) == pytest.approx(0.92, abs=0.03)


def test_a_few_prime_tables_live_long() -> None:
    minutes = lives(TimeClass.PRIME)

    assert max(minutes) > 20 * statistics.median(minutes) / 2


def test_lunch_lives_for_hours_and_early_and_late_dinner_in_between() -> None:
    medians = {time_class: statistics.median(lives(time_class)) for time_class in TimeClass}

    assert medians[TimeClass.LUNCH] == pytest.approx(160, rel=0.1)
    assert medians[TimeClass.PRIME] < medians[TimeClass.LATE_DINNER] < medians[TimeClass.LUNCH]
    assert medians[TimeClass.PRIME] < medians[TimeClass.EARLY_DINNER] < medians[TimeClass.LUNCH]


@pytest.mark.parametrize(
    ("time", "time_class"),
    [
        ("11:30", TimeClass.LUNCH),
        ("16:15", TimeClass.LUNCH),
        ("16:30", TimeClass.EARLY_DINNER),
        ("17:45", TimeClass.EARLY_DINNER),
        ("18:00", TimeClass.PRIME),
        ("20:15", TimeClass.PRIME),
        ("20:30", TimeClass.LATE_DINNER),
    ],
)
def test_prime_time_is_from_six_to_a_quarter_past_eight(time: str, time_class: TimeClass) -> None:
    hours, minutes = time.split(":")

    assert class_of(int(hours) * 60 + int(minutes)) is time_class


@given(
    seed=st.integers(),
    time_class=st.sampled_from(TimeClass),
    ahead=st.floats(1, 700_000),
    speed=st.sampled_from([0.1, 1.0, 60.0]),
)
def test_appearances_follow_each_other_and_end_with_the_time_itself(
    seed: int, time_class: TimeClass, ahead: float, speed: float
) -> None:
    deadline = 1_000_000.0

    habits, chance, first = HABITS[time_class], random.Random(seed), deadline - ahead
    found = appearances(habits, chance, first=first, deadline=deadline, speed=speed)

    moments = [moment for interval in found for moment in interval]
    assert moments[0] == deadline - ahead
    assert moments == sorted(moments)
    assert moments[-1] <= deadline


@given(seed=st.integers(), longest=st.floats(60, 700_000))
def test_a_table_comes_up_before_its_time_and_not_before_it_is_in_sight(seed: int, longest: float) -> None:
    assert 0 <= lead(random.Random(seed), longest=longest) <= longest * 1.000001


@given(
    seed=st.integers(0, 10_000),
    day=st.dates(date(2026, 1, 2), date(2027, 12, 31)),
    restaurant=st.sampled_from(list(RESTAURANTS.values())),
)
def test_two_to_twenty_one_tables_are_released_from_five_in_the_evening_for_the_next_day(
    seed: int, day: date, restaurant: Restaurant
) -> None:
    released = release(restaurant, day, seed=seed)

    moments = [local(int(at * 1000), restaurant.zone) for at, _table in released]
    eve = day - timedelta(days=1)
    assert 2 <= len({table for _at, table in released}) == len(released) <= 21
    assert {moment.date() for moment in moments} == {eve}
    assert (moments[0].hour, moments[0].minute) == (17, 0)
    assert moments == sorted(moments)
    assert moments[-1].strftime("%H:%M:%S") < "18:15:00"


@pytest.mark.parametrize("restaurant", [PARK_AVENUE, PHOENIX])
def test_released_tables_come_up_within_a_minute_of_five_every_evening(restaurant: Restaurant) -> None:
    begin = datetime(2026, 10, 29, 16, 59, 59, tzinfo=restaurant.zone)
    for evening in range(7):
        eve = begin + timedelta(days=evening)
        stage = Stage(Plan(seed=3), restaurant, eve)
        next_day = (eve + timedelta(days=1)).strftime("%Y-%m-%d")

        fresh = stage.open_after(61) - stage_before(restaurant, eve)

        assert any(time.startswith(next_day) for time, _sizes in fresh)


def test_an_evening_brings_two_to_twenty_one_new_tables_within_seventy_five_minutes() -> None:
    for evening in range(5):
        eve = datetime(2026, 8, 10 + evening, 16, 59, tzinfo=PARK_AVENUE.zone)
        stage = Stage(Plan(seed=11), begin=eve)
        next_day = (eve + timedelta(days=1)).strftime("%Y-%m-%d")
        before = stage.open_after(0)
        seen: set[tuple[str, tuple[int, ...]]] = set()
        for _minute in range(76):
            seen |= stage.open_after(60)

        assert 2 <= len({one for one in seen - before if one[0].startswith(next_day)}) <= 25


def test_the_same_seed_gives_the_same_tables_however_often_one_looks() -> None:
    often, seldom = Stage(Plan(seed=5)), Stage(Plan(seed=5))
    often.open_after(0)
    seldom.open_after(0)

    for _hour in range(48):
        seen_often = often.open_after(3600)
    seen_seldom = seldom.open_after(48 * 3600)

    assert seen_often == seen_seldom
    assert seen_often


def test_another_seed_gives_other_tables() -> None:
    assert Stage(Plan(seed=5)).open_after(0) != Stage(Plan(seed=6)).open_after(0)


def test_tables_of_a_week_are_in_sight_and_no_more() -> None:
    stage = Stage(Plan(seed=5))

    days = {time[:10] for hour in range(24) for time, _sizes in stage.open_after(3600)}

    assert min(days) >= "2026-08-10"
    assert max(days) <= "2026-08-18"
    assert len(days) >= 5


def test_a_faster_play_changes_more_in_the_same_time() -> None:
    def changes(speed: float) -> int:
        stage = Stage(Plan(seed=5, speed=speed))
        looks = [stage.open_after(60) for _minute in range(120)]
        return sum(len(now ^ then) for then, now in pairwise(looks))

    assert changes(60.0) > 10 * changes(1.0)


def test_tables_come_back_after_they_have_gone_and_lunch_more_often_than_prime() -> None:
    stage = Stage(Plan(seed=5))
    came: dict[tuple[str, tuple[int, ...]], int] = {}
    before: set[tuple[str, tuple[int, ...]]] = set()
    for _look in range(14 * 24 * 12):
        now = stage.open_after(300)
        for one in now - before:
            came[one] = came.get(one, 0) + 1
        before = now

    def share(time_class: TimeClass) -> float:
        counts = [
            count
            for (time, _sizes), count in came.items()
            if class_of(int(time[11:13]) * 60 + int(time[14:])) is time_class
        ]
        return sum(count > 1 for count in counts) / len(counts)

    assert share(TimeClass.LUNCH) == pytest.approx(0.37, abs=0.1)
    assert share(TimeClass.PRIME) == pytest.approx(0.11, abs=0.1)


def test_a_booked_table_does_not_come_back_when_its_life_ends() -> None:
    stage = Stage(Plan(seed=5))
    stage.open_after(0)
    slot = stage.world.slots()[-1]

    stage.world.take_table(slot)

    assert (slot.local, slot.party_sizes) not in stage.open_after(1)


def test_what_was_opened_by_hand_is_not_taken_away() -> None:
    stage = Stage(Plan(seed=5))
    table = Table(PARK_AVENUE, date(2026, 8, 12), 19 * 60, (1, 2))
    type_id, name = PARK_AVENUE.type_at(table.minute)
    slot = stage.world.open(
        PARK_AVENUE,
        table.reserved_ts,
        type_id=type_id,
        type_name=name,
        party_sizes=(1, 2),
        tables=1,
    )

    stage.open_after(9 * 86_400)

    assert [one for one in stage.world.slots() if one.origin is Origin.CONTROL] == [slot]


def stage_before(restaurant: Restaurant, moment: datetime) -> set[tuple[str, tuple[int, ...]]]:
    return Stage(Plan(seed=3), restaurant, moment).open_after(0)
