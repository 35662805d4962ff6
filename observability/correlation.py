"""One id from a request or a tick, through the jobs it causes, to the line that says what became of them."""

import re
from uuid import uuid4

from structlog.contextvars import bind_contextvars, clear_contextvars, get_contextvars

NAME = "correlation_id"
_GIVEN = re.compile(r"[A-Za-z0-9-]{8,64}")


def begin(given: str | None = None) -> str:
    """Start a unit of work under an id of its own, or under the one that its cause gave it."""
    clear_contextvars()
    correlation_id = given if given is not None and _GIVEN.fullmatch(given) else uuid4().hex[:16]
    bind_contextvars(**{NAME: correlation_id})
    return correlation_id


def current() -> str | None:
    """The id of the unit of work that runs here."""
    found = get_contextvars().get(NAME)
    return str(found) if found is not None else None
