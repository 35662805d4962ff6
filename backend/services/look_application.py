"""Writes good looks down, all of a batch in one transaction. A look older than the last one applied writes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from backend.clients.wisely import Look
from backend.db.base import Sessions
from backend.db.queries import bookings, groups, notifications, openings, watches
from backend.db.queries.notifications import NewMessage
from backend.db.queries.openings import Exposure
from backend.domain import planning, windows
from backend.domain.booking_rules import choose_attempts, meal_of
from backend.domain.drops import Change, diff
from backend.domain.message import clock_time
from backend.domain.types import Drop, Location, Tier
from backend.services.outbox import Work

# A gap between looks longer than this says little about when a table opened.
EXPOSURE_AT_MOST = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Applied:
    """New pairs of watch and drop, and the ledger rows to dispatch."""

    matches: int = 0
    work: Work = field(default_factory=Work)


@dataclass(frozen=True, slots=True)
class _Seen:
    """One group's look beside what was known before."""

    group: Row[Any]
    look: Look
    before: datetime | None
    change: Change


async def apply_looks(
    sessions: Sessions,
    looks: Sequence[tuple[Row[Any], Look]],
    *,
    run_id: int,
    periods: Mapping[Tier, timedelta],
    now: datetime,
) -> Applied:
    """Lock the groups, compare, and write everything that follows, in one commit."""
    async with sessions.begin() as session:
        # 1. Whoever holds the group rows decides; older looks are dropped.
        before = await groups.lock(session, [group.id for group, _ in looks])
        fresh = [(g, look) for g, look in looks if before[g.id] is None or look.at > before[g.id]]  # type: ignore[operator]
        ids = [group.id for group, _ in fresh]
        known = await openings.open_drops(session, ids)
        seen = [_Seen(g, look, before[g.id], diff(known[g.id], look.slots, look.coverage)) for g, look in fresh]
        # 2. What was seen.
        appeared = await _write_drops(session, seen)
        await _write_exposure(session, seen)
        # 3. What follows for watches.
        applied = await _write_plans(session, seen, appeared, run_id=run_id, now=now)
        # 4. When to look next.
        await groups.record_looks(session, [(s.group.id, s.look.at, _next_at(s, periods, now)) for s in seen])
        chosen = choose_attempts(await bookings.candidates(session, ids), now=now)
    return Applied(applied.matches, Work(applied.work.messages, tuple(chosen)))


async def _write_drops(session: AsyncSession, seen: Sequence[_Seen]) -> dict[int, list[Drop]]:
    """Close what went, stamp what stayed, add what appeared; returns the new drops by group."""
    gone = [(drop.id, s.look.at) for s in seen for drop in s.change.gone]
    await openings.close_drops(session, gone)
    await bookings.lapse_gone(session, [drop_id for drop_id, _ in gone])
    await openings.mark_seen(session, [(drop.id, s.look.at) for s in seen for drop in s.change.stayed])
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
            "unseen_at": s.before,
            "appeared_at": s.look.at,
            "last_seen_at": s.look.at,
        }
        for s, slot in new
    ]
    ids = await openings.add_drops(session, rows)
    appeared: dict[int, list[Drop]] = {}
    for drop_id, (s, slot) in zip(ids, new, strict=True):
        drop = Drop(drop_id, slot.reserved_ts, slot.type_id, s.look.at, s.look.at)
        appeared.setdefault(s.group.id, []).append(drop)
    await openings.add_history(session, [row for s in seen for row in _history(s)])
    return appeared


def _history(s: _Seen) -> list[dict[str, Any]]:
    changes = [(slot.reserved_ts, True) for slot in s.change.appeared]
    changes += [(drop.reserved_ts, False) for drop in s.change.gone]
    return [
        {
            "location": s.group.location_key,
            "scan_date": s.group.target_date,
            "time_slot": clock_time(reserved_ts, s.group.timezone),
            "party_sizes": str(s.group.party_size),
            "available": available,
            "scanned_at": s.look.at,
        }
        for reserved_ts, available in changes
    ]


async def _write_exposure(session: AsyncSession, seen: Sequence[_Seen]) -> None:
    covered: dict[Exposure, tuple[int, float]] = {}
    for s in seen:
        at = windows.local(windows.epoch_ms(s.look.at), s.group.timezone)
        key = (s.group.location_key, at.weekday(), at.hour, (s.group.target_date - at.date()).days)
        since = min(s.look.at - s.before, EXPOSURE_AT_MOST) if s.before else timedelta()
        looks, seconds = covered.get(key, (0, 0.0))
        covered[key] = (looks + 1, seconds + since.total_seconds())
    if covered:
        await openings.add_exposure(session, covered)


async def _write_plans(
    session: AsyncSession, seen: Sequence[_Seen], appeared: Mapping[int, list[Drop]], *, run_id: int, now: datetime
) -> Applied:
    rows = await watches.active_in_groups(session, [s.group.id for s in seen])
    details = {row.id: row for found in rows.values() for row in found}
    plans = []
    pairs = {
        s.group.id: planning.pair(
            [watches.to_domain(row) for row in rows[s.group.id]],
            appeared=appeared.get(s.group.id, []),
            stayed=s.change.stayed,
            timezone=s.group.timezone,
            now=now,
        )
        for s in seen
    }
    people = [watch.user_id for found in pairs.values() for watch, _ in found]
    channels = await watches.channels_of(session, people) if people else {}
    for s in seen:
        if pairs[s.group.id]:
            plans.append(planning.plan(_location(s.group), pairs[s.group.id], channels, now=now))
    new, told = await _untold(session, [message for plan in plans for message in plan.messages])
    written = await notifications.add(session, new)
    await bookings.add_chances(
        session,
        [_chance(chance, details[chance.watch.id], run_id) for plan in plans for chance in plan.chances],
    )
    await watches.mark_matched(session, [row.id for row in details.values() if row.needs_match])
    return Applied(len(told), Work(messages=tuple(written)))


async def _untold(
    session: AsyncSession, messages: Sequence[planning.Message]
) -> tuple[list[NewMessage], set[tuple[int, int]]]:
    """The messages without what was told before, and the pairs of watch and drop that are new."""
    known = await notifications.known_keys(session, [item.dedup_key for m in messages for item in m.items])
    new, pairs = [], set()
    for message in messages:
        items = tuple((item.drop_id, item.dedup_key) for item in message.items if item.dedup_key not in known)
        if items:
            pairs |= {(message.watch.id, drop_id) for drop_id, _ in items}
            new.append(
                NewMessage(
                    user_id=message.watch.user_id,
                    watch_id=message.watch.id,
                    booking_id=None,
                    channel_id=message.channel.id,
                    channel=message.channel.kind,
                    kind=message.kind,
                    recipient=message.channel.address,
                    items=items,
                )
            )
    return new, pairs


def _chance(chance: planning.Chance, watch: Row[Any], run_id: int) -> dict[str, Any]:
    at = windows.local(chance.drop.reserved_ts, watch.timezone)
    return {
        "watch_id": watch.id,
        "drop_id": chance.drop.id,
        "user_id": watch.user_id,
        "run_id": run_id,
        "location_key": watch.location_key,
        "target_date": watch.target_date,
        "meal": meal_of(at.time()),
        "party_size": watch.party_size,
        "reserved_ts": chance.drop.reserved_ts,
        "reservation_type_id": chance.drop.type_id,
        "first_name": watch.book_first_name,
        "last_name": watch.book_last_name,
        "email": watch.book_email,
        "phone": watch.book_phone,
        "rank": chance.rank,
    }


def _next_at(s: _Seen, periods: Mapping[Tier, timedelta], now: datetime) -> datetime:
    return max(s.look.at, now) + periods[Tier(s.group.tier)]


def _location(row: Row[Any]) -> Location:
    return Location(
        key=row.location_key,
        name=row.name,
        timezone=row.timezone,
        merchant_id=row.merchant_id,
        booking_slug=row.booking_slug,
        auto_book_allowed=row.auto_book_allowed,
        horizon_days=row.horizon_days,
        looking=row.looking,
    )
