"""The web server's protocol: what arrives is what was sent, and a small answer arrives in one piece."""

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import uvicorn

from backend.api.one_write import OneWriteProtocol
from backend.local.ports import free_port

PIECES = {"/small": [b"abc"], "/large": [b"x" * 3_000_000], "/pieces": [b"a" * 10, b"b" * 100_000, b"c" * 10, b"d" * 7]}


async def _answer(scope: Any, receive: Any, send: Any) -> None:
    pieces = PIECES[scope["path"]]
    length = b"%d" % sum(map(len, pieces))
    headers = [] if scope["path"] == "/pieces" else [(b"content-length", length)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    for piece in pieces:
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body"})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    config = uvicorn.Config(_answer, port=free_port(), http=OneWriteProtocol, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started:
        assert time.monotonic() < deadline, "the web server did not start"
        time.sleep(0.01)
    yield config.port
    server.should_exit = True
    thread.join(10)


@pytest.mark.parametrize("path", PIECES)
@pytest.mark.parametrize("connection", ["keep-alive", "close"])
def test_answers_arrive_whole_and_in_order(port: int, path: str, connection: str) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"Connection": connection}) as client:
        bodies = [client.get(path).content for _ in range(3)]

    assert bodies == [b"".join(PIECES[path])] * 3


def test_an_answer_without_a_body_arrives(port: int) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        answers = [client.head("/small") for _ in range(2)]

    assert [answer.headers["content-length"] for answer in answers] == ["3", "3"]


def test_a_small_answer_arrives_in_one_piece(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"GET /small HTTP/1.1\r\nHost: here\r\n\r\n")
        received = connection.recv(65_536)

    assert received.endswith(b"\r\n\r\nabc")
