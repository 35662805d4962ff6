"""Who may try which table now."""

from datetime import time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.backoff import look_again_after, send_again_after
from backend.domain.booking_rules import Candidate, choose_attempts, held_back, lapse_reason, meal_of
from backend.domain.types import BookingState
from tests.domain.conftest import NOW

pytestmark = pytest.mark.fast


def chance(
    booking_id: int,
    *,
    watch: int,
    drop: int,
    state: BookingState = BookingState.WANTED,
    settled: float = 0,
    seen: float = 0,
) -> Candidate:
    """`settled` and `seen` are seconds after NOW."""
    settled_at = None if state in (BookingState.WANTED, BookingState.ATTEMPTING) else NOW + timedelta(seconds=settled)
    return Candidate(booking_id, watch, drop, booking_id, state, NOW, settled_at, NOW + timedelta(seconds=seen), True)


@pytest.mark.parametrize(("clock", "meal"), [(time(15, 59), "lunch"), (time(16), "dinner"), (time(21, 45), "dinner")])
def test_dinner_begins_at_four(clock: time, meal: str) -> None:
    assert meal_of(clock) == meal


def test_the_oldest_watch_gets_its_first_slot_and_the_next_one_another() -> None:
    chances = [
        chance(1, watch=1, drop=1),
        chance(2, watch=1, drop=2),
        chance(3, watch=2, drop=1),
        chance(4, watch=2, drop=2),
    ]

    assert choose_attempts(chances, now=NOW) == [1, 4]


@pytest.mark.parametrize(
    ("state", "settled", "seen", "chosen"),
    [
        (BookingState.ATTEMPTING, 0, 0, []),
        (BookingState.REFUSED, 5, 0, [2]),
        (BookingState.UNKNOWN, 5, 0, [2]),
        (BookingState.LAPSED, 5, 0, [2]),
        (BookingState.BOOKED, 5, 0, []),
        (BookingState.BOOKED, 5, 6, [2]),
        (BookingState.DRY_RUN, 5, 0, []),
        (BookingState.DRY_RUN, 5, 6, [2]),
    ],
)
def test_the_next_person_follows_when_the_table_may_still_be_there(
    state: BookingState, settled: float, seen: float, chosen: list[int]
) -> None:
    chances = [
        chance(1, watch=1, drop=1, state=state, settled=settled, seen=seen),
        chance(2, watch=2, drop=1, seen=seen),
    ]

    assert choose_attempts(chances, now=NOW) == chosen


def test_a_chance_lapses_after_two_minutes_or_when_the_table_is_gone() -> None:
    wanted = chance(1, watch=1, drop=1)
    gone = Candidate(1, 1, 1, 1, BookingState.WANTED, NOW, None, NOW, False)

    assert lapse_reason(wanted, now=NOW + timedelta(seconds=120)) is None
    assert lapse_reason(wanted, now=NOW + timedelta(seconds=121)) == "not attempted within 120 seconds"
    assert lapse_reason(gone, now=NOW) == "the table was gone"


@given(
    st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5), st.sampled_from(BookingState), st.booleans()), max_size=25)
)
def test_never_two_attempts_for_a_watch_or_a_table(rows: list[tuple[int, int, BookingState, bool]]) -> None:
    chances = [
        Candidate(i, watch, drop, i, state, NOW, NOW, NOW, is_open)
        for i, (watch, drop, state, is_open) in enumerate(rows)
    ]

    chosen = [chances[i] for i in choose_attempts(chances, now=NOW)]

    busy = [c for c in chances if c.state is BookingState.ATTEMPTING]
    assert len({c.watch_id for c in [*chosen, *busy]}) >= len(chosen)
    assert len({c.watch_id for c in chosen}) == len({c.drop_id for c in chosen}) == len(chosen)
    assert not {c.watch_id for c in chosen} & {c.watch_id for c in busy}
    assert not {c.drop_id for c in chosen} & {c.drop_id for c in busy}
    assert all(c.state is BookingState.WANTED and c.drop_is_open for c in chosen)


def test_booking_that_is_held_back_says_why() -> None:
    assert held_back("on", switched_on=True, allowed_here=True) is None
    assert held_back("dry-run", switched_on=True, allowed_here=True) is None
    assert held_back("off", switched_on=True, allowed_here=True) == "automatic booking is off for this installation"
    assert held_back("on", switched_on=False, allowed_here=True) == "automatic booking is switched off"
    assert held_back("on", switched_on=True, allowed_here=False) == "automatic booking is off for this restaurant"


def test_looks_back_off_to_the_tiers_period_and_obey_retry_after() -> None:
    period = timedelta(minutes=10)

    waits = [look_again_after(n, period=period, retry_after=None).total_seconds() for n in (1, 2, 3, 50)]

    assert waits == [15, 30, 60, 600]
    assert look_again_after(1, period=period, retry_after=timedelta(hours=1)) == timedelta(hours=1)


def test_a_message_is_tried_four_times_with_growing_waits() -> None:
    waits = [send_again_after(n, jitter=0.0) for n in (1, 2, 3, 4)]

    assert waits == [timedelta(seconds=15), timedelta(seconds=60), timedelta(seconds=240), None]
