"""Which slots a watch wants, and what follows."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.matching import matching, wants
from backend.domain.planning import pair, plan
from backend.domain.types import Channel, Kind, Location, Watch
from backend.domain.windows import local
from tests.domain.conftest import DAY, NEW_YORK, NOW, at, drop, watch

pytestmark = pytest.mark.fast

PLACE = Location("peachtree", "Houston's", NEW_YORK, 1, "slug", True, 30, True)
MAIL = Channel(10, 1, "email", "a@b.test", False)
PHONE = Channel(11, 1, "sms", "+14045550123", True)


@pytest.mark.parametrize(
    ("clock", "wanted"), [("17:45", False), ("18:00", True), ("19:15", True), ("20:00", True), ("20:15", False)]
)
def test_the_window_includes_both_its_ends(clock: str, wanted: bool) -> None:
    assert wants(watch(), at(clock), NEW_YORK, now=NOW) is wanted


def test_the_same_time_on_another_day_is_not_wanted() -> None:
    assert not wants(watch(), at("19:00", day=DAY + timedelta(days=1)), NEW_YORK, now=NOW)


def test_a_slot_that_has_begun_is_not_wanted() -> None:
    begun = local(at("19:00"), NEW_YORK)

    assert not wants(watch(), at("19:00"), NEW_YORK, now=begun)


@given(st.lists(st.integers(0, 7 * 96), max_size=50))
def test_exactly_the_slots_inside_the_window_match_each_once(quarters: list[int]) -> None:
    slots = [at("00:00", day=DAY - timedelta(days=3)) + quarter * 900_000 for quarter in quarters]

    found = matching(watch(), slots, NEW_YORK, now=NOW)

    assert found == sorted(set(slots) & {at(f"{18 + i // 4}:{i % 4 * 15:02d}") for i in range(9)})


def test_what_appeared_concerns_all_and_what_stayed_only_changed_watches() -> None:
    old, new = watch(1), watch(2, needs_match=True, created_at=NOW + timedelta(hours=1))

    pairs = pair([new, old], appeared=[drop(1, "19:00")], stayed=[drop(2, "18:30")], timezone=NEW_YORK, now=NOW)

    assert [(w.id, d.id) for w, d in pairs] == [(1, 1), (2, 2), (2, 1)]


def planned(
    wish: Watch, channels: list[Channel], *, place: Location = PLACE
) -> tuple[list[tuple[str, int]], list[int]]:
    drops = [drop(1, "18:30"), drop(2, "19:00")]
    pairs = pair([wish], appeared=drops, stayed=[], timezone=NEW_YORK, now=NOW)
    result = plan(place, pairs, {1: channels}, now=NOW)
    assert all(message.kind is Kind.TABLE_OPEN for message in result.messages)
    return (
        [(message.channel.kind, len(message.items)) for message in result.messages],
        [chance.drop.id for chance in result.chances],
    )


def test_openings_found_together_are_one_message_a_channel() -> None:
    assert planned(watch(), [MAIL]) == ([("email", 2)], [])


def test_a_text_goes_out_for_automatic_booking_but_not_for_a_far_table() -> None:
    assert planned(watch(), [MAIL, PHONE])[0] == [("email", 2)]
    assert planned(watch(auto_book=True), [MAIL, PHONE]) == ([("email", 2), ("sms", 2)], [1, 2])


def test_an_unverified_telephone_gets_no_text() -> None:
    unverified = Channel(11, 1, "sms", "+14045550123", False)

    assert planned(watch(auto_book=True), [unverified])[0] == []


def test_a_restaurant_without_automatic_booking_gives_no_chances() -> None:
    closed = Location("peachtree", "Houston's", NEW_YORK, 1, "slug", False, 30, True)

    assert planned(watch(auto_book=True), [MAIL], place=closed)[1] == []
