"""Keeps the mails that arrived, newest first, parsed for people and for tests."""

from __future__ import annotations

import email
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import default
from typing import Any

from simulator.local_time import iso_utc

DEFAULT_CAPACITY = 1_000


@dataclass(frozen=True, slots=True)
class Mail:
    """One accepted mail. `to` and `sender` are the envelope's; the rest comes from the mail itself."""

    number: int
    to: tuple[str, ...]
    sender: str
    subject: str
    message_id: str
    headers: tuple[tuple[str, str], ...]
    text: str
    html: str
    raw: bytes
    received_at: str
    starttls: bool
    authenticated_user: str | None

    def summary(self) -> dict[str, Any]:
        """The mail as `/mailbox.json` lists it."""
        return {
            "n": self.number,
            "to": self.to,
            "from": self.sender,
            "subject": self.subject,
            "message_id": self.message_id,
            "text": self.text,
            "html": self.html,
            "received_at": self.received_at,
            "starttls": self.starttls,
            "authenticated_user": self.authenticated_user,
        }


class Mailbox:
    """The last `capacity` mails; numbers go on counting when it is emptied."""

    def __init__(self, capacity: int = DEFAULT_CAPACITY) -> None:
        self._mails: deque[Mail] = deque(maxlen=capacity)
        self._number = 0

    def add(
        self,
        raw: bytes,
        *,
        sender: str,
        to: tuple[str, ...],
        now: float,
        starttls: bool,
        authenticated_user: str | None,
    ) -> Mail:
        """Keep a mail as it came over the wire. `now` is epoch seconds."""
        message = email.message_from_bytes(raw, policy=default)
        self._number += 1
        mail = Mail(
            number=self._number,
            to=to,
            sender=sender,
            subject=str(message.get("Subject", "")),
            message_id=str(message.get("Message-ID", "")).strip(),
            headers=tuple((name, str(value)) for name, value in message.items()),
            text=_body(message, "plain"),
            html=_body(message, "html"),
            raw=raw,
            received_at=iso_utc(now),
            starttls=starttls,
            authenticated_user=authenticated_user,
        )
        self._mails.appendleft(mail)
        return mail

    def find(self, number: int) -> Mail | None:
        return next((mail for mail in self._mails if mail.number == number), None)

    def clear(self) -> None:
        self._mails.clear()

    def __len__(self) -> int:
        return len(self._mails)

    def __iter__(self) -> Iterator[Mail]:
        return iter(self._mails)


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body(preferencelist=(kind,))
    if part is None:
        return ""
    try:
        return str(part.get_content()).replace("\r\n", "\n")
    except LookupError:
        payload = part.get_payload(decode=True)
        return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""
