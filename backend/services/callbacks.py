"""What providers report afterwards: that a message arrived, came back, or that somebody wants no more of them.

Reports come late, twice, and of messages that nobody knows: then nothing changes.
"""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from backend.db.base import Sessions
from backend.db.queries import callbacks, channels, groups
from backend.services.account_mail import Queued
from backend.services.fallback import after_failure

Bounce = Literal["hard", "soft", "complaint"]
Wish = Literal["stop", "start", "help"]
# https://www.twilio.com/docs/messaging/guides/error-codes-and-messages
_REASONS = {
    "30003": "the handset cannot be reached",
    "30004": "the number refuses our messages",
    "30005": "the number is not in service",
    "30006": "the number is a landline, or cannot get texts",
    "30007": "the carrier filtered it",
    "21211": "it is not a number",
    "21610": "STOP was texted from that number",
    "21614": "the number cannot get texts",
}
# Not 30003: that telephone is off, or out of reach for a while.
_DEAD = {"30004", "30005", "30006", "21211", "21614"}
# Not dead: START takes it back.
_STOPPED = "21610"
_STOP = {"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"}
_START = {"START", "YES", "UNSTOP"}
_HELP = {"HELP", "INFO"}


async def take_text_status(
    sessions: Sessions,
    *,
    provider_id: str,
    message_id: UUID | None = None,
    status: str,
    error_code: str | None,
    now: datetime,
) -> Queued:
    """A text message has arrived, or has not; returns what is told instead, to dispatch after the commit.

    `message_id` is the ledger's: a report may come before the provider's id is written down there.
    """
    async with sessions.begin() as session:
        row = await callbacks.lock_in_hand(session, message_id, channel="sms") if message_id else None
        row = row or await callbacks.lock_by_provider_id(session, provider_id, channel="sms")
        if row is None:
            return ()
        if status not in ("undelivered", "failed"):
            is_delivered = status in ("delivered", "read")
            await callbacks.record_progress(session, row.id, provider_status=status, is_delivered=is_delivered)
            return ()
        code = error_code or ""
        reason = _REASONS.get(code, "the carrier did not deliver it") + (f" ({code})" if code else "")
        queued = await _bounced(
            session,
            row,
            provider_status=status,
            reason=reason,
            address_is_dead=code in _DEAD,
            provider_id=provider_id,
            now=now,
        )
        if code == _STOPPED:
            await channels.stop(session, row.recipient)
        return queued


async def take_text(sessions: Sessions, *, number: str, words: str) -> Wish | None:
    """Honour STOP and START; None: it was something else."""
    word = words.strip().upper().strip(".!\"' ")
    async with sessions.begin() as session:
        if word in _STOP:
            await channels.stop(session, number)
            return "stop"
        if word in _START:
            await _start(session, number)
            return "start"
    return "help" if word in _HELP else None


async def take_bounce(
    sessions: Sessions, *, message_id: str | None, recipient: str | None, kind: Bounce, reason: str, now: datetime
) -> Queued:
    """A mail came back, or somebody complained of it; returns what is told instead, to dispatch after the commit."""
    queued: Queued = ()
    async with sessions.begin() as session:
        for row in await _mails(session, message_id=message_id, recipient=recipient):
            if kind == "complaint":
                await _complained(session, row)
            elif kind == "soft":
                await callbacks.record_progress(
                    session, row.id, provider_status=f"soft bounce: {reason}"[:200], is_delivered=False
                )
            else:
                queued += await _bounced(
                    session, row, provider_status="hard bounce", reason=reason, address_is_dead=True, now=now
                )
    return queued


async def _bounced(
    session: AsyncSession,
    row: Row[Any],
    *,
    provider_status: str,
    reason: str,
    address_is_dead: bool,
    provider_id: str | None = None,
    now: datetime,
) -> Queued:
    is_news = await callbacks.bounce(
        session, row.id, provider_status=provider_status, reason=reason, provider_id=provider_id
    )
    if not is_news:
        return ()
    channel = await _channel_of(session, row)
    # What was proven after the message had left is not dead because of it.
    is_dead = address_is_dead and channel is not None and not _is_proven_since(channel, row)
    # It tells of the address that is given up, where it knows the channel; mails about an account name none.
    queued = await after_failure(session, row, reason=reason, address_is_dead=is_dead, now=now)
    if is_dead and channel is not None:
        await channels.disable(session, channel.id, reason=reason, sent_at=row.sent_at)
    return queued


async def _complained(session: AsyncSession, row: Row[Any]) -> None:
    await callbacks.record_progress(session, row.id, provider_status="complaint", is_delivered=True)
    channel = await _channel_of(session, row)
    if channel is not None:
        await channels.mute_by_complaint(session, channel.id, sent_at=row.sent_at)


async def _start(session: AsyncSession, number: str) -> None:
    """Tell there again; what is open now is news, and the groups come first, as looks lock them."""
    people = sorted({row.user_id for row in await channels.at_address(session, "sms", number)})
    for user_id in people:
        await groups.make_due_for_user(session, user_id)
    if await channels.start(session, number):
        for user_id in people:
            await channels.match_again(session, user_id)


async def _mails(session: AsyncSession, *, message_id: str | None, recipient: str | None) -> list[Row[Any]]:
    """The mail with that id, or else the newest one to each person with that address."""
    if message_id:
        provider_id = f"<{message_id.strip().strip('<>')}>"
        row = await callbacks.lock_by_provider_id(session, provider_id, channel="email")
        if row is not None:
            return [row]
    if not recipient:
        return []
    address = recipient.strip().lower()
    owners = [row.user_id for row in await channels.at_address(session, "email", address)]
    newest = [
        await callbacks.lock_newest(session, user_id, channel="email", recipient=address) for user_id in sorted(owners)
    ]
    return [row for row in newest if row is not None]


async def _channel_of(session: AsyncSession, row: Row[Any]) -> Row[Any] | None:
    """The channel a message went to; mails about an account name none, and go to the one with its address."""
    if row.channel_id is not None:
        return await channels.by_id(session, row.channel_id)
    mine = [
        channel.id
        for channel in await channels.at_address(session, row.channel, row.recipient)
        if channel.user_id == row.user_id
    ]
    return await channels.by_id(session, mine[0]) if mine else None


def _is_proven_since(channel: Row[Any], row: Row[Any]) -> bool:
    return channel.verified_at is not None and channel.verified_at > row.sent_at
