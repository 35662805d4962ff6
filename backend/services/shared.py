"""Answers that are the same for everybody: made once for all who ask within some seconds."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Shared(Generic[T]):
    """A value that is made again when somebody asks for it and it is older than `seconds`."""

    def __init__(self, make: Callable[[], Awaitable[T]], *, seconds: float) -> None:
        self._make = make
        self._seconds = seconds
        self._making = asyncio.Lock()
        self._kept: tuple[T, float] | None = None

    async def get(self) -> T:
        """The value. Whoever asks while it is being made waits for that one; raises what making it raises."""
        kept = self._fresh()
        if kept is None:
            async with self._making:
                kept = self._fresh()
                if kept is None:
                    # Its age counts from before it was read.
                    at = time.monotonic()
                    kept = self._kept = (await self._make(), at)
        return kept[0]

    def _fresh(self) -> tuple[T, float] | None:
        if self._kept is None or time.monotonic() - self._kept[1] > self._seconds:
            return None
        return self._kept
