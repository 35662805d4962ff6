"""Guards beside being signed in: machines with the shared key, providers that sign, and administrators."""

import hmac
import re
import secrets
import time
from hashlib import sha256
from typing import Any, cast
from urllib.parse import parse_qsl

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers.base import BaseRouteHandler
from sqlalchemy import Row
from twilio.request_validator import RequestValidator

from backend.api.access import bearer_token, cookie_token, local_or_token_guard, user_guard
from backend.services.errors import AppError
from backend.services.sessions import user_of_token

CALLBACK_WITHIN_SECONDS = 300


async def push_key_guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """The header `X-Push-Key` equal to `PUSH_SCAN_KEY`. Where that is not set, nobody is let in."""
    wanted = connection.app.state.settings.push_scan_key
    # Headers arrive as Latin-1; as bytes, any key can be compared.
    given = connection.headers.get("x-push-key", "").encode("latin-1")
    if wanted is None or not secrets.compare_digest(given, wanted.get_secret_value().encode()):
        raise AppError(401, "The header X-Push-Key is missing or wrong")


async def twilio_guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """The header `X-Twilio-Signature`, made with `TWILIO_AUTH_TOKEN` over our public address and the form.

    Where that is not set, nobody is let in.
    """
    settings = connection.app.state.settings
    token = settings.twilio_auth_token
    given = connection.headers.get("x-twilio-signature", "")
    query = connection.scope["query_string"].decode("latin-1")
    address = f"{settings.public_url}{connection.scope['path']}" + (f"?{query}" if query else "")
    form = await read_form(cast(Request[Any, Any, Any], connection))
    if token is None or not RequestValidator(token.get_secret_value()).validate(address, form, given):
        raise AppError(401, "The header X-Twilio-Signature is missing or wrong")


async def mail_callback_guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """The header `X-Signature: t=SECONDS,v1=HEX`, made with `MAIL_CALLBACK_KEY`.

    HEX is the HMAC-SHA256 of the seconds (of now, since 1970), a dot, and the body. Where the key is not set, nobody is
    let in.
    """
    key = connection.app.state.settings.mail_callback_key
    found = re.fullmatch(r"t=([0-9]{1,12}),v1=([0-9a-f]{64})", connection.headers.get("x-signature", ""))
    body = await cast(Request[Any, Any, Any], connection).body()
    if key is not None and found is not None:
        wanted = hmac.new(key.get_secret_value().encode(), found[1].encode() + b"." + body, sha256).hexdigest()
        is_fresh = abs(time.time() - int(found[1])) <= CALLBACK_WITHIN_SECONDS
        if is_fresh and hmac.compare_digest(found[2], wanted):
            return
    raise AppError(401, "The header X-Signature is missing, wrong, or older than five minutes")


async def read_form(request: Request[Any, Any, Any]) -> dict[str, str]:
    """A form's fields; of one that comes several times, the last."""
    return dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True))


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
ACCESS_GUARDS = (
    user_guard,
    admin_guard,
    push_key_guard,
    twilio_guard,
    mail_callback_guard,
    local_or_token_guard,
)
