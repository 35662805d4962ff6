"""Messages as they go out."""

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from email.message import EmailMessage
from email.policy import SMTP
from html.parser import HTMLParser
from importlib.resources import files
from itertools import product
from types import SimpleNamespace
from typing import Any

import pytest
from icalendar import Calendar

from backend.domain.account_message import compose_account
from backend.domain.gsm import SINGLE, septets
from backend.domain.message import Effort, Facts, Opening
from backend.domain.types import ACCOUNT_KINDS, Kind
from backend.domain.windows import epoch_ms, instant
from backend.services.letters import Letter, account_letter, letter
from backend.services.message_links import links_of
from backend.services.signed_links import read

pytestmark = pytest.mark.fast

URL = "https://tables.test"
KEY = b"k" * 32
NOW = datetime(2026, 7, 9, 18, 2, 20, tzinfo=UTC)
DAY = date(2026, 7, 10)
ZONE = "America/New_York"
KINDS = (Kind.TABLE_OPEN, Kind.BOOKED, Kind.BOOKING_REFUSED, Kind.BOOKING_UNKNOWN, Kind.BOOKING_DRY_RUN)
GOES_ON = (Kind.TABLE_OPEN, Kind.BOOKING_REFUSED, Kind.BOOKING_DRY_RUN)
ATTACK = '<script>alert(1)</script>"><img src=x>&'
CLOCKS = (time(18, 15), time(18, 30), time(19))
RESTAURANTS = json.loads((files("backend.db") / "locations.json").read_text())


def facts(kind: Kind = Kind.TABLE_OPEN, *clocks: time, **more: Any) -> Facts:
    zone, day = more.get("timezone", ZONE), more.get("target_date", DAY)
    openings = tuple(
        Opening(epoch_ms(instant(day, clock, zone)), 7, "Dining Room", NOW - timedelta(seconds=9))
        for clock in clocks or CLOCKS[: 3 if kind is Kind.TABLE_OPEN else 1]
    )
    return replace(
        Facts(kind, "Houston's - Peachtree", ZONE, "houston-s-peachtree", DAY, 4, openings),
        **{
            "location_key": "peachtree",
            "town": "Atlanta, GA",
            "watch_id": 12,
            "watch_goes_on": True,
            "booking_id": None if kind is Kind.TABLE_OPEN else 34,
            **more,
        },
    )


def written(wanted: Facts, *, key: bytes | None = KEY, user_id: int | None = 3, channel_id: int | None = 5) -> Letter:
    row: Any = SimpleNamespace(
        kind=wanted.kind,
        user_id=user_id,
        watch_id=wanted.watch_id,
        booking_id=wanted.booking_id,
        channel_id=channel_id,
    )
    links = links_of(row, public_url=URL, key=key, watch_goes_on=wanted.watch_goes_on)
    return letter(wanted, public_url=URL, links=links, now=NOW)


class Reader(HTMLParser):
    """What a person sees of a page, and where it leads."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.words = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.mark.parametrize("kind", KINDS)
def test_text_and_page_say_the_same_times_and_lead_to_the_same_places(kind: Kind) -> None:
    mail = written(facts(kind, persons_zone="America/Denver", effort=Effort.IN_LINE))

    page = Reader(mail.html)
    clock = re.compile(r"\d{1,2}:\d\d [AP]M")
    assert set(clock.findall(page.words)) == set(clock.findall(mail.text)) != set()
    assert set(page.links) == set(re.findall(r"https://\S+", mail.text))
    assert "Eastern time" in page.words
    assert "Eastern time" in mail.text


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_from_outside_gets_into_the_page_as_markup(kind: Kind) -> None:
    wanted = facts(kind, restaurant=ATTACK, reason=ATTACK, booking_slug=ATTACK)
    wanted = replace(wanted, openings=tuple(replace(opening, type_name=ATTACK) for opening in wanted.openings))

    page = Reader(written(wanted).html)

    assert {"script", "img"} & set(page.tags) == set()
    assert ATTACK in page.words
    assert all(link.startswith("https://") for link in page.links)


@pytest.mark.parametrize("kind", ACCOUNT_KINDS)
def test_a_name_cannot_write_into_a_mail_about_an_account(kind: Kind) -> None:
    mail = account_letter(compose_account(kind, name=ATTACK), link=f"{URL}/account#x", public_url=URL)

    page = Reader(mail.html)

    assert {"script", "img"} & set(page.tags) == set()
    assert ATTACK in page.words
    assert "#x" not in mail.kept


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_holds_up_in_the_dark_and_on_a_telephone(kind: Kind) -> None:
    html = written(facts(kind)).html

    assert '<meta name="color-scheme" content="light dark">' in html
    assert "@media (prefers-color-scheme: dark)" in html
    assert "max-width:520px" in html
    assert html.startswith("<!doctype html>")
    # Some mail programs cut off what is longer.
    assert len(html.encode()) < 100_000


@pytest.mark.parametrize("kind", KINDS)
def test_a_watch_that_goes_on_can_be_paused_and_cancelled_from_the_mail(kind: Kind) -> None:
    mail = written(facts(kind))

    month = timedelta(days=30)
    signed = dict(re.findall(r"https://tables\.test/m/(pause|cancel)/(\S+)", mail.text))
    assert set(signed) == ({"pause", "cancel"} if kind in GOES_ON else set())
    for purpose, token in signed.items():
        assert read([KEY], token, purpose=purpose, max_age=month) == 12


def test_a_guest_says_by_a_link_in_the_mail_whether_there_is_a_table() -> None:
    mail = written(facts(Kind.BOOKING_UNKNOWN))

    (token,) = re.findall(r"/m/settle/(\S+)", mail.text)
    assert read([KEY], token, purpose="settle", max_age=timedelta(days=1)) == 34
    assert token in mail.html
    assert token not in mail.kept


def test_an_operator_reads_the_command_and_gets_no_link_of_the_guests() -> None:
    mail = written(facts(Kind.BOOKING_UNKNOWN, is_for_operator=True), user_id=None)

    assert "houstons booking settle 34 booked|not-booked" in mail.text
    assert "houstons booking settle 34 booked|not-booked" in mail.html
    assert re.findall(r"/m/settle/|#booking=", mail.text + mail.html) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_watch_that_is_over_can_be_neither_paused_nor_cancelled(kind: Kind) -> None:
    mail = written(facts(kind, watch_goes_on=False))

    assert re.findall(r"/m/(?:pause|cancel)/", mail.text + mail.html) == []
    assert "goes on" not in mail.text + mail.short


def test_an_alert_can_be_unsubscribed_from_with_one_click() -> None:
    mail = written(facts())

    link = mail.headers["List-Unsubscribe"]
    found = re.fullmatch(r"<https://tables\.test/m/unsubscribe/(\S+)>", link)
    assert found is not None
    assert read([KEY], found[1], purpose="unsubscribe", max_age=timedelta(days=1)) == 5
    assert mail.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert link[1:-1] in mail.text
    assert link[1:-1] in mail.html


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind is not Kind.TABLE_OPEN])
def test_a_booking_concerns_a_guest_whatever_they_wish(kind: Kind) -> None:
    mail = written(facts(kind))

    assert "List-Unsubscribe" not in mail.headers
    assert "unsubscribe" not in mail.text


@pytest.mark.parametrize("stranger", [{"user_id": None}, {"key": None}])
def test_who_is_not_the_watchs_person_gets_nothing_that_acts_on_it(stranger: dict[str, Any]) -> None:
    mail = written(facts(Kind.BOOKING_REFUSED), **stranger)

    assert "/m/" not in mail.text + mail.html


def test_the_mails_of_a_watch_hang_together() -> None:
    alert, booked = (written(facts(kind)) for kind in (Kind.TABLE_OPEN, Kind.BOOKED))
    other = written(facts(watch_id=13))

    assert alert.headers["References"] == booked.headers["References"] == "<watch-12@tables.test>"
    assert alert.headers["In-Reply-To"] == "<watch-12@tables.test>"
    assert other.headers["References"] == "<watch-13@tables.test>"
    assert "References" not in written(facts(Kind.BOOKED, watch_id=None)).headers


@pytest.mark.parametrize("kind", KINDS)
def test_subject_and_headers_fit_into_a_mail_as_they_are(kind: Kind) -> None:
    mail = written(facts(kind, restaurant="Houston’s\r\nBcc: x@y.test"))

    composed = EmailMessage(policy=SMTP.clone(max_line_length=200))
    for name, value in {**mail.headers, "Subject": mail.subject}.items():
        composed[name] = value

    head = composed.as_bytes().decode()
    assert {name: str(value) for name, value in composed.items()} == {**mail.headers, "Subject": mail.subject}
    assert "\nBcc" not in head


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_kept_opens_nothing(kind: Kind) -> None:
    mail = written(facts(kind))

    assert "/m/" not in mail.kept
    assert mail.kept == re.sub(r"https://tables\.test/m/\S+", "(a link, not kept)", mail.text)


@pytest.mark.parametrize("kind", KINDS)
def test_programs_are_told_what_it_is_about_in_plain_values_and_nothing_of_the_person(kind: Kind) -> None:
    mail = written(facts(kind, reason="no", persons_zone="Asia/Tokyo"))

    told = json.loads(json.dumps(mail.facts))
    assert told["kind"] == kind
    assert told["restaurant"] == {"key": "peachtree", "name": "Houston's - Peachtree", "timezone": ZONE}
    assert (told["date"], told["party_size"], told["reason"]) == ("2026-07-10", 4, "no")
    assert told["openings"][0]["at"] == "2026-07-10T18:15:00-04:00"
    assert told["openings"][0]["last_seen_at"] == "2026-07-09T18:02:11+00:00"
    assert "/m/" not in json.dumps(told)
    assert "Tokyo" not in json.dumps(told)


@pytest.mark.parametrize("kind", KINDS)
def test_a_tap_leads_to_the_table_or_to_the_booking(kind: Kind) -> None:
    link = written(facts(kind)).link

    assert link is not None
    if kind in GOES_ON:
        assert link.startswith("https://reservations.getwisely.com/houston-s-peachtree?party_size=4&search_ts=")
    else:
        assert link == "https://tables.test/#booking=34"


@pytest.mark.parametrize(
    ("day", "zone", "starts_at"),
    [
        (date(2026, 3, 8), ZONE, datetime(2026, 3, 8, 22, 15, tzinfo=UTC)),
        (date(2026, 11, 1), ZONE, datetime(2026, 11, 1, 23, 15, tzinfo=UTC)),
        (date(2026, 11, 1), "America/Phoenix", datetime(2026, 11, 2, 1, 15, tzinfo=UTC)),
    ],
)
def test_a_booking_comes_with_its_event_at_the_right_instant(day: date, zone: str, starts_at: datetime) -> None:
    mail = written(facts(Kind.BOOKED, target_date=day, timezone=zone))

    (attachment,) = mail.attachments
    calendar = Calendar.from_ical(attachment.content)
    (event,) = calendar.events
    assert (attachment.filename, attachment.media_type) == (
        "reservation.ics",
        "text/calendar; method=PUBLISH; charset=utf-8",
    )
    assert (event.start.astimezone(UTC), event.start.time()) == (starts_at, time(18, 15))
    assert event["UID"] == "booking-34@tables.test"
    assert event["LOCATION"] == "Houston's - Peachtree, Atlanta, GA"


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind is not Kind.BOOKED])
def test_nothing_but_a_booking_is_for_the_calendar(kind: Kind) -> None:
    assert written(facts(kind)).attachments == ()


@pytest.mark.parametrize("place", RESTAURANTS, ids=[place["key"] for place in RESTAURANTS])
def test_a_text_message_about_any_restaurant_is_one_and_has_its_address(place: dict[str, Any]) -> None:
    page = f"https://reservations.getwisely.com/{place['booking_slug']}"
    ordinary: dict[str, Any] = {}
    long = {"persons_zone": "Pacific/Honolulu", "effort": Effort.ATTEMPTING, "is_late": True}
    for tables, (more, address) in product(range(1, 7), ((ordinary, f"{page}?party_size=12"), (long, page))):
        clocks = [time(18 + n // 4, 15 * (n % 4)) for n in range(tables)]

        text = written(
            facts(
                Kind.TABLE_OPEN,
                *clocks,
                restaurant=place["name"],
                booking_slug=place["booking_slug"],
                timezone=place["timezone"],
                target_date=date(2026, 11, 25),
                party_size=12,
                **more,
            )
        ).short

        assert septets(text) <= SINGLE
        assert address in text
        assert "Wed Nov 25, for 12: 6:00 PM" in text
