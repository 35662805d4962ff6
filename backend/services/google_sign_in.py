"""Signing in with Google: one's own account, a new one, or one whose owner has proven the same address before."""

from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from backend.clients.google import GoogleIdentity
from backend.db.base import Sessions
from backend.db.queries import users
from backend.domain.types import Kind
from backend.services import account_mail
from backend.services.account_mail import Queued
from backend.services.accounts import NAME_AT_MOST
from backend.services.credentials import prove
from backend.services.errors import AppError
from backend.services.sessions import Client, SignedIn, start


async def sign_in_with_google(
    sessions: Sessions, identity: GoogleIdentity, *, client: Client, admin_email: str | None
) -> tuple[SignedIn, Queued]:
    """Start a session for whom Google has verified. Raises AppError 401, or 409 when the account is not joined."""
    async with sessions.begin() as session:
        account, queued = await _account_of(session, identity)
        user = await users.mark_login(session, account.id, seen_hash=account.password_hash)
        if user is None:
            raise AppError(401, "This account cannot be used")
        if user.email == identity.email:
            await prove(session, user.id, address=user.email, admin_email=admin_email)
        known = await users.lock(session, user.id)
        assert known is not None
        return await start(session, known, client), queued


async def _account_of(session: AsyncSession, identity: GoogleIdentity) -> tuple[Row[Any], Queued]:
    user = await users.by_google_id(session, identity.google_id)
    if user is not None:
        return user, ()
    user = await users.add(
        session,
        email=identity.email,
        password_hash=None,
        name=identity.name.replace("\0", "").strip()[:NAME_AT_MOST],
        google_id=identity.google_id,
        picture=identity.picture,
    )
    if user is not None:
        return user, ()
    # Taken. Whoever signed up with this address may be a stranger, until they have shown that it is theirs.
    taken = await users.by_email(session, identity.email) or await users.by_google_id(session, identity.google_id)
    locked = await users.lock(session, taken.id) if taken is not None else None
    if locked is None:
        raise AppError(409, "That account was just changed; please try again")
    if locked.google_id == identity.google_id:
        return locked, ()
    if locked.google_id is not None:
        raise AppError(409, "This address belongs to an account with another Google account")
    if locked.password_hash is not None and locked.email_verified_at is None:
        raise AppError(
            409,
            "There is an account with this address and a password. Confirm the address with the link we mailed, or set "
            "a new password by mail; then Google works too",
        )
    await users.link_google(session, locked.id, google_id=identity.google_id, picture=identity.picture)
    return locked, await account_mail.queue(session, locked, Kind.GOOGLE_LINKED)
