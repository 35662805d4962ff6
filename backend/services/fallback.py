"""After a message has failed for good: the same news over another channel, and an address that is dead given up."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from backend.db.queries import delivery_rules, fallback
from backend.db.queries.fallback import StandIn
from backend.domain.dedup import account_key, booking_key, drop_key
from backend.domain.disabled_channel import compose_disabled
from backend.domain.notification_rules import BOOKING_KINDS, fallback_rank
from backend.domain.types import Kind
from backend.services.account_mail import Queued
from backend.services.letters import Letter, render


async def after_failure(
    session: AsyncSession, row: Row[Any], *, reason: str, address_is_dead: bool, now: datetime
) -> Queued:
    """Draw the consequences, in the transaction that settles the message; returns what to dispatch after the commit."""
    context = (await delivery_rules.contexts(session, [row.id]))[row.id]
    queued = await retell(session, context)
    if address_is_dead and context.channel_id is not None and context.user_id is not None:
        queued += await _give_up(session, context, reason=reason, now=now)
    return queued


async def retell(session: AsyncSession, context: Row[Any]) -> Queued:
    """Tell what a message was to tell at the first other address that has not heard of all of it.

    Only tables and bookings: the rest is of use at its own address or not at all. `context` is the message's, as
    `delivery_rules.contexts` gives it.
    """
    kind = Kind(context.kind)
    if context.user_id is None or not (kind == Kind.TABLE_OPEN or kind in BOOKING_KINDS):
        return ()
    told = [item for item in await fallback.told(session, context.id) if item.is_open or kind in BOOKING_KINDS]
    if not told or (kind == Kind.TABLE_OPEN and context.watch_id is None):
        return ()
    for channel in await _others(session, context):
        if not _may_tell(kind, channel):
            continue
        items = [(item.drop_id, _key(kind, context, item.drop_id, channel.id)) for item in told]
        message = StandIn(
            user_id=context.user_id,
            watch_id=context.watch_id,
            booking_id=context.booking_id,
            channel_id=channel.id,
            channel=channel.kind,
            recipient=channel.address,
            kind=kind,
            items=items,
            replaces_id=context.id,
        )
        notification_id = await fallback.add(session, message)
        if notification_id is not None:
            return ((notification_id, channel.kind),)
    return ()


async def compose_channel_disabled(session: AsyncSession, row: Row[Any], *, public_url: str, now: datetime) -> Letter:
    """Say which address was given up, and why."""
    channel = await fallback.disabled_channel(session, row.id)
    text = compose_disabled(
        kind=channel.kind,
        address=channel.address,
        label=channel.label,
        reason=channel.reason,
        name=channel.name,
    )
    plain = render("account.txt", text=text, link=None, public_url=public_url)
    html = render("account.html", text=text, link=None, public_url=public_url)
    return Letter(text.subject, plain, html, kept=plain, short=f"{text.subject}.", link=public_url)


async def _give_up(session: AsyncSession, context: Row[Any], *, reason: str, now: datetime) -> Queued:
    """Disable the channel, and say so at another one; nothing when that was done before, or there is no other."""
    if not await fallback.disable(session, context.channel_id, reason=reason, now=now):
        return ()
    # Once for each time that it is disabled.
    event = f"channel={context.channel_id}:{now.isoformat()}"
    for channel in await _others(session, context):
        if not _may_tell(Kind.CHANNEL_DISABLED, channel):
            continue
        message = StandIn(
            user_id=context.user_id,
            watch_id=None,
            booking_id=None,
            channel_id=channel.id,
            channel=channel.kind,
            recipient=channel.address,
            kind=Kind.CHANNEL_DISABLED,
            items=[(None, account_key(Kind.CHANNEL_DISABLED, user_id=context.user_id, event=event))],
            details={
                "channel_id": context.channel_id,
                "kind": context.channel,
                "address": context.recipient,
                "reason": reason,
            },
        )
        notification_id = await fallback.add(session, message)
        return ((notification_id, channel.kind),) if notification_id is not None else ()
    return ()


async def _others(session: AsyncSession, context: Row[Any]) -> list[Row[Any]]:
    """The person's other proven channels, in the order in which they stand in; their own mail before muted mail."""
    found = await fallback.others(session, context.user_id, without=context.channel_id)
    return sorted(found, key=lambda channel: (fallback_rank(channel.kind), channel.is_muted, channel.id))


def _may_tell(kind: Kind, channel: Row[Any]) -> bool:
    """Muted mail still says how a booking ended and what concerns the account; no alert goes as an unwanted text."""
    if kind == Kind.TABLE_OPEN:
        return not channel.is_muted and (channel.kind != "sms" or channel.wants_texts)
    return not channel.is_muted or channel.kind == "email"


def _key(kind: Kind, context: Row[Any], drop_id: int, channel_id: int) -> str:
    if kind in BOOKING_KINDS:
        return booking_key(kind, booking_id=context.booking_id, channel=channel_id)
    return drop_key(kind, watch_id=context.watch_id, drop_id=drop_id, channel=channel_id)
