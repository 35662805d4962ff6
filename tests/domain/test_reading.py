"""What people and older programs write for dates, times and numbers."""

from datetime import UTC, date, datetime, time, timedelta, timezone

import pytest

from backend.domain import reading
from backend.domain.location_names import location_key

pytestmark = pytest.mark.fast

NAMES = {
    "peachtree": "Houston's - Peachtree",
    "west_paces": "Houston's - West Paces",
    "rutherford_grill": "Rutherford Grill",
}


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("18:00", time(18)),
        ("18:05:59", time(18, 5)),
        ("6:00 PM", time(18)),
        ("6:15pm", time(18, 15)),
        ("6 p.m.", time(18)),
        ("12:30 AM", time(0, 30)),
        ("12:30 PM", time(12, 30)),
        ("18:30 PM", time(18, 30)),
        (" 9:05 ", time(9, 5)),
        (time(19, 30, 12), time(19, 30)),
        (datetime(2026, 2, 14, 19, 30, 5), time(19, 30)),
    ],
)
def test_clock_times(written: object, meant: time) -> None:
    assert reading.clock(written) == meant


@pytest.mark.parametrize("written", ["", None, "evening", "25:00", "6", "18:60", "0:30 PM:", "6:1 PM", "١٨:٠٠x"])
def test_what_is_no_clock_time_is_said(written: object) -> None:
    with pytest.raises(ValueError, match="is not a time of day"):
        reading.clock(written)


@pytest.mark.parametrize(("at", "said"), [(time(0, 5), "12:05 AM"), (time(12), "12:00 PM"), (time(18, 15), "6:15 PM")])
def test_a_clock_time_said_is_read_back(at: time, said: str) -> None:
    assert reading.spoken(at) == said
    assert reading.clock(said) == at


@pytest.mark.parametrize(
    "written",
    [
        "2026-02-14",
        "2026-02-14T18:00:00",
        "2026-02-14 18:00:00",
        "02/14/2026",
        "2/14/2026",
        "2/14/26",
        "February 14, 2026",
        "Feb 14, 2026",
        " 2026/02/14 ",
        date(2026, 2, 14),
        datetime(2026, 2, 14, 18, 0),
    ],
)
def test_dates(written: object) -> None:
    assert reading.day(written) == date(2026, 2, 14)


@pytest.mark.parametrize("written", ["", None, "next Friday", "2026-02-30", "14/02/2026", "2026-2"])
def test_what_is_no_date_is_said(written: object) -> None:
    with pytest.raises(ValueError, match="is not a date"):
        reading.day(written)


@pytest.mark.parametrize(
    "written",
    [
        "2026-02-14 18:00:00",
        "2026-02-14T18:00:00",
        "2026-02-14T18:00:00.000000",
        "2026-02-14T18:00:00Z",
        "2026-02-14T13:00:00-05:00",
        1771092000,
        1771092000000,
        datetime(2026, 2, 14, 18),
        datetime(2026, 2, 14, 13, tzinfo=timezone(timedelta(hours=-5))),
    ],
)
def test_instants_without_a_zone_are_utc(written: object) -> None:
    assert reading.instant(written) == datetime(2026, 2, 14, 18, tzinfo=UTC)
    assert reading.instant(written).tzinfo is UTC


@pytest.mark.parametrize("written", ["", None, "yesterday", True, 1e300, "0001-01-01T00:00:00+23:00"])
def test_what_is_no_instant_is_said(written: object) -> None:
    with pytest.raises(ValueError, match="is not an instant"):
        reading.instant(written)


@pytest.mark.parametrize(
    ("written", "meant"), [(1, True), ("1", True), ("Yes", True), (0, False), ("", False), (None, False)]
)
def test_flags(written: object, meant: bool) -> None:
    assert reading.flag(written) is meant


def test_what_is_neither_yes_nor_no_is_said() -> None:
    with pytest.raises(ValueError, match="'maybe' is neither yes nor no"):
        reading.flag("maybe")


@pytest.mark.parametrize("written", [4, "4", " 4 ", 4.0, "4.0"])
def test_whole_numbers(written: object) -> None:
    assert reading.whole(written, low=1, high=20) == 4


@pytest.mark.parametrize("written", ["four", "", None, 4.5, "nan", "inf", 0, 21, "-1"])
def test_what_is_no_whole_number_in_bounds_is_said(written: object) -> None:
    with pytest.raises(ValueError, match=r"is not (a whole number|between 1 and 20)"):
        reading.whole(written, low=1, high=20)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("(404) 555-0123", "+14045550123"),
        ("+1 404.555.0123", "+14045550123"),
        ("4045550123", "+14045550123"),
        ("1-404-555-0123", "+14045550123"),
        ("+44 20 7946 0123", "+442079460123"),
        ("", None),
        (None, None),
        ("n/a", None),
    ],
)
def test_telephone_numbers(written: object, meant: str | None) -> None:
    assert reading.telephone(written) == meant


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("404-555-012", "this one has 9"),
        ("442079460123", "this one has 12"),
        ("+44 20", "this one has 4"),
        ("123-456-7890", "there is no such"),
    ],
)
def test_what_is_no_telephone_number_is_said(written: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        reading.telephone(written)


@pytest.mark.parametrize(
    ("said", "key"),
    [
        ("peachtree", "peachtree"),
        ("Peachtree", "peachtree"),
        ("West Paces", "west_paces"),
        ("west_paces", "west_paces"),
        ("houston’s - peachtree", "peachtree"),
        (" Rutherford  Grill ", "rutherford_grill"),
        ("both", None),
        ("", None),
    ],
)
def test_restaurants_by_key_name_and_short_name(said: str, key: str | None) -> None:
    assert location_key(said, NAMES) == key
