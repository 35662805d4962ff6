"""Writes what a look means for watches: messages and chances to book, all of a transaction's groups at once."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from backend.db.queries import bookings, notifications, told_before, watches
from backend.db.queries.notifications import NewMessage
from backend.domain import planning, windows
from backend.domain.booking_rules import meal_of, preference_rank
from backend.domain.drops import Change
from backend.domain.told_before import first_fits
from backend.domain.types import Drop, Watch


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
    messages = [message for plan in plans for message in plan.messages]
    by_other_version = await _told_before(session, seen, pairs, messages)
    new, told = await _untold(session, messages, by_other_version)
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


async def _told_before(
    session: AsyncSession,
    seen: Sequence[Seen],
    pairs: Mapping[int, Sequence[tuple[Watch, Drop]]],
    messages: Sequence[planning.Message],
) -> set[tuple[int, int]]:
    """The pairs of watch and drop that the earlier version told of: the first drops that fit."""
    concerned = {(message.watch.id, item.drop_id) for message in messages for item in message.items}
    told = await told_before.open_entries(session, {watch_id for watch_id, _ in concerned}) if concerned else []
    if not told:
        return set()
    fits: dict[tuple[int, int], int] = {}
    for s in seen:
        mine = [(watch, drop) for watch, drop in pairs[s.group.id] if (watch.id, drop.id) in concerned]
        fits |= first_fits(told, mine, s.group.timezone)
    await told_before.use_up(session, [(entry, drop_id) for (_, drop_id), entry in fits.items()])
    return set(fits)


async def _untold(
    session: AsyncSession, messages: Sequence[planning.Message], by_other_version: Collection[tuple[int, int]]
) -> tuple[list[NewMessage], set[tuple[int, int]]]:
    """The messages without what was told before, and the pairs of watch and drop that are new.

    What the earlier version told is written down as suppressed, so that its key is known from now on.
    """
    known = await notifications.known_keys(session, [item.dedup_key for m in messages for item in m.items])
    new, pairs = [], set()
    for message in messages:
        items = [item for item in message.items if item.dedup_key not in known]
        before = [item for item in items if (message.watch.id, item.drop_id) in by_other_version]
        items = [item for item in items if item not in before]
        pairs |= {(message.watch.id, item.drop_id) for item in items}
        if items:
            new.append(_message(message, items))
        if before:
            new.append(replace(_message(message, before), status="suppressed", error_message="told before"))
    return new, pairs


def _message(message: planning.Message, items: Sequence[planning.Item]) -> NewMessage:
    return NewMessage(
        user_id=message.watch.user_id,
        watch_id=message.watch.id,
        booking_id=None,
        channel_id=message.channel.id,
        channel=message.channel.kind,
        kind=message.kind,
        recipient=message.channel.address,
        items=tuple((item.drop_id, item.dedup_key) for item in items),
    )


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
        "rank": preference_rank(chance.watch, chance.drop.reserved_ts, watch.timezone),
    }
