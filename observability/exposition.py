"""Shows a worker's or scheduler's metrics over HTTP, from a thread of its own."""

import hmac
from collections.abc import Callable, Iterable
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIServer

from prometheus_client import make_wsgi_app, start_http_server

from observability.metrics import BUILD, PROCESS

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def show_metrics(*, host: str, port: int, token: str | None) -> tuple[WSGIServer, Thread]:
    """Serve `/metrics`; with a token, only to who brings it as a bearer. Raises OSError when the port is taken."""
    server, thread = start_http_server(port, host, registry=PROCESS)
    server.set_app(_guarded(make_wsgi_app(PROCESS), token))
    return server, thread


def name_build(version: str, part: str) -> None:
    """Say what runs here."""
    BUILD.labels(version, part).set(1)


def _guarded(app: Any, token: str | None) -> Wsgi:
    wanted = f"Bearer {token}".encode()

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        given = environ.get("HTTP_AUTHORIZATION", "").encode("latin-1")
        if token is not None and not hmac.compare_digest(given, wanted):
            start_response("401 Unauthorized", [("Content-Type", "text/plain"), ("WWW-Authenticate", "Bearer")])
            return [b"Not authenticated\n"]
        if environ.get("PATH_INFO") != "/metrics":
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"Not found\n"]
        found: Iterable[bytes] = app(environ, start_response)
        return found

    return answer
