"""Signing up, in and out."""

import asyncio
import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from email_validator import EmailNotValidError, validate_email
from sqlalchemy import Row

from backend.db.base import AnySessions, Sessions
from backend.db.queries import sessions as session_queries
from backend.db.queries import users
from backend.services.errors import AppError

MIN_PASSWORD = 8
MAX_PASSWORD = 200
_hasher = PasswordHasher()
# Checked when there is no such account, so that the answer takes as long as for one that exists.
_NOBODY = _hasher.hash(secrets.token_urlsafe())


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session: the token leaves the house once, only its hash is kept."""

    token: str
    user: Row[Any]


async def sign_up(sessions: Sessions, *, name: str, email: str, password: str, lifetime: timedelta) -> SignedIn:
    """Make an account with its mail address as a channel. Raises AppError 400 or 409."""
    if not name.strip():
        raise AppError(400, "Please give your name", field="name")
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        sentence = f"The password must have {MIN_PASSWORD} to {MAX_PASSWORD} characters"
        raise AppError(400, sentence, field="password")
    try:
        address = validate_email(email.strip(), check_deliverability=False, test_environment=True).normalized.lower()
    except EmailNotValidError as error:
        raise AppError(400, f"That is not an e-mail address: {error}", field="email") from None
    password_hash = await asyncio.to_thread(_hasher.hash, password)
    async with sessions.begin() as session:
        user = await users.add(session, email=address, password_hash=password_hash, name=name.strip()[:200])
        if user is None:
            raise AppError(409, "Email already registered", field="email")
        await users.add_channel(session, user.id, kind="email", address=address)
        token = secrets.token_urlsafe(32)
        await session_queries.add(session, user_id=user.id, token_hash=hash_token(token), lifetime=lifetime)
    return SignedIn(token, user)


async def sign_in(sessions: Sessions, *, email: str, password: str, lifetime: timedelta) -> SignedIn:
    """Start a session. Raises AppError 401, the same for an unknown address and a wrong password."""
    async with sessions() as session:
        user = await users.by_email(session, email.strip().lower())
    stored = user.password_hash if user is not None and user.password_hash else _NOBODY
    is_right = await asyncio.to_thread(_verify, stored, password[:MAX_PASSWORD])
    if user is None or not is_right:
        raise AppError(401, "Invalid email or password")
    token = secrets.token_urlsafe(32)
    async with sessions.begin() as session:
        await session_queries.add(session, user_id=user.id, token_hash=hash_token(token), lifetime=lifetime)
        await users.mark_login(session, user.id)
    return SignedIn(token, user)


async def sign_out(sessions: Sessions, token: str) -> None:
    """End a session at once."""
    async with sessions.begin() as session:
        await session_queries.delete(session, hash_token(token))


async def user_of_token(sessions: AnySessions, token: str) -> Row[Any] | None:
    """The person behind a token, or None."""
    async with sessions() as session:
        return await session_queries.user_of(session, hash_token(token))


def hash_token(token: str) -> bytes:
    """What is stored of a token. It is random and long, so a plain hash is enough."""
    return hashlib.sha256(token.encode()).digest()


def _verify(stored: str, password: str) -> bool:
    try:
        return _hasher.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False
