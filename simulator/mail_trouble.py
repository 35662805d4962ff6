"""Ways in which the mail server misbehaves on command."""

from __future__ import annotations

from typing import Literal

import msgspec

Stage = Literal["sign-in", "mail", "rcpt", "data"]


class MailTrouble(msgspec.Struct, forbid_unknown_fields=True):
    """One order to misbehave at a stage. `count` uses of it are made, or any number if that is null.

    - `refuse` answers with `code` (4xx or 5xx).
    - `slow` waits `seconds` and goes on.
    - `drop-after-accepting` keeps the mail and closes the connection in place of an answer.
    """

    kind: Literal["refuse", "slow", "drop-after-accepting"]
    stage: Stage = "data"
    code: int = 451
    message: str = "Simulated trouble"
    seconds: float = 0.0
    recipient: str | None = None
    count: int | None = None

    @property
    def answer(self) -> str:
        return f"{self.code} {self.message}"

    def meets(self, kind: str, stage: Stage, recipients: list[str]) -> bool:
        if self.kind != kind or self.stage != stage:
            return False
        return self.recipient is None or self.recipient.casefold() in map(str.casefold, recipients)


def complaint(trouble: MailTrouble) -> str | None:
    """Why an order cannot be followed, as a sentence."""
    if trouble.kind == "refuse" and not 400 <= trouble.code <= 599:
        return "code must lie between 400 and 599."
    if not (trouble.message.isascii() and trouble.message.isprintable()):
        return "message must be printable ASCII."
    if trouble.recipient is not None and trouble.stage in ("sign-in", "mail"):
        return "A recipient is known at the stages rcpt and data only."
    if trouble.kind == "drop-after-accepting" and trouble.stage != "data":
        return "Only the stage data accepts a mail."
    if trouble.seconds < 0:
        return "seconds must not be negative."
    if trouble.count is not None and trouble.count < 1:
        return "count must be at least 1, or null for until it is cleared."
    return None


class MailTroubles:
    """The orders in force. The oldest one that fits is used first."""

    def __init__(self) -> None:
        self.standing: list[MailTrouble] = []

    def take(self, kind: str, stage: Stage, recipients: list[str] | None = None) -> MailTrouble | None:
        """The trouble of a kind that is due at a stage; one of its count is used up."""
        for trouble in self.standing:
            if trouble.meets(kind, stage, recipients or []):
                if trouble.count is not None:
                    trouble.count -= 1
                    if trouble.count <= 0:
                        self.standing.remove(trouble)
                return trouble
        return None
