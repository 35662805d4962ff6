"""The description of the API (OpenAPI): Litestar's own, and beside it who may call a route and how it refuses.

Guards are the one place that says so; the description reads it from them, and so cannot tell anything else.
"""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from litestar import Litestar, Request, Router
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.serialization import encode_json

from backend.api.access import COOKIE, local_or_token_guard, user_guard
from backend.api.caching import PUBLIC, PublicAnswers
from backend.api.guards import admin_guard, mail_callback_guard, push_key_guard, twilio_guard
from backend.api.limits import Limited

PATH = "/schema"
_PROBLEM = {
    "type": "object",
    "title": "Problem",
    "description": "A refusal: `error` is a sentence for people; the rest are the fields of RFC 9457.",
    "required": ["error", "type", "title", "status", "detail"],
    "properties": {
        "error": {"type": "string"},
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "field": {"type": "string", "description": "The field it is about, if there is one."},
    },
}
_SCHEMES = {
    "token": {"type": "http", "scheme": "bearer", "description": "The token that signing in answers."},
    "cookie": {"type": "apiKey", "in": "cookie", "name": COOKIE, "description": "The same, of our own page."},
    "pushKey": {"type": "apiKey", "in": "header", "name": "X-Push-Key", "description": "PUSH_SCAN_KEY."},
    "twilioSignature": {"type": "apiKey", "in": "header", "name": "X-Twilio-Signature", "description": "Twilio's."},
    "mailSignature": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Signature",
        "description": "`t=SECONDS,v1=HEX`: HMAC-SHA256 with MAIL_CALLBACK_KEY of the seconds, a dot and the body.",
    },
    "metricsToken": {"type": "http", "scheme": "bearer", "description": "METRICS_TOKEN."},
}
_SECURITY: dict[Any, list[dict[str, list[str]]]] = {
    user_guard: [{"token": []}, {"cookie": []}],
    admin_guard: [{"token": []}, {"cookie": []}],
    push_key_guard: [{"pushKey": []}],
    twilio_guard: [{"twilioSignature": []}],
    mail_callback_guard: [{"mailSignature": []}],
    local_or_token_guard: [{}, {"metricsToken": []}],
}
_WORDS = {
    "400": "Something in the request makes no sense; `field` says what.",
    "401": "Not signed in, or the key, token or password is wrong.",
    "403": "Not allowed: another person's, for administrators only, or sent by another site's page.",
    "404": "There is no such thing, or it is somebody else's.",
    "409": "It does not go together with what is there already.",
    "413": "The body is too long.",
    "429": "Too often; `Retry-After` says in how many seconds it may be tried again.",
    "default": "Any other trouble, in the same form.",
}


class DescribedJson(JsonRenderPlugin):
    """Serves the description, completed."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        return encode_json(describe(request.app, openapi_schema))


def openapi_config(version: str) -> OpenAPIConfig:
    """Where the description is served, for anyone."""
    return OpenAPIConfig(
        title="Houston's Reservation Tracker",
        version=version,
        description="Watches restaurants for tables, tells people, and books once if asked. Dates are YYYY-MM-DD and "
        "times of day HH:MM, both the restaurant's; instants are ISO 8601 with an offset.",
        use_handler_docstrings=True,
        render_plugins=[DescribedJson()],
        openapi_router=Router(
            PATH, route_handlers=[], include_in_schema=False, opt=PUBLIC, middleware=[PublicAnswers()]
        ),
    )


def describe(app: Litestar, schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with security and refusals of every route."""
    described = deepcopy(schema)
    components = described.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = _PROBLEM
    components["securitySchemes"] = _SCHEMES
    for path, method, handler in _handlers(app):
        operation = described["paths"].get(path, {}).get(method)
        if operation is not None:
            _complete(operation, handler, method, path=path)
    return described


def _complete(operation: dict[str, Any], handler: HTTPRouteHandler, method: str, *, path: str) -> None:
    guards = handler.resolve_guards()
    found = [_SECURITY[guard] for guard in guards if guard in _SECURITY]
    operation["security"] = found[0] if found else []
    parameters = operation.get("parameters", [])
    has_body = "requestBody" in operation
    statuses = {
        "400": has_body or bool(parameters),
        "401": bool(found) or path.startswith("/api/auth/"),
        "403": method != "get" or admin_guard in guards or local_or_token_guard in guards,
        "404": any(parameter.get("in") == "path" for parameter in parameters),
        "409": method != "get",
        "413": has_body,
        "429": any(isinstance(guard, Limited) for guard in guards),
        "default": True,
    }
    responses = {status: answer for status, answer in operation["responses"].items() if status < "400"}
    responses["200"]["description"] = "It went well."
    as_json = responses["200"].get("content", {}).get("application/json")
    if as_json is not None and as_json["schema"] == {"type": "string"}:
        # Bytes that were encoded beforehand.
        as_json["schema"] = {"type": "object"}
    if handler.opt.get("public_seconds"):
        responses["304"] = {"description": "It is still what the ETag of If-None-Match stands for."}
    responses |= {status: _refusal(status) for status, is_possible in statuses.items() if is_possible}
    operation["responses"] = responses


def _refusal(status: str) -> dict[str, Any]:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    answer: dict[str, Any] = {"description": _WORDS[status], "content": content}
    if status == "429":
        seconds = {"schema": {"type": "integer"}, "description": "Seconds to wait."}
        answer["headers"] = {"Retry-After": seconds}
    return answer


def _handlers(app: Litestar) -> Iterator[tuple[str, str, HTTPRouteHandler]]:
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            if isinstance(handler, HTTPRouteHandler):
                for method in handler.http_methods:
                    yield route.path_format or "/", method.lower(), handler
