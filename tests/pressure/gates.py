"""Work that is held before or after its call to the outside, for as long as a test wants."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Literal, TypeVar

from dramatiq import Message

from backend.clients.channels.outgoing import Outgoing
from backend.clients.wisely import Look
from tests.pressure.passing_time import pass_time
from tests.pressure.worker import Worker
from workers.resources import Resources

T = TypeVar("T")
Moment = Literal["before", "after"]


class Gate:
    """Closed at one moment of a call, until it is opened. Other moments pass."""

    def __init__(self, moment: Moment) -> None:
        self._moment = moment
        self._open = asyncio.Event()
        self.reached = asyncio.Event()

    def open(self) -> None:
        self._open.set()

    async def pass_through(self, moment: Moment) -> None:
        if moment == self._moment:
            self.reached.set()
            await self._open.wait()


_gate: ContextVar[Gate | None] = ContextVar("gate", default=None)


@dataclass(frozen=True, slots=True)
class Held:
    """A message whose work waits at a gate. To let it die, leave it there: nothing after the gate ever runs."""

    message: Message[Any]
    task: asyncio.Task[None]
    gate: Gate

    async def go_on(self) -> None:
        self.gate.open()
        await self.task


class Clock:
    """How much time was passed without waiting."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self.passed = 0.0

    async def skip(self, seconds: float) -> None:
        await pass_time(self._resources, seconds)
        self.passed += seconds


class GatedSender:
    """A channel with a gate."""

    def __init__(self, sender: Any) -> None:
        self._sender = sender

    async def send(self, message: Outgoing) -> str:
        return await _held(lambda: self._sender.send(message))

    async def close(self) -> None:
        await self._sender.close()


class GatedWisely:
    """The reservation service with a gate. A look that was held is as old as the time that was skipped meanwhile."""

    def __init__(self, wisely: Any, clock: Clock) -> None:
        self._wisely = wisely
        self._clock = clock

    async def look(self, *args: Any, **kwargs: Any) -> Look:
        async def call() -> tuple[Look, float]:
            return await self._wisely.look(*args, **kwargs), self._clock.passed

        look, then = await _held(call)
        return replace(look, at=look.at - timedelta(seconds=self._clock.passed - then))

    async def book(self, *args: Any, **kwargs: Any) -> Any:
        return await _held(lambda: self._wisely.book(*args, **kwargs))

    async def close(self) -> None:
        await self._wisely.close()


def with_gates(resources: Resources) -> tuple[Resources, Clock]:
    """The same resources, with gates where they leave this machine."""
    clock = Clock(resources)
    wisely: Any = GatedWisely(resources.wisely, clock)
    senders = {kind: GatedSender(sender) for kind, sender in resources.senders.items()}
    return replace(resources, wisely=wisely, senders=senders), clock


async def hold(worker: Worker, message: Message[Any], moment: Moment) -> Held | None:
    """Work on a message up to a gate; None when the work ended without getting there."""
    gate = Gate(moment)

    async def work() -> None:
        _gate.set(gate)
        await worker.run(message)

    task = asyncio.create_task(work())
    waiter = asyncio.create_task(gate.reached.wait())
    await asyncio.wait({task, waiter}, return_when=asyncio.FIRST_COMPLETED)
    waiter.cancel()
    if task.done():
        task.result()
        return None
    return Held(message, task, gate)


async def _held(call: Callable[[], Awaitable[T]]) -> T:
    gate = _gate.get()
    if gate is None:
        return await call()
    await gate.pass_through("before")
    try:
        return await call()
    finally:
        await gate.pass_through("after")
