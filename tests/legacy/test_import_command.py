"""The command, as an operator types it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from backend.local.import_report import lines
from backend.local.postgres import THROW_AWAY, PostgresServer
from backend.settings import Settings
from tests.legacy.conftest import Home
from tests.legacy.sources import PostgresDatabase, SqliteFile
from tests.local.conftest import ROOT, open_folder


@pytest.fixture
def place() -> Iterator[Path]:
    """An empty folder that the servers' user can enter."""
    with open_folder() as folder:
        yield folder


def import_legacy(settings: Settings, place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(place, *arguments, DATABASE_URL=settings.require_database_url)


def run(place: Path, *arguments: str, **changes: str) -> subprocess.CompletedProcess[str]:
    ours = {name.upper() for name in Settings.model_fields}
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    environment |= {"PYTHONPATH": str(ROOT), **changes}
    return subprocess.run(
        [sys.executable, "-m", "backend.cli", "import-legacy", *arguments],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def test_an_import_prints_what_came_and_what_cannot(
    home: Home, old: SqliteFile, settings: Settings, tmp_path: Path
) -> None:
    old.add("users", id=1, email="alice@guests.test", phone="4045550101")
    wish = {"location_key": "peachtree", "target_date": str(home.day), "auto_book": 1}
    old.add("watches", id=1, user_id=1, book_first_name="A", book_last_name="B", **wish)
    for watch_id in (2, 3, 5):
        old.add("watches", id=watch_id, user_id=9, **wish)
    old.run("CREATE TABLE notes (x)")

    tried = import_legacy(settings, tmp_path, str(old.path), "--dry-run")
    done = import_legacy(settings, tmp_path, str(old.path))
    final = import_legacy(settings, tmp_path, "--final")

    assert (tried.returncode, done.returncode, final.returncode) == (0, 0, 0)
    assert "1 automatic bookings would be held" in tried.stdout
    assert "Nothing was written: this was a dry run." in tried.stdout
    assert "watches 2–3, 5: its user 9 is not there, or did not come" in done.stdout
    assert "4 read        1 new       0 changed       0 as they were      3 cannot come" in done.stdout
    assert "left where they are: notes." in done.stdout
    assert "1 automatic bookings released" in final.stdout
    assert await home.rows("SELECT id, auto_book_held FROM watches") == [(1, False)]


async def test_it_reads_a_postgres(
    home: Home, old_postgres: PostgresDatabase, settings: Settings, tmp_path: Path
) -> None:
    await old_postgres.add("users", email="alice@guests.test")

    result = import_legacy(settings, tmp_path, "--from", old_postgres.url.replace("postgresql://", "postgres://"))

    assert (result.returncode, result.stderr) == (0, "")
    assert await home.rows("SELECT email FROM users") == [("alice@guests.test",)]


async def test_a_refusal_is_one_sentence(home: Home, old: SqliteFile, settings: Settings, tmp_path: Path) -> None:
    await home.run("INSERT INTO users (email, name) VALUES ('bob@guests.test', 'Bob')")

    result = import_legacy(settings, tmp_path, str(old.path))

    assert result.returncode == 1
    assert result.stderr.startswith("The database holds rows that no import wrote (users 1)")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "Say where the earlier version's data is"),
        (["--dry-run"], "Say where the earlier version's data is"),
        (["x.db", "--from", "postgres://x"], "Give a file or --from, not both."),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(
    settings: Settings, tmp_path: Path, arguments: list[str], sentence: str
) -> None:
    result = import_legacy(settings, tmp_path, *arguments)

    assert result.returncode == 2
    assert sentence in result.stderr


async def test_without_a_configured_database_it_goes_to_the_one_of_up(old: SqliteFile, place: Path) -> None:
    old.add("users", id=5, email="alice@guests.test")

    result = run(place, str(old.path), HOUSTONS_DATA=str(place / "data"))

    assert (result.returncode, result.stderr) == (0, "")
    with PostgresServer(place / "data", options=THROW_AWAY) as server:
        connection = await asyncpg.connect(server.url)
        assert await connection.fetchval("SELECT email FROM users WHERE id = 5") == "alice@guests.test"
        await connection.close()


async def test_while_up_runs_on_its_own_database_it_is_one_sentence(old: SqliteFile, place: Path) -> None:
    with PostgresServer(place / "data", options=THROW_AWAY):
        result = run(place, str(old.path), HOUSTONS_DATA=str(place / "data"))

    assert result.returncode == 1
    assert "Another houstons is running on the data folder" in result.stderr


async def test_a_database_that_is_not_current_is_one_sentence(
    old: SqliteFile, old_postgres: PostgresDatabase, place: Path
) -> None:
    result = run(place, str(old.path), DATABASE_URL=old_postgres.url)

    assert (result.returncode, result.stderr) == (1, "The database is not current: run `houstons migrate` first.\n")


async def test_every_row_that_cannot_come_is_in_the_report(home: Home, old: SqliteFile) -> None:
    for row_id in range(1, 40, 2):
        old.add("feedback", id=row_id, message="")

    report = list(lines(await home.move_in(old, dry_run=True), dry_run=True))

    assert f"  feedback {', '.join(str(n) for n in range(1, 40, 2))}: it says nothing" in report
