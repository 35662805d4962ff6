"""When to start again what died."""

import pytest

from backend.local.deaths import Deaths, Patience

pytestmark = pytest.mark.fast


def test_waits_double_while_something_keeps_dying_and_the_fifth_death_within_a_minute_is_the_last() -> None:
    deaths = Deaths(Patience())

    waits = [deaths.record(started_at=now, now=now + 1) for now in range(5)]

    assert waits == [0.5, 1, 2, 4, None]


def test_waits_grow_to_half_a_minute_and_no_further_when_deaths_are_too_rare_to_end_it() -> None:
    deaths = Deaths(Patience())

    waits = [deaths.record(started_at=now, now=now + 20) for now in range(0, 180, 20)]

    assert waits == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]


def test_after_a_steady_minute_the_next_death_counts_as_the_first() -> None:
    deaths = Deaths(Patience())
    for now in range(3):
        deaths.record(started_at=now, now=now + 1)

    wait = deaths.record(started_at=10, now=75)

    assert wait == 0.5
