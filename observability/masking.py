"""Keeps people's addresses, numbers and secrets out of the log, wherever a sentence or an error brought them in."""

import re
from collections.abc import MutableMapping
from typing import Any

_SECRET_NAMES = re.compile(r"token|password|secret|authorization|cookie|api_?key|^body$|^html$", re.IGNORECASE)
_ADDRESS = re.compile(r"([\w.+-])[\w.+-]*@([\w-]+\.)+[\w-]+")
_NUMBER = re.compile(r"\+\d{6,15}\b|\(?\b\d{3}\)?[-. ]\d{3}[-. ]\d{4}\b")


def mask(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: secrets by their names, addresses and telephone numbers by their looks."""
    for name, value in event.items():
        event[name] = _masked(name, value)
    return event


def _masked(name: str, value: Any) -> Any:
    if _SECRET_NAMES.search(name):
        return "(hidden)"
    match value:
        case str():
            return hide_people(value)
        case dict():
            return {key: _masked(str(key), inner) for key, inner in value.items()}
        case list() | tuple():
            return [_masked(name, inner) for inner in value]
        case _:
            return value


def hide_people(text: str) -> str:
    """`bob@example.com` becomes `b…@…`, and of a telephone number its last two digits stay."""
    text = _ADDRESS.sub(r"\1…@…", text) if "@" in text else text
    return _NUMBER.sub(lambda found: "…" + found[0][-2:], text)
