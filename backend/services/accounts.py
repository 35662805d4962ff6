"""Signing up and in with a password, and what a person tells of themselves."""

from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from backend.clients.channels.parsing import normal_email
from backend.db.base import Sessions
from backend.db.queries import users
from backend.domain.types import Kind
from backend.services import account_mail
from backend.services.account_mail import Queued
from backend.services.errors import AppError
from backend.services.passwords import check_password, hash_password, require_strong
from backend.services.phones import to_e164
from backend.services.sessions import Client, SignedIn, start

NAME_AT_MOST = 200


async def sign_up(
    sessions: Sessions, *, name: str, email: str, password: str, client: Client
) -> tuple[SignedIn, Queued]:
    """Make an account; its address has to be proven by the mail that is queued. Raises AppError 400 or 409."""
    if not name.strip():
        raise AppError(400, "Please give your name", field="name")
    address = normal_address(email)
    require_strong(password, about=(name.strip(), address))
    password_hash = await hash_password(password)
    async with sessions.begin() as session:
        user = await users.add(session, email=address, password_hash=password_hash, name=name.strip()[:NAME_AT_MOST])
        if user is None:
            raise AppError(409, "Email already registered", field="email")
        await users.add_channel(session, user.id, kind="email", address=address)
        queued = await account_mail.queue(session, user, Kind.VERIFY_EMAIL)
        return await start(session, user, client), queued


async def sign_in(
    sessions: Sessions, *, email: str, password: str, client: Client, admin_email: str | None
) -> SignedIn:
    """Start a session. Raises AppError 401, the same for an unknown address and a wrong password."""
    async with sessions() as session:
        seen = await users.by_email(session, email.strip().lower())
    verdict = await check_password(seen.password_hash if seen is not None else None, password)
    if seen is None or not verdict.is_right:
        raise _wrong()
    async with sessions.begin() as session:
        user = await users.mark_login(session, seen.id, seen_hash=seen.password_hash)
        if user is None:
            raise _wrong()
        if verdict.replacement is not None:
            await users.set_password_hash(session, user.id, verdict.replacement)
        await promote(session, user, admin_email=admin_email)
        return await start(session, user, client)


async def promote(session: AsyncSession, user: Row[Any], *, admin_email: str | None) -> None:
    """Make the person of ADMIN_EMAIL an administrator, once they have proven that the address is theirs."""
    if admin_email is not None and user.email == admin_email.strip().lower() and user.email_verified_at is not None:
        await users.make_admin(session, user.id)


async def change_profile(sessions: Sessions, user: Row[Any], changes: dict[str, str | None]) -> None:
    """Write `phone`, `first_name`, `last_name`; what is absent stays, what is empty is cleared. Raises AppError 400."""
    wish = {"phone": user.phone, "first_name": user.first_name, "last_name": user.last_name}
    wish |= {key: (value or "").strip() or None for key, value in changes.items()}
    if wish["phone"] != user.phone and wish["phone"] is not None:
        wish["phone"] = to_e164(wish["phone"], field="phone")
    async with sessions.begin() as session:
        await users.set_profile(session, user.id, **wish)


def normal_address(email: str) -> str:
    """An address as it is stored. Raises AppError 400."""
    try:
        return normal_email(email)
    except ValueError as error:
        raise AppError(400, str(error), field="email") from None


def _wrong() -> AppError:
    return AppError(401, "Invalid email or password")
