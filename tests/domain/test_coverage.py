"""How much an answer that was cut off tells, against a service that really cuts off."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.coverage import Coverage, covered

pytestmark = pytest.mark.fast

DAY = (0, 95)


def nearest(open_slots: set[tuple[int, int]], center: int, limit: int, *, per_type: bool) -> dict[int, list[int]]:
    """The service: the `limit` open times nearest to `center`, of two equally near ones the earlier."""
    ranked = sorted(open_slots, key=lambda slot: (abs(slot[0] - center), slot[0], slot[1]))
    types = {type_id for _, type_id in open_slots}
    if per_type:
        kept = [slot for type_id in types for slot in [s for s in ranked if s[1] == type_id][:limit]]
    else:
        kept = ranked[:limit]
    return {type_id: sorted(ts for ts, kind in kept if kind == type_id) for type_id in types}


# Times of neighbouring days too: the service knows nothing of days.
slots = st.sets(st.tuples(st.integers(-20, 115), st.integers(1, 3)), max_size=40)


@given(open_slots=slots, limit=st.integers(1, 12), anchors=st.integers(1, 10), per_type=st.booleans())
def test_every_open_slot_that_is_covered_was_listed(
    open_slots: set[tuple[int, int]], limit: int, anchors: int, per_type: bool
) -> None:
    coverage, listed = Coverage(), set[tuple[int, int]]()
    center: int | None = 66
    while center is not None and anchors:
        answer = nearest(open_slots, center, limit, per_type=per_type)
        listed |= {(ts, type_id) for type_id, times in answer.items() for ts in times}
        coverage = coverage.union(covered(center, answer, limit, day=DAY))
        gap = coverage.largest_gap(*DAY)
        center, anchors = sum(gap) // 2 if gap else None, anchors - 1

    told = {slot for slot in open_slots if coverage.includes(slot[0])}

    assert told <= listed


@given(open_slots=slots, limit=st.integers(41, 50), center=st.integers(*DAY), per_type=st.booleans())
def test_an_answer_below_the_limit_covers_the_whole_day(
    open_slots: set[tuple[int, int]], limit: int, center: int, per_type: bool
) -> None:
    answer = nearest(open_slots, center, limit, per_type=per_type)

    assert covered(center, answer, limit, day=DAY) == Coverage((DAY,))


spans = st.lists(st.tuples(st.integers(0, 95), st.integers(0, 20)).map(lambda s: (s[0], s[0] + s[1])), max_size=6)


@given(first=spans, second=spans)
def test_a_union_includes_what_either_includes(first: list[tuple[int, int]], second: list[tuple[int, int]]) -> None:
    one, other = Coverage().union(Coverage(tuple(first))), Coverage().union(Coverage(tuple(second)))

    both = one.union(other)

    expected = [any(low <= ts <= high for low, high in [*first, *second]) for ts in range(120)]
    assert [both.includes(ts) for ts in range(120)] == expected
    assert all(left[1] + 1 < right[0] for left, right in zip(both.spans, both.spans[1:], strict=False))


@given(known=spans)
def test_the_largest_gap_is_the_longest_run_that_is_not_included(known: list[tuple[int, int]]) -> None:
    coverage = Coverage().union(Coverage(tuple(known)))
    runs, run = [0], 0
    for ts in range(DAY[0], DAY[1] + 1):
        run = 0 if coverage.includes(ts) else run + 1
        runs.append(run)

    gap = coverage.largest_gap(*DAY)

    assert (gap[1] - gap[0] + 1 if gap else 0) == max(runs)
    assert gap is None or not any(coverage.includes(ts) for ts in range(gap[0], gap[1] + 1))


def test_an_answer_at_the_limit_covers_only_what_is_nearer_than_its_farthest_time() -> None:
    coverage = covered(50, {1: [45, 52], 2: [58]}, 3, day=DAY)

    assert coverage == Coverage(((43, 57),))


def test_the_type_that_was_cut_off_first_decides() -> None:
    coverage = covered(50, {1: [47, 52], 2: [20, 80]}, 2, day=DAY)

    assert coverage == Coverage(((48, 52),))


def test_a_single_time_at_the_centre_covers_nothing() -> None:
    assert covered(50, {1: [50]}, 1, day=DAY) == Coverage()
