"""How long to wait after trouble."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.backoff import look_again_after, send_again_after

pytestmark = pytest.mark.fast

PERIOD = timedelta(minutes=10)


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, 15), (1, 15), (2, 30), (3, 60), (6, 480), (7, 600), (8, 600), (10_000, 600)]
)
def test_looks_wait_twice_as_long_each_time_up_to_their_period(failures: int, seconds: int) -> None:
    assert look_again_after(failures, period=PERIOD, retry_after=None) == timedelta(seconds=seconds)


@pytest.mark.parametrize(("asked", "seconds"), [(1, 15), (40, 40), (3600, 3600)])
def test_a_look_never_comes_sooner_than_the_service_asked(asked: int, seconds: int) -> None:
    wait = look_again_after(1, period=PERIOD, retry_after=timedelta(seconds=asked))

    assert wait == timedelta(seconds=seconds)


def test_a_period_shorter_than_the_first_wait_is_kept() -> None:
    assert look_again_after(5, period=timedelta(seconds=5), retry_after=None) == timedelta(seconds=5)


@pytest.mark.parametrize(("attempts", "seconds"), [(1, 15), (2, 60), (3, 240)])
def test_messages_wait_four_times_as_long_each_time(attempts: int, seconds: int) -> None:
    assert send_again_after(attempts, jitter=0) == timedelta(seconds=seconds)
    assert send_again_after(attempts, jitter=1) == timedelta(seconds=2 * seconds)


@pytest.mark.parametrize("attempts", [4, 5, 100])
def test_a_message_is_given_up_after_three_retries(attempts: int) -> None:
    assert send_again_after(attempts, jitter=0.5) is None


@given(failures=st.integers(0, 10**6), period=st.integers(1, 86400), asked=st.none() | st.integers(0, 86400))
def test_a_wait_lies_between_what_was_asked_and_the_period(failures: int, period: int, asked: int | None) -> None:
    retry_after = None if asked is None else timedelta(seconds=asked)

    wait = look_again_after(failures, period=timedelta(seconds=period), retry_after=retry_after)

    assert timedelta() < wait <= timedelta(seconds=max(period, asked or 0))
    assert wait >= timedelta(seconds=asked or 0)
