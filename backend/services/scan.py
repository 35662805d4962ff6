"""Looks at groups and writes down what follows: drops, history, messages, chances to book, the next look."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row
from sqlalchemy.exc import DBAPIError

from backend.clients.errors import BudgetUnavailable, LookFailed
from backend.clients.wisely import Look, Wisely
from backend.db.base import Sessions
from backend.db.insist import insist, is_passing, is_taken
from backend.db.queries import groups
from backend.domain import windows
from backend.domain.backoff import look_again_after
from backend.domain.types import Tier, Trouble
from backend.services.look_application import Ended, Looked, apply_looks, watches_ahead
from backend.services.work import Work

# Less than a group's lease, so that whoever waits for the budget still owns the group when the answer comes.
PATIENCE = timedelta(seconds=30)
# How long the first answer waits for others, to share a transaction with them.
GATHER_SECONDS = 0.1
# How often looks are written that collide with what others write.
TRIES = 3

Answer = Look | LookFailed | BudgetUnavailable
SendOn = Callable[[Work], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Tried:
    """One group's turn: ok, asleep, no budget, or the trouble it had; and how long it was due before the look."""

    tier: str
    outcome: str
    lag_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Scan:
    """What a batch came to. Scanned and skipped count watches, matches new pairs of watch and drop, appeared and gone
    drops.
    """

    scanned: int = 0
    skipped: int = 0
    matches: int = 0
    failed: int = 0
    appeared: int = 0
    gone: int = 0
    tried: tuple[Tried, ...] = ()
    troubles: tuple[tuple[str, Trouble, str], ...] = ()
    completed: Row[Any] | None = None


async def scan(
    sessions: Sessions,
    wisely: Wisely,
    group_ids: Sequence[int],
    run_id: int,
    *,
    periods: Mapping[Tier, timedelta],
    clock: Callable[[], datetime],
    send_on: SendOn,
) -> Scan:
    """Look at groups that were sent with a run, all at once, and apply the answers as they come in.

    One group's trouble never stops or delays the others. `send_on` gets the ledger rows of each commit.
    """
    token = uuid4()
    async with sessions.begin() as session:
        rows = await groups.claim(session, group_ids, run_id=run_id, token=token)
    batch = _Batch(sessions, token, run_id, periods, clock, send_on)
    looks: dict[asyncio.Task[Answer], Row[Any]] = {}
    asleep: list[Ended] = []
    for row in rows:
        ended = batch.asleep(row)
        if ended is not None:
            asleep.append(ended)
        else:
            looks[asyncio.create_task(_look(wisely, row))] = row
    try:
        if asleep:
            await batch.write([], asleep)
        while looks:
            done, _ = await asyncio.wait(looks, return_when=asyncio.FIRST_COMPLETED)
            if len(done) < len(looks):
                done, _ = await asyncio.wait(looks, timeout=GATHER_SECONDS)
            await batch.take_in([(looks.pop(task), task.result()) for task in done])
    finally:
        for task in looks:
            task.cancel()
    return batch.result


class _Batch:
    """Writes answers down and adds up what came of them."""

    def __init__(
        self,
        sessions: Sessions,
        token: UUID,
        run_id: int,
        periods: Mapping[Tier, timedelta],
        clock: Callable[[], datetime],
        send_on: SendOn,
    ) -> None:
        self.result = Scan()
        self._sessions = sessions
        self._token = token
        self._run_id = run_id
        self._periods = periods
        self._clock = clock
        self._send_on = send_on

    def asleep(self, row: Row[Any]) -> Ended | None:
        """How a claim ends without a look; None when the group is to be looked at."""
        now = self._clock()
        if row.tier == Tier.BROWSE:
            if row.target_date < windows.today(now, row.timezone):
                return Ended(row, next_at=None)
        elif not watches_ahead(row, now):
            return Ended(row, next_at=None)
        if not row.looking:
            return Ended(row, next_at=now + self._periods[Tier(row.tier)])
        if windows.is_within_horizon(row.target_date, row.timezone, row.horizon_days, now=now):
            return None
        opens = row.target_date - timedelta(days=row.horizon_days)
        return Ended(row, next_at=max(windows.instant(opens, time(0), row.timezone), now + timedelta(minutes=1)))

    async def take_in(self, answers: Sequence[tuple[Row[Any], Answer]]) -> None:
        """Sort answers into looks and ends, and write both."""
        looks: list[Looked] = []
        ends: list[Ended] = []
        for row, answer in sorted(answers, key=lambda pair: pair[0].id):
            match answer:
                case Look():
                    looks.append(Looked(row, answer))
                case LookFailed():
                    ends.append(self._failed(row, answer.trouble, answer.detail, answer.retry_after))
                case BudgetUnavailable():
                    # Nothing was asked, so nothing is known to be wrong there: due again at once.
                    ends.append(Ended(row, next_at=self._clock(), rest="no budget"))
        await self.write(looks, ends)

    async def write(self, looks: Sequence[Looked], ends: Sequence[Ended], *, tries: int = TRIES) -> None:
        """One transaction for all; when the database refuses, one for each, so that a bad answer stops no others.

        What somebody else has told in between is known at the next of `tries`.
        """
        try:
            applied = await insist(
                lambda: apply_looks(
                    self._sessions,
                    looks,
                    ends,
                    token=self._token,
                    run_id=self._run_id,
                    periods=self._periods,
                    now=self._clock(),
                )
            )
        except DBAPIError as error:
            if is_passing(error):
                raise
            if is_taken(error) and tries > 1:
                await self.write(looks, ends, tries=tries - 1)
            elif len(looks) + len(ends) > 1:
                for looked in looks:
                    await self.write([looked], [])
                await self.write([], ends)
            elif looks:
                # Not the driver's whole sentence: it may quote what the service sent.
                reason = f"could not be stored: {type(error.orig).__name__}"
                await self.write([], [self._failed(looks[0].group, Trouble.WRONG_SHAPE, reason, None)])
            else:
                raise
            return
        await self._send_on(applied.work)
        failures = [end for end in ends if end.trouble is not None]
        claimed = [looked.group for looked in looks] + [end.group for end in ends]
        watching = sum(sum(group.watch_counts) for group in claimed)
        self.result = Scan(
            scanned=self.result.scanned + applied.scanned,
            skipped=self.result.skipped + watching - applied.scanned,
            matches=self.result.matches + applied.matches,
            failed=self.result.failed + len(failures),
            appeared=self.result.appeared + applied.appeared,
            gone=self.result.gone + applied.gone,
            tried=(*self.result.tried, *map(_looked, looks), *map(_ended, ends)),
            troubles=(
                *self.result.troubles,
                *((end.group.location_key, end.trouble, end.detail) for end in failures if end.trouble),
            ),
            completed=self.result.completed or applied.completed_run,
        )

    def _failed(self, row: Row[Any], trouble: Trouble, detail: str, retry_after: timedelta | None) -> Ended:
        period = self._periods[Tier(row.tier)]
        wait = look_again_after(row.failures + 1, period=period, retry_after=retry_after)
        return Ended(row, wait=wait, trouble=trouble, detail=detail)


def _looked(looked: Looked) -> Tried:
    since = looked.group.due_since
    return Tried(looked.group.tier, "ok", (looked.look.at - since).total_seconds() if since else None)


def _ended(end: Ended) -> Tried:
    return Tried(end.group.tier, str(end.trouble or end.rest))


async def _look(wisely: Wisely, row: Row[Any]) -> Answer:
    try:
        return await wisely.look(
            row.merchant_id,
            row.target_date,
            row.party_size,
            timezone=row.timezone,
            priority=row.tier,
            patience=PATIENCE,
        )
    except (LookFailed, BudgetUnavailable) as error:
        return error
