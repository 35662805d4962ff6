"""Who may call a route: a guard, or explicitly open. A test walks all routes and finds neither missing."""

import secrets
from typing import Any
from urllib.parse import urlsplit

from litestar.connection import ASGIConnection, Request
from litestar.handlers.base import BaseRouteHandler
from sqlalchemy import Row

from backend.api.client_address import is_local
from backend.services.errors import AppError
from backend.services.sessions import user_of_token

COOKIE = "houstons_session"
OPEN = {"access": "open"}
# Open, and from any site: a signature in the address stands for the person, and no cookie is looked at.
SIGNED = {"access": "open", "from_anywhere": True}


async def forgery_guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """On every route: another site's page may not change anything here. Raises AppError 403.

    Browsers add the cookie without being asked, so whoever brings no token of their own must come from our page.
    Programs that are no browsers send neither of these headers.
    """
    if connection.scope.get("method") in ("GET", "HEAD", "OPTIONS") or bearer_token(connection):
        return
    if handler.opt.get("from_anywhere"):
        return
    settings = connection.app.state.settings
    origin = connection.headers.get("origin")
    if origin in settings.allowed_origins:
        return
    ours = (connection.headers.get("host"), urlsplit(settings.public_url).netloc)
    if connection.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none") or (
        origin is not None and _host_of(origin) not in ours
    ):
        raise AppError(403, "This request came from another site")


async def user_guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Signed in, by `Authorization: Bearer` or by our page's cookie. Raises AppError 401."""
    token = bearer_token(connection) or cookie_token(connection)
    user = await user_of_token(connection.app.state.direct, token) if token else None
    if user is None:
        raise AppError(401, "Not authenticated")
    connection.scope["user"] = user


async def local_or_token_guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """For /metrics: the configured bearer token; without one, only this machine."""
    wanted = connection.app.state.settings.metrics_token
    if wanted is not None:
        given = bearer_token(connection) or ""
        if not secrets.compare_digest(given.encode(), wanted.get_secret_value().encode()):
            raise AppError(401, "Not authenticated")
    elif not is_local(connection):
        raise AppError(403, "Only from this machine; set METRICS_TOKEN to read it from elsewhere")


def _host_of(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None


def current_user(request: Request[Any, Any, Any]) -> Row[Any]:
    """The person the guard let in, with `session_id`."""
    user: Row[Any] = request.scope["user"]
    return user


def bearer_token(connection: ASGIConnection[Any, Any, Any, Any]) -> str | None:
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def cookie_token(connection: ASGIConnection[Any, Any, Any, Any]) -> str | None:
    return connection.cookies.get(COOKIE)
