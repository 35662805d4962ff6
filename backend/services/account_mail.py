"""Mails about an account: written to the ledger like all others, composed when they are sent.

A link's token is made at that moment. It goes into the mail and nowhere else: the ledger keeps the text without it, and
`one_time_tokens` its hash. A mail that is sent again has a new link; both work, until one is used.
"""

from typing import Any
from uuid import uuid4

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from backend.db.queries import notifications, users
from backend.db.queries.notifications import NewMessage
from backend.db.queries.tokens import Purpose
from backend.domain.account_message import compose_account
from backend.domain.dedup import account_key
from backend.domain.types import Kind
from backend.services.letters import Letter, account_letter
from backend.services.links import make_link

Queued = tuple[tuple[int, str], ...]
PURPOSE: dict[Kind, Purpose] = {Kind.VERIFY_EMAIL: "verify", Kind.PASSWORD_RESET: "reset"}


async def queue(session: AsyncSession, user: Row[Any], kind: Kind) -> Queued:
    """Write a mail to somebody's own address; returns what to dispatch after the commit.

    Notices go to proven addresses only; a stranger's address gets nothing but the link that proves it, or that lets its
    owner take the account over.
    """
    if kind not in PURPOSE and user.email_verified_at is None:
        return ()
    message = NewMessage(
        user_id=user.id,
        watch_id=None,
        booking_id=None,
        channel_id=None,
        channel="email",
        kind=kind,
        recipient=user.email,
        items=((None, account_key(kind, user_id=user.id, event=uuid4().hex)),),
    )
    return tuple(await notifications.add(session, [message]))


async def no_longer(session: AsyncSession, row: Row[Any]) -> str | None:
    """Why a queued mail about an account is not sent any more."""
    user = await users.lock(session, row.user_id) if row.user_id is not None else None
    if user is None or user.disabled_at is not None or user.email != row.recipient:
        return "the account is gone, disabled, or has another address"
    if row.kind == Kind.VERIFY_EMAIL and user.email_verified_at is not None:
        return "the address is confirmed already"
    return None


async def compose(session: AsyncSession, row: Row[Any], *, public_url: str) -> Letter:
    """Write the mail, with a new link where it needs one."""
    kind = Kind(row.kind)
    user = await users.lock(session, row.user_id)
    assert user is not None
    text = compose_account(kind, name=user.name)
    link = None
    if kind in PURPOSE:
        link = await make_link(
            session, user_id=user.id, address=row.recipient, purpose=PURPOSE[kind], public_url=public_url
        )
    return account_letter(text, link=link, public_url=public_url)
