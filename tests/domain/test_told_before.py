"""Which tables an old message named, and which new drop is meant."""

from datetime import UTC, date, datetime, time

import pytest

from backend.domain.told_before import Table, Told, first_fits, tables_in
from backend.domain.windows import epoch_ms, instant
from tests.domain.conftest import DAY, NEW_YORK, make_drop, make_watch

pytestmark = pytest.mark.fast

SEVEN = Table(DAY, time(19), 2)


def at(clock: time) -> int:
    return epoch_ms(instant(DAY, clock, NEW_YORK))


@pytest.mark.parametrize(
    "body",
    [
        "Houston's - Peachtree has a table on 2026-02-27 at 7:15 PM for party of 2. Book now!",
        "<p>A table on <b>2026-02-27</b> at\n7:15 pm for a party of 2.</p>",
        "on 02/27/2026 at 19:15 for party of 2",
        "on 2026-02-27 at 7:15 PM for party of 2. Again: on 2026-02-27 at 7:15 PM for party of 2.",
    ],
)
def test_the_sentence_is_found_however_it_is_wrapped(body: str) -> None:
    assert tables_in(body) == [Table(date(2026, 2, 27), time(19, 15), 2)]


def test_a_message_may_name_several() -> None:
    body = "on 2026-02-27 at 7:15 PM for party of 2. "

    assert len(tables_in(body + body.replace("7:15", "7:45"))) == 2


@pytest.mark.parametrize(
    "body",
    ["", "A table is open", "on 2026-02-30 at 7:15 PM for party of 2.", "on 2026-02-27 at 27:15 for party of 2."],
)
def test_a_message_without_the_sentence_names_none(body: str) -> None:
    assert tables_in(body) == []


def test_the_first_drop_that_fits_uses_it_up() -> None:
    watch, drops = make_watch(1), [make_drop(1, at(time(19)), 1), make_drop(2, at(time(19)), 2)]

    found = first_fits([Told(7, 1, SEVEN)], [(watch, drop) for drop in drops], NEW_YORK)

    assert found == {(1, 1): 7}


@pytest.mark.parametrize(
    "table", [Table(DAY, time(19, 15), 2), Table(DAY, time(19), 4), Table(date(2026, 7, 11), time(19), 2)]
)
def test_another_time_party_or_day_does_not_fit(table: Table) -> None:
    assert first_fits([Told(7, 1, table)], [(make_watch(1), make_drop(1, at(time(19))))], NEW_YORK) == {}


def test_what_one_watch_was_told_does_not_silence_another() -> None:
    pairs = [(make_watch(2), make_drop(1, at(time(19)))), (make_watch(1), make_drop(1, at(time(19))))]

    assert first_fits([Told(7, 1, SEVEN)], pairs, NEW_YORK) == {(1, 1): 7}


def test_the_time_is_the_restaurants() -> None:
    drop = make_drop(1, epoch_ms(datetime(2026, 7, 10, 23, tzinfo=UTC)))

    assert first_fits([Told(7, 1, SEVEN)], [(make_watch(1), drop)], NEW_YORK) == {(1, 1): 7}
