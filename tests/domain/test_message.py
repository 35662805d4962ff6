"""What a message says."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, time
from urllib.parse import parse_qs, urlsplit

import pytest

from backend.domain.message import Facts, Opening, clock_time, compose, sms, when
from backend.domain.types import Kind
from backend.domain.windows import epoch_ms, instant
from tests.domain.conftest import DAY, NEW_YORK

pytestmark = pytest.mark.fast


def at(clock: time) -> int:
    return epoch_ms(instant(DAY, clock, NEW_YORK))


def facts(*clocks: time, kind: Kind = Kind.TABLE_OPEN, reason: str | None = None) -> Facts:
    openings = tuple(Opening(at(clock), 7, "Dining Room") for clock in clocks or (time(18, 15),))
    return Facts(kind, "Houston's Peachtree", NEW_YORK, "houstons-peachtree", DAY, 4, openings, reason)


@pytest.mark.parametrize(
    ("clocks", "subject"),
    [
        ((time(18, 15),), "A table is open: Houston's Peachtree, Fri Jul 10, 6:15 PM"),
        ((time(19), time(18, 15)), "2 tables are open: Houston's Peachtree, Fri Jul 10, 6:15 PM and 7:00 PM"),
        (
            (time(12), time(11, 30), time(19)),
            "3 tables are open: Houston's Peachtree, Fri Jul 10, 11:30 AM, 12:00 PM and 7:00 PM",
        ),
    ],
)
def test_the_subject_tells_restaurant_day_and_times(clocks: tuple[time, ...], subject: str) -> None:
    assert compose(facts(*clocks)).subject == subject


def test_two_tables_at_one_time_are_two_lines_and_one_time_in_the_sentence() -> None:
    two = replace(
        facts(), openings=(Opening(at(time(18, 15)), 7, "Dining Room"), Opening(at(time(18, 15)), 8, "Patio"))
    )

    text = compose(two)

    assert text.subject == "2 tables are open: Houston's Peachtree, Fri Jul 10, 6:15 PM"
    assert [(line.clock, line.meal) for line in text.lines] == [("6:15 PM", "Dining Room"), ("6:15 PM", "Patio")]


def test_an_alert_says_what_is_open() -> None:
    sentence = compose(facts()).sentence

    assert sentence.startswith("Houston's Peachtree has 6:15 PM on Friday, July 10 for a party of 4.")


@pytest.mark.parametrize(
    ("kind", "headline", "words"),
    [
        (Kind.BOOKED, "Booked for you", ["is booked: Friday, July 10, 6:15 PM, party of 4", "cancel"]),
        (Kind.BOOKING_REFUSED, "The table could not be booked", ["were refused: a card is needed.", "goes on"]),
        (Kind.BOOKING_UNKNOWN, "Please check: you may have a table", ["may be yours", "will not try again"]),
        (Kind.BOOKING_DRY_RUN, "Dry run: this table would have been booked", ["nothing was sent"]),
    ],
)
def test_each_outcome_of_a_booking_has_its_own_words(kind: Kind, headline: str, words: list[str]) -> None:
    text = compose(facts(kind=kind, reason="a card is needed"))

    assert text.headline == headline
    assert text.subject == f"{headline}: Houston's Peachtree, Fri Jul 10, 6:15 PM"
    assert [word for word in words if word not in text.sentence] == []
    assert "Houston's Peachtree" in text.sentence


def test_a_refusal_without_a_reason_says_so() -> None:
    assert "no reason was given" in compose(facts(kind=Kind.BOOKING_REFUSED)).sentence


def test_the_link_leads_to_the_table_for_the_party() -> None:
    link = urlsplit(compose(facts()).lines[0].link)

    assert (link.scheme, link.netloc, link.path) == ("https", "reservations.getwisely.com", "/houstons-peachtree")
    assert parse_qs(link.query) == {
        "party_size": ["4"],
        "search_ts": [str(at(time(18, 15)))],
        "reservation_type_id": ["7"],
    }


@pytest.mark.parametrize(
    ("zone", "shown"),
    [
        ("America/New_York", "6:15 PM"),
        ("America/Chicago", "5:15 PM"),
        ("America/Denver", "4:15 PM"),
        ("America/Phoenix", "3:15 PM"),
        ("America/Los_Angeles", "3:15 PM"),
    ],
)
@pytest.mark.parametrize("server", ["UTC", "Asia/Tokyo"])
def test_times_are_the_restaurants(server_zone: Callable[[str], None], server: str, zone: str, shown: str) -> None:
    server_zone(server)

    assert compose(replace(facts(), timezone=zone)).lines[0].clock == shown


@pytest.mark.parametrize(
    ("clock", "shown"),
    [(time(0), "12:00 AM"), (time(9, 5), "9:05 AM"), (time(12), "12:00 PM"), (time(23, 59), "11:59 PM")],
)
def test_clock_times_have_twelve_hours(clock: time, shown: str) -> None:
    assert clock_time(at(clock), NEW_YORK) == shown


def test_an_instant_is_shown_by_the_restaurants_clock() -> None:
    assert when(datetime(2026, 11, 1, 23, 15, tzinfo=UTC), NEW_YORK) == "6:15 PM"


def test_a_text_message_is_the_subject_and_the_first_link() -> None:
    text = compose(facts(time(19), time(18, 15)))

    assert sms(text) == f"{text.subject}. {text.lines[0].link}"
    assert text.lines[0].clock == "6:15 PM"


def test_a_message_without_openings_still_has_words() -> None:
    text = compose(replace(facts(kind=Kind.BOOKING_UNKNOWN), openings=()))

    assert sms(text) == text.subject
    assert text.lines == ()
