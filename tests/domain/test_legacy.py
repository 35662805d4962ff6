"""What of an old database comes over: whatever a row holds, it comes, or it is listed with a reason."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.legacy import Moved, move_in
from backend.domain.legacy_rows import READERS
from backend.domain.legacy_values import Context

pytestmark = pytest.mark.fast

NOW = datetime(2026, 3, 1, tzinfo=UTC)
CONTEXT = Context({"peachtree": "Houston's - Peachtree", "west_paces": "Houston's - West Paces"}, NOW)
COLUMNS = sorted(
    {
        *(
            "id",
            "user_id",
            "watch_id",
            "email",
            "password_hash",
            "name",
            "created_at",
            "updated_at",
            "last_login",
            "token",
        ),
        *("phone", "expires_at", "location_key", "location", "party_size", "target_date", "time_start", "time_end"),
        *("auto_book", "book_phone", "status", "notified_at", "last_scanned", "preferred_date", "preferred_time"),
        *("wait_minutes", "scan_date", "time_slot", "available", "scanned_at", "slot_date", "slot_time", "appeared_at"),
        *("timestamp", "message", "called_at", "wait_count", "call_duration", "channel", "recipient", "body"),
    }
)
SENSIBLE = st.sampled_from(
    [
        *(
            1,
            2,
            20,
            "1",
            True,
            "peachtree",
            "Peachtree",
            "a@guests.test",
            "+14045550101",
            "active",
            "sent",
            "email",
            "sms",
        ),
        *("2026-02-14", "02/14/2026", "18:00", "6:00 PM", "2026-02-14 18:00:00", date(2026, 2, 14), time(18), NOW),
    ]
)
ANYTHING = st.one_of(
    SENSIBLE,
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.binary(max_size=10),
    st.datetimes(),
    st.datetimes(timezones=st.just(timezone(timedelta(hours=-14)))),
    st.dates(),
    st.times(),
)


def move(**tables: list[dict[str, Any]]) -> Moved:
    return move_in(tables, CONTEXT, taken={}, is_ours=lambda table, row: False, is_gone=lambda table, row: False)


@pytest.mark.parametrize("table", READERS)
@given(row=st.dictionaries(st.sampled_from(COLUMNS), ANYTHING))
def test_any_row_comes_or_is_listed_with_a_reason(table: str, row: dict[str, Any]) -> None:
    people = [{"id": 1, "email": "owner@guests.test"}] if table != "users" else []

    moved = move(**{"users": people, table: [row]})

    listed = [remark for remark in moved.rejected if remark.table == table]
    assert len(moved.rows[table]) + len(listed) == 1
    assert all(remark.reason for remark in listed)
    assert not any("\0" in value for values in moved.rows[table] for value in values.values() if isinstance(value, str))


def test_an_instant_without_a_zone_is_utc_and_one_with_a_zone_is_turned() -> None:
    moved = move(
        users=[
            {"id": 1, "email": "a@guests.test", "created_at": "2026-02-14 18:00:00"},
            {
                "id": 2,
                "email": "b@guests.test",
                "created_at": datetime(2026, 2, 14, 13, tzinfo=timezone(timedelta(hours=-5))),
            },
        ]
    )

    assert {row["created_at"] for row in moved.rows["users"]} == {datetime(2026, 2, 14, 18, tzinfo=UTC)}


def test_booking_details_come_from_the_profile_where_the_watch_has_none() -> None:
    moved = move(
        users=[
            {"id": 1, "email": "a@guests.test", "first_name": "Ada", "last_name": "L.", "phone": "404-555-0101"},
        ],
        watches=[
            {
                "id": 1,
                "user_id": 1,
                "location_key": "peachtree",
                "target_date": "2026-05-01",
                "auto_book": 1,
                "book_email": "",
            },
        ],
    )

    (watch,) = moved.rows["watches"]
    assert (watch["book_first_name"], watch["book_email"], watch["book_phone"]) == (
        "Ada",
        "a@guests.test",
        "+14045550101",
    )
    assert watch["auto_book"] is True


def test_a_number_abroad_is_kept_and_not_booked_with() -> None:
    details = {"book_first_name": "Ada", "book_last_name": "L.", "book_phone": "+44 20 7946 0123", "auto_book": True}
    moved = move(
        users=[{"id": 1, "email": "a@guests.test"}],
        watches=[{"id": 1, "user_id": 1, "location_key": "peachtree", "target_date": "2026-05-01", **details}],
    )

    (watch,) = moved.rows["watches"]
    assert (watch["auto_book"], watch["book_phone"]) == (False, "+442079460123")
    assert [remark.reason for remark in moved.remarks if "automatically" in remark.reason] == [
        "it is not booked automatically: the restaurants take North American numbers only"
    ]


def test_of_two_people_with_one_google_account_one_comes() -> None:
    moved = move(
        users=[
            {"id": 1, "email": "a@guests.test", "google_id": "g", "last_login": "2026-02-01"},
            {"id": 2, "email": "b@guests.test", "google_id": "g"},
        ]
    )

    assert len(moved.rows["users"]) == len(moved.rejected) == 1
    assert "Google account is that of user" in moved.rejected[0].reason
