"""Links that prove an address or set a password: random, kept as hashes, used once, gone after their time."""

from typing import Any

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from backend.db.queries import tokens
from backend.db.queries.tokens import Purpose
from backend.domain.account_message import RESET_WITHIN, VERIFY_WITHIN
from backend.services.errors import AppError
from backend.services.sessions import hash_token, new_token

_LIFETIME = {"verify": VERIFY_WITHIN, "reset": RESET_WITHIN}


async def make_link(session: AsyncSession, *, user_id: int, address: str, purpose: Purpose, public_url: str) -> str:
    """A new link. The token stands behind the #, so that it reaches no server's log; the page sends it on."""
    token = new_token()
    await tokens.add(
        session,
        user_id=user_id,
        purpose=purpose,
        address=address,
        token_hash=hash_token(token),
        lifetime=_LIFETIME[purpose],
    )
    return f"{public_url}/account#{purpose}={token}"


async def open_link(session: AsyncSession, token: str, *, purpose: Purpose) -> Row[Any]:
    """The link of a token, used or not, and its person. Raises AppError 400."""
    link = await tokens.find(session, hash_token(token.strip()), purpose=purpose)
    if link is None:
        raise AppError(400, "This link does not work, or no longer; please ask for a new one", field="token")
    return link
