"""A test message that a person asks for, and what became of it, in words."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row

from backend.db.base import AnySessions, Sessions
from backend.db.queries import channels, preferences
from backend.domain.types import Kind
from backend.services import channel_mail
from backend.services.account_mail import Queued
from backend.services.errors import AppError
from backend.services.sessions import MAX_ID

_LOOK_EVERY_SECONDS = 0.15
_WHO = {
    "email": "the mail server",
    "sms": "the text message service",
    "web_push": "the browser's push service",
    "webhook": "your server",
}


async def queue_test(sessions: Sessions, user_id: int, channel_id: int) -> Queued:
    """Write a test to the ledger. Raises AppError 404, or 409 where nothing may be sent."""
    async with sessions.begin() as session:
        channel = await channels.by_id(session, channel_id) if 0 < channel_id <= MAX_ID else None
        if channel is None or channel.user_id != user_id:
            raise AppError(404, "There is no such channel")
        if channel.disabled_at is not None:
            raise AppError(409, "That channel is turned off; turn it on again first")
        if channel.verified_at is None:
            raise AppError(409, "That channel is not verified yet; it gets its code and nothing else")
        if channel.is_stopped:
            raise AppError(409, "STOP was texted from that number; text START from it first")
        return await channel_mail.queue(session, channel, Kind.CHANNEL_TEST)


async def await_verdict(sessions: AnySessions, notification_id: int, *, seconds: float) -> Row[Any] | None:
    """The message's row once there is a verdict, or as it is when the time is over. Nothing is held meanwhile."""
    deadline = time.monotonic() + seconds
    while True:
        async with sessions() as session:
            row = await channels.progress(session, notification_id)
        if row is None or _is_told(row) or time.monotonic() >= deadline:
            return row
        await asyncio.sleep(_LOOK_EVERY_SECONDS)


async def zone_of(sessions: AnySessions, user_id: int) -> str:
    """The IANA zone in which a person reads clocks; UTC where they named none."""
    async with sessions() as session:
        wishes = await preferences.of_user(session, user_id)
    return wishes.timezone or "UTC"


def tell(row: Row[Any] | None, *, timezone: str) -> str:
    """What became of a message, in words."""
    if row is None:
        return "The channel was removed"
    reason = row.error_message or "no reason was given"
    who = _WHO.get(row.channel, row.channel)
    match row.status:
        case "sent":
            return f"Accepted by {who} at {_clock(row.sent_at, timezone)}"
        case "failed":
            return f"Refused: {reason}"
        case "bounced":
            return f"It came back: {reason}"
        case "suppressed" | "expired":
            return f"Not sent: {reason}"
        case "queued" if row.attempts:
            return f"Not accepted yet: {reason}. It is tried again at {_clock(row.next_attempt_at, timezone)}"
    return "Still on its way; look again at GET /api/notifications"


def _is_told(row: Row[Any]) -> bool:
    return row.status not in ("queued", "sending") or (row.status == "queued" and row.attempts > 0)


def _clock(at: datetime, timezone: str) -> str:
    return f"{at.astimezone(UTC if timezone == 'UTC' else ZoneInfo(timezone)):%H:%M}" + (
        " UTC" if timezone == "UTC" else ""
    )
