"""What the statistics make of the instants at which requests arrive."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.statistics import Statistics

pytestmark = pytest.mark.fast


class Stopwatch:
    """Seconds that a test moves on."""

    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def arriving(*instants: float) -> Statistics:
    """Statistics after requests at these seconds from the start."""
    stopwatch = Stopwatch()
    statistics = Statistics(stopwatch)
    for seconds in sorted(instants):
        stopwatch.seconds = 100.0 + seconds
        with statistics.during("inventory", 278278):
            pass
    return statistics


@given(st.lists(st.integers(0, 40).map(lambda eighths: eighths / 8), max_size=40))
def test_the_most_in_any_second_is_what_a_window_at_each_arrival_holds(instants: list[float]) -> None:
    report = arriving(*instants).report()

    windows = [sum(start <= other < start + 1 for other in instants) for start in instants]
    assert report["most_in_sliding_second"] == max(windows, default=0)


def test_a_second_that_slides_finds_a_burst_that_the_clock_cuts_in_two() -> None:
    report = arriving(0.875, 0.9375, 1.0, 1.0625).report()

    assert report["most_in_sliding_second"] == 4
    assert report["most_in_clock_second"] == 2


def test_requests_that_are_under_way_at_a_reset_count_as_such_afterwards() -> None:
    statistics = Statistics(Stopwatch())

    with statistics.during("booking", None):
        statistics.reset()
        during = statistics.report()

    assert (during["now_at_once"], during["most_at_once"], during["requests"]) == (1, 1, 0)
    assert statistics.report()["now_at_once"] == 0


def test_the_mean_is_over_the_time_since_the_reset() -> None:
    report = arriving(0.0, 1.0, 2.0, 4.0).report()

    assert (report["requests"], report["elapsed_seconds"], report["mean_per_second"]) == (4, 4.0, 1.0)
