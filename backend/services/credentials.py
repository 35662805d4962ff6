"""Proving an address, and setting a new password: by a mailed link, or with the old one."""

from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from backend.db.base import Sessions
from backend.db.queries import groups, tokens, users
from backend.db.queries import sessions as session_queries
from backend.domain.types import Kind
from backend.services import account_mail
from backend.services.account_mail import Queued
from backend.services.accounts import promote
from backend.services.errors import AppError
from backend.services.links import make_link, open_link
from backend.services.passwords import check_password, hash_password, require_strong
from backend.services.sessions import Client, SignedIn, start


async def ask_to_verify(sessions: Sessions, user: Row[Any]) -> Queued:
    """Queue another mail with a link. Raises AppError 409 when the address is confirmed."""
    if user.email_verified_at is not None:
        raise AppError(409, "Your address is confirmed already")
    async with sessions.begin() as session:
        return await account_mail.queue(session, user, Kind.VERIFY_EMAIL)


async def verify(sessions: Sessions, token: str, *, signed_in_as: int | None, admin_email: str | None) -> None:
    """The link's address belongs to the account. A link clicked twice is no error. Raises AppError 400, or 401.

    Whoever has the mail must have the account as well: a stranger may have signed up with somebody's address, and must
    not end up with an account that its owner has confirmed.
    """
    async with sessions.begin() as session:
        link = await open_link(session, token, purpose="verify")
        if link.user_id != signed_in_as:
            raise AppError(
                401,
                "Please sign in first, and then follow the link again. If it was not you who signed up, set a new "
                "password instead: that ends everybody else's sessions",
            )
        if link.used_at is None:
            await prove(session, link.user_id, address=link.address, admin_email=admin_email)
            await tokens.use_up(session, user_id=link.user_id, purpose="verify")


async def prove(session: AsyncSession, user_id: int, *, address: str, admin_email: str | None) -> None:
    """Write down that the address is the person's, and match their watches again: now they can be told."""
    known = await users.by_email(session, address)
    if known is not None and known.email_verified_at is not None:
        await promote(session, known, admin_email=admin_email)
        return
    # The groups come first: their row locks put this before or after a look, never in between.
    await groups.make_due_for_user(session, user_id)
    await users.prove_address(session, user_id, address=address)
    user = await users.lock(session, user_id)
    if user is not None:
        await promote(session, user, admin_email=admin_email)


async def forgot(sessions: Sessions, email: str) -> Queued:
    """Queue a mail with a link, if there is such an account. The caller must not show which."""
    async with sessions.begin() as session:
        user = await users.by_email(session, email.strip().lower())
        if user is None or user.disabled_at is not None:
            return ()
        return await account_mail.queue(session, user, Kind.PASSWORD_RESET)


async def reset(sessions: Sessions, token: str, password: str, *, admin_email: str | None) -> Queued:
    """Set a new password by a mailed link, which proves the address too. Every session ends. Raises AppError 400."""
    async with sessions() as session:
        link = _unused(await open_link(session, token, purpose="reset"))
    require_strong(password, about=(link.name, link.email))
    password_hash = await hash_password(password)
    async with sessions.begin() as session:
        link = _unused(await open_link(session, token, purpose="reset"))
        await prove(session, link.user_id, address=link.address, admin_email=admin_email)
        return await _replace(session, link.user_id, password_hash)


async def change_password(
    sessions: Sessions, user: Row[Any], *, current: str, password: str, client: Client
) -> tuple[SignedIn, Queued]:
    """Set a new password with the old one. Every session ends, and one begins. Raises AppError 400 or 403."""
    if not user.has_password:
        raise AppError(400, "Your account has no password yet; ask for a link by mail to set one")
    require_strong(password, about=(user.name, user.email), field="new_password")
    async with sessions() as session:
        seen = await users.by_email(session, user.email)
    if seen is None or not (await check_password(seen.password_hash, current)).is_right:
        raise AppError(403, "That is not your password", field="current_password")
    password_hash = await hash_password(password)
    async with sessions.begin() as session:
        known = await users.mark_login(session, user.id, seen_hash=seen.password_hash)
        if known is None:
            raise AppError(409, "Your password was just changed elsewhere")
        queued = await _replace(session, user.id, password_hash)
        return await start(session, known, client), queued


async def confirm_person(sessions: Sessions, user: Row[Any], *, password: str, email: str) -> None:
    """Before something that cannot be undone: the password, or the address where there is none. Raises AppError 403."""
    if not user.has_password:
        if email.strip().lower() != user.email:
            raise AppError(403, "Please type your address to confirm", field="email")
        return
    async with sessions() as session:
        seen = await users.by_email(session, user.email)
    if seen is None or not (await check_password(seen.password_hash, password)).is_right:
        raise AppError(403, "That is not your password", field="password")


async def make_admin(sessions: Sessions, email: str, *, name: str, public_url: str) -> str | None:
    """Make the owner of an address an administrator; returns a link to set the password, None when they have one.

    An account that a stranger may have made with that address loses its password and its sessions first.
    """
    async with sessions.begin() as session:
        user = await users.by_email(session, email)
        if user is None:
            user = await users.add(session, email=email, password_hash=None, name=name)
        if user is None:
            raise AppError(409, "That address was just registered; please try again")
        is_proven = user.email_verified_at is not None
        if not is_proven:
            await users.set_password_hash(session, user.id, None)
            await session_queries.delete_all(session, user_id=user.id)
        await users.make_admin(session, user.id)
        if is_proven and (user.password_hash or user.google_id):
            return None
        return await make_link(session, user_id=user.id, address=email, purpose="reset", public_url=public_url)


async def link_for(sessions: Sessions, email: str, *, purpose: tokens.Purpose, public_url: str) -> str:
    """A link as it would be mailed, for the operator to hand over. Raises AppError 404."""
    async with sessions.begin() as session:
        user = await users.by_email(session, email.strip().lower())
        if user is None:
            raise AppError(404, f"There is no account with the address {email}")
        return await make_link(session, user_id=user.id, address=user.email, purpose=purpose, public_url=public_url)


async def _replace(session: AsyncSession, user_id: int, password_hash: str) -> Queued:
    await users.set_password_hash(session, user_id, password_hash)
    await tokens.use_up(session, user_id=user_id, purpose="reset")
    await session_queries.delete_all(session, user_id=user_id)
    user = await users.lock(session, user_id)
    return await account_mail.queue(session, user, Kind.PASSWORD_CHANGED) if user is not None else ()


def _unused(link: Row[Any]) -> Row[Any]:
    if link.used_at is not None:
        raise AppError(400, "This link was used already; please ask for a new one", field="token")
    return link
