"""What a message says."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from backend.domain.message import Effort, Facts, Opening, Text, clock_time, compose, when
from backend.domain.types import ACCOUNT_KINDS, OPERATOR_KINDS, Kind
from backend.domain.windows import epoch_ms, instant
from tests.domain.conftest import DAY, NEW_YORK

pytestmark = pytest.mark.fast

# Two minutes past two in the afternoon at the restaurant, the day before.
NOW = datetime(2026, 7, 9, 18, 2, 20, tzinfo=UTC)


def at(clock: time) -> int:
    return epoch_ms(instant(DAY, clock, NEW_YORK))


def facts(*clocks: time, kind: Kind = Kind.TABLE_OPEN, ago: float | None = None, **more: Any) -> Facts:
    seen_at = None if ago is None else NOW - timedelta(seconds=ago)
    openings = tuple(Opening(at(clock), 7, "Dining Room", seen_at) for clock in clocks or (time(18, 15),))
    return Facts(kind, "Houston's Peachtree", NEW_YORK, "houstons-peachtree", DAY, 4, openings, **more)


def said(wanted: Facts, *, now: datetime = NOW) -> Text:
    return compose(wanted, now=now)


@pytest.mark.parametrize(
    ("clocks", "subject"),
    [
        ((time(18, 15),), "A table is open: Houston's Peachtree, Fri Jul 10, 6:15 PM"),
        ((time(19), time(18, 15)), "2 tables are open: Houston's Peachtree, Fri Jul 10, 6:15 PM and 7:00 PM"),
        (
            (time(12), time(11, 30), time(19)),
            "3 tables are open: Houston's Peachtree, Fri Jul 10, 11:30 AM, 12:00 PM and 7:00 PM",
        ),
        (
            (time(12), time(11, 30), time(19), time(20), time(21)),
            "5 tables are open: Houston's Peachtree, Fri Jul 10, 11:30 AM, 12:00 PM and 3 more",
        ),
    ],
)
def test_the_subject_tells_restaurant_day_and_times(clocks: tuple[time, ...], subject: str) -> None:
    assert said(facts(*clocks)).subject == subject


def test_two_tables_at_one_time_are_two_lines_and_one_time_in_the_sentence() -> None:
    two = replace(
        facts(), openings=(Opening(at(time(18, 15)), 7, "Dining Room"), Opening(at(time(18, 15)), 8, "Patio"))
    )

    text = said(two)

    assert text.subject == "2 tables are open: Houston's Peachtree, Fri Jul 10, 6:15 PM"
    assert [line.label for line in text.lines] == ["Book 6:15 PM, Dining Room", "Book 6:15 PM, Patio"]


def test_a_day_full_of_tables_is_a_dozen_lines_and_a_number() -> None:
    text = said(facts(*(time(11 + n // 4, 15 * (n % 4)) for n in range(40))))

    assert (len(text.lines), text.more) == (12, 28)
    assert "11:00 AM, 11:15 AM, 11:30 AM, 11:45 AM, 12:00 PM and 35 more" in text.sentence


def test_an_alert_says_what_is_open() -> None:
    text = said(facts())

    assert text.sentence == "Houston's Peachtree has 6:15 PM on Friday, July 10 for a party of 4."
    assert (text.place, text.day, text.story) == ("Houston's Peachtree", "Friday, July 10 · party of 4", None)


@pytest.mark.parametrize(
    ("ago", "words"),
    [
        (0, "Seen open 0 s ago (2:02 PM at the restaurant)."),
        (9.4, "Seen open 9 s ago (2:02 PM at the restaurant)."),
        (-3, "Seen open 0 s ago (2:02 PM at the restaurant)."),
        (99, "Seen open 99 s ago (2:00 PM at the restaurant)."),
        (120, "Seen open 2 min ago (2:00 PM at the restaurant)."),
        (5940, "Seen open 99 min ago (12:23 PM at the restaurant)."),
        (7200, "Seen open 2 h ago (12:02 PM at the restaurant)."),
        (54000, "Seen open 15 h ago (11:02 PM on Wed Jul 8 at the restaurant)."),
    ],
)
def test_an_alert_says_how_fresh_it_is(ago: float, words: str) -> None:
    text = said(facts(ago=ago))

    assert text.freshness == f"{words} Tables like this go fast."
    assert text.notes == ()


def test_of_several_tables_the_one_seen_longest_ago_counts() -> None:
    two = replace(
        facts(), openings=(Opening(1, 7, "", NOW), Opening(2, 7, "", NOW - timedelta(seconds=50)), Opening(3, 7, ""))
    )

    assert said(two).freshness == "Seen open 50 s ago (2:01 PM at the restaurant). Tables like this go fast."


@pytest.mark.parametrize(
    ("ago", "zone", "words"),
    [
        (9, None, "Seen open at 2:02 PM at the restaurant."),
        (9, "America/Chicago", "Seen open at 2:02 PM Eastern time."),
        (54000, None, "Seen open at 11:02 PM on Wed Jul 8 at the restaurant."),
    ],
)
def test_told_late_it_says_when_it_was_seen_and_before_anything_else(ago: float, zone: str | None, words: str) -> None:
    text = said(facts(ago=ago, is_late=True, persons_zone=zone, effort=Effort.IN_LINE))

    assert text.notes[0] == f"{words} We could not look again before we wrote: it may be gone by now."
    assert len(text.notes) == 2
    assert text.freshness is None


def test_told_late_without_a_look_it_claims_nothing() -> None:
    text = said(facts(is_late=True))

    assert (text.notes, text.freshness) == ((), None)


@pytest.mark.parametrize(
    ("zone", "persons_zone", "words", "letters"),
    [
        (NEW_YORK, None, "", ""),
        (NEW_YORK, NEW_YORK, "", ""),
        (NEW_YORK, "America/Detroit", "", ""),
        (NEW_YORK, "America/Chicago", " Eastern time", " EDT"),
        ("America/Chicago", NEW_YORK, " Central time", " CDT"),
        ("America/Denver", NEW_YORK, " Mountain time", " MDT"),
        ("America/Phoenix", "America/Los_Angeles", "", ""),
        ("America/Phoenix", "America/Denver", " Arizona time", " MST"),
        ("America/Los_Angeles", "Europe/Berlin", " Pacific time", " PDT"),
        ("Europe/Berlin", NEW_YORK, " CEST", " CEST"),
    ],
)
def test_the_zone_is_named_where_the_readers_clock_shows_another_time(
    zone: str, persons_zone: str | None, words: str, letters: str
) -> None:
    text = said(replace(facts(), timezone=zone, persons_zone=persons_zone))

    clock = text.lines[0].clock
    assert f"has {clock}{words} on Friday" in text.sentence
    assert text.subject.endswith(f"Fri Jul 10, {clock}{letters}")
    assert text.day.endswith(f"party of 4{' ·' if words else ''}{words}")


@pytest.mark.parametrize(
    ("effort", "clocks", "words"),
    [
        (Effort.ATTEMPTING, 1, ["We are trying to book it for you.", "wait for our next message"]),
        (Effort.ATTEMPTING, 2, ["We are trying to book one of them for you."]),
        (Effort.IN_LINE, 1, ["You are in line for having it booked", "when it is your turn"]),
        (Effort.DRY_RUN, 1, ["in a dry run here: we do not book it", "book it yourself"]),
        (Effort.NONE, 1, ["We are not booking this for you.", "book it yourself"]),
    ],
)
def test_who_asked_for_a_booking_is_told_what_is_being_done(effort: Effort, clocks: int, words: list[str]) -> None:
    (note,) = said(facts(*[time(18), time(19)][:clocks], effort=effort)).notes

    assert [word for word in words if word not in note] == []


@pytest.mark.parametrize(
    ("kind", "headline", "words"),
    [
        (Kind.BOOKED, "Booked for you", ["is booked: Friday, July 10, 6:15 PM, party of 4", "cancel"]),
        (Kind.BOOKING_REFUSED, "The table could not be booked", ["were refused: a card is needed.", "goes on"]),
        (
            Kind.BOOKING_UNKNOWN,
            "Please check: you may have a table",
            ["may be yours", "in your mail, or call them", "tell us what you found", "will not try again"],
        ),
        (Kind.BOOKING_DRY_RUN, "Dry run: this table would have been booked", ["nothing was sent"]),
    ],
)
def test_each_outcome_of_a_booking_has_its_own_words(kind: Kind, headline: str, words: list[str]) -> None:
    text = said(facts(kind=kind, reason="a card\nis needed.", watch_id=12, watch_goes_on=True, booking_id=34))

    assert text.headline == headline
    assert text.subject == f"{headline}: Houston's Peachtree, Fri Jul 10, 6:15 PM"
    everything = " ".join((text.sentence, *text.notes))
    assert [word for word in words if word not in everything] == []
    assert "Houston's Peachtree" in text.sentence
    assert text.day == "Friday, July 10 · 6:15 PM · party of 4"
    assert text.story is not None


@pytest.mark.parametrize("kind", [Kind.BOOKED, Kind.BOOKING_UNKNOWN])
def test_who_has_a_table_or_may_have_one_is_not_led_to_book_another(kind: Kind) -> None:
    text = said(facts(kind=kind))

    assert text.lines == ()
    assert text.app_action is not None


def test_an_operator_is_told_which_booking_is_to_be_settled() -> None:
    text = said(facts(kind=Kind.BOOKING_UNKNOWN, booking_id=34, is_for_operator=True))

    assert text.headline == "Booking 34 has an unknown outcome"
    assert "The guest was told" in text.notes[0]
    assert "may be yours" not in text.sentence
    assert "your watch" not in text.why


@pytest.mark.parametrize(
    ("watch_id", "booking_id", "why", "page"),
    [
        (12, None, "because of your watch: Houston's Peachtree, Friday, July 10, party of 4.", "Your watch"),
        (12, 34, "because of your watch: Houston's Peachtree, Friday, July 10, party of 4.", "Your booking"),
        (None, 34, "because you booked here: Houston's Peachtree, Friday, July 10, party of 4.", "Your booking"),
    ],
)
def test_a_message_says_why_one_gets_it(watch_id: int | None, booking_id: int | None, why: str, page: str) -> None:
    text = said(facts(watch_id=watch_id, booking_id=booking_id))

    assert text.why == f"You get this {why}"
    assert text.app_page == page


def test_a_refusal_without_a_reason_says_so() -> None:
    assert "no reason was given" in said(facts(kind=Kind.BOOKING_REFUSED)).sentence


@pytest.mark.parametrize("watch_id", [None, 12])
def test_a_refusal_by_hand_or_of_a_watch_that_is_over_says_nothing_of_going_on(watch_id: int | None) -> None:
    assert said(facts(kind=Kind.BOOKING_REFUSED, watch_id=watch_id, booking_id=34)).notes == ()


def test_what_comes_from_outside_cannot_break_a_subject() -> None:
    text = said(replace(facts(), restaurant="Houston's\r\nBcc: x@y.test"))

    assert "\n" not in text.subject + text.sentence
    assert "\r" not in text.subject + text.sentence


@pytest.mark.parametrize("kind", [*ACCOUNT_KINDS, *OPERATOR_KINDS, Kind.DIGEST])
def test_other_kinds_of_messages_are_written_elsewhere(kind: Kind) -> None:
    with pytest.raises(ValueError, match="not about tables"):
        said(facts(kind=kind))


def test_the_link_leads_to_the_table_for_the_party() -> None:
    link = urlsplit(said(facts()).lines[0].link)

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

    assert said(replace(facts(), timezone=zone)).lines[0].clock == shown


@pytest.mark.parametrize(
    ("clock", "shown"),
    [(time(0), "12:00 AM"), (time(9, 5), "9:05 AM"), (time(12), "12:00 PM"), (time(23, 59), "11:59 PM")],
)
def test_clock_times_have_twelve_hours(clock: time, shown: str) -> None:
    assert clock_time(at(clock), NEW_YORK) == shown


def test_an_instant_is_shown_by_the_restaurants_clock() -> None:
    assert when(datetime(2026, 11, 1, 23, 15, tzinfo=UTC), NEW_YORK) == "6:15 PM"


def test_a_message_without_openings_still_has_words() -> None:
    text = said(replace(facts(kind=Kind.BOOKING_UNKNOWN), openings=(), persons_zone="America/Phoenix"))

    assert "no time" in text.subject
    assert text.lines == ()
