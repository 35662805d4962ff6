"""What a look changed."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.coverage import Coverage
from backend.domain.drops import diff
from backend.domain.types import Slot
from tests.domain.conftest import make_drop

pytestmark = pytest.mark.fast

WHOLE_DAY = Coverage(((0, 100),))
NOW = datetime(2026, 7, 9, tzinfo=UTC)


def test_slots_appear_stay_and_go() -> None:
    stays, goes = make_drop(1, 10), make_drop(2, 20)

    change = diff([stays, goes], [Slot(10, 1, "Dining Room"), Slot(30, 1, "Dining Room")], WHOLE_DAY)

    assert change.appeared == (Slot(30, 1, "Dining Room"),)
    assert change.stayed == (stays,)
    assert change.gone == (goes,)


def test_the_same_time_of_another_type_is_another_slot() -> None:
    inside = make_drop(1, 10, type_id=1)

    change = diff([inside], [Slot(10, 2)], WHOLE_DAY)

    assert (change.appeared, change.stayed, change.gone) == ((Slot(10, 2),), (), (inside,))


def test_nothing_goes_where_the_look_could_not_see() -> None:
    seen_area, unseen_area = make_drop(1, 10), make_drop(2, 60)

    change = diff([seen_area, unseen_area], [], Coverage(((0, 50),)))

    assert change.gone == (seen_area,)


def test_a_slot_outside_the_coverage_that_was_listed_all_the_same_is_open() -> None:
    known = make_drop(1, 60)

    change = diff([known], [Slot(60, 1), Slot(70, 1)], Coverage(((0, 50),)))

    assert (change.stayed, change.appeared) == ((known,), (Slot(70, 1),))


def test_a_slot_that_is_listed_twice_appears_once() -> None:
    assert diff([], [Slot(10, 1, "Patio"), Slot(10, 1, "Patio")], WHOLE_DAY).appeared == (Slot(10, 1, "Patio"),)


keys = st.sets(st.tuples(st.integers(0, 100), st.integers(1, 3)), max_size=30)
spans = st.lists(st.tuples(st.integers(0, 100), st.integers(0, 30)).map(lambda s: (s[0], s[0] + s[1])), max_size=3)


@given(known=keys, seen=keys, spans=spans)
def test_applying_a_change_leaves_what_was_seen_and_what_was_out_of_sight(
    known: set[tuple[int, int]], seen: set[tuple[int, int]], spans: list[tuple[int, int]]
) -> None:
    coverage = Coverage(tuple(spans))
    drops = [make_drop(number, *key) for number, key in enumerate(sorted(known))]

    change = diff(drops, [Slot(*key) for key in seen], coverage)

    gone = {(drop.reserved_ts, drop.type_id) for drop in change.gone}
    appeared = {(slot.reserved_ts, slot.type_id) for slot in change.appeared}
    assert (known - gone) | appeared == seen | {key for key in known if not coverage.includes(key[0])}
    assert not appeared & known
    assert gone <= known
    assert {(drop.reserved_ts, drop.type_id) for drop in change.stayed} == known & seen
