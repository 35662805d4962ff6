"""Guards beside being signed in: machines with the shared key, and administrators."""

import secrets
from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler
from sqlalchemy import Row

from backend.api.access import bearer_token, cookie_token, local_or_token_guard, user_guard
from backend.services.errors import AppError
from backend.services.sessions import user_of_token


async def push_key_guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """The header `X-Push-Key` equal to `PUSH_SCAN_KEY`. Where that is not set, nobody is let in."""
    wanted = connection.app.state.settings.push_scan_key
    # Headers arrive as Latin-1; as bytes, any key can be compared.
    given = connection.headers.get("x-push-key", "").encode("latin-1")
    if wanted is None or not secrets.compare_digest(given, wanted.get_secret_value().encode()):
        raise AppError(401, "The header X-Push-Key is missing or wrong")


async def admin_guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Signed in, and an administrator: 401 for strangers, 403 for other people."""
    await user_guard(connection, handler)
    if not is_admin(connection.scope["user"]):
        raise AppError(403, "Only for administrators")


async def optional_user(connection: ASGIConnection[Any, Any, Any, Any]) -> Row[Any] | None:
    """Who is signed in, for open routes that tell some people more."""
    token = bearer_token(connection) or cookie_token(connection)
    return await user_of_token(connection.app.state.direct, token) if token else None


def is_admin(user: Row[Any] | None) -> bool:
    return user is not None and user.role == "admin"


# A route has one of these, or is open on purpose.
ACCESS_GUARDS = (user_guard, admin_guard, push_key_guard, local_or_token_guard)
