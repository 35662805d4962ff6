"""Writes good looks down, several in one transaction. One that is older than the last applied writes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from backend.clients.wisely import Look
from backend.db.base import Sessions
from backend.db.queries import bookings, groups, openings, runs
from backend.db.queries.openings import Exposure
from backend.domain import windows
from backend.domain.drops import Change, diff
from backend.domain.message import clock_time
from backend.domain.types import Drop, Tier, Trouble
from backend.services.match_application import Seen, write_matches
from backend.services.turns import next_turns
from backend.services.work import Work

# A gap between looks longer than this says little about when a table opened.
EXPOSURE_AT_MOST = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Looked:
    """A group and its good look."""

    group: Row[Any]
    look: Look


@dataclass(frozen=True, slots=True)
class Ended:
    """A claim that ends without a look: rest until `next_at` (None: nobody needs it), or after trouble for `wait`."""

    group: Row[Any]
    next_at: datetime | None = None
    wait: timedelta = timedelta()
    trouble: Trouble | None = None
    detail: str = ""
    rest: Literal["asleep", "no budget"] = "asleep"


@dataclass(frozen=True, slots=True)
class Applied:
    """Watches scanned, new pairs of watch and drop, drops that appeared and went, the ledger rows to send on, and the
    run if this completed it.
    """

    scanned: int = 0
    matches: int = 0
    appeared: int = 0
    gone: int = 0
    work: Work = field(default_factory=Work)
    completed_run: Row[Any] | None = None


async def apply_looks(
    sessions: Sessions,
    looks: Sequence[Looked],
    ends: Sequence[Ended],
    *,
    token: UUID,
    run_id: int,
    periods: Mapping[Tier, timedelta],
    now: datetime,
    source: Literal["look", "push"] = "look",
) -> Applied:
    """Lock the groups, compare, and write everything that follows, in one commit."""
    async with sessions.begin() as session:
        # 1. Whoever holds the group rows decides; older looks are dropped.
        claimed = [looked.group for looked in looks] + [end.group for end in ends]
        before = await groups.lock(session, [group.id for group in claimed])
        fresh = [looked for looked in looks if _is_newer(looked.look.at, before[looked.group.id])]
        stale = [looked for looked in looks if looked not in fresh]
        ids = [looked.group.id for looked in fresh]
        known = await openings.open_drops(session, ids) if ids else {}
        changes = [diff(known[looked.group.id], looked.look.slots, looked.look.coverage) for looked in fresh]
        seen = [
            Seen(looked.group, looked.look.at, before[looked.group.id], change)
            for looked, change in zip(fresh, changes, strict=True)
        ]
        matched, turns = 0, Work()
        messages: tuple[tuple[int, str], ...] = ()
        if seen:
            # 2. What was seen.
            appeared = await _write_drops(session, seen, source)
            await _write_exposure(session, seen)
            # 3. What follows for watches.
            matched, messages = await write_matches(session, seen, appeared, run_id=run_id, now=now)
            # 4. When to look next.
            nexts = [
                (s.group.id, s.at, max(s.at, now) + periods[Tier(s.group.tier)], looked.look.is_complete)
                for s, looked in zip(seen, fresh, strict=True)
            ]
            await groups.record_looks(session, nexts, token=token)
            turns = await next_turns(session, ids, now=now)
        rests = [(end.group.id, end.next_at) for end in ends if end.trouble is None]
        # Somebody has looked later already.
        rests += [(looked.group.id, now + periods[Tier(looked.group.tier)]) for looked in stale]
        await groups.put_back(session, rests, token=token)
        failures = [(e.group.id, f"{e.trouble}: {e.detail}", e.wait) for e in ends if e.trouble is not None]
        await groups.record_failures(session, failures, token=token)
        # 5. What the run came to.
        scanned = sum(watches_ahead(looked.group, now) for looked in fresh)
        run = await runs.add(
            session,
            run_id,
            groups=len(claimed),
            failed=len(failures),
            scanned=scanned,
            skipped=sum(sum(group.watch_counts) for group in claimed) - scanned,
            matches=matched,
        )
    completed = run if run is not None and run.is_complete else None
    return Applied(
        scanned=scanned,
        matches=matched,
        appeared=sum(len(change.appeared) for change in changes),
        gone=sum(len(change.gone) for change in changes),
        work=Work((*messages, *turns.messages), turns.bookings),
        completed_run=completed,
    )


def watches_ahead(group: Row[Any], now: datetime) -> int:
    """How many of a group's active watches have windows that are not over."""
    return sum(
        count
        for end, count in zip(group.window_ends, group.watch_counts, strict=True)
        if windows.window_is_ahead(group.target_date, end, group.timezone, now)
    )


def _is_newer(at: datetime, applied: datetime | None) -> bool:
    return applied is None or at > applied


async def _write_drops(session: AsyncSession, seen: Sequence[Seen], source: str) -> dict[int, list[Drop]]:
    """Close what went, stamp what stayed with its chances, add what appeared; returns the new drops by group."""
    gone = [(drop.id, s.at) for s in seen for drop in s.change.gone]
    await openings.close_drops(session, gone)
    await bookings.lapse_gone(session, [drop_id for drop_id, _ in gone])
    stayed = [(drop.id, s.at) for s in seen for drop in s.change.stayed]
    await openings.mark_seen(session, stayed)
    await bookings.renew(session, [s.group.id for s in seen], [drop_id for drop_id, _ in stayed])
    new = [(s, slot) for s in seen for slot in s.change.appeared]
    rows = [
        {
            "group_id": s.group.id,
            "location": s.group.location_key,
            "slot_date": s.group.target_date,
            "slot_time": clock_time(slot.reserved_ts, s.group.timezone),
            "party_size": s.group.party_size,
            "reserved_ts": slot.reserved_ts,
            "reservation_type_id": slot.type_id,
            "reservation_type_name": slot.type_name,
            "source": source,
            "unseen_at": s.before,
            "appeared_at": s.at,
            "last_seen_at": s.at,
        }
        for s, slot in new
    ]
    ids = await openings.add_drops(session, rows)
    appeared: dict[int, list[Drop]] = {}
    for drop_id, (s, slot) in zip(ids, new, strict=True):
        drop = Drop(drop_id, slot.reserved_ts, slot.type_id, s.at, s.at)
        appeared.setdefault(s.group.id, []).append(drop)
    await openings.add_history(session, [row for s in seen for row in _history(s.group, s.at, s.change)])
    return appeared


def _history(group: Row[Any], at: datetime, change: Change) -> list[dict[str, Any]]:
    changes = [(slot.reserved_ts, True) for slot in change.appeared]
    changes += [(drop.reserved_ts, False) for drop in change.gone]
    return [
        {
            "location": group.location_key,
            "scan_date": group.target_date,
            "time_slot": clock_time(reserved_ts, group.timezone),
            "party_sizes": str(group.party_size),
            "available": available,
            "scanned_at": at,
        }
        for reserved_ts, available in changes
    ]


async def _write_exposure(session: AsyncSession, seen: Sequence[Seen]) -> None:
    covered: dict[Exposure, tuple[int, float]] = {}
    for s in seen:
        at = windows.local(windows.epoch_ms(s.at), s.group.timezone)
        key = (s.group.location_key, at.weekday(), at.hour, (s.group.target_date - at.date()).days)
        since = min(s.at - s.before, EXPOSURE_AT_MOST) if s.before else timedelta()
        looks, seconds = covered.get(key, (0, 0.0))
        covered[key] = (looks + 1, seconds + since.total_seconds())
    await openings.add_exposure(session, covered)
