"""A process that calls one server over so many connections at a time: on each, the next request after an answer.

A run is two lines on standard input: what to do, and, after "ready" (all connections are open), anything. The answer
is a line of JSON. Only this machine is called, and only so many times as there are requests.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any, cast

import uvloop

SECONDS_AT_MOST = 120


class LoadError(Exception):
    """The server did not answer as it should; the text says how."""


class Caller(asyncio.Protocol):
    """One connection. Takes requests from the same iterator as the others until none is left."""

    def __init__(self, requests: Iterator[bytes], latencies: list[float]) -> None:
        self._requests, self._latencies = requests, latencies
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._sent_at = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        try:
            is_complete = self._is_complete()
        except LoadError as error:
            self._end(error)
            return
        if is_complete:
            self._latencies.append(time.perf_counter() - self._sent_at)
            self._received.clear()
            self.call()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(LoadError(f"the server hung up: {exc}"))

    def call(self) -> None:
        """Send the next request."""
        assert self._transport is not None
        request = next(self._requests, None)
        if request is None:
            self._end(None)
            self._transport.close()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(request)

    def _is_complete(self) -> bool:
        head_ends = self._received.find(b"\r\n\r\n")
        if head_ends < 0:
            return False
        head = self._received[:head_ends].lower()
        if head[9:10] != b"2":
            raise LoadError(self._received.decode(errors="replace")[:500])
        _, found, rest = head.partition(b"\r\ncontent-length:")
        if not found:
            raise LoadError(f"an answer without a length: {head.decode(errors='replace')}")
        return len(self._received) >= head_ends + 4 + int(rest.partition(b"\r\n")[0])

    def _end(self, error: LoadError | None) -> None:
        if not self.done.done():
            if error is None:
                self.done.set_result(None)
            else:
                self.done.set_exception(error)


async def run(port: int, requests: Sequence[str], *, connections: int) -> list[float]:
    """Send all requests; returns how long each took, in seconds. Raises LoadError when one went wrong."""
    left, latencies = iter([request.encode() for request in requests]), list[float]()
    loop = asyncio.get_running_loop()
    callers = [
        (await loop.create_connection(lambda: Caller(left, latencies), "127.0.0.1", port))[1]
        for _ in range(min(connections, len(requests)))
    ]
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    for caller in callers:
        caller.call()
    async with asyncio.timeout(SECONDS_AT_MOST):
        await asyncio.gather(*(caller.done for caller in callers))
    return latencies


async def main() -> None:
    """Serve until standard input ends."""
    while line := await asyncio.to_thread(sys.stdin.readline):
        order: dict[str, Any] = json.loads(line)
        try:
            latencies = await run(order["port"], order["requests"], connections=order["connections"])
        except (LoadError, TimeoutError, OSError) as error:
            print(json.dumps({"error": str(error) or "it took too long"}), flush=True)
            return
        print(json.dumps({"latencies": latencies}), flush=True)


if __name__ == "__main__":
    uvloop.run(main())
