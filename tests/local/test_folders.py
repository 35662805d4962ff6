"""Where data and secrets lie, and ports."""

import os
import socket
from pathlib import Path

import pytest

from backend.local.account import Account, server_account, this_account
from backend.local.errors import LocalError
from backend.local.folders import keep_secret, prepare_data_folder
from backend.local.ports import free_port, require_free_port


def test_a_folder_that_the_servers_can_enter_is_used_as_it_is(place: Path) -> None:
    folder = prepare_data_folder(place / "some" / "data", server_account(), shelter=place / "shelter")

    assert folder == place / "some" / "data"
    assert server_account().can_enter(folder)
    assert not (place / "shelter").exists()


def test_under_a_strict_umask_the_folder_is_entered_all_the_same(place: Path) -> None:
    before = os.umask(0o077)
    try:
        folder = prepare_data_folder(place / "some" / "data", server_account(), shelter=place / "shelter")
    finally:
        os.umask(before)

    assert folder == place / "some" / "data"
    assert server_account().can_enter(folder)


@pytest.mark.parametrize("account", [this_account(), server_account()])
def test_a_data_folder_that_cannot_be_made_is_refused_in_a_sentence(place: Path, account: Account) -> None:
    (place / "file").touch()

    with pytest.raises(LocalError, match=r"file/data cannot be used \(Not a directory\): set HOUSTONS_DATA to one"):
        prepare_data_folder(place / "file" / "data", account, shelter=place / "file" / "shelter")


def test_a_data_folder_nobody_can_write_to_is_refused_in_a_sentence() -> None:
    # Of all folders the one that refuses even root.
    with pytest.raises(LocalError, match=r"/proc/.* cannot be used \(.*\): set HOUSTONS_DATA"):
        prepare_data_folder(Path("/proc/houstons"), server_account())


def test_a_shelter_that_is_closed_itself_is_refused_in_a_sentence(place: Path) -> None:
    closed = place / "closed"
    closed.mkdir(mode=0o000)

    with pytest.raises(LocalError, match="set HOUSTONS_DATA to"):
        prepare_data_folder(closed / "data", server_account(), shelter=closed / "shelter")

    closed.chmod(0o700)


def test_a_secret_is_made_once_and_read_by_its_owner_only(place: Path) -> None:
    first = keep_secret(place / "some.password")

    assert keep_secret(place / "some.password") == first
    assert len(first) >= 32
    assert (place / "some.password").stat().st_mode & 0o777 == 0o600


def test_a_port_in_use_is_named_with_the_setting_to_change() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(LocalError, match=rf"Port {port} on 127.0.0.1 .*: stop what uses it, or change PORT\."):
            require_free_port("127.0.0.1", port, setting="PORT")


def test_a_host_that_is_not_of_this_machine_is_a_sentence_too() -> None:
    with pytest.raises(LocalError, match=r"Port 8000 on 192\.0\.2\.1 cannot be used"):
        require_free_port("192.0.2.1", 8000, setting="HOST")


def test_a_free_port_is_one_that_can_be_listened_on() -> None:
    port = free_port()

    require_free_port("127.0.0.1", port, setting="PORT")
