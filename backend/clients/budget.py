"""The one budget of calls to the reservation service, shared by all processes through Redis.

Hard: `cap` calls in any 1.05 s and at a time, by Redis' clock. Soft: a mean, saved up for two hours. A pause that the
service asked for (Retry-After) and the circuit breaker hold everybody back. Without Redis there is no call.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Literal
from uuid import uuid4

from redis.asyncio import Redis
from redis.exceptions import RedisError

from backend.clients.errors import BudgetUnavailable, LookFailed
from backend.domain.types import Trouble

Priority = Literal["booking", "urgent", "normal"]
DEPTH_SECONDS = 7200
_LUA = (files("backend.clients") / "budget.lua").read_text()
_KEYS = ("budget:window", "budget:slots", "budget:state")
_UPSTREAM_FAILING = {Trouble.SERVER_ERROR, Trouble.TIMEOUT, Trouble.CONNECTION, Trouble.RATE_LIMITED, Trouble.REFUSED}


@dataclass(frozen=True, slots=True)
class Grant:
    """Leave to make one call. `at` is Redis' clock: it orders the looks of all workers."""

    id: str
    at: datetime


class Budget:
    """Leave to call. `lease` must be longer than a call may take."""

    def __init__(self, redis: Redis, *, cap: int, mean: float, lease: timedelta) -> None:
        self._redis = redis
        self._script = redis.register_script(_LUA)
        self._settings = (cap, mean, DEPTH_SECONDS, round(lease.total_seconds() * 1000))

    async def allowance(self, seconds: float) -> int:
        """How many calls the budget covers in the next `seconds`; 0 without Redis."""
        cap, mean, depth, _ = self._settings
        try:
            tokens, at = await self._redis.hmget(_KEYS[2], "tokens", "at")
            clock, _ = await self._redis.time()
        except RedisError:
            return 0
        saved = min(float(tokens) + (clock - int(at) / 1000) * mean, mean * depth) if tokens and at else 0.0
        return max(1, int(min(cap * seconds, saved + mean * seconds)))

    @asynccontextmanager
    async def call(self, priority: Priority, *, patience: timedelta) -> AsyncIterator[Grant]:
        """Wait for leave and hold it during the block. Raises BudgetUnavailable when `patience` would not do.

        What the block raises is reported: a LookFailed counts against the breaker, and its Retry-After pauses all.
        """
        grant = await self._acquire(priority, patience)
        outcome: tuple[str | int, ...] = ("ok",)
        try:
            yield grant
        except LookFailed as failure:
            outcome = ("trouble",) if failure.trouble in _UPSTREAM_FAILING else ("ok",)
            if failure.retry_after is not None:
                outcome = ("pause", round(failure.retry_after.total_seconds() * 1000))
            raise
        except BaseException:
            outcome = ("cancelled",)
            raise
        finally:
            await self._release(grant, outcome)

    async def _acquire(self, priority: Priority, patience: timedelta) -> Grant:
        grant_id = uuid4().hex
        left = patience.total_seconds()
        while True:
            try:
                granted, value = await self._script(_KEYS, ("acquire", grant_id, priority, *self._settings))
            except RedisError as error:
                raise BudgetUnavailable(f"no call without Redis: {error}") from error
            if granted:
                return Grant(grant_id, datetime.fromtimestamp(value / 1000, UTC))
            wait = value / 1000
            if wait > left:
                raise BudgetUnavailable(f"a call would have to wait {wait:.1f} s")
            left -= wait
            await asyncio.sleep(wait)

    async def _release(self, grant: Grant, outcome: tuple[str | int, ...]) -> None:
        try:
            await self._script(_KEYS, ("release", grant.id, "", *self._settings, *outcome))
        except RedisError:
            return  # The lease runs out by itself.
