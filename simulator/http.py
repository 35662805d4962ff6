"""Requests and replies as values, between the ASGI edge and everything else."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl

import msgspec

JSON = "application/json"
HTML = "text/html; charset=utf-8"
TEXT = "text/plain; charset=utf-8"
CSS = "text/css; charset=utf-8"
FORM = "application/x-www-form-urlencoded"

NOT_FOUND = 404


class Ending(StrEnum):
    """What becomes of a reply on its way out."""

    WHOLE = "whole"
    TRUNCATED = "truncated"
    DRIPPED = "dripped"
    WITHHELD = "withheld"
    DROPPED = "dropped"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    query: dict[str, str]
    content_type: str = ""
    body: bytes = b""

    @property
    def is_form(self) -> bool:
        """Whether the body is a form. JSON that is sent with a form's content type, as curl does, is not."""
        return self.content_type.startswith(FORM) and not self.body.lstrip().startswith(b"{")

    def fields(self) -> dict[str, str]:
        """The fields of a form that were filled in."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace")))


@dataclass(frozen=True, slots=True)
class Reply:
    status: int = 200
    body: bytes = b""
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)
    ending: Ending = Ending.WHOLE
    seconds_between_bytes: float = 0.0


_encode = msgspec.json.Encoder().encode


def json_reply(value: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    return Reply(status, _encode(value), JSON, headers or {})


def see_other(path: str) -> Reply:
    """Send a browser on after a form."""
    return Reply(303, headers={"location": path})
