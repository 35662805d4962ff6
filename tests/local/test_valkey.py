"""The embedded Valkey, with a real one."""

import os
import signal
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from backend.local.errors import LocalError
from backend.local.valkey import ValkeyServer
from tests.local.conftest import lives, wait_until


def client(server: ValkeyServer) -> redis.Redis:
    return redis.Redis.from_url(server.url, decode_responses=True)


def test_it_answers_with_its_password_only_and_a_stop_leaves_no_process(data: Path) -> None:
    server = ValkeyServer(data)

    server.start()
    pid = server.pid
    with client(server) as inside, redis.Redis(port=server.port, retry=Retry(NoBackoff(), 0)) as outside:
        policy = inside.config_get("maxmemory-policy")
        with pytest.raises(redis.AuthenticationError):
            outside.ping()
    server.stop()

    assert policy == {"maxmemory-policy": "noeviction"}
    assert (data / "valkey.conf").stat().st_mode & 0o077 == 0
    assert pid is not None
    assert not lives(pid)


def test_data_survives_a_kill_and_a_torn_tail_of_the_log_is_dropped(data: Path) -> None:
    with ValkeyServer(data) as server:
        with client(server) as inside:
            inside.set("kept", "42")
            # Answers only when the log is on the disk.
            inside.execute_command("WAITAOF", 1, 0, 5000)
        assert server.pid
        os.kill(server.pid, signal.SIGKILL)
        wait_until(lambda: not server.is_running())
    (log,) = (data / "valkey").glob("appendonlydir/*.incr.aof")
    with log.open("ab") as tail:
        tail.write(b"*3\r\n$3\r\nSET\r\n$4\r\nto")

    with ValkeyServer(data) as again, client(again) as inside:
        assert inside.get("kept") == "42"


def test_a_data_folder_may_be_named_from_where_one_is(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place)

    with ValkeyServer(Path(".data")) as server, client(server) as inside:
        assert inside.ping()

    assert (place / ".data" / "valkey" / "appendonlydir").exists()


def test_a_second_owner_of_a_data_folder_is_told_so(data: Path) -> None:
    with ValkeyServer(data), pytest.raises(LocalError, match="Another houstons is running on the data folder"):
        ValkeyServer(data).start()


def test_a_broken_log_is_refused_with_the_reason(data: Path) -> None:
    with ValkeyServer(data):
        pass
    (log,) = (data / "valkey").glob("appendonlydir/*.incr.aof")
    log.write_bytes(b"no log at all\r\n" * 10)

    with pytest.raises(LocalError, match=r"valkey did not start on .*Bad file format"):
        ValkeyServer(data).start()
