"""Every error as `{"error": sentence}` beside the problem fields of RFC 9457; never a stack trace."""

import math
from http import HTTPStatus
from typing import Any

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, SerializationException, ValidationException
from sqlalchemy.exc import DBAPIError

from backend.services.errors import AppError

log = structlog.get_logger()
# lock_not_available, deadlock_detected
_BUSY = ("55P03", "40P01")


def app_error(request: Request[Any, Any, Any], error: AppError) -> Response[dict[str, Any]]:
    headers = {}
    if error.retry_after is not None:
        headers["Retry-After"] = str(math.ceil(error.retry_after.total_seconds()))
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return _problem(error.status, error.sentence, field=error.field, headers=headers)


def http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[dict[str, Any]]:
    sentence = error.detail or HTTPStatus(error.status_code).phrase
    field = None
    if isinstance(error, ValidationException) and isinstance(error.extra, list) and error.extra:
        first: dict[str, Any] = error.extra[0]
        field = first.get("key")
        sentence = f"{field}: {first.get('message')}" if field else str(first.get("message"))
    elif isinstance(error.__cause__, SerializationException):
        sentence = f"The body is not JSON that can be read here: {error.__cause__}"
    elif error.status_code == 404:
        sentence = "There is nothing here"
    elif error.status_code == 405:
        sentence = f"{request.method} is not possible here"
    return _problem(error.status_code, sentence, field=field, headers=error.headers)


def recursion_error(request: Request[Any, Any, Any], error: RecursionError) -> Response[dict[str, Any]]:
    """JSON that is nested deeper than any of ours is the caller's doing."""
    if "deserializing" in str(error):
        return _problem(400, "The body is nested too deeply")
    return unexpected_error(request, error)


def database_error(request: Request[Any, Any, Any], error: DBAPIError) -> Response[dict[str, Any]]:
    """A row that somebody else has in hand for a moment is no fault of anybody's."""
    if getattr(error.orig, "sqlstate", None) in _BUSY:
        return _problem(503, "That is just being changed; please try again", headers={"Retry-After": "1"})
    return unexpected_error(request, error)


def unexpected_error(request: Request[Any, Any, Any], error: Exception) -> Response[dict[str, Any]]:
    log.error("web.crashed", method=request.method, path=request.url.path, exc_info=error)
    return _problem(500, "Something went wrong on our side")


def _problem(
    status: int, sentence: str, *, field: str | None = None, headers: dict[str, str] | None = None
) -> Response[dict[str, Any]]:
    body = {
        "error": sentence,
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": sentence,
    }
    if field is not None:
        body["field"] = field
    return Response(body, status_code=status, media_type="application/problem+json", headers=headers)
