"""The one budget of calls to the reservation service, shared by all processes through Redis.

Hard: `cap` calls in any 1.05 s and `at_once` at a time, by Redis' clock; a call counts from its grant until 1.05 s
after its end, for it may reach the service at any moment in between. Soft: a mean, saved up for two hours. Higher
priorities go first. A pause that the service asked for (Retry-After) and the circuit breaker hold everybody back.
Without Redis there is no call, and after a new start or a flush of Redis none for as long as one call may take.
"""

import asyncio
import hashlib
import itertools
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Literal
from uuid import uuid4

from redis.asyncio import Redis
from redis.exceptions import NoScriptError, RedisError

from backend.clients.errors import BudgetUnavailable, CallFailed
from backend.domain.types import Trouble
from backend.settings import Settings

Priority = Literal["booking", "urgent", "normal", "browse"]
Breaker = Literal["closed", "open", "probing"]
PRIORITIES: tuple[Priority, ...] = ("booking", "urgent", "normal", "browse")
DEPTH_SECONDS = 7200
BROWSE_SHARE = 0.2
# As in the script.
BROWSE_DEPTH_SECONDS = 60
SCRIPT = (files("backend.clients") / "budget.lua").read_text()
_SHA = hashlib.sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()
_KEYS = ("budget:window", "budget:slots", "budget:state")
_UPSTREAM_FAILING = {Trouble.SERVER_ERROR, Trouble.TIMEOUT, Trouble.CONNECTION, Trouble.RATE_LIMITED, Trouble.REFUSED}


@dataclass(frozen=True, slots=True)
class Grant:
    """Leave to make one call. `at` is Redis' clock: it orders the looks of all workers."""

    id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class BudgetState:
    """What an operator sees: calls saved up, calls under way, and what holds everybody back, for how many seconds."""

    tokens: float
    browse_tokens: float
    in_flight: int
    breaker: Breaker
    blocked_seconds: float


@dataclass(frozen=True, slots=True)
class Allowance:
    """Calls that the budget covers, and how many of them may be for browsing."""

    looks: int
    browse: int


@dataclass(slots=True)
class _Waiting:
    future: asyncio.Future[Grant]
    deadline: float


@dataclass(frozen=True, slots=True)
class _Release:
    grant_id: str
    outcome: Literal["ok", "trouble", "cancelled"]
    pause_ms: int = 0


def open_budget(redis: Redis, settings: Settings) -> "Budget":
    """The budget as it is configured."""
    return Budget(
        redis,
        cap=settings.upstream_rate_cap,
        mean=settings.upstream_rate_mean,
        longest_call=timedelta(seconds=settings.wisely_call_seconds),
    )


class Budget:
    """Leave to call, for one process. Its callers share round trips to Redis. `longest_call` bounds a whole call."""

    def __init__(self, redis: Redis, *, cap: int, mean: float, longest_call: timedelta, at_once: int = 10) -> None:
        self._redis = redis
        self._cap = cap
        self._mean = mean
        self._at_once = min(at_once, cap)
        self._longest_ms = round(longest_call.total_seconds() * 1000)
        self._waiting: dict[Priority, deque[_Waiting]] = {priority: deque() for priority in PRIORITIES}
        self._released: list[_Release] = []
        self._wake = asyncio.Event()
        self._pump: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def call(self, priority: Priority, *, patience: timedelta) -> AsyncIterator[Grant]:
        """Wait for leave and hold it during the block. Raises BudgetUnavailable when `patience` would not do.

        What the block raises is reported: a CallFailed counts against the breaker, and its Retry-After pauses all.
        """
        grant = await self._acquire(priority, patience)
        release = _Release(grant.id, "ok")
        try:
            yield grant
        except CallFailed as failure:
            pause = round(failure.retry_after.total_seconds() * 1000) if failure.retry_after else 0
            release = _Release(grant.id, "trouble" if failure.trouble in _UPSTREAM_FAILING else "ok", pause)
            raise
        except BaseException:
            release = _Release(grant.id, "cancelled")
            raise
        finally:
            self._release(release)

    async def prime(self) -> None:
        """Let the wait after a new start of Redis begin now, not with the first call. Does nothing without Redis."""
        with suppress(RedisError):
            await self._ask((), (0, 0, 0, 0))

    async def state(self) -> BudgetState:
        """What the budget holds now. Raises RedisError."""
        pipe = self._redis.pipeline(transaction=False)
        pipe.time()
        pipe.hmget(_KEYS[2], "tokens", "browse", "at", "born", "pause_until", "open_until", "probe_until")
        pipe.zrange(_KEYS[1], 0, -1, withscores=True)
        (seconds, micros), fields, leases = await pipe.execute()
        now = seconds * 1000 + micros / 1000
        tokens, browse, at, born, pause, opened, probe = (float(value or 0) for value in fields)
        passed = max(now - at, 0) / 1000 if at else 0
        browse_mean = self._mean * BROWSE_SHARE
        breaker: Breaker = "closed" if not opened else "open" if opened > now else "probing"
        blocked = max(born + self._longest_ms, pause, opened, probe) - now
        return BudgetState(
            tokens=min(self._mean * DEPTH_SECONDS, tokens + passed * self._mean),
            browse_tokens=min(browse + passed * browse_mean, max(1, browse_mean * BROWSE_DEPTH_SECONDS)),
            in_flight=sum(until > now for _, until in leases),
            breaker=breaker,
            blocked_seconds=max(blocked, 0) / 1000,
        )

    async def allowance(self, seconds: float) -> Allowance:
        """How many calls the budget covers in the next `seconds`; none without Redis, or while all are held back."""
        try:
            state = await self.state()
        except RedisError:
            return Allowance(0, 0)
        free = seconds - state.blocked_seconds
        if free <= 0:
            return Allowance(0, 0)
        if state.breaker != "closed":
            return Allowance(1, 0)
        looks = max(1, int(min(self._cap * free, state.tokens + self._mean * free)))
        return Allowance(looks, min(looks, int(state.browse_tokens + self._mean * BROWSE_SHARE * free)))

    async def close(self) -> None:
        """Refuse whoever waits, and give back what was released as far as Redis can be reached."""
        self._refuse_all("the worker stops")
        if self._pump is not None:
            self._wake.set()
            await asyncio.wait({self._pump})

    async def _acquire(self, priority: Priority, patience: timedelta) -> Grant:
        future: asyncio.Future[Grant] = asyncio.get_running_loop().create_future()
        self._waiting[priority].append(_Waiting(future, time.monotonic() + patience.total_seconds()))
        self._start_pump()
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None:
                self._release(_Release(future.result().id, "cancelled"))
            raise

    def _release(self, release: _Release) -> None:
        self._released.append(release)
        self._start_pump()

    def _start_pump(self) -> None:
        self._wake.set()
        if self._pump is None or self._pump.done():
            self._pump = asyncio.create_task(self._run())

    async def _run(self) -> None:
        """Ask until nobody waits. One round trip carries everything that came together since the last one."""
        while True:
            # Whoever is released or begins to wait in this turn of the loop shares the trip.
            await asyncio.sleep(0)
            self._wake.clear()
            wanted = [self._count_waiting(priority) for priority in PRIORITIES]
            released, self._released = self._released, []
            if not released and not any(wanted):
                return
            prefix = uuid4().hex
            try:
                clock, *answer = await self._ask(released, wanted, prefix)
            except RedisError as error:
                # Kept for the next trip: a pause that the service asked for must not be lost.
                self._released = [*released, *self._released]
                self._refuse_all(f"no call without Redis: {error}")
                return
            at = datetime.fromtimestamp(clock / 1000, UTC)
            grants = (Grant(f"{prefix}:{number}", at) for number in itertools.count(1))
            waits = []
            for priority, count, wait_ms in zip(PRIORITIES, answer[:4], answer[4:], strict=True):
                for _ in range(count):
                    self._hand_out(priority, next(grants))
                if wait_ms:
                    self._refuse_impatient(priority, wait_ms / 1000)
                if self._count_waiting(priority):
                    # Without a wait they came while the question was on its way.
                    waits.append(wait_ms / 1000)
            if waits and min(waits) > 0:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), min(waits))

    async def _ask(self, released: Sequence[_Release], wanted: Sequence[int], prefix: str = "") -> list[int]:
        arguments = [self._cap, self._at_once, self._mean, DEPTH_SECONDS, BROWSE_SHARE, self._longest_ms]
        tail = [prefix, *wanted, *(part for r in released for part in (r.grant_id, r.outcome, r.pause_ms))]
        try:
            answer = await self._redis.evalsha(_SHA, len(_KEYS), *_KEYS, *arguments, 0, *tail)
        except NoScriptError:
            # A server that does not know the script has been started anew.
            answer = await self._redis.eval(SCRIPT, len(_KEYS), *_KEYS, *arguments, 1, *tail)
        return list(answer)

    def _count_waiting(self, priority: Priority) -> int:
        queue = self._waiting[priority] = deque(w for w in self._waiting[priority] if not w.future.done())
        return len(queue)

    def _hand_out(self, priority: Priority, grant: Grant) -> None:
        queue = self._waiting[priority]
        while queue:
            waiting = queue.popleft()
            if not waiting.future.done():
                waiting.future.set_result(grant)
                return
        # Whoever asked for it was cancelled meanwhile.
        self._released.append(_Release(grant.id, "cancelled"))

    def _refuse_impatient(self, priority: Priority, wait_seconds: float) -> None:
        until = time.monotonic() + wait_seconds
        for waiting in self._waiting[priority]:
            if waiting.deadline < until and not waiting.future.done():
                waiting.future.set_exception(BudgetUnavailable(f"a call would have to wait {wait_seconds:.1f} s"))

    def _refuse_all(self, reason: str) -> None:
        for priority in PRIORITIES:
            for waiting in self._waiting[priority]:
                if not waiting.future.done():
                    waiting.future.set_exception(BudgetUnavailable(reason))
            self._waiting[priority].clear()
