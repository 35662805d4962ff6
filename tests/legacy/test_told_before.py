"""What the earlier version told people is not told again: the first drop that fits is written down as suppressed."""

from datetime import UTC, datetime

import pytest

from tests.conftest import Simulator
from tests.legacy.conftest import Home
from tests.legacy.sources import PostgresDatabase
from tests.services.conftest import Loop

TOLD_AT = datetime(2026, 2, 1, 12, tzinfo=UTC)


@pytest.fixture
def loop(home: Home, simulator: Simulator) -> Loop:
    return Loop(home.r, simulator)


async def add_watch(old: PostgresDatabase, home: Home) -> None:
    await old.add("users", email="alice@guests.test", name="Alice")
    await old.add("watches", user_id=1, location_key="peachtree", target_date=home.day, status="notified")


async def tell(old: PostgresDatabase, home: Home, clock: str = "7:15 PM", **changes: object) -> None:
    row = {
        "watch_id": 1,
        "user_id": 1,
        "channel": "email",
        "recipient": "alice@guests.test",
        "body": f"Houston's has a table on {home.day} at {clock} for party of 2.",
        "status": "sent",
        "created_at": TOLD_AT,
    }
    await old.add("notification_log", **{**row, **changes})


async def messages(home: Home) -> list[tuple[object, ...]]:
    rows = await home.rows(
        "SELECT n.status, n.error_message, array_agg(d.slot_time ORDER BY d.slot_time) AS tables "
        "FROM notification_log n JOIN notification_items i ON i.notification_id = n.id "
        "JOIN slot_drops d ON d.id = i.drop_id GROUP BY n.id ORDER BY n.id"
    )
    return [tuple(row) for row in rows]


async def test_the_first_drop_that_fits_is_suppressed_and_others_are_told(
    home: Home, old_postgres: PostgresDatabase, loop: Loop
) -> None:
    await add_watch(old_postgres, home)
    await tell(old_postgres, home)
    imported = await home.move_in(old_postgres)
    loop.open("19:15", "19:45")

    result = await loop.look()

    assert imported.told == 1
    assert result.matches == 1
    assert await messages(home) == [("queued", None, ["7:45 PM"]), ("suppressed", "told before", ["7:15 PM"])]
    assert [channel for _, channel in result.work.messages] == ["email"]


async def test_the_same_drop_is_not_told_by_a_later_look(
    home: Home, old_postgres: PostgresDatabase, loop: Loop
) -> None:
    await add_watch(old_postgres, home)
    await tell(old_postgres, home)
    await home.move_in(old_postgres)
    loop.open("19:15")
    await loop.look()
    await home.run("UPDATE watches SET needs_match = true")

    result = await loop.look()

    assert result.matches == 0
    assert await messages(home) == [("suppressed", "told before", ["7:15 PM"])]


async def test_a_table_that_opens_again_is_news(home: Home, old_postgres: PostgresDatabase, loop: Loop) -> None:
    await add_watch(old_postgres, home)
    await tell(old_postgres, home)
    await home.move_in(old_postgres)
    for change in (loop.open, loop.close, loop.open):
        change("19:15")
        await loop.look()

    assert [status for status, *_ in await messages(home)] == ["suppressed", "queued"]


async def test_an_import_again_does_not_silence_what_is_news(
    home: Home, old_postgres: PostgresDatabase, loop: Loop
) -> None:
    await add_watch(old_postgres, home)
    await tell(old_postgres, home)
    await home.move_in(old_postgres)
    loop.open("19:15")
    await loop.look()
    await home.move_in(old_postgres)
    loop.close("19:15")
    await loop.look()
    loop.open("19:15")

    await loop.look()

    assert [status for status, *_ in await messages(home)] == ["suppressed", "queued"]


async def test_what_was_told_here_already_uses_up_what_was_told_there(
    home: Home, old_postgres: PostgresDatabase, loop: Loop
) -> None:
    await add_watch(old_postgres, home)
    await home.move_in(old_postgres)
    loop.open("19:15")
    await loop.look()
    await tell(old_postgres, home)
    await home.move_in(old_postgres)
    await home.run("UPDATE watches SET needs_match = true")
    await loop.look()
    loop.close("19:15")
    await loop.look()
    loop.open("19:15")

    await loop.look()

    assert [status for status, *_ in await messages(home)] == ["queued", "queued"]


async def test_what_both_told_while_they_ran_side_by_side_does_not_silence_a_later_drop(
    home: Home, old_postgres: PostgresDatabase, loop: Loop
) -> None:
    await add_watch(old_postgres, home)
    await home.move_in(old_postgres)
    loop.open("19:15")
    await loop.look()
    await tell(old_postgres, home, created_at=datetime.now(UTC))
    loop.close("19:15")
    await loop.look()
    await home.move_in(old_postgres)
    loop.open("19:15")

    await loop.look()

    assert [status for status, *_ in await messages(home)] == ["queued", "queued"]


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "failed"},
        {"body": "A table is open."},
        {"watch_id": None},
        {"clock": "7:30 PM"},
        {"body": None},
    ],
)
async def test_what_did_not_arrive_or_named_another_table_is_told(
    home: Home, old_postgres: PostgresDatabase, loop: Loop, changes: dict[str, object]
) -> None:
    await add_watch(old_postgres, home)
    await tell(old_postgres, home, **changes)  # type: ignore[arg-type]
    await home.move_in(old_postgres)
    loop.open("19:15")

    await loop.look()

    assert await messages(home) == [("queued", None, ["7:15 PM"])]


async def test_what_was_told_can_still_be_booked(home: Home, old_postgres: PostgresDatabase, loop: Loop) -> None:
    await add_watch(old_postgres, home)
    await old_postgres.run(
        "UPDATE watches SET auto_book = true, book_first_name = 'A', book_last_name = 'B', book_phone = '4045550101'"
    )
    await tell(old_postgres, home)
    await home.move_in(old_postgres, final=True)
    loop.open("19:15")

    outcomes = await loop.book_all((await loop.look()).work.bookings)

    assert [outcome.state for outcome in outcomes] == ["booked"]
