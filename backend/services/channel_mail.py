"""Messages about a channel itself: the code that proves an address, and the test that a person asks for.

The code is made when its message is composed. It goes into the message and nowhere else: the row of the channel keeps
its hash, and the ledger the text without it. A message that is sent again has a new code, and the one before is
worthless.
"""

import secrets
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import uuid4

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from backend.db.queries import channels, notifications
from backend.db.queries.notifications import NewMessage
from backend.domain.account_message import AccountText
from backend.domain.dedup import account_key
from backend.domain.types import Kind
from backend.services.account_mail import Queued
from backend.services.letters import Letter, render

CODE_WITHIN = timedelta(minutes=15)
CODE_TRIES = 5
CHANNEL_MAIL_KINDS = (Kind.CHANNEL_CODE, Kind.CHANNEL_TEST)
_NAME = "Houston's Reservation Tracker"


async def queue(session: AsyncSession, channel: Row[Any], kind: Kind) -> Queued:
    """Write a message to one channel; returns what to dispatch after the commit."""
    message = NewMessage(
        user_id=channel.user_id,
        watch_id=None,
        booking_id=None,
        channel_id=channel.id,
        channel=channel.kind,
        kind=kind,
        recipient=channel.address,
        items=((None, account_key(kind, user_id=channel.user_id, event=uuid4().hex)),),
    )
    return tuple(await notifications.add(session, [message]))


async def no_longer(session: AsyncSession, row: Row[Any]) -> str | None:
    """Why a queued message about a channel is not sent any more."""
    channel = await channels.by_id(session, row.channel_id)
    if channel is None or not channel.is_enabled or channel.disabled_at is not None:
        return "the channel or the account is gone or disabled"
    if channel.is_stopped:
        return "STOP was texted from that number"
    if row.kind == Kind.CHANNEL_CODE and channel.verified_at is not None:
        return "the address is verified already"
    if row.kind == Kind.CHANNEL_TEST and channel.verified_at is None:
        return "the address is not verified"
    return None


async def compose_channel(session: AsyncSession, row: Row[Any], *, public_url: str, now: datetime) -> Letter:
    """Write the message, with a new code where it needs one."""
    if row.kind == Kind.CHANNEL_TEST:
        return _test(public_url=public_url)
    code = f"{secrets.randbelow(10**6):06d}"
    await channels.set_code(
        session, row.channel_id, code_hash=hash_code(row.channel_id, code), expires_at=now + CODE_WITHIN
    )
    letter, kept = (_code(text, public_url=public_url) for text in (code, "(a code, sent once and not kept)"))
    return Letter(
        subject=letter.subject,
        text=letter.text,
        html=letter.html,
        short=f"{code} is your code for {_NAME}. It works for 15 minutes.",
        link=public_url,
        facts={"code": code, "expires_at": (now + CODE_WITHIN).isoformat()},
        kept=kept.text,
    )


def hash_code(channel_id: int, code: str) -> bytes:
    """SHA-256 of a code and whose it is."""
    return sha256(f"{channel_id}:{code}".encode()).digest()


def _code(code: str, *, public_url: str) -> Letter:
    text = AccountText(
        subject=f"Your code for {_NAME}",
        headline=code,
        sentence="Type this code on the page, and we tell you here when a table opens.",
        action=None,
        footnote="The code works for 15 minutes. If you did not ask for it, ignore this message: nothing else will "
        "come.",
    )
    return _set(text, public_url=public_url)


def _test(*, public_url: str) -> Letter:
    text = AccountText(
        subject=f"A test of {_NAME}",
        headline="It works",
        sentence="This is the test that you asked for. What opens for you is told here.",
        action=None,
        footnote="You may mute or remove this channel at any time.",
    )
    return _set(text, public_url=public_url, short=f"{_NAME}: this is the test that you asked for. It works.")


def _set(text: AccountText, *, public_url: str, short: str = "") -> Letter:
    plain = render("account.txt", text=text, link=None, public_url=public_url)
    html = render("account.html", text=text, link=None, public_url=public_url)
    return Letter(text.subject, plain, html, kept=plain, short=short, link=public_url)
