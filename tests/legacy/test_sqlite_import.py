"""A houstons.db moves in: every table, both column orders, and everything odd that files hold."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest

from tests.legacy.conftest import Home, reasons, remarks
from tests.legacy.sources import GROWN, NEW, OLD_CALLS, SqliteFile, sha256


@pytest.mark.parametrize("schema", [GROWN + OLD_CALLS, NEW, GROWN])
async def test_every_table_comes_by_column_name_whatever_the_order(home: Home, tmp_path: Path, schema: str) -> None:
    old = SqliteFile(tmp_path / "old.db", schema)
    old.add(
        "users",
        id=7,
        email="alice@guests.test",
        password_hash=sha256("secret"),
        name="Alice “the cook” O'Neil 🍽",
        google_id="g-7",
        picture="https://pictures.test/7",
        phone="(404) 555-0107",
        created_at="2026-01-02 03:04:05",
        last_login="2026-01-03T03:04:05.123456",
    )
    token = "ab" * 32
    old.add("sessions", id=3, user_id=7, token=token, created_at=f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}")
    old.add(
        "watches",
        id=11,
        user_id=7,
        location_key="peachtree",
        party_size=4,
        target_date="02/14/2026",
        time_start="6:00 PM",
        time_end="20:30",
        auto_book=1,
        book_first_name="Alice",
        book_last_name="O'Neil",
        book_email="alice@guests.test",
        book_phone="+1 404.555.0107",
        status="expired",
        created_at="2026-01-05 00:00:00",
        notified_at="2026-01-06T00:00:00",
        last_scanned="2026-01-07T00:00:00",
    )
    old.add("alerts", id=5, name="Dora", email="Dora@guests.test", preferred_date="any Friday", location="both")
    old.add("wait_reports", id=6, location="West Paces", wait_minutes=30, source="bland")
    old.add(
        "scan_history",
        id=9,
        location="peachtree",
        scan_date="2026-02-14",
        time_slot="6:15 PM",
        party_sizes="2,4",
        available=1,
    )
    old.add(
        "slot_drops",
        id=2,
        location="peachtree",
        slot_date="2026-02-14",
        slot_time="7:30 PM",
        appeared_at="2026-02-01 10:00:00",
    )
    old.add("feedback", id=4, timestamp="2026-01-01T00:00:00", message='It\'s "great" 🎉', contact="d", ip="192.0.2.1")

    imported = await home.move_in(old)

    assert imported.rejected == ()
    user = await home.one("SELECT * FROM users")
    assert (user.id, user.email, user.name, user.phone) == (
        7,
        "alice@guests.test",
        "Alice “the cook” O'Neil 🍽",
        "+14045550107",
    )
    assert (user.google_id, user.picture, user.role) == ("g-7", "https://pictures.test/7", "user")
    assert user.password_hash == f"sha256${sha256('secret')}"
    assert user.created_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert user.last_login == datetime(2026, 1, 3, 3, 4, 5, 123456, tzinfo=UTC)
    session = await home.one("SELECT * FROM sessions")
    assert (session.id, session.user_id, session.expires_at - session.created_at) == (3, 7, timedelta(days=30))
    watch = await home.one("SELECT w.*, g.last_ok_at FROM watches w JOIN scan_groups g USING (location_key)")
    assert (watch.id, watch.user_id, watch.location_key, watch.party_size) == (11, 7, "peachtree", 4)
    assert (watch.target_date, watch.time_start, watch.time_end) == (date(2026, 2, 14), time(18), time(20, 30))
    assert (watch.book_phone, watch.status, watch.auto_book, watch.auto_book_held) == (
        "+14045550107",
        "expired",
        True,
        True,
    )
    assert watch.last_ok_at == datetime(2026, 1, 7, tzinfo=UTC)
    alert = await home.one("SELECT * FROM alerts")
    assert (alert.id, alert.email, alert.party_size) == (5, "dora@guests.test", 2)
    assert (alert.preferred_date, alert.preferred_time, alert.location) == ("any Friday", None, "both")
    assert await home.rows("SELECT id, location, wait_minutes, source FROM wait_reports") == [
        (6, "west_paces", 30, "bland")
    ]
    scan = await home.one("SELECT * FROM scan_history")
    assert (scan.id, scan.time_slot, scan.party_sizes, scan.available) == (9, "6:15 PM", "2,4", True)
    drop = await home.one("SELECT * FROM slot_drops")
    assert (drop.id, drop.slot_time, drop.source, drop.group_id) == (2, "7:30 PM", "import", None)
    assert drop.appeared_at == drop.gone_at == datetime(2026, 2, 1, 10, tzinfo=UTC)
    feedback = await home.one("SELECT * FROM feedback")
    assert (feedback.id, feedback.message, feedback.ip) == (4, 'It\'s "great" 🎉', "192.0.2.1")
    assert feedback.created_at == datetime(2026, 1, 1, tzinfo=UTC)


async def test_telephone_calls_come_in_both_forms(home: Home, old: SqliteFile, tmp_path: Path) -> None:
    old.add(
        "call_logs",
        id=1,
        location="Houston's - Peachtree",
        phone="+14045550100",
        call_id="c",
        wait_count=2,
        wait_minutes=20,
        transcript="“twenty”",
        call_duration=31.5,
        called_at="2026-02-01T18:00:00",
    )
    older = SqliteFile(tmp_path / "older.db", GROWN + OLD_CALLS)
    older.add(
        "call_logs", id=2, location="Peachtree", timestamp="2026-01-01T18:00:00", wait_minutes=5, raw_json='{"a": 1}'
    )

    await home.move_in(old)
    await home.move_in(older)

    rows = await home.rows("SELECT location, wait_count, wait_minutes, called_at, raw_json FROM call_logs ORDER BY id")
    assert rows == [
        ("peachtree", 2, 20, datetime(2026, 2, 1, 18, tzinfo=UTC), None),
        ("peachtree", None, 5, datetime(2026, 1, 1, 18, tzinfo=UTC), '{"a": 1}'),
    ]


async def test_rows_that_cannot_come_are_listed_with_their_reason(home: Home, old: SqliteFile) -> None:
    old.add("users", id=1, email="alice@guests.test", name="Alice")
    old.add("users", id=2, email="", name="Nobody")
    wish = {"user_id": 1, "location_key": "peachtree", "target_date": "2027-02-14"}
    old.add("watches", id=1, **{**wish, "user_id": 99})
    old.add("watches", id=2, **wish, time_start="20:00", time_end="18:00")
    old.add("watches", id=3, **wish, party_size=0)
    old.add("watches", id=4, **{**wish, "location_key": "atlantis"})
    old.add("watches", id=5, **{**wish, "target_date": "Valentine's"})
    old.add("watches", id=6, **wish, status="lost")
    old.add("watches", id=7, **wish, time_start="evening")
    old.add("watches", id=8, **wish)
    old.add("sessions", id=1, user_id=1, token="a" * 64, created_at="2020-01-01 00:00:00")
    old.add("sessions", id=2, user_id=99, token="b" * 64)
    old.add("scan_history", id=1, location="peachtree", scan_date="?", time_slot="6:15 PM", available=1)
    old.add("wait_reports", id=1, location="peachtree", wait_minutes=-5)
    old.add("feedback", id=1, message="")

    imported = await home.move_in(old)

    assert reasons(imported) == {
        ("users", "2", "it has no e-mail address"),
        ("watches", "1", "its user 99 is not there, or did not come"),
        ("watches", "2", "its window ends before it starts (20:00 to 18:00)"),
        ("watches", "3", "its party: 0 is not between 1 and 20"),
        ("watches", "4", "there is no restaurant 'atlantis'"),
        ("watches", "5", '"Valentine\'s" is not a date such as 2026-02-14'),
        ("watches", "6", "its status 'lost' is unknown"),
        ("watches", "7", "'evening' is not a time of day such as 18:00 or 6:00 PM"),
        ("sessions", "1", "it has expired"),
        ("sessions", "2", "its user 99 is not there, or did not come"),
        ("scan_history", "1", "'?' is not a date such as 2026-02-14"),
        ("wait_reports", "1", "-5 is not between 0 and 1440"),
        ("feedback", "1", "it says nothing"),
    }
    assert await home.rows("SELECT id FROM watches") == [(8,)]
    assert {count.name: count.rejected for count in imported.tables}["watches"] == 7


async def test_what_a_row_can_do_without_is_left_out_and_said(home: Home, old: SqliteFile) -> None:
    old.add("users", id=1, email="alice@guests.test", phone="404-555-010", password_hash="plain", last_login="never")
    old.add("watches", id=1, user_id=1, location_key="peachtree", target_date="2027-02-14", auto_book=1)

    imported = await home.move_in(old)

    assert imported.rejected == ()
    assert remarks(imported) == {
        ("users", "1", "phone was left out: a telephone number has ten digits, this one has 9"),
        ("users", "1", "last_login was left out: 'never' is not an instant such as 2026-02-14 18:00:00"),
        ("users", "1", "its password is in an unknown form: they have to set a new one"),
        (
            *("watches", "1"),
            "it is not booked automatically: book_first_name, book_last_name, book_phone missing",
        ),
    }
    assert (await home.one("SELECT auto_book FROM watches")).auto_book is False


async def test_of_two_addresses_that_differ_in_case_the_living_one_comes(home: Home, old: SqliteFile) -> None:
    old.add("users", id=1, email="Alice@Guests.test", name="Old Alice", last_login="2026-02-01 00:00:00")
    old.add("users", id=2, email="alice@guests.test", name="Alice")
    old.add("users", id=3, email="BOB@guests.test", name="Bob")
    for user_id in (1, 2, 3):
        old.add("watches", user_id=user_id, location_key="peachtree", target_date="2027-02-14")

    imported = await home.move_in(old)

    assert await home.rows("SELECT id, email FROM users ORDER BY id") == [
        (2, "alice@guests.test"),
        (3, "bob@guests.test"),
    ]
    assert reasons(imported) == {
        ("users", "1", "its address or Google account is that of user 2"),
        ("watches", "1", "its user 1 is not there, or did not come"),
    }


async def test_a_person_with_a_table_is_not_given_another_for_that_meal(home: Home, old: SqliteFile) -> None:
    old.add("users", id=1, email="alice@guests.test", phone="4045550101")
    names = {"book_first_name": "A", "book_last_name": "B", "auto_book": 1, "user_id": 1, "target_date": str(home.day)}
    old.add("watches", id=1, location_key="peachtree", status="booked", **names)
    old.add("watches", id=2, location_key="west_paces", **names)
    old.add("watches", id=3, location_key="west_paces", time_start="12:00", time_end="13:00", **names)

    imported = await home.move_in(old)

    assert remarks(imported) == {
        ("watches", "2", "it is not booked automatically: the person has a table for that meal")
    }
    assert await home.rows("SELECT id FROM watches WHERE auto_book ORDER BY id") == [(1,), (3,)]


async def test_notified_watches_come_in_as_active_and_are_looked_at_soon(home: Home, old: SqliteFile) -> None:
    old.add("users", id=1, email="alice@guests.test")
    old.add("watches", id=1, user_id=1, location_key="peachtree", target_date=str(home.day), status="notified")
    old.add("watches", id=2, user_id=1, location_key="west_paces", target_date=str(home.day), status="cancelled")

    await home.move_in(old)

    assert await home.rows(
        "SELECT w.id, w.status, w.needs_match, g.next_scan_at <= now() FROM watches w "
        "JOIN scan_groups g USING (location_key, target_date, party_size) ORDER BY w.id"
    ) == [(1, "active", True, True), (2, "cancelled", True, None)]


async def test_an_address_that_came_is_verified_for_messages_only(home: Home, old: SqliteFile) -> None:
    old.add("users", id=1, email="Alice@guests.test", phone="4045550101")

    await home.move_in(old)

    channel = await home.one("SELECT * FROM channels")
    assert (channel.kind, channel.address, channel.verified_by) == ("email", "alice@guests.test", "import")
    assert channel.verified_at is not None


async def test_ids_of_ours_begin_above_those_that_came(home: Home, old: SqliteFile) -> None:
    old.add("users", id=41, email="alice@guests.test")

    await home.move_in(old)
    await home.run("INSERT INTO users (email, name) VALUES ('bob@guests.test', 'Bob')")

    assert (await home.one("SELECT id FROM users WHERE name = 'Bob'")).id > 41
