"""`python -m simulator` as a process."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

COMMAND = [sys.executable, "-m", "simulator", "--port", "0", "--smtp-port", "0"]
READY = re.compile(r"Simulator ready: Wisely (http://\S+), mailbox \S+/mailbox, SMTP 127\.0\.0\.1:(\d+)\n")


@contextmanager
def started(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str, int]]:
    """A running simulator, with its address and its mail port."""
    with subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            ready = READY.fullmatch(process.stdout.readline())
            assert ready is not None
            yield process, ready[1], int(ready[2])
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_at_once_even_with_a_request_that_hangs(number: signal.Signals) -> None:
    with started() as (process, url, _smtp_port):
        httpx.post(f"{url}/control/trouble", json={"kind": "hang"})
        address = ("127.0.0.1", int(url.rpartition(":")[2]))
        query = b"merchant_id=278278&party_size=2&search_ts=1"
        with socket.create_connection(address) as hanging:
            hanging.sendall(b"GET /v2/web/reservations/inventory?" + query + b" HTTP/1.1\r\nHost: x\r\n\r\n")
            until_at_once(url)
            began = time.monotonic()
            process.send_signal(number)
            code = process.wait(timeout=5)

    assert code == 0
    assert time.monotonic() - began < 1.0


def test_options_shape_the_answers() -> None:
    options = ("--booleans", "--hide-empty-types", "--maximum-limit", "7", "--limit-counts", "per-type")
    turning = ("--turnover", "--speed", "60", "--seed", "9", "--latency", "0.01")
    with started(*options, *turning) as (_process, url, _smtp_port):
        manners = httpx.get(f"{url}/control/manners").json()
        turnover = httpx.get(f"{url}/control/turnover").json()
        latency = httpx.get(f"{url}/control/latency").json()

    assert manners["available_as"] == "bool"
    assert manners["list_empty_types"] is False
    assert (manners["maximum_limit"], manners["limit_counts"]) == (7, "per-type")
    assert (turnover["on"], turnover["speed"], turnover["seed"]) == (True, 60.0, 9)
    assert latency == {"seconds": 0.01, "jitter_seconds": 0.0}


def test_the_authority_is_written_for_clients(tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.pem"

    with started("--starttls", "--ca-file", str(ca_file)):
        written = ca_file.read_text()

    assert written.startswith("-----BEGIN CERTIFICATE-----")


@pytest.mark.parametrize("option", ["--port", "--smtp-port"])
def test_a_port_in_use_gets_one_sentence(option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = subprocess.run([*COMMAND, option, str(port)], capture_output=True, text=True, timeout=10)

    assert result.returncode == 1
    assert result.stderr == f"Cannot listen on 127.0.0.1:{port}: Address already in use.\n"
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--starttls"], 1, "STARTTLS needs a file"),
        (["--starttls", "--ca-file", "/dev/null/ca.pem"], 1, "/dev/null/ca.pem cannot be written"),
        (["--smtp-user", "u"], 2, "--smtp-user and --smtp-password belong together."),
        (["--host", "256.0.0.1"], 1, "Cannot listen on 256.0.0.1"),
        (["--speed", "0"], 2, "--speed"),
    ],
)
def test_options_that_make_no_sense_are_explained(arguments: list[str], code: int, sentence: str) -> None:
    result = subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=10)

    assert result.returncode == code
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr


def until_at_once(url: str) -> None:
    """Wait until the hanging request has arrived."""
    deadline = time.monotonic() + 5
    while httpx.get(f"{url}/control/statistics").json()["now_at_once"] == 0:
        assert time.monotonic() < deadline
