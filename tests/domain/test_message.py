"""What messages say."""

import pytest

from backend.domain.dedup import booking_key, drop_key
from backend.domain.message import Facts, Opening, compose
from backend.domain.types import Kind
from tests.domain.conftest import DAY, NEW_YORK, at

pytestmark = pytest.mark.fast


def facts(kind: Kind, *clocks: str, reason: str | None = None) -> Facts:
    openings = tuple(Opening(at(clock), 1695, "Dinner") for clock in clocks)
    return Facts(kind, "Hillstone - Park Avenue", NEW_YORK, "hillstone-park-avenue", DAY, 2, openings, reason)


def test_an_alert_names_restaurant_day_times_and_party() -> None:
    text = compose(facts(Kind.TABLE_OPEN, "19:15", "18:30"))

    assert text.subject == "2 tables are open: Hillstone - Park Avenue, Fri Dec 4, 6:30 PM and 7:15 PM"
    assert "Friday, December 4 for a party of 2" in text.sentence
    assert [line.clock for line in text.lines] == ["6:30 PM", "7:15 PM"]


def test_each_line_leads_to_the_booking_page_with_party_time_and_type() -> None:
    (line,) = compose(facts(Kind.TABLE_OPEN, "19:15")).lines

    expected = f"party_size=2&search_ts={at('19:15')}&reservation_type_id=1695"
    assert line.link == f"https://reservations.getwisely.com/hillstone-park-avenue?{expected}"


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Kind.BOOKED, "Your table at Hillstone - Park Avenue is booked"),
        (Kind.BOOKING_REFUSED, "refused: Just taken"),
        (Kind.BOOKING_UNKNOWN, "We will not try again"),
        (Kind.BOOKING_DRY_RUN, "nothing was sent to the restaurant"),
    ],
)
def test_each_outcome_of_a_booking_is_told_in_words(kind: Kind, words: str) -> None:
    assert words in compose(facts(kind, "19:15", reason="Just taken")).sentence


def test_keys_differ_in_every_part() -> None:
    keys = {
        drop_key(kind, watch_id=watch, drop_id=drop, channel=channel, again=again)
        for kind in (Kind.TABLE_OPEN, Kind.BOOKED)
        for watch in (1, 11)
        for drop in (1, 11)
        for channel in (1, 11, "a@b.test")
        for again in (0, 1)
    } | {booking_key(Kind.BOOKED, booking_id=1, channel=channel) for channel in (1, 11, "a@b.test")}

    assert len(keys) == 2 * 2 * 2 * 3 * 2 + 3
