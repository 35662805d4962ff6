"""What follows from a look: who is told about which openings, and who gets a chance to book them.

Openings that just appeared concern every watch of the group; openings that were there already concern the watches that
were made or changed since they were last matched. Unique keys remove what was told before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from backend.domain.booking_rules import has_notice
from backend.domain.dedup import drop_key
from backend.domain.matching import wants
from backend.domain.notification_rules import hears_of
from backend.domain.types import Channel, Drop, Kind, Watch


@dataclass(frozen=True, slots=True)
class Item:
    """One opening in a message."""

    drop_id: int
    dedup_key: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message to be: one watch, one channel, all openings found together."""

    watch: Watch
    channel: Channel
    kind: Kind
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Chance:
    """A possible booking."""

    watch: Watch
    drop: Drop


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything one look leads to, before what was told already is taken out."""

    pairs: tuple[tuple[Watch, Drop], ...]
    messages: tuple[Message, ...]
    chances: tuple[Chance, ...]


def pair(
    watches: Sequence[Watch],
    *,
    appeared: Sequence[Drop],
    stayed: Sequence[Drop],
    timezone: str,
    now: datetime,
) -> list[tuple[Watch, Drop]]:
    """Each watch with the drops it is to hear of, watches by age, drops by time."""
    pairs = []
    for watch in sorted(watches, key=lambda watch: (watch.created_at, watch.id)):
        drops = [*appeared, *stayed] if watch.needs_match else appeared
        pairs += [
            (watch, drop)
            for drop in sorted(drops, key=lambda drop: (drop.reserved_ts, drop.type_id))
            if wants(watch, drop.reserved_ts, timezone, now=now)
        ]
    return pairs


def plan(
    pairs: Sequence[tuple[Watch, Drop]],
    channels: Mapping[int, Sequence[Channel]],
    *,
    may_book: bool,
    now: datetime,
) -> Plan:
    """Turn one group's pairs into messages and chances. `channels` holds each user's own, by user id; `may_book` says
    whether the restaurant allows automatic booking.
    """
    by_watch: dict[int, tuple[Watch, list[Drop]]] = {}
    for watch, drop in pairs:
        by_watch.setdefault(watch.id, (watch, []))[1].append(drop)
    messages = [
        Message(watch, channel, Kind.TABLE_OPEN, items)
        for watch, drops in by_watch.values()
        for channel in channels.get(watch.user_id, ())
        if (items := tuple(_items(watch, drops, channel, now=now)))
    ]
    chances = [
        Chance(watch, drop)
        for watch, drop in pairs
        if may_book and watch.auto_book and has_notice(watch, drop.reserved_ts, now=now)
    ]
    return Plan(tuple(pairs), tuple(messages), tuple(chances))


def _items(watch: Watch, drops: Sequence[Drop], channel: Channel, *, now: datetime) -> list[Item]:
    return [
        Item(drop.id, drop_key(Kind.TABLE_OPEN, watch_id=watch.id, drop_id=drop.id, channel=channel.id))
        for drop in drops
        if hears_of(channel, auto_book=watch.auto_book, reserved_ts=drop.reserved_ts, now=now)
    ]
