"""Who may try to book what, and when."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.booking_rules import (
    MOST_FAILURES_PER_OPENING,
    MOST_REFUSALS_PER_WATCH,
    Candidate,
    Place,
    choose_attempts,
    exhausted,
    has_notice,
    held_back,
    keeps_place,
    lapse_reason,
    meal_of,
    preference_rank,
)
from backend.domain.types import BookingState, SlotPreference
from backend.domain.windows import epoch_ms, instant
from tests.domain.conftest import DAY, NEW_YORK, make_watch

pytestmark = pytest.mark.fast

NOW = datetime(2026, 7, 9, 12, tzinfo=UTC)
S = BookingState


def candidate(
    id: int,
    *,
    watch: int,
    drop: int,
    state: BookingState = S.WANTED,
    age: float = 10,
    settled_at: datetime | None = None,
    seen_at: datetime = NOW,
    is_open: bool = True,
    refusals: int = 0,
) -> Candidate:
    since = NOW - timedelta(days=100 - watch)
    wanted_at = NOW - timedelta(seconds=age)
    return Candidate(id, watch, drop, since, id, state, wanted_at, settled_at, seen_at, is_open, refusals)


def chosen(*candidates: Candidate) -> list[int]:
    return choose_attempts(candidates, now=NOW)


@pytest.mark.parametrize(
    ("clock", "meal"),
    [(time(11), "lunch"), (time(15, 59, 59), "lunch"), (time(16), "dinner"), (time(21), "dinner"), (time(0), "lunch")],
)
def test_dinner_begins_at_four_in_the_afternoon(clock: time, meal: str) -> None:
    assert meal_of(clock) == meal


def test_a_watch_tries_one_table_at_a_time() -> None:
    assert chosen(candidate(1, watch=1, drop=1), candidate(2, watch=1, drop=2)) == [1]


def test_a_table_is_tried_for_one_watch_at_a_time() -> None:
    assert chosen(candidate(1, watch=1, drop=1), candidate(2, watch=2, drop=1)) == [1]


def test_the_second_watch_takes_the_table_that_the_first_does_not_try() -> None:
    wanted = [candidate(number, watch=(number - 1) // 2, drop=number % 2) for number in (1, 2, 3, 4)]

    assert chosen(*wanted) == [1, 4]


def test_the_lower_rank_of_a_watch_is_tried_first_whatever_the_order_of_rows() -> None:
    first, second = candidate(1, watch=1, drop=1), candidate(2, watch=1, drop=2)

    assert chosen(second, first) == [1]
    assert chosen(replace(first, rank=9), second) == [2]


def test_who_has_waited_longer_is_tried_first_whatever_the_ranks_of_several_looks() -> None:
    older, younger = candidate(1, watch=1, drop=1), candidate(2, watch=2, drop=1)

    assert chosen(replace(older, rank=99), replace(younger, rank=0)) == [1]
    assert chosen(replace(older, in_line_since=NOW), younger) == [2]


@pytest.mark.parametrize(
    ("preference", "near", "order"),
    [
        (SlotPreference.EARLIEST, None, ["18:00", "18:45", "19:15", "20:00"]),
        (SlotPreference.LATEST, None, ["20:00", "19:15", "18:45", "18:00"]),
        (SlotPreference.NEAREST, "19:00", ["18:45", "19:15", "18:00", "20:00"]),
        (SlotPreference.NEAREST, "19:10", ["19:15", "18:45", "20:00", "18:00"]),
        (SlotPreference.NEAREST, "12:00", ["18:00", "18:45", "19:15", "20:00"]),
        (SlotPreference.NEAREST, "23:00", ["20:00", "19:15", "18:45", "18:00"]),
    ],
)
def test_a_watch_has_the_table_first_that_it_likes_best(
    preference: SlotPreference, near: str | None, order: list[str]
) -> None:
    preferred = time.fromisoformat(near) if near else None
    watch = replace(make_watch(), slot_preference=preference, preferred_time=preferred)
    ranks = {
        clock: preference_rank(watch, epoch_ms(instant(DAY, time.fromisoformat(clock), NEW_YORK)), NEW_YORK)
        for clock in order
    }

    assert sorted(order, key=lambda clock: ranks[clock]) == order
    assert len(set(ranks.values())) == 4


@pytest.mark.parametrize(("minutes", "is_enough"), [(0, True), (59, True), (60, True), (61, False), (10080, False)])
def test_a_table_that_starts_in_an_hour_is_booked_for_who_needs_no_longer_notice(minutes: int, is_enough: bool) -> None:
    watch = replace(make_watch(), min_notice_minutes=minutes)

    assert has_notice(watch, epoch_ms(NOW + timedelta(hours=1)), now=NOW) is is_enough


@pytest.mark.parametrize(
    ("change", "stays"),
    [
        ({}, True),
        ({"time_start": time(19)}, True),
        ({"time_start": time(12), "time_end": time(22)}, True),
        ({"time_start": time(20), "time_end": time(22)}, True),
        ({"time_start": time(20, 15), "time_end": time(22)}, False),
        ({"time_start": time(12), "time_end": time(17, 45)}, False),
        ({"location_key": "houston_s_pasadena"}, False),
        ({"target_date": DAY + timedelta(days=1)}, False),
        ({"party_size": 4}, False),
    ],
)
def test_a_watch_that_asks_for_something_else_altogether_stands_at_the_end_of_the_line(
    change: dict[str, Any], stays: bool
) -> None:
    before = Place("peachtree", DAY, 2, time(18), time(20))

    assert keeps_place(before, replace(before, **change)) is stays


@pytest.mark.parametrize(
    ("state", "counts"),
    [(S.REFUSED, True), (S.UNKNOWN, True), (S.BOOKED, False), (S.DRY_RUN, False), (S.LAPSED, False)],
)
def test_a_table_that_too_many_could_not_get_is_tried_no_more(state: BookingState, counts: bool) -> None:
    before = [
        candidate(n, watch=n, drop=1, state=state, settled_at=NOW - timedelta(seconds=9))
        for n in range(1, MOST_FAILURES_PER_OPENING + 1)
    ]
    following, elsewhere = candidate(90, watch=90, drop=1), candidate(91, watch=91, drop=2)

    assert chosen(*before[:-1], following, elsewhere) == [90, 91]
    assert chosen(*before, following, elsewhere) == ([91] if counts else [90, 91])
    assert list(exhausted([*before, following, elsewhere])) == ([90] if counts else [])


def test_a_watch_that_was_refused_too_often_within_a_day_tries_no_more() -> None:
    waiting = candidate(1, watch=1, drop=1, refusals=MOST_REFUSALS_PER_WATCH - 1)
    spent = replace(waiting, refusals=MOST_REFUSALS_PER_WATCH)

    assert chosen(waiting) == [1]
    assert chosen(spent, candidate(2, watch=2, drop=1)) == [2]
    assert exhausted([spent]) == {1: "this watch was refused 5 times within a day"}


def test_a_refusal_lets_the_next_person_try_at_once() -> None:
    refused = candidate(1, watch=1, drop=1, state=S.REFUSED, settled_at=NOW)

    assert chosen(refused, candidate(2, watch=2, drop=1)) == [2]


def test_a_refusal_lets_the_same_watch_try_its_next_table() -> None:
    refused = candidate(1, watch=1, drop=1, state=S.REFUSED, settled_at=NOW)

    assert chosen(refused, candidate(2, watch=1, drop=2)) == [2]


@pytest.mark.parametrize("state", [S.BOOKED, S.DRY_RUN])
def test_a_booked_table_waits_until_it_is_seen_open_again(state: BookingState) -> None:
    settled_at = NOW - timedelta(seconds=5)
    taken = candidate(1, watch=1, drop=1, state=state, settled_at=settled_at)
    following = candidate(2, watch=2, drop=1)
    seen = (settled_at - timedelta(seconds=1), settled_at, settled_at + timedelta(seconds=1))

    tried = [chosen(replace(taken, drop_last_seen_at=at), replace(following, drop_last_seen_at=at)) for at in seen]

    assert tried == [[], [], [2]]


@pytest.mark.parametrize("state", [S.UNKNOWN, S.LAPSED, S.CANCELLED])
def test_an_unknown_outcome_or_a_passed_chance_lets_the_next_person_try(state: BookingState) -> None:
    before = candidate(1, watch=1, drop=1, state=state, settled_at=NOW)

    assert chosen(before, candidate(2, watch=2, drop=1)) == [2]


@pytest.mark.parametrize("state", [S.ATTEMPTING, S.BOOKED, S.UNKNOWN])
def test_a_watch_that_has_or_may_have_a_table_tries_no_other(state: BookingState) -> None:
    assert chosen(candidate(1, watch=1, drop=1, state=state), candidate(2, watch=1, drop=2)) == []


def test_a_table_that_is_being_tried_is_not_tried_by_anybody_else() -> None:
    assert chosen(candidate(1, watch=1, drop=1, state=S.ATTEMPTING), candidate(2, watch=2, drop=1)) == []


def test_a_chance_counts_from_the_last_look_that_saw_its_table() -> None:
    waiting = candidate(1, watch=1, drop=1, age=3600, seen_at=NOW - timedelta(seconds=120))

    assert lapse_reason(waiting, now=NOW) is None


@pytest.mark.parametrize(("age", "is_tried"), [(0, True), (120, True), (120.001, False), (3600, False)])
def test_a_chance_lapses_after_two_minutes(age: float, is_tried: bool) -> None:
    waiting = candidate(1, watch=1, drop=1, age=age, seen_at=NOW - timedelta(seconds=age))

    assert bool(chosen(waiting)) is is_tried
    assert (lapse_reason(waiting, now=NOW) is None) is is_tried


def test_a_lapse_says_why() -> None:
    late = candidate(1, watch=1, drop=1, age=121, seen_at=NOW - timedelta(seconds=121))

    assert lapse_reason(late, now=NOW) == "not attempted within 120 seconds"
    assert lapse_reason(replace(late, drop_is_open=False), now=NOW) == "the table was gone"


def test_a_table_that_is_gone_is_not_tried_and_does_not_block_its_watch() -> None:
    gone = candidate(1, watch=1, drop=1, is_open=False)

    assert chosen(gone, candidate(2, watch=1, drop=2)) == [2]


@pytest.mark.parametrize(
    ("auto_book", "switched_on", "allowed_here", "word"),
    [
        ("on", True, True, None),
        ("dry-run", True, True, None),
        ("off", True, True, "installation"),
        ("on", False, True, "switched off"),
        ("on", True, False, "restaurant"),
    ],
)
def test_booking_is_held_back_with_a_reason(
    auto_book: str, switched_on: bool, allowed_here: bool, word: str | None
) -> None:
    reason = held_back(auto_book, switched_on=switched_on, allowed_here=allowed_here)

    assert (reason is None) if word is None else (reason is not None and word in reason)


seconds = st.integers(0, 240).map(lambda age: NOW - timedelta(seconds=age))
candidates = st.lists(
    st.builds(
        Candidate,
        id=st.integers(1, 10_000),
        watch_id=st.integers(1, 5),
        drop_id=st.integers(1, 5),
        in_line_since=seconds,
        rank=st.integers(0, 20),
        state=st.one_of(st.just(S.WANTED), st.sampled_from(S)),
        wanted_at=seconds,
        settled_at=st.none() | seconds,
        drop_last_seen_at=seconds,
        drop_is_open=st.booleans(),
        refusals=st.integers(0, MOST_REFUSALS_PER_WATCH),
    ),
    unique_by=lambda c: c.id,
    max_size=25,
)


@given(candidates=candidates)
def test_never_two_of_one_watch_or_one_table_and_none_that_lapsed(candidates: list[Candidate]) -> None:
    by_id = {c.id: c for c in candidates}

    tried = [by_id[number] for number in choose_attempts(candidates, now=NOW)]

    assert len({c.watch_id for c in tried}) == len(tried)
    assert len({c.drop_id for c in tried}) == len(tried)
    assert all(c.state is S.WANTED and lapse_reason(c, now=NOW) is None for c in tried)
    live = [c for c in candidates if c.state in (S.ATTEMPTING, S.BOOKED, S.UNKNOWN)]
    assert not {c.watch_id for c in live} & {c.watch_id for c in tried}
    assert not {c.drop_id for c in candidates if c.state is S.ATTEMPTING} & {c.drop_id for c in tried}


@given(candidates=candidates)
def test_whoever_is_left_out_is_blocked_by_somebody(candidates: list[Candidate]) -> None:
    tried = set(choose_attempts(candidates, now=NOW))

    holders = [c for c in candidates if c.id in tried or c.state is not S.WANTED]
    spent = exhausted(candidates)
    left_out = [
        c
        for c in candidates
        if c.state is S.WANTED and c.id not in tried and c.id not in spent and not lapse_reason(c, now=NOW)
    ]
    assert all(any(c.watch_id == h.watch_id or c.drop_id == h.drop_id for h in holders) for c in left_out)
