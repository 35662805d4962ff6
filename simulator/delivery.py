"""Puts a reply on the wire, or does to the connection what the reply's ending says."""

from __future__ import annotations

import asyncio
import socket
import struct
from http import HTTPStatus
from typing import Any

from uvicorn._types import ASGIReceiveCallable, ASGISendCallable, HTTPResponseStartEvent
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from simulator.http import Ending, Reply

TRANSPORT = "simulator.transport"
"""The key in the state of the ASGI scope under which the connection's transport is found."""

_LINGER_ZERO = struct.pack("ii", 1, 0)


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol; it shows the application the transport, which HTTP alone cannot break."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["state"][TRANSPORT] = self.transport


async def deliver(
    reply: Reply,
    *,
    transport: asyncio.Transport,
    receive: ASGIReceiveCallable,
    send: ASGISendCallable,
) -> None:
    match reply.ending:
        case Ending.WHOLE:
            await send(_start(reply))
            await send({"type": "http.response.body", "body": reply.body, "more_body": False})
        case Ending.DRIPPED:
            await send(_start(reply))
            await _drip(reply, receive, send)
        case Ending.TRUNCATED:
            transport.write(_raw_head(reply) + reply.body[: len(reply.body) // 2])
            transport.close()
            await until_gone(receive)
        case Ending.DROPPED:
            transport.close()
            await until_gone(receive)
        case Ending.RESET:
            _reset(transport)
            await until_gone(receive)
        case Ending.WITHHELD:
            await until_gone(receive)


async def until_gone(receive: ASGIReceiveCallable) -> None:
    """Wait until the client, or this server on its way down, has closed the connection."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def _drip(reply: Reply, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
    gone = asyncio.create_task(until_gone(receive))
    try:
        for position in range(len(reply.body)):
            await asyncio.wait([gone], timeout=reply.seconds_between_bytes)
            if gone.done():
                return
            byte = reply.body[position : position + 1]
            await send({"type": "http.response.body", "body": byte, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    finally:
        gone.cancel()


def _headers(reply: Reply) -> list[tuple[bytes, bytes]]:
    headers = [
        (b"content-type", reply.content_type.encode()),
        (b"content-length", str(len(reply.body)).encode()),
    ]
    for name, value in reply.headers.items():
        headers.append((name.encode(), value.encode()))
    return headers


def _start(reply: Reply) -> HTTPResponseStartEvent:
    return {
        "type": "http.response.start",
        "status": reply.status,
        "headers": _headers(reply),
        "trailers": False,
    }


def _raw_head(reply: Reply) -> bytes:
    status = f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}\r\n".encode()
    return status + b"".join(b"%b: %b\r\n" % header for header in _headers(reply)) + b"\r\n"


def _reset(transport: asyncio.Transport) -> None:
    """Close with RST in place of FIN: a socket that lingers for no time throws away what is under way."""
    wrapped: Any = transport.get_extra_info("socket")
    with socket.fromfd(wrapped.fileno(), wrapped.family, wrapped.type) as twin:
        twin.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
    transport.abort()
