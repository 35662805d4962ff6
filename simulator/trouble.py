"""Ways to misbehave on command: which one the next request meets, and the reply it makes of it."""

from __future__ import annotations

from dataclasses import replace
from email.utils import formatdate
from typing import Literal, get_args

import msgspec

from simulator.http import HTML, Ending, Reply, json_reply

Operation = Literal["inventory", "booking"]

StatusKind = Literal["400", "403", "404", "429", "500", "502", "503"]
InsteadKind = Literal["html-page", "wrong-shape", "empty", "hang", "reset"]
SpoilKind = Literal["truncated", "cut-json", "drip"]
AcceptingKind = Literal["accept-and-drop", "accept-and-500", "accept-and-hang", "no-party"]
DecliningKind = Literal["refuse", "card-required"]

_KIND_GROUPS = (StatusKind, InsteadKind, SpoilKind, AcceptingKind, DecliningKind)
KINDS: tuple[str, ...] = tuple(kind for group in _KIND_GROUPS for kind in get_args(group))
ACCEPTING = frozenset(get_args(AcceptingKind))
DECLINING = frozenset(get_args(DecliningKind))
SPOILING = frozenset(get_args(SpoilKind))

_MESSAGES = {
    "400": "Bad request.",
    "403": "Forbidden.",
    "404": "Not found.",
    "429": "Too many requests.",
    "500": "Internal server error.",
    "502": "Bad gateway.",
    "503": "Service unavailable.",
    "refuse": "This time is no longer available. Please choose another time.",
    "card-required": "A credit card is required to hold this reservation.",
}
_HTML_PAGE = (
    b"<!doctype html><html><head><title>Just a moment...</title></head>"
    b"<body><h1>We are checking your browser</h1></body></html>"
)


class Trouble(msgspec.Struct, forbid_unknown_fields=True):
    """One order to misbehave. `count` requests meet it, or all until it is cleared if that is null."""

    kind: StatusKind | InsteadKind | SpoilKind | AcceptingKind | DecliningKind
    count: int | None = None
    operation: Operation | None = None
    merchant_id: int | None = None
    retry_after_seconds: int | None = None
    retry_after_form: Literal["seconds", "http-date"] = "seconds"
    message: str | None = None
    message_key: Literal["message", "error"] = "message"
    status: int | None = None
    """The status of `refuse` (409 unless given), `card-required` (422) and `no-party` (200)."""
    seconds_between_bytes: float = 0.5

    @property
    def is_for_booking_only(self) -> bool:
        return self.kind in ACCEPTING or self.kind in DECLINING

    @property
    def text(self) -> str:
        return self.message or _MESSAGES[self.kind]

    def meets(self, operation: Operation, merchant_id: int | None) -> bool:
        if self.is_for_booking_only and operation != "booking":
            return False
        return self.operation in (None, operation) and self.merchant_id in (None, merchant_id)


class Troubles:
    """The orders in force. The oldest one that fits is used first."""

    def __init__(self) -> None:
        self.standing: list[Trouble] = []

    def add(self, trouble: Trouble) -> None:
        self.standing.append(trouble)

    def next(self, operation: Operation, merchant_id: int | None) -> Trouble | None:
        """The trouble that this request meets; one of its count is used up."""
        for trouble in self.standing:
            if trouble.meets(operation, merchant_id):
                if trouble.count is not None:
                    trouble.count -= 1
                    if trouble.count <= 0:
                        self.standing.remove(trouble)
                return trouble
        return None

    def clear(self) -> None:
        self.standing.clear()


def reply_instead(trouble: Trouble, *, now: float) -> Reply:
    """The reply of a trouble that comes in place of an answer. `now` is epoch seconds."""
    match trouble.kind:
        case "html-page":
            return Reply(200, _HTML_PAGE, HTML)
        case "wrong-shape":
            return json_reply({"types": {"unexpected": True}, "party": []})
        case "empty":
            return Reply(200, b"")
        case "hang":
            return Reply(ending=Ending.WITHHELD)
        case "reset":
            return Reply(ending=Ending.RESET)
        case _:
            headers = {}
            if trouble.retry_after_seconds is not None:
                headers["retry-after"] = _retry_after(trouble, trouble.retry_after_seconds, now)
            body = {trouble.message_key: trouble.text}
            return json_reply(body, status=int(trouble.kind), headers=headers)


def spoil(trouble: Trouble, reply: Reply) -> Reply:
    """A true answer, damaged on its way."""
    match trouble.kind:
        case "drip":
            return replace(reply, ending=Ending.DRIPPED, seconds_between_bytes=trouble.seconds_between_bytes)
        case "cut-json":
            return replace(reply, body=reply.body[: len(reply.body) // 2])
        case _:
            return replace(reply, ending=Ending.TRUNCATED)


def decline(trouble: Trouble) -> Reply:
    """A booking that is turned down without a look at the slot."""
    body: dict[str, object] = {trouble.message_key: trouble.text}
    if trouble.kind == "card-required":
        return json_reply(body | {"card_required": True}, status=trouble.status or 422)
    return json_reply(body, status=trouble.status or 409)


def reply_after_acceptance(trouble: Trouble) -> Reply:
    """What a guest is told, or not, whose table has just been booked."""
    match trouble.kind:
        case "accept-and-drop":
            return Reply(ending=Ending.DROPPED)
        case "accept-and-hang":
            return Reply(ending=Ending.WITHHELD)
        case "accept-and-500":
            return json_reply({trouble.message_key: trouble.message or _MESSAGES["500"]}, status=500)
        case _:
            return json_reply({"status": "ok"}, status=trouble.status or 200)


def _retry_after(trouble: Trouble, seconds: int, now: float) -> str:
    return formatdate(now + seconds, usegmt=True) if trouble.retry_after_form == "http-date" else str(seconds)
