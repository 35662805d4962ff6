"""After moving in: old passwords and sign-ins, held bookings, and what was told before."""

from datetime import UTC, datetime, time

import httpx
import pytest

from backend.services.legacy_import import ImportRefused
from tests.conftest import Simulator
from tests.legacy.conftest import Home
from tests.legacy.sources import SqliteFile, sha256
from tests.services.conftest import Loop

TOKEN = "0123456789abcdef" * 4


@pytest.fixture
def loop(home: Home, simulator: Simulator) -> Loop:
    return Loop(home.r, simulator)


def add_watch(old: SqliteFile, home: Home, *, auto_book: int = 1) -> None:
    old.add("users", id=1, email="alice@guests.test", name="Alice", phone="404-555-0101")
    old.add(
        "watches",
        id=1,
        user_id=1,
        location_key="peachtree",
        target_date=str(home.day),
        auto_book=auto_book,
        book_first_name="Alice",
        book_last_name="Guest",
    )


async def test_who_was_signed_in_still_is(home: Home, old: SqliteFile, client: httpx.AsyncClient) -> None:
    old.add("users", id=1, email="alice@guests.test", password_hash=sha256("x"))
    old.add("sessions", id=1, user_id=1, token=TOKEN, created_at=f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}")

    await home.move_in(old)

    answer = await client.get("/api/auth/me", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.json()["user"]["email"] == "alice@guests.test"


async def test_an_old_password_still_signs_in_and_its_weak_hash_is_replaced(
    home: Home, old: SqliteFile, client: httpx.AsyncClient
) -> None:
    old.add("users", id=1, email="alice@guests.test", password_hash=sha256("houstons4ever"))
    await home.move_in(old)
    body = {"email": "alice@guests.test", "password": "houstons4ever"}

    wrong = await client.post("/api/auth/login", json={**body, "password": "guess"})
    answers = [await client.post("/api/auth/login", json=body) for _ in range(2)]

    (user,) = await home.rows("SELECT password_hash FROM users")
    assert [wrong.status_code, *(answer.status_code for answer in answers)] == [401, 200, 200]
    assert user.password_hash.startswith("$argon2id$")


async def test_nothing_is_booked_while_the_earlier_version_may_still_book(
    home: Home, old: SqliteFile, loop: Loop
) -> None:
    add_watch(old, home)
    imported = await home.move_in(old)
    loop.open("19:15")

    result = await loop.look()

    assert (imported.held, imported.released) == (1, 0)
    assert (result.matches, result.work.bookings) == (1, ())
    assert await home.rows("SELECT 1 FROM bookings") == []


async def test_a_chance_of_a_watch_that_is_held_meanwhile_is_not_taken(home: Home, old: SqliteFile, loop: Loop) -> None:
    add_watch(old, home)
    await home.move_in(old, final=True)
    loop.open("19:15")
    (booking_id,) = (await loop.look()).work.bookings
    await home.run("UPDATE watches SET auto_book_held = true")

    outcome = await loop.book(booking_id)

    assert outcome.state == "lapsed"
    assert loop.simulator.bookings == []


@pytest.mark.parametrize("with_source", [True, False])
async def test_after_the_final_import_open_tables_are_booked(
    home: Home, old: SqliteFile, loop: Loop, with_source: bool
) -> None:
    add_watch(old, home)
    await home.move_in(old)
    loop.open("19:15")
    await loop.look()

    imported = await home.move_in(old if with_source else None, final=True)
    result = await loop.look()
    outcomes = await loop.book_all(result.work.bookings)

    assert (imported.held, imported.released) == (0, 1)
    assert [outcome.state for outcome in outcomes] == ["booked"]
    assert len(loop.simulator.bookings) == 1


async def test_a_dry_run_of_the_final_import_releases_nothing(home: Home, old: SqliteFile) -> None:
    add_watch(old, home)
    await home.move_in(old)

    imported = await home.move_in(None, final=True, dry_run=True)

    assert imported.released == 1
    assert (await home.one("SELECT auto_book_held FROM watches")).auto_book_held


async def test_what_was_released_stays_released_and_what_is_new_is_held(home: Home, old: SqliteFile) -> None:
    add_watch(old, home)
    await home.move_in(old)
    await home.move_in(None, final=True)
    old.add("watches", id=2, user_id=1, location_key="west_paces", target_date=str(home.day), auto_book=0)
    old.run("UPDATE watches SET book_first_name = 'Ann' WHERE id = 1")

    imported = await home.move_in(old)

    assert imported.held == 0
    assert await home.rows("SELECT id, book_first_name, auto_book_held FROM watches ORDER BY id") == [
        (1, "Ann", False),
        (2, None, False),
    ]


async def test_a_table_that_is_booked_there_is_booked_whatever_was_changed_here(home: Home, old: SqliteFile) -> None:
    add_watch(old, home)
    await home.move_in(old)
    await home.run("UPDATE watches SET time_end = '21:00', updated_at = now()")
    old.run("UPDATE watches SET status = 'booked', booked_at = '2026-02-01 00:00:00'")

    imported = await home.move_in(old, final=True)

    assert imported.released == 0
    assert (await home.one("SELECT status FROM watches")).status == "booked"


async def test_a_watch_made_here_does_not_book_the_meal_that_is_booked_there(home: Home, old: SqliteFile) -> None:
    add_watch(old, home)
    await home.move_in(old)
    await home.run(
        "INSERT INTO watches (user_id, location_key, party_size, target_date, time_start, time_end, auto_book) "
        "SELECT 1, 'peachtree', 2, target_date, start, start + interval '1 hour', true FROM watches, "
        "unnest(ARRAY[time '12:00', time '19:00']) AS start"
    )
    old.run("UPDATE watches SET status = 'booked', booked_at = '2026-02-01 00:00:00'")

    imported = await home.move_in(old, final=True)

    assert await home.rows("SELECT time_start, auto_book FROM watches WHERE id > 1 ORDER BY time_start") == [
        (time(12), True),
        (time(19), False),
    ]
    assert "it is not booked automatically: the person has a table for that meal" in {
        remark.reason for remark in imported.remarks
    }


async def test_there_is_nothing_to_finish_without_an_import(home: Home) -> None:
    with pytest.raises(ImportRefused, match="nothing to finish"):
        await home.move_in(None, final=True)
