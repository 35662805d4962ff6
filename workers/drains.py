"""Emptying the queues of channels: at most one at work a channel in a process, all of them on one worker thread."""

import asyncio
from collections.abc import Awaitable, Callable

Drain = Callable[[str, asyncio.Event], Awaitable[None]]


class Drains:
    """Whoever asks first waits for all that are asked for meanwhile, so that one that hangs holds up no other channel
    and no other thread.
    """

    def __init__(self, drain: Drain) -> None:
        self._drain = drain
        self._more: dict[str, asyncio.Event] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_awaited = False

    async def run(self, channel: str) -> None:
        """Have a channel emptied; one that is being emptied is told that there is more."""
        if channel in self._more:
            self._more[channel].set()
            return
        self._more[channel] = asyncio.Event()
        self._tasks.add(asyncio.create_task(self._empty(channel)))
        if self._is_awaited:
            return
        self._is_awaited = True
        troubles: list[BaseException] = []
        try:
            while self._tasks:
                done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
                self._tasks -= done
                troubles += [error for task in done if (error := task.exception()) is not None]
        finally:
            self._is_awaited = False
            for task in self._tasks:
                task.cancel()
            self._tasks.clear()
        if troubles:
            raise troubles[0]

    async def _empty(self, channel: str) -> None:
        more = self._more[channel]
        more.set()
        try:
            while more.is_set():
                more.clear()
                await self._drain(channel, more)
        finally:
            del self._more[channel]
