"""Looks at groups and writes down what follows: drops, history, messages, chances to book, the next look."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any

from sqlalchemy import Row
from sqlalchemy.exc import DBAPIError

from backend.clients.errors import BudgetUnavailable, LookFailed
from backend.clients.wisely import Look, Wisely
from backend.db.base import Sessions
from backend.db.queries import groups, runs, watches
from backend.domain import windows
from backend.domain.backoff import look_again_after
from backend.domain.types import Tier, Trouble
from backend.services.look_application import Applied, apply_looks
from backend.services.outbox import Work

# Less than a group's lease, so that whoever waits for the budget still owns the group when the answer comes.
PATIENCE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Scan:
    """What a batch came to. Scanned and skipped count watches, matches new pairs of watch and drop."""

    scanned: int = 0
    skipped: int = 0
    matches: int = 0
    failed: int = 0
    troubles: tuple[tuple[str, Trouble, str], ...] = ()
    work: Work = field(default_factory=Work)
    completed: Row[Any] | None = None


async def scan(
    sessions: Sessions,
    wisely: Wisely,
    group_ids: Sequence[int],
    run_id: int,
    *,
    periods: Mapping[Tier, timedelta],
    now: datetime,
) -> Scan:
    """Look at claimed groups, all at once, and apply the answers. One group's trouble never stops the others."""
    async with sessions() as session:
        rows = [row for row in await groups.load(session, group_ids) if row.is_claimed]
        wanted = await watches.active_in_groups(session, [row.id for row in rows])
    ahead = {row.id: _ahead(row, wanted[row.id], now) for row in rows}
    to_look = [row for row in rows if ahead[row.id] and _asleep_until(row, now, periods) is None]
    answers = await asyncio.gather(*(_look(wisely, row) for row in to_look))

    scanned = failed = 0
    troubles = []
    looks: list[tuple[Row[Any], Look]] = []
    async with sessions.begin() as session:
        for row in sorted(rows, key=lambda row: row.id):
            if row not in to_look:
                next_at = _asleep_until(row, now, periods) if ahead[row.id] else None
                await groups.put_back(session, row.id, next_at=next_at)
        for row, answer in zip(to_look, answers, strict=True):
            match answer:
                case Look():
                    looks.append((row, answer))
                    scanned += ahead[row.id]
                case LookFailed():
                    failed += 1
                    troubles.append((row.location_key, answer.trouble, answer.detail))
                    period = periods[Tier(row.tier)]
                    wait = look_again_after(row.failures + 1, period=period, retry_after=answer.retry_after)
                    await groups.record_failure(session, row.id, error=str(answer), next_at=datetime.now(UTC) + wait)
                case BudgetUnavailable():
                    # Nothing was asked, so nothing is known to be wrong there: due again at once.
                    await groups.put_back(session, row.id, next_at=datetime.now(UTC))
    applied = [] if not looks else await _apply(sessions, looks, run_id=run_id, periods=periods, now=now)
    matches = sum(part.matches for part in applied)
    skipped = sum(len(found) for found in wanted.values()) - scanned
    async with sessions.begin() as session:
        run = await runs.add(
            session,
            run_id,
            groups=len(group_ids),
            failed=failed,
            scanned=scanned,
            skipped=skipped,
            matches=matches,
        )
    completed = run if run is not None and run.is_complete else None
    work = Work(
        tuple(message for part in applied for message in part.work.messages),
        tuple(booking for part in applied for booking in part.work.bookings),
    )
    return Scan(scanned, skipped, matches, failed, tuple(troubles), work, completed)


async def _apply(
    sessions: Sessions,
    looks: Sequence[tuple[Row[Any], Look]],
    *,
    run_id: int,
    periods: Mapping[Tier, timedelta],
    now: datetime,
) -> list[Applied]:
    """Apply all at once; when the database refuses, each by itself, so that one bad answer never stops the others."""
    try:
        return [await apply_looks(sessions, looks, run_id=run_id, periods=periods, now=now)]
    except DBAPIError as error:
        if len(looks) > 1:
            parts = [await _apply(sessions, [look], run_id=run_id, periods=periods, now=now) for look in looks]
            return [applied for part in parts for applied in part]
        group = looks[0][0]
        wait = look_again_after(group.failures + 1, period=periods[Tier(group.tier)], retry_after=None)
        async with sessions.begin() as session:
            reason = f"{Trouble.WRONG_SHAPE}: could not be stored: {error.orig}"[:500].replace("\x00", "")
            await groups.record_failure(session, group.id, error=reason, next_at=datetime.now(UTC) + wait)
        return []


async def _look(wisely: Wisely, row: Row[Any]) -> Look | LookFailed | BudgetUnavailable:
    try:
        return await wisely.look(
            row.merchant_id,
            row.target_date,
            row.party_size,
            timezone=row.timezone,
            priority="urgent" if row.tier == Tier.URGENT else "normal",
            patience=PATIENCE,
        )
    except (LookFailed, BudgetUnavailable) as error:
        return error


def _ahead(row: Row[Any], found: Sequence[Row[Any]], now: datetime) -> int:
    return sum(windows.window_is_ahead(watches.to_domain(watch), row.timezone, now) for watch in found)


def _asleep_until(row: Row[Any], now: datetime, periods: Mapping[Tier, timedelta]) -> datetime | None:
    """When a group that must not be looked at now is to be asked about again; None: it may be looked at."""
    if not row.looking:
        return now + periods[Tier(row.tier)]
    if windows.is_within_horizon(row.target_date, row.timezone, row.horizon_days, now=now):
        return None
    opens = row.target_date - timedelta(days=row.horizon_days)
    return max(windows.instant(opens, time(0), row.timezone), now + timedelta(minutes=1))
