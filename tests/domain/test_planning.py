"""What follows from a look."""

from dataclasses import replace
from datetime import datetime, time, timedelta

import pytest

from backend.domain.planning import Plan, pair, plan
from backend.domain.types import Channel, Drop, Kind, Watch
from backend.domain.windows import epoch_ms, instant
from tests.domain.conftest import DAY, NEW_YORK, NOW, make_drop, make_watch

pytestmark = pytest.mark.fast

EMAIL = Channel(1, 1, "email", "alice@example.test", is_verified=True)
SMS = Channel(2, 1, "sms", "+14045550123", is_verified=True)
TWO_HOURS_BEFORE = instant(DAY, time(17), NEW_YORK)


def drop(id: int, clock: time = time(19), type_id: int = 1) -> Drop:
    return make_drop(id, epoch_ms(instant(DAY, clock, NEW_YORK)), type_id)


def ids(pairs: list[tuple[Watch, Drop]]) -> list[tuple[int, int]]:
    return [(watch.id, found.id) for watch, found in pairs]


def planned(
    pairs: list[tuple[Watch, Drop]],
    *channels: Channel,
    may_book: bool = True,
    now: datetime = NOW,
) -> Plan:
    return plan(pairs, {1: channels}, may_book=may_book, now=now)


def test_openings_that_appeared_concern_every_watch() -> None:
    watches = [make_watch(1), make_watch(2, needs_match=True)]

    pairs = pair(watches, appeared=[drop(7)], stayed=[], timezone=NEW_YORK, now=NOW)

    assert ids(pairs) == [(1, 7), (2, 7)]


def test_openings_that_stayed_concern_only_watches_that_need_a_match() -> None:
    watches = [make_watch(1), make_watch(2, needs_match=True)]

    pairs = pair(watches, appeared=[], stayed=[drop(7)], timezone=NEW_YORK, now=NOW)

    assert ids(pairs) == [(2, 7)]


def test_a_watch_hears_only_of_what_it_wants() -> None:
    narrow, wide = make_watch(1, start=time(19), end=time(19)), make_watch(2, start=time(17), end=time(21))

    pairs = pair(
        [narrow, wide],
        appeared=[drop(7, time(17, 30)), drop(8, time(19))],
        stayed=[],
        timezone=NEW_YORK,
        now=NOW,
    )

    assert ids(pairs) == [(1, 8), (2, 7), (2, 8)]


def test_older_watches_come_first_and_within_a_watch_earlier_tables() -> None:
    young, old = make_watch(1, created_at=NOW), make_watch(2, created_at=NOW - timedelta(days=1))
    early, late = drop(9, time(18, 15)), drop(8, time(19, 45))

    pairs = pair([young, old], appeared=[late, early], stayed=[], timezone=NEW_YORK, now=NOW)

    assert ids(pairs) == [(2, 9), (2, 8), (1, 9), (1, 8)]


def test_watches_of_the_same_instant_are_ordered_by_id() -> None:
    pairs = pair([make_watch(2), make_watch(1)], appeared=[drop(7)], stayed=[], timezone=NEW_YORK, now=NOW)

    assert ids(pairs) == [(1, 7), (2, 7)]


def test_each_watch_and_channel_gets_one_message_with_all_openings() -> None:
    one, other = make_watch(1), make_watch(2)
    second = Channel(3, 1, "email", "alice@work.test", is_verified=True)
    pairs = [(one, drop(7)), (one, drop(8, time(19, 30))), (other, drop(7))]

    messages = planned(pairs, EMAIL, second).messages

    told = [(m.watch.id, m.channel.id, [item.drop_id for item in m.items]) for m in messages]
    assert told == [(1, 1, [7, 8]), (1, 3, [7, 8]), (2, 1, [7]), (2, 3, [7])]
    assert {m.kind for m in messages} == {Kind.TABLE_OPEN}
    keys = [item.dedup_key for m in messages for item in m.items]
    assert len(set(keys)) == len(keys)


def test_a_person_without_channels_gets_no_message_but_keeps_the_match() -> None:
    pairs = [(make_watch(1), drop(7))]

    found = plan(pairs, {}, may_book=True, now=NOW)

    assert found.messages == ()
    assert found.pairs == tuple(pairs)


def test_channels_of_other_people_hear_nothing() -> None:
    bob = Channel(9, 2, "email", "bob@example.test", is_verified=True)

    found = plan([(make_watch(1, user_id=1), drop(7))], {1: [EMAIL], 2: [bob]}, may_book=True, now=NOW)

    assert [m.channel.address for m in found.messages] == ["alice@example.test"]


@pytest.mark.parametrize(
    ("seconds_before", "auto_book", "is_sent"),
    [(7200, False, False), (7199, False, True), (7201, True, True), (60, True, True)],
)
def test_a_text_message_tells_of_tables_within_two_hours_and_of_all_when_booking_is_asked_for(
    seconds_before: int, auto_book: bool, is_sent: bool
) -> None:
    now = instant(DAY, time(19), NEW_YORK) - timedelta(seconds=seconds_before)

    messages = planned([(make_watch(auto_book=auto_book), drop(7, time(19)))], SMS, now=now).messages

    assert bool(messages) is is_sent


def test_a_text_message_leaves_out_the_tables_that_are_not_soon() -> None:
    watch = make_watch()
    pairs = [(watch, drop(7, time(18, 45))), (watch, drop(8, time(19, 15)))]

    messages = planned(pairs, SMS, EMAIL, now=TWO_HOURS_BEFORE).messages

    assert [[item.drop_id for item in m.items] for m in messages] == [[7], [7, 8]]


@pytest.mark.parametrize("auto_book", [False, True])
def test_an_unverified_number_gets_no_text_message(auto_book: bool) -> None:
    unverified = Channel(2, 1, "sms", "+14045550123", is_verified=False)

    found = planned([(make_watch(auto_book=auto_book), drop(7, time(18)))], unverified, now=TWO_HOURS_BEFORE)

    assert found.messages == ()


def test_only_watches_that_ask_for_booking_get_chances() -> None:
    asks, does_not = make_watch(1, auto_book=True), make_watch(2)

    chances = planned([(asks, drop(7)), (does_not, drop(7))], EMAIL).chances

    assert [(c.watch.id, c.drop.id) for c in chances] == [(1, 7)]


def test_a_restaurant_that_does_not_allow_it_gives_no_chances_but_messages() -> None:
    found = planned([(make_watch(auto_book=True), drop(7))], EMAIL, may_book=False)

    assert found.chances == ()
    assert len(found.messages) == 1


def test_a_table_that_starts_sooner_than_the_notice_is_told_of_and_gives_no_chance() -> None:
    hasty = replace(make_watch(auto_book=True), min_notice_minutes=120)
    soon, later = drop(7, time(18)), drop(8, time(18, 1))

    found = planned([(hasty, soon), (hasty, later)], EMAIL, now=TWO_HOURS_BEFORE - timedelta(minutes=59))

    assert [chance.drop.id for chance in found.chances] == [8]
    assert [item.drop_id for message in found.messages for item in message.items] == [7, 8]
