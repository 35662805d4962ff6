"""What may be kept, by whom: public answers for seconds with an ETag, everything else by nobody."""

import hashlib
from typing import Any

from litestar.datastructures import Headers, MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

PRIVATE = "private, no-store"
IMMUTABLE = "public, max-age=31536000, immutable"
REVALIDATED = "public, no-cache"

# For routes whose answer is the same for everybody, together with the middleware PublicAnswers.
PUBLIC: dict[str, Any] = {"access": "open", "public_seconds": 10}


class PublicAnswers(ASGIMiddleware):
    """Gives the good answers of routes marked PUBLIC an ETag, and answers 304 to whoever has it."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        seconds = scope["route_handler"].opt.get("public_seconds")
        if not seconds:
            await next_app(scope, receive, send)
            return
        start: Message | None = None
        body = bytearray()

        async def hold(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and message["status"] == 200:
                start = message
                return
            if message["type"] != "http.response.body" or start is None:
                await send(message)
                return
            body.extend(message.get("body", b""))
            if not message.get("more_body"):
                await _answer(scope, send, start, bytes(body), seconds=seconds)

        await next_app(scope, receive, hold)


def etag_of(body: bytes) -> str:
    return f'"{hashlib.sha256(body).hexdigest()[:24]}"'


def is_known(headers: Headers, etag: str) -> bool:
    """True when the caller has this version already. A proxy may have made its tag a weak one."""
    known = headers.get("if-none-match", "")
    return known.strip() == "*" or etag in [tag.strip().removeprefix("W/") for tag in known.split(",")]


async def _answer(scope: Scope, send: Send, start: Message, body: bytes, *, seconds: int) -> None:
    headers = MutableScopeHeaders.from_message(start)
    etag = etag_of(body)
    headers["ETag"] = etag
    headers["Cache-Control"] = f"public, max-age={seconds}, stale-while-revalidate={6 * seconds}"
    if is_known(Headers.from_scope(scope), etag):
        for name in ("content-length", "content-type"):
            if name in headers:
                del headers[name]
        start["status"] = 304  # type: ignore[typeddict-unknown-key]
        body = b""
    await send(start)
    await send({"type": "http.response.body", "body": body, "more_body": False})
