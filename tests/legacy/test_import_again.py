"""An import on top of an earlier one, into the wrong place, for trial, and one that fails half-way."""

from pathlib import Path

import pytest

from backend.clients.legacy_database import LegacyUnreadable, read_sqlite
from backend.db.queries.legacy_rows import COLUMNS
from backend.services.legacy_import import ImportRefused
from tests.legacy.conftest import Home, reasons
from tests.legacy.sources import PostgresDatabase, SqliteFile, sha256


def fill(old: SqliteFile, day: object) -> None:
    """Alice and Bob, a watch each, a session, and some history."""
    for user_id, name in ((1, "alice"), (2, "bob")):
        made = "2026-01-01 00:00:00"
        old.add(
            "users", id=user_id, email=f"{name}@guests.test", name=name, password_hash=sha256(name), created_at=made
        )
        old.add("watches", id=user_id, user_id=user_id, location_key="peachtree", target_date=str(day), created_at=made)
        old.add("sessions", id=user_id, user_id=user_id, token=str(user_id) * 64)
    for n in range(1, 4):
        old.add(
            "scan_history", id=n, location="peachtree", scan_date="2026-02-14", time_slot="6:15 PM", available=n % 2
        )


async def test_the_same_again_changes_nothing(home: Home, old: SqliteFile) -> None:
    fill(old, home.day)
    await home.move_in(old)
    before = await home.snapshot()

    imported = await home.move_in(old)

    after = await home.snapshot()
    assert {(count.new, count.changed) for count in imported.tables} == {(0, 0)}
    assert {name: rows for name, rows in after.items() if name != "legacy_imports"} == {
        name: rows for name, rows in before.items() if name != "legacy_imports"
    }
    assert len(after["legacy_imports"]) == 2


async def test_what_changed_there_since_comes(home: Home, old: SqliteFile) -> None:
    fill(old, home.day)
    await home.move_in(old)
    old.run("UPDATE watches SET status = 'cancelled' WHERE id = 1")
    old.run("UPDATE users SET phone = '404-555-0101' WHERE id = 1")
    old.add("users", id=3, email="carol@guests.test", name="carol")
    old.add("watches", id=3, user_id=3, location_key="peachtree", target_date=str(home.day))

    imported = await home.move_in(old)

    assert {(c.name, c.new, c.changed) for c in imported.tables if c.new or c.changed} == {
        ("users", 1, 1),
        ("watches", 1, 1),
    }
    assert await home.rows("SELECT id, status FROM watches ORDER BY id") == [
        (1, "cancelled"),
        (2, "active"),
        (3, "active"),
    ]
    assert (await home.one("SELECT phone FROM users WHERE id = 1")).phone == "+14045550101"
    assert await home.rows("SELECT address FROM channels WHERE user_id = 3") == [("carol@guests.test",)]


async def test_what_changed_here_since_stays(home: Home, old: SqliteFile) -> None:
    fill(old, home.day)
    await home.move_in(old)
    await home.run("UPDATE watches SET party_size = party_size, time_end = '21:00', updated_at = now() WHERE id = 1")
    await home.run("UPDATE users SET name = 'Alice the Great', updated_at = now() WHERE id = 1")
    old.run("UPDATE users SET name = 'A.' WHERE id = 1")

    await home.move_in(old)

    assert str((await home.one("SELECT time_end FROM watches WHERE id = 1")).time_end) == "21:00:00"
    assert (await home.one("SELECT name FROM users WHERE id = 1")).name == "Alice the Great"


async def test_the_newer_row_wins_where_both_say_when(home: Home, old_postgres: PostgresDatabase) -> None:
    await old_postgres.add("users", email="alice@guests.test", name="Alice")
    await home.move_in(old_postgres)
    await home.run("UPDATE users SET name = 'changed here', updated_at = now()")
    await old_postgres.run("UPDATE users SET name = 'changed there', updated_at = now() + interval '1 second'")

    await home.move_in(old_postgres)

    assert (await home.one("SELECT name FROM users")).name == "changed there"


async def test_a_stronger_password_hash_is_never_replaced_by_the_old_one(home: Home, old: SqliteFile) -> None:
    fill(old, home.day)
    await home.move_in(old)
    await home.run("UPDATE users SET password_hash = '$argon2id$new' WHERE id = 1")

    await home.move_in(old)

    assert (await home.one("SELECT password_hash FROM users WHERE id = 1")).password_hash == "$argon2id$new"


async def test_what_has_ended_here_does_not_come_back_to_life(home: Home, old: SqliteFile) -> None:
    fill(old, home.day)
    await home.move_in(old)
    await home.run("UPDATE watches SET status = 'cancelled' WHERE id = 1")

    await home.move_in(old)

    assert (await home.one("SELECT status FROM watches WHERE id = 1")).status == "cancelled"


async def test_what_was_deleted_here_does_not_come_again(home: Home, old: SqliteFile) -> None:
    fill(old, home.day)
    await home.move_in(old)
    await home.run("DELETE FROM users WHERE id = 2")
    await home.run("DELETE FROM sessions WHERE id = 1")

    await home.move_in(old)

    assert await home.rows("SELECT id FROM users") == [(1,)]
    assert await home.rows("SELECT id FROM watches") == [(1,)]
    assert await home.rows("SELECT id FROM sessions") == []


async def test_what_could_not_come_has_another_chance(home: Home, old: SqliteFile) -> None:
    fill(old, home.day)
    old.run("UPDATE watches SET location_key = 'atlantis' WHERE id = 1")
    first = await home.move_in(old)
    old.run("UPDATE watches SET location_key = 'west_paces' WHERE id = 1")

    second = await home.move_in(old)

    assert reasons(first) == {("watches", "1", "there is no restaurant 'atlantis'")}
    assert reasons(second) == set()
    assert await home.rows("SELECT id FROM watches ORDER BY id") == [(1,), (2,)]


async def test_who_signed_out_there_is_signed_out_here(home: Home, old: SqliteFile) -> None:
    fill(old, home.day)
    await home.move_in(old)
    old.run("DELETE FROM sessions WHERE id = 1")

    await home.move_in(old)

    assert await home.rows("SELECT id FROM sessions") == [(2,)]


async def test_rows_made_here_and_there_meanwhile_do_not_meet(home: Home, old: SqliteFile) -> None:
    fill(old, home.day)
    await home.move_in(old)
    await home.run("INSERT INTO users (email, name) VALUES ('native@guests.test', 'Native')")
    old.add("users", email="carol@guests.test", name="carol")
    old.add("users", email="Native@guests.test", name="the same one there")

    imported = await home.move_in(old)

    native = await home.one("SELECT id FROM users WHERE name = 'Native'")
    assert reasons(imported) == {("users", "4", f"its address or Google account is that of user {native.id}")}
    assert await home.rows("SELECT id, name FROM users WHERE id <> :id ORDER BY id", id=native.id) == [
        (1, "alice"),
        (2, "bob"),
        (3, "carol"),
    ]


async def test_tables_with_rows_that_no_import_wrote_are_refused(home: Home, old: SqliteFile) -> None:
    fill(old, home.day)
    await home.run("INSERT INTO users (email, name) VALUES ('bob@guests.test', 'Bob')")
    await home.run("INSERT INTO feedback (message) VALUES ('Hello')")
    before = await home.snapshot()

    with pytest.raises(ImportRefused, match=r"rows that no import wrote \(users 1, feedback 1\)"):
        await home.move_in(old)

    assert await home.snapshot() == before


async def test_another_database_on_top_is_refused(home: Home, old: SqliteFile, tmp_path: Path) -> None:
    fill(old, home.day)
    await home.move_in(old)
    other = SqliteFile(tmp_path / "other.db")
    other.add("users", id=2, email="mallory@guests.test", created_at="2025-05-05 00:00:00")
    before = await home.snapshot()

    with pytest.raises(ImportRefused, match="User 2 is another person here"):
        await home.move_in(other)

    assert await home.snapshot() == before


async def test_a_database_with_nobody_who_came_before_is_refused(home: Home, old: SqliteFile, tmp_path: Path) -> None:
    fill(old, home.day)
    await home.move_in(old)
    before = await home.snapshot()

    with pytest.raises(ImportRefused, match="Nobody who came before is in it"):
        await home.move_in(SqliteFile(tmp_path / "empty.db"))

    assert await home.snapshot() == before


async def test_a_dry_run_says_the_same_and_writes_nothing(home: Home, old: SqliteFile) -> None:
    fill(old, home.day)
    old.add("watches", id=9, user_id=99, location_key="peachtree", target_date=str(home.day))
    before = await home.snapshot()

    tried = await home.move_in(old, dry_run=True)

    assert await home.snapshot() == before
    sequence = await home.one("SELECT pg_sequence_last_value('users_id_seq') AS last")
    assert sequence.last is None
    assert await home.move_in(old) == tried


async def test_a_row_that_the_database_refuses_leaves_nothing_half_imported(home: Home, old: SqliteFile) -> None:
    fill(old, home.day)
    await home.run(
        "ALTER TABLE feedback ADD CONSTRAINT no_shouting CHECK (message <> 'LOUD')",
    )
    old.add("feedback", id=1, message="LOUD", timestamp="2026-01-01 00:00:00")
    before = await home.snapshot()

    try:
        with pytest.raises(ImportRefused, match=r"Nothing was imported.*no_shouting"):
            await home.move_in(old)
        assert await home.snapshot() == before
    finally:
        await home.run("ALTER TABLE feedback DROP CONSTRAINT no_shouting")


@pytest.mark.parametrize("content", [b"", b"not a database", b"SQLite format 3\x00 but broken"])
def test_a_file_that_is_no_database_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.db").write_bytes(content)

    with pytest.raises(LegacyUnreadable, match=r"x\.db (is not an SQLite database|cannot be read)"):
        read_sqlite(tmp_path / "x.db", COLUMNS)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LegacyUnreadable, match=r"x\.db cannot be opened"):
        read_sqlite(tmp_path / "x.db", COLUMNS)


async def test_tables_of_no_meaning_are_named(old: SqliteFile) -> None:
    old.run("CREATE TABLE notes (x)")

    read = read_sqlite(old.path, COLUMNS)

    assert read.ignored == ("notes",)


async def test_a_file_that_is_being_written_is_read_with_what_was_committed(home: Home, old: SqliteFile) -> None:
    old.run("PRAGMA journal_mode = WAL")
    fill(old, home.day)
    old.run("BEGIN")
    old.add("users", email="carol@guests.test")

    await home.move_in(old)

    assert await home.rows("SELECT id FROM users ORDER BY id") == [(1,), (2,)]


async def test_the_file_is_only_read(home: Home, old: SqliteFile) -> None:
    fill(old, home.day)
    before = old.path.read_bytes()

    await home.move_in(old)

    assert old.path.read_bytes() == before
