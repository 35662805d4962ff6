"""Sends messages of the ledger: claim a batch, read again, send all at once, write the verdicts as they come."""

import asyncio
import random
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Row

from backend.clients.errors import SendFailed
from backend.db.insist import insist, is_passing
from backend.db.queries import channels, delivery
from backend.db.queries.delivery import Hold, Verdict
from backend.domain.backoff import send_again_after
from backend.services.account_mail import Queued
from backend.services.fallback import after_failure
from backend.services.preparation import Claim, Preparation, Ready, by_ids, by_turn
from backend.services.work import Work

# A send that has not begun by then is left to the next claim, and one that has not ended is given up: together they
# are shorter than the lease.
BEGIN_SECONDS = 20.0
SEND_SECONDS = 90.0
# How long the first verdict waits for others, to share a transaction with them.
GATHER_SECONDS = 0.05
# Sends of one channel at a time, in one batch.
AT_ONCE = 8
# Sends to one person at a time, on one channel: whoever's own server hangs leaves turns to the others.
EACH_AT_ONCE = 2
# Claimed and not settled at a time, by whoever empties a queue; and of one person.
WINDOW, EACH_WINDOW = 32, 4

SendOn = Callable[[Work], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of an attempt. `status` is the row's new one, or "not_mine". `error`: what nobody had expected.
    `seconds_open`: how long the table of a message that was sent had been known, where it was not held back.
    """

    status: str
    channel: str = ""
    kind: str = ""
    reason: str | None = None
    id: int = 0
    error: Exception | None = None
    seconds_open: float | None = None


Tell = Callable[[Sequence[Delivery]], object]


async def deliver(preparation: Preparation, ids: Sequence[int], *, send_on: SendOn) -> list[Delivery]:
    """Send queued messages that are due, in the order of `ids`. Delivered twice by the queue, each is sent once.

    `send_on` gets the ledger rows that take the place of messages which have failed for good.
    """
    told: list[Delivery] = []
    batch = _Batch(preparation, send_on, told.extend, AT_ONCE)
    try:
        is_off = await batch.take(by_ids(ids)) is None
        while batch.flying:
            await batch.land()
    finally:
        batch.cancel()
    found = {one.id: one for one in told}
    other = Delivery("not_mine", reason="notifying is switched off" if is_off else None)
    return [found.get(message_id, other) for message_id in ids]


async def drain(
    preparation: Preparation,
    channel: str,
    *,
    send_on: SendOn,
    tell: Tell,
    more: asyncio.Event,
    at_once: int = AT_ONCE,
    seconds: float,
) -> bool:
    """Send what is due on a channel, the most urgent first, until nothing is. `tell` hears of all of it.

    `more` says that something was added meanwhile; it is cleared when that was taken up. False: `seconds` were over,
    and something may be left.
    """
    batch = _Batch(preparation, send_on, tell, at_once)
    until = time.monotonic() + seconds
    is_left = True
    passed_over: frozenset[int] = frozenset()
    try:
        while True:
            room = WINDOW - len(batch.flying)
            may_take = room >= WINDOW // 2 and time.monotonic() < until
            # The claim stopped at whoever has become busy by it, and passed over whoever was and is not any more.
            is_left = is_left or batch.busy() != passed_over
            if may_take and (is_left or more.is_set()):
                more.clear()
                passed_over = batch.busy()
                claim = by_turn(channel, room, each=EACH_WINDOW, without=passed_over)
                is_left = await batch.take(claim) == room
            elif batch.flying:
                await batch.land(more if may_take else None)
            else:
                return not is_left
    finally:
        batch.cancel()


class _Batch:
    """Messages in the air, and the verdicts of those that have landed."""

    def __init__(self, preparation: Preparation, send_on: SendOn, tell: Tell, at_once: int) -> None:
        self.flying: dict[asyncio.Task[Verdict | Hold], Ready] = {}
        self._preparation = preparation
        self._send_on = send_on
        self._tell = tell
        self._turns: dict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(at_once))
        self._own_turns: dict[tuple[str, int], asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(EACH_AT_ONCE))
        # What a verdict does not say: unexpected errors, and addresses at which nothing will ever arrive.
        self._errors: dict[int, Exception] = {}
        self._dead: set[int] = set()
        self._stopped: set[int] = set()
        self._seconds_open: dict[int, float] = {}

    async def take(self, claim: Claim) -> int | None:
        """Claim and start to send; returns how many were claimed, None when nobody may be told anything."""
        begin_until = time.monotonic() + BEGIN_SECONDS
        prepared = await self._preparation.prepare(claim)
        for ready in prepared.ready:
            self.flying[asyncio.create_task(self._send(ready, begin_until))] = ready
        self._tell(
            [_delivery(verdict.row, verdict.status, verdict.reason) for verdict in prepared.ended]
            + [_delivery(hold.row, "held", hold.reason) for hold in prepared.held]
        )
        if prepared.elsewhere:
            await self._send_on(Work(prepared.elsewhere))
        broken = []
        for one in prepared.broken:
            self._errors[one.row.id] = one.error
            reason = f"could not be prepared: {type(one.error).__name__}"
            broken.append(_failed(one.row, SendFailed(reason, permanent=False, was_refused=True)))
        if broken:
            await self._settle(broken, [])
        return None if prepared.off else prepared.count

    async def land(self, more: asyncio.Event | None = None) -> None:
        """Wait for verdicts and write them down, those together that come together; or until `more` is set."""
        added = None if more is None else asyncio.create_task(more.wait())
        try:
            awaited = [*self.flying] if added is None else [*self.flying, added]
            await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if added is not None:
                added.cancel()
        done = {task for task in self.flying if task.done()}
        if done and len(done) < len(self.flying):
            done, _ = await asyncio.wait(self.flying, timeout=GATHER_SECONDS)
        results = [task.result() for task in done]
        for task in done:
            del self.flying[task]
        if results:
            await self._settle(
                [result for result in results if isinstance(result, Verdict)],
                [result for result in results if isinstance(result, Hold)],
            )

    def busy(self) -> frozenset[int]:
        """People of whom no more are claimed for now."""
        counts = Counter(ready.row.user_id for ready in self.flying.values() if ready.row.user_id is not None)
        return frozenset(user_id for user_id, count in counts.items() if count >= EACH_WINDOW)

    def cancel(self) -> None:
        for task in self.flying:
            task.cancel()

    async def _send(self, ready: Ready, begin_until: float) -> Verdict | Hold:
        """Hand it over, and return what the ledger is to say of it."""
        row = ready.row
        # An operator's addresses are no account's: each message is on its own.
        own = (row.channel, row.user_id if row.user_id is not None else -row.id)
        # In this order: who waits for their own turn takes none from the others.
        async with self._own_turns[own], self._turns[row.channel]:
            if time.monotonic() > begin_until:
                return Hold(row)
            try:
                async with asyncio.timeout(SEND_SECONDS):
                    provider_id = await ready.sender.send(ready.message())
            except SendFailed as failure:
                if failure.address_is_dead:
                    self._dead.add(row.id)
                if failure.is_stopped:
                    self._stopped.add(row.id)
                return _failed(row, failure)
            except TimeoutError:
                return _failed(row, SendFailed(f"no answer within {SEND_SECONDS:g} s", permanent=False))
            # A sender's bug, or its library's, costs this attempt and no others.
            except Exception as error:
                self._errors[row.id] = error
                return _failed(row, SendFailed(f"unexpected: {type(error).__name__}", permanent=False))
        if ready.seen_at is not None:
            self._seconds_open[row.id] = (self._preparation.clock() - ready.seen_at).total_seconds()
        return Verdict(row, "sent", provider_id=provider_id)

    async def _settle(self, verdicts: Sequence[Verdict], holds: Sequence[Hold]) -> None:
        """They are out by now: the verdicts are written down whatever the database is going through."""
        try:
            mine, queued = await insist(lambda: self._write(verdicts, holds))
        except Exception as error:
            if is_passing(error) or not verdicts:
                raise
            if len(verdicts) > 1 or holds:
                await self._settle([], holds)
                for verdict in verdicts:
                    await self._settle([verdict], [])
                return
            # What follows of it could not be written: the verdict stands without.
            self._errors[verdicts[0].row.id] = error
            mine, queued = await insist(lambda: self._write(verdicts, [], and_then=False))
        if queued:
            await self._send_on(Work(queued))
        told = [(verdict.row, verdict.status, verdict.reason) for verdict in verdicts]
        told += [(hold.row, "held", hold.reason) for hold in holds]
        self._tell(
            [
                replace(
                    _delivery(row, status if row.id in mine else "not_mine", reason, self._errors.pop(row.id, None)),
                    seconds_open=self._seconds_open.pop(row.id, None),
                )
                for row, status, reason in told
            ]
        )

    async def _write(
        self, verdicts: Sequence[Verdict], holds: Sequence[Hold], *, and_then: bool = True
    ) -> tuple[set[int], Queued]:
        async with self._preparation.sessions.begin() as session:
            mine = await delivery.settle(session, verdicts) | await delivery.hold(session, holds)
            queued: Queued = ()
            for verdict in verdicts if and_then else ():
                if verdict.status == "failed" and verdict.row.id in mine:
                    queued += await after_failure(
                        session,
                        verdict.row,
                        reason=verdict.reason or "",
                        address_is_dead=verdict.row.id in self._dead,
                        now=self._preparation.clock(),
                    )
                    if verdict.row.id in self._stopped:
                        await channels.stop(session, verdict.row.recipient)
        return mine, queued


def _failed(row: Row[Any], failure: SendFailed) -> Verdict:
    """It is tried again later, never sooner than the provider asked for; or, after the last attempt, not any more."""
    wait = None if failure.permanent else send_again_after(row.attempts, jitter=random.random())
    if wait is None:
        return Verdict(row, "failed", failure.reason, was_refused=failure.was_refused)
    wait = max(wait, failure.retry_after or timedelta())
    return Verdict(row, "queued", failure.reason, wait=wait, was_refused=failure.was_refused)


def _delivery(row: Row[Any], status: str, reason: str | None, error: Exception | None = None) -> Delivery:
    return Delivery(status, row.channel, row.kind, reason, row.id, error)
