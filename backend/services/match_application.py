"""Writes what a look means for watches: messages and chances to book, all of a transaction's groups at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from backend.db.queries import bookings, notifications, watches
from backend.db.queries.notifications import NewMessage
from backend.domain import planning, windows
from backend.domain.booking_rules import meal_of
from backend.domain.drops import Change
from backend.domain.types import Drop


@dataclass(frozen=True, slots=True)
class Seen:
    """One group's look beside what was known before: `at` is the look's time, `before` the last applied one's."""

    group: Row[Any]
    at: datetime
    before: datetime | None
    change: Change


async def write_matches(
    session: AsyncSession, seen: Sequence[Seen], appeared: Mapping[int, Sequence[Drop]], *, run_id: int, now: datetime
) -> tuple[int, tuple[tuple[int, str], ...]]:
    """Pair, plan and write; returns how many pairs of watch and drop are new, and the messages as (id, channel)."""
    spans = [_spans(s, appeared.get(s.group.id, ())) for s in seen]
    rows = await watches.concerned(session, [span for span in spans if span is not None])
    details = {row.id: row for found in rows.values() for row in found}
    pairs = {
        s.group.id: planning.pair(
            [watches.to_domain(row) for row in rows.get(s.group.id, ())],
            appeared=appeared.get(s.group.id, ()),
            stayed=s.change.stayed,
            timezone=s.group.timezone,
            now=now,
        )
        for s in seen
    }
    people = {watch.user_id for found in pairs.values() for watch, _ in found}
    channels = await watches.channels_of(session, people) if people else {}
    plans = [
        planning.plan(pairs[s.group.id], channels, may_book=s.group.auto_book_allowed, now=now)
        for s in seen
        if pairs[s.group.id]
    ]
    new, told = await _untold(session, [message for plan in plans for message in plan.messages])
    written = await notifications.add(session, new)
    chances = [_chance(chance, details[chance.watch.id], run_id) for plan in plans for chance in plan.chances]
    await bookings.add_chances(session, chances)
    await watches.mark_matched(session, [s.group.id for s in seen])
    return len(told), tuple(written)


def _spans(s: Seen, appeared: Sequence[Drop]) -> watches.Spans | None:
    """The clock times of what appeared, for all watches, and of all that is open, for watches that changed."""
    fresh = [windows.local(drop.reserved_ts, s.group.timezone).time() for drop in appeared]
    every = fresh + [windows.local(drop.reserved_ts, s.group.timezone).time() for drop in s.change.stayed]
    if not every:
        return None
    new = (min(fresh), max(fresh)) if fresh else None
    return watches.Spans(s.group.id, appeared=new, is_open=(min(every), max(every)))


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
