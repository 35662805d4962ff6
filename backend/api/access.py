"""Who may call a route: a guard, or explicitly open. A test walks all routes and finds neither missing."""

import secrets
from typing import Any
from urllib.parse import urlsplit

from litestar.connection import ASGIConnection, Request
from litestar.handlers.base import BaseRouteHandler
from sqlalchemy import Row

from backend.services.accounts import user_of_token
from backend.services.errors import AppError

COOKIE = "houstons_session"
OPEN = {"access": "open"}


async def user_guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Signed in, by `Authorization: Bearer` or by our page's cookie. Raises AppError 401, or 403 when forged."""
    token = bearer_token(connection) or cookie_token(connection)
    user = await user_of_token(connection.app.state.direct, token) if token else None
    if user is None:
        raise AppError(401, "Not authenticated")
    connection.state.user = user
    connection.state.token = token


async def local_or_token_guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """For /metrics: the configured bearer token; without one, only this machine."""
    wanted = connection.app.state.settings.metrics_token
    if wanted is not None:
        if not secrets.compare_digest(bearer_token(connection) or "", wanted.get_secret_value()):
            raise AppError(401, "Not authenticated")
    elif connection.client is None or connection.client.host not in ("127.0.0.1", "::1"):
        raise AppError(403, "Only from this machine; set METRICS_TOKEN to read it from elsewhere")


def current_user(request: Request[Any, Any, Any]) -> Row[Any]:
    """The person the guard let in."""
    user: Row[Any] = request.state.user
    return user


def bearer_token(connection: ASGIConnection[Any, Any, Any, Any]) -> str | None:
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def cookie_token(connection: ASGIConnection[Any, Any, Any, Any]) -> str | None:
    """The cookie's token. A browser that another site sent is refused: cookies go along without being asked for."""
    token = connection.cookies.get(COOKIE)
    if token is None or connection.scope.get("method") in ("GET", "HEAD", "OPTIONS"):
        return token
    origin = connection.headers.get("origin")
    if connection.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none") or (
        origin is not None and urlsplit(origin).netloc != connection.headers.get("host")
    ):
        raise AppError(403, "This request came from another site")
    return token
