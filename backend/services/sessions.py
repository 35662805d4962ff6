"""Sessions: random tokens that leave the house once, of which only hashes are kept. They end 30 days after the sign-in.

They do not slide: whoever holds a stolen token loses it at a known date, and a person signs in once a month.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from backend.db.base import AnySessions, Sessions
from backend.db.queries import sessions as queries
from backend.services.errors import AppError

MAX_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Client:
    """What signs in, and for how long."""

    lifetime: timedelta
    user_agent: str | None = None


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session of a person."""

    token: str
    user: Row[Any]


def new_token() -> str:
    return secrets.token_urlsafe(32)


def hash_token(token: str) -> bytes:
    """What is stored of a token. It is random and long, so a plain hash is enough."""
    return hashlib.sha256(token.encode()).digest()


async def start(session: AsyncSession, user: Row[Any], client: Client) -> SignedIn:
    """A session for somebody whose account the transaction has locked."""
    token = new_token()
    agent = (client.user_agent or "")[:300].replace("\0", "") or None
    await queries.add(
        session, user_id=user.id, token_hash=hash_token(token), user_agent=agent, lifetime=client.lifetime
    )
    return SignedIn(token, user)


async def user_of_token(sessions: AnySessions, token: str) -> Row[Any] | None:
    """The person behind a token, with `session_id`, or None."""
    async with sessions() as session:
        user = await queries.user_of(session, hash_token(token))
    if user is not None and user.is_stale:
        async with sessions.begin() as session:
            await queries.mark_used(session, user.session_id)
    return user


async def list_sessions(sessions: Sessions, user_id: int) -> Sequence[Row[Any]]:
    async with sessions() as session:
        return await queries.of_user(session, user_id)


async def end(sessions: Sessions, session_id: int, *, user_id: int) -> None:
    """End one's own session at once. Raises AppError 404, also for somebody else's."""
    async with sessions.begin() as session:
        if not 0 < session_id <= MAX_ID or not await queries.delete(session, session_id, user_id=user_id):
            raise AppError(404, "There is no such session")


async def end_others(sessions: Sessions, user: Row[Any]) -> int:
    """End all of a person's sessions but the one that asks; returns how many."""
    async with sessions.begin() as session:
        return await queries.delete_all(session, user_id=user.id, but=user.session_id)
