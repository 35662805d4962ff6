"""What an answer has told, and what it has not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.coverage import Coverage, covered
from backend.domain.drops import diff
from backend.domain.types import Drop, Slot
from tests.domain.conftest import NOW

pytestmark = pytest.mark.fast

DAY = (0, 1000)
slots = st.dictionaries(st.sampled_from([1, 2]), st.sets(st.integers(*DAY), max_size=30), max_size=2)


def answer(open_by_type: dict[int, set[int]], center: int, limit: int, *, per_type: bool) -> dict[int, list[int]]:
    """The service: nearest first, ties to the earlier, counted per type or over all."""
    ranked = sorted((abs(ts - center), ts, kind) for kind, times in open_by_type.items() for ts in times)
    listed: dict[int, list[int]] = {kind: [] for kind in open_by_type}
    for _, ts, kind in ranked:
        count = len(listed[kind]) if per_type else sum(map(len, listed.values()))
        if count < limit:
            listed[kind].append(ts)
    return {kind: sorted(times) for kind, times in listed.items()}


@given(slots, st.integers(*DAY), st.integers(1, 12), st.booleans())
def test_every_open_time_that_is_covered_was_listed(
    open_by_type: dict[int, set[int]], center: int, limit: int, per_type: bool
) -> None:
    listed = answer(open_by_type, center, limit, per_type=per_type)

    coverage = covered(center, listed, limit, day=DAY)

    for kind, times in open_by_type.items():
        assert all(ts in listed[kind] for ts in times if coverage.includes(ts))


@given(slots, st.integers(*DAY))
def test_an_answer_below_its_limit_covers_the_day(open_by_type: dict[int, set[int]], center: int) -> None:
    assert covered(center, answer(open_by_type, center, 100, per_type=False), 100, day=DAY).spans == (DAY,)


@given(st.lists(st.tuples(st.integers(*DAY), st.integers(*DAY)).map(lambda pair: (min(pair), max(pair)))))
def test_a_union_includes_what_its_parts_do_and_its_gap_nothing(spans: list[tuple[int, int]]) -> None:
    union = Coverage()
    for span in spans:
        union = union.union(Coverage((span,)))

    assert all(union.includes(ts) == any(a <= ts <= b for a, b in spans) for ts in range(0, 1001, 7))
    gap = union.largest_gap(*DAY)
    assert gap is None or not any(union.includes(ts) for ts in (gap[0], sum(gap) // 2, gap[1]))


@given(st.sets(st.integers(*DAY), max_size=20), st.sets(st.integers(*DAY), max_size=20), st.integers(*DAY))
def test_nothing_outside_the_coverage_vanishes(before: set[int], seen: set[int], edge: int) -> None:
    drops = [Drop(ts, ts, 1, NOW, NOW) for ts in sorted(before)]
    listed = {ts for ts in seen if ts <= edge}

    change = diff(drops, [Slot(ts, 1) for ts in listed], Coverage(((0, edge),)))

    after = (before - {drop.reserved_ts for drop in change.gone}) | {slot.reserved_ts for slot in change.appeared}
    assert after == listed | {ts for ts in before if ts > edge}
    assert {drop.reserved_ts for drop in change.stayed} == before & listed
