"""Messages that no look causes: written by jobs, composed when they are sent.

A watch that ended unseen, once; a digest, once a person and day; and news for administrators, gathered, so that many
sign-ups in a minute are one mail.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from backend.db.base import Sessions
from backend.db.queries import keys, notices, notifications
from backend.db.queries.notifications import NewMessage
from backend.domain import notice
from backend.domain.dedup import digest_key, event_key, watch_key
from backend.domain.digest import due_on
from backend.domain.near_misses import Episode, near_misses
from backend.domain.notice import Entry, NoticeText, Opened, WatchFacts
from backend.domain.types import OPERATOR_KINDS, Kind
from backend.services.letters import NOT_KEPT, Letter, render
from backend.services.message_links import unsubscribe_headers, unsubscribe_link

# Few enough for a short transaction at midnight.
EXPIRE_AT_ONCE = 500
SHOWN_AT_MOST = 30
DAY = timedelta(days=1)


async def expire_watches(sessions: Sessions, *, now: datetime) -> int:
    """End watches whose day is over at the restaurant, and write to whom nothing was told; returns how many ended."""
    count = 0
    while True:
        async with sessions.begin() as session:
            ended = await notices.expire_watches(session, most=EXPIRE_AT_ONCE, now=now)
            await _tell_unseen(session, [row for row in ended if row.is_unseen])
        count += len(ended)
        if len(ended) < EXPIRE_AT_ONCE:
            return count


async def send_digests(sessions: Sessions, *, now: datetime) -> int:
    """Write the digests that are due; returns how many. One that was written before is not written again."""
    async with sessions.begin() as session:
        due: dict[int, Any] = {}
        for row in await notices.digest_readers(session):
            day = due_on(row.digest_at, row.timezone, now=now) if row.timezone else None
            if day is not None:
                due[row.user_id] = day
        channels = await notices.mail_channels(session, sorted(due))
        messages = [
            NewMessage(
                user_id=channel.user_id,
                watch_id=None,
                booking_id=None,
                channel_id=channel.id,
                channel="email",
                kind=Kind.DIGEST,
                recipient=channel.address,
                items=((None, digest_key(user_id=channel.user_id, day=due[channel.user_id], channel=channel.id)),),
                details={"day": due[channel.user_id].isoformat()},
            )
            for channel in channels
        ]
        return len(await _add_new(session, messages))


async def send_notices(sessions: Sessions, *, operators: Sequence[str], kinds: Collection[str]) -> int:
    """Gather what happened into one message a kind and administrator; returns how many events were taken.

    `kinds` are those that administrators want to hear of; the others are forgotten.
    """
    count = 0
    async with sessions.begin() as session:
        for kind in OPERATOR_KINDS:
            ids = await notices.take_events(session, kind)
            count += len(ids)
            if not ids or kind not in kinds:
                continue
            await notifications.add(
                session,
                [
                    NewMessage(
                        user_id=None,
                        watch_id=None,
                        booking_id=None,
                        channel_id=None,
                        channel="email",
                        kind=kind,
                        recipient=address,
                        items=((None, event_key(kind, first=ids[0], last=ids[-1], channel=address)),),
                        details={"ids": ids},
                    )
                    for address in dict.fromkeys(operators)
                ],
            )
    return count


async def forget_texts(sessions: Sessions, *, older_than: timedelta) -> int:
    """Delete the words of old messages, some thousand at a time; returns how many."""
    count = 0
    while True:
        async with sessions.begin() as session:
            forgotten = await notices.forget_texts(session, older_than=older_than)
        count += forgotten
        if not forgotten:
            return count


async def no_longer(session: AsyncSession, row: Row[Any]) -> str | None:
    """Why such a message is not sent any more: what it was to tell of is gone."""
    kind = Kind(row.kind)
    if kind is Kind.WATCH_EXPIRED:
        return None if row.watch_id is not None else "the watch is gone"
    if kind is Kind.DIGEST:
        return None if await notices.active_watches(session, row.user_id) else "no watch is active any more"
    ids = (await notices.details(session, row.id))["ids"]
    return None if await _entries(session, kind, ids) else "what it tells of is gone"


async def compose_notice(session: AsyncSession, row: Row[Any], *, public_url: str, now: datetime) -> Letter:
    """Write such a message from what its ids say now. Administrators read names; the ledger keeps none. A guest can
    unsubscribe from it.
    """
    kind = Kind(row.kind)
    details = await notices.details(session, row.id)
    if kind in (Kind.WATCH_EXPIRED, Kind.DIGEST):
        if kind is Kind.WATCH_EXPIRED:
            text = await _expired(session, row.watch_id)
        else:
            text = await _digest(session, row.user_id, day=datetime.fromisoformat(details["day"]).date(), now=now)
        unsubscribe = unsubscribe_link(row, public_url=public_url, key=await keys.newest(session, "links"))
        return _letter(text, public_url=public_url, is_for_guest=True, unsubscribe=unsubscribe)
    ids = details["ids"]
    entries = await _entries(session, kind, ids[:SHOWN_AT_MOST])
    text = notice.for_operators(kind, entries, count=len(ids))
    kept = notice.for_operators(kind, [Entry(f"No. {subject}") for subject in ids[:SHOWN_AT_MOST]], count=len(ids))
    return _letter(text, public_url=public_url, is_for_guest=False, kept=kept)


async def _tell_unseen(session: AsyncSession, ended: Sequence[Row[Any]]) -> None:
    channels: dict[int, list[Row[Any]]] = {}
    for channel in await notices.mail_channels(session, [row.user_id for row in ended]) if ended else ():
        channels.setdefault(channel.user_id, []).append(channel)
    await _add_new(
        session,
        [
            NewMessage(
                user_id=row.user_id,
                watch_id=row.id,
                booking_id=None,
                channel_id=channel.id,
                channel="email",
                kind=Kind.WATCH_EXPIRED,
                recipient=channel.address,
                items=((None, watch_key(Kind.WATCH_EXPIRED, watch_id=row.id, channel=channel.id)),),
            )
            for row in ended
            for channel in channels.get(row.user_id, ())
        ],
    )


async def _add_new(session: AsyncSession, messages: Sequence[NewMessage]) -> list[tuple[int, str]]:
    known = await notifications.known_keys(session, [message.items[0][1] for message in messages])
    return await notifications.add(session, [message for message in messages if message.items[0][1] not in known])


async def _expired(session: AsyncSession, watch_id: int) -> NoticeText:
    (row,) = await notices.watches(session, [watch_id])
    episodes = [
        Episode(episode.clock, episode.appeared_at, episode.gone_at)
        for episode in await notices.episodes(session, row.group_id, since=row.created_at)
    ]
    misses = near_misses(
        episodes, start=row.time_start, end=row.time_end, since=row.created_at, now=row.last_ok_at or row.updated_at
    )
    was_open = any(row.time_start <= episode.clock <= row.time_end for episode in episodes)
    return notice.expired(_facts(row, now=row.updated_at), misses, ended_at=row.updated_at, was_open=was_open)


async def _digest(session: AsyncSession, user_id: int, *, day: Any, now: datetime) -> NoticeText:
    found = []
    for row in await notices.active_watches(session, user_id):
        episodes = await notices.episodes(session, row.group_id, since=max(row.created_at, now - DAY))
        opened = [
            Opened(episode.reserved_ts, episode.appeared_at, episode.gone_at)
            for episode in episodes
            if row.time_start <= episode.clock <= row.time_end
        ]
        found.append((_facts(row, now=now), opened))
    return notice.digest(found, day=day, now=now)


async def _entries(session: AsyncSession, kind: Kind, ids: Sequence[int]) -> list[Entry]:
    """What the ids stand for; who or what is gone by now is left out."""
    if kind is Kind.NEW_SIGN_UP:
        return [Entry(row.name, (row.email,)) for row in await notices.people(session, ids)]
    if kind is Kind.NEW_WATCH:
        rows = await notices.watches(session, ids)
        names = {row.id: row.name for row in await notices.people(session, [row.user_id for row in rows])}
        return [Entry(notice.watch_line(_facts(row)), (names.get(row.user_id, ""),)) for row in rows]
    return [
        Entry(row.message[:500], (f"from {row.contact}",) if row.contact else ())
        for row in await notices.opinions(session, ids)
    ]


def _facts(row: Row[Any], *, now: datetime | None = None) -> WatchFacts:
    return WatchFacts(
        id=row.id,
        restaurant=row.restaurant,
        timezone=row.timezone,
        target_date=row.target_date,
        time_start=row.time_start,
        time_end=row.time_end,
        party_size=row.party_size,
        looks=row.looks,
        failed_looks=row.failed_looks,
        looked_at=row.last_ok_at,
        is_snoozed=bool(now and row.snoozed_until and row.snoozed_until > now),
    )


def _letter(
    text: NoticeText,
    *,
    public_url: str,
    is_for_guest: bool,
    kept: NoticeText | None = None,
    unsubscribe: str | None = None,
) -> Letter:
    values = {"public_url": public_url, "preferences": f"{public_url}/#messages" if is_for_guest else None}
    kept_link = NOT_KEPT if unsubscribe else None
    return Letter(
        subject=text.subject,
        text=render("notice.txt", text=text, unsubscribe=unsubscribe, **values),
        html=render("notice.html", text=text, unsubscribe=unsubscribe, **values),
        kept=render("notice.txt", text=kept or text, unsubscribe=kept_link, **values),
        short=text.subject,
        link=public_url + text.page,
        headers=unsubscribe_headers(unsubscribe) if unsubscribe else {},
    )
