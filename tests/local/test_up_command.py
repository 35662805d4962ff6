"""`houstons up` and its data folder: what is in the way is said in one sentence."""

import os
import socket
import subprocess
import sys
from pathlib import Path

from backend.local.account import server_account
from backend.local.folders import prepare_data_folder
from backend.local.ports import free_port
from backend.local.postgres import THROW_AWAY, PostgresServer
from backend.settings import Settings
from tests.local.conftest import ROOT


def up(place: Path, **changes: object) -> subprocess.CompletedProcess[str]:
    """Run the command in an empty folder; it is expected to fail."""
    ours = {name.upper() for name in Settings.model_fields}
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    environment |= {"PYTHONPATH": str(ROOT), "HOUSTONS_DATA": str(place / "data"), "PORT": str(free_port())}
    environment |= {name: str(value) for name, value in changes.items()}
    return subprocess.run(
        [sys.executable, "-m", "backend.cli", "up"],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def sentence_of(result: subprocess.CompletedProcess[str]) -> str:
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    (sentence,) = result.stderr.splitlines()
    return sentence


def test_a_port_in_use_is_one_sentence_that_names_the_setting(place: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = up(place, PORT=port)

    sentence = sentence_of(result)
    assert sentence.startswith(f"Port {port} on 127.0.0.1 cannot be used (Address already in use)")
    assert sentence.endswith("change PORT.")
    assert not (place / "data").exists()


def test_a_wrong_setting_is_one_sentence(place: Path) -> None:
    assert sentence_of(up(place, PORT="eighty")).startswith("PORT: ")


def test_a_data_folder_that_is_in_use_is_one_sentence(place: Path) -> None:
    with PostgresServer(place / "data", options=THROW_AWAY):
        result = up(place)

    assert "Another houstons is running on the data folder" in sentence_of(result)


def test_a_database_that_refuses_the_password_is_one_sentence(place: Path) -> None:
    with PostgresServer(place / "data", options=THROW_AWAY) as postgres:
        password = (place / "data" / "postgres.password").read_text()
        result = up(
            place, DATABASE_URL=postgres.url.replace(password, "guess"), REDIS_URL=f"redis://127.0.0.1:{free_port()}"
        )

    sentence = sentence_of(result)
    assert sentence.startswith("Postgres at DATABASE_URL cannot be reached: ")
    assert "password authentication failed" in sentence


def test_a_database_that_is_not_there_is_one_sentence(place: Path) -> None:
    port = free_port()

    result = up(place, DATABASE_URL=f"postgresql://me:secret@127.0.0.1:{port}/db", REDIS_URL="redis://127.0.0.1:1")

    assert sentence_of(result).startswith("Postgres at DATABASE_URL cannot be reached: ")


def test_a_data_folder_in_a_closed_one_is_the_same_one_the_next_time(place: Path) -> None:
    (place / "closed").mkdir(mode=0o700)

    folders = [
        prepare_data_folder(place / "closed" / "data", server_account(), shelter=place / "shelter") for _ in range(2)
    ]

    assert folders[0] == folders[1]
