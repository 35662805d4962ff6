"""Counts every answer of the web server, by the template of its route, and gives each request its id."""

import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import structlog

from observability.correlation import begin
from observability.metrics import HTTP_REQUESTS, HTTP_SECONDS

log = structlog.get_logger()

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
# What no route was found for; its path is the caller's invention.
UNMATCHED = "(none)"


class CountedHttp:
    """Goes around the whole application, so that refusals of its router and its guards are counted as well."""

    def __init__(self, app: Asgi) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = "none"
        correlation_id = begin(_header(scope, b"x-request-id"))

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", correlation_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, note)
        finally:
            route = scope.get("path_template") or UNMATCHED
            method = scope["method"] if scope["method"] in METHODS else "other"
            HTTP_REQUESTS.labels(method, route, status).inc()
            seconds = time.perf_counter() - began
            HTTP_SECONDS.labels(route).observe(seconds)
            log.debug("web.answered", method=method, route=route, status=status, ms=round(1000 * seconds, 1))


def _header(scope: Scope, name: bytes) -> str | None:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), None)
