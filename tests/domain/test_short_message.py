"""Messages in the length of one text message."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.gsm import SINGLE, is_gsm, septets
from backend.domain.message import Effort, Facts, Opening
from backend.domain.short_message import short
from backend.domain.types import Kind
from backend.domain.windows import epoch_ms, instant
from tests.domain.conftest import DAY, NEW_YORK

pytestmark = pytest.mark.fast

NOW = datetime(2026, 7, 9, 18, 2, 20, tzinfo=UTC)
APP = "https://tables.test/#booking=34"
PAGE = "https://reservations.getwisely.com/houston-s-peachtree"
KINDS = (Kind.TABLE_OPEN, Kind.BOOKED, Kind.BOOKING_REFUSED, Kind.BOOKING_UNKNOWN, Kind.BOOKING_DRY_RUN)
CLOCKS = (time(18, 15), time(18, 30), time(18, 45), time(19), time(19, 15), time(19, 30))


def facts(
    tables: int = 1,
    *,
    kind: Kind = Kind.TABLE_OPEN,
    restaurant: str = "Houston's - Peachtree",
    slug: str = "houston-s-peachtree",
    type_name: str = "",
    **more: Any,
) -> Facts:
    openings = tuple(
        Opening(epoch_ms(instant(DAY, clock, NEW_YORK)), 7, type_name, NOW - timedelta(seconds=9))
        for clock in CLOCKS[:tables]
    )
    return Facts(kind, restaurant, NEW_YORK, slug, DAY, 4, openings, **more)


def said(wanted: Facts, *, app_link: str = APP) -> str:
    return short(wanted, app_link=app_link, now=NOW)


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        (
            facts(restaurant="Houston's", slug="houston-s"),
            "Open: Houston's, Fri Jul 10, for 4: 6:15 PM. "
            "https://reservations.getwisely.com/houston-s?party_size=4&search_ts=1783721700000",
        ),
        (
            facts(type_name="Patio"),
            "Open: Houston's - Peachtree, Fri Jul 10, for 4: 6:15 PM Patio. "
            f"{PAGE}?party_size=4&search_ts=1783721700000",
        ),
        (
            facts(2, type_name="Dining Room by the window"),
            "Open: Houston's - Peachtree, Fri Jul 10, for 4: 6:15 PM, 6:30 PM. "
            f"{PAGE}?party_size=4&search_ts=1783721700000",
        ),
        (
            facts(6),
            "Open: Houston's - Peachtree, Fri Jul 10, for 4: 6:15 PM, 6:30 PM, 6:45 PM, 7:00 PM +2 more. "
            f"{PAGE}?party_size=4",
        ),
        (
            facts(3, restaurant="Houston's - A Town With A Name That Goes On And On"),
            "Open: Houston's A Town With A Name That Goes On And On, Fri Jul 10, for 4: 6:15 PM +2 more. "
            f"{PAGE}?party_size=4",
        ),
        (
            facts(3, restaurant="Houston's - A Town With A Name That Goes On And On Today"),
            "Open: A Town With A Name That Goes On And On Today, Fri Jul 10, for 4: 6:15 PM +2 more. "
            f"{PAGE}?party_size=4",
        ),
        (
            facts(2, restaurant="A House With A Name That Goes On And On And On And On"),
            f"Open: A House With A.., Fri Jul 10, for 4: 6:15 PM, 6:30 PM. {PAGE}?party_size=4",
        ),
        (
            facts(restaurant="Houston’s – Pêche 🌿", effort=Effort.ATTEMPTING),
            f"Open, trying to book it: Houston's - Peche, Fri Jul 10, for 4: 6:15 PM. {PAGE}?party_size=4",
        ),
        (
            facts(2, persons_zone="America/Denver"),
            f"Open: Houston's - Peachtree, Fri Jul 10, for 4: 6:15 PM, 6:30 PM EDT. {PAGE}?party_size=4",
        ),
        (
            facts(is_late=True),
            f"Open: Houston's - Peachtree, Fri Jul 10, for 4: 6:15 PM (seen 2:02 PM). {PAGE}?party_size=4",
        ),
        (
            facts(kind=Kind.BOOKED),
            "Booked: Houston's - Peachtree, Fri Jul 10, 6:15 PM, for 4. The restaurant confirms by mail. "
            "https://tables.test/#booking=34",
        ),
        (
            facts(kind=Kind.BOOKING_REFUSED, reason="A card is needed.", slug="h", watch_id=12, watch_goes_on=True),
            "Not booked: Houston's - Peachtree, Fri Jul 10, 6:15 PM, for 4. A card is needed. Your watch goes on. "
            "https://reservations.getwisely.com/h?party_size=4",
        ),
        (
            facts(kind=Kind.BOOKING_UNKNOWN),
            "Please check, maybe booked: Houston's - Peachtree, Fri Jul 10, 6:15 PM, for 4. "
            "See your mail or call them. https://tables.test/#booking=34",
        ),
        (
            facts(kind=Kind.BOOKING_UNKNOWN, booking_id=34, is_for_operator=True),
            "Please check, maybe booked: Houston's - Peachtree, Fri Jul 10, 6:15 PM, for 4. "
            "Booking 34 is to be settled. https://tables.test/#booking=34",
        ),
        (
            facts(kind=Kind.BOOKING_DRY_RUN),
            f"Dry run, nothing booked: Houston's - Peachtree, Fri Jul 10, 6:15 PM, for 4. {PAGE}?party_size=4",
        ),
    ],
)
def test_a_text_message_says_what_matters_most(wanted: Facts, text: str) -> None:
    assert said(wanted) == text
    assert septets(text) <= SINGLE


def test_an_address_that_is_too_long_is_left_out() -> None:
    text = said(facts(kind=Kind.BOOKED), app_link="https://" + "very-long." * 12 + "test/#booking=34")

    assert text == "Booked: Houston's - Peachtree, Fri Jul 10, 6:15 PM, for 4. The restaurant confirms by mail."


@pytest.mark.parametrize("kind", KINDS)
def test_who_has_a_table_or_may_have_one_is_not_led_to_book_another(kind: Kind) -> None:
    leads_to_a_table = "getwisely" in said(facts(kind=kind))

    assert leads_to_a_table == (kind not in (Kind.BOOKED, Kind.BOOKING_UNKNOWN))


def test_without_an_opening_it_leads_to_the_app() -> None:
    assert said(replace(facts(), openings=())).endswith(f"for 4: no time. {APP}")


NAMES = st.text(max_size=80) | st.from_regex(r"[A-Z][a-z’']{0,30} - [A-Z][a-zé€\[]{0,60}", fullmatch=True)


@given(
    kind=st.sampled_from(KINDS),
    tables=st.integers(0, 6),
    restaurant=NAMES,
    type_name=NAMES,
    reason=st.none() | NAMES,
    app_link=st.sampled_from([APP, "https://" + "x" * 200 + ".test/", "https://bücher.test/", ""]),
    slug=st.sampled_from(["h", "houston-s-peachtree", "x" * 150]),
    others=st.fixed_dictionaries(
        {
            "effort": st.sampled_from([None, *Effort]),
            "is_late": st.booleans(),
            "persons_zone": st.sampled_from([None, "America/Phoenix"]),
            "watch_id": st.sampled_from([None, 2**40]),
        }
    ),
)
def test_whatever_the_names_are_it_is_one_text_message_with_day_party_and_time(
    kind: Kind,
    tables: int,
    restaurant: str,
    type_name: str,
    reason: str | None,
    app_link: str,
    slug: str,
    others: dict[str, Any],
) -> None:
    wanted = facts(tables, kind=kind, restaurant=restaurant, type_name=type_name, slug=slug, reason=reason, **others)

    text = said(wanted, app_link=app_link)

    assert is_gsm(text)
    assert septets(text) <= SINGLE
    assert "Fri Jul 10, " in text
    assert "for 4" in text
    assert ("6:15 PM" if tables else "no time") in text


def test_the_longest_day_of_the_longest_month_fits_too() -> None:
    wanted = replace(facts(6), target_date=date(2026, 11, 28), party_size=20)

    assert septets(said(wanted)) <= SINGLE


@pytest.mark.parametrize(("kind", "tables"), list(product(KINDS, (1, 6))))
def test_it_says_the_same_each_time(kind: Kind, tables: int) -> None:
    assert said(facts(tables, kind=kind)) == said(facts(tables, kind=kind))
