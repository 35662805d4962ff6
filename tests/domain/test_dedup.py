"""The same thing is never told twice, and different things never share a key."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.dedup import booking_key, drop_key
from backend.domain.types import Kind

pytestmark = pytest.mark.fast

kinds = st.sampled_from(Kind)
numbers = st.integers(1, 50) | st.integers(1, 2**63 - 1)
channels = numbers | st.sampled_from(["alice@example.test", "alice@example.test.", "1", "drop=1", "bob+1@example.test"])
agains = st.integers(0, 3)
of_drops = st.tuples(st.just("drop"), kinds, numbers, numbers, channels, agains)
of_bookings = st.tuples(st.just("booking"), kinds, numbers, channels, agains)


def key(fact: tuple[str, Kind, int, int, int | str, int] | tuple[str, Kind, int, int | str, int]) -> str:
    if len(fact) == 6:
        return drop_key(fact[1], watch_id=fact[2], drop_id=fact[3], channel=fact[4], again=fact[5])
    return booking_key(fact[1], booking_id=fact[2], channel=fact[3], again=fact[4])


@given(facts=st.sets(of_drops | of_bookings, max_size=30))
def test_different_facts_have_different_keys(
    facts: set[tuple[str, Kind, int, int, int | str, int] | tuple[str, Kind, int, int | str, int]],
) -> None:
    keys = {key(fact) for fact in facts}

    assert len(keys) == len(facts)


@pytest.mark.parametrize(
    "changed", [{"watch_id": 11}, {"drop_id": 1}, {"channel": 2}, {"channel": "a@b.test"}, {"again": 1}]
)
def test_each_part_of_a_key_counts(changed: dict[str, int | str]) -> None:
    facts: dict[str, int | str] = {"watch_id": 1, "drop_id": 11, "channel": 1, "again": 0}

    assert drop_key(Kind.TABLE_OPEN, **facts) != drop_key(Kind.TABLE_OPEN, **(facts | changed))  # type: ignore[arg-type]


def test_keys_are_stable_for_they_are_stored() -> None:
    assert drop_key(Kind.TABLE_OPEN, watch_id=1, drop_id=2, channel=3) == "table_open:watch=1:drop=2:channel=3"
    assert booking_key(Kind.BOOKED, booking_id=1, channel=3, again=2) == "booked:booking=1:channel=3:again=2"
