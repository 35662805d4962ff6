"""What a channel is given, whatever its kind."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that comes with a mail. `media_type` with its parameters, such as `text/calendar; method=PUBLISH`."""

    filename: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message on its way to one address.

    Each channel takes what it can show: mail `text`, `html`, `headers` and `attachments`; a text message `short`, at
    most 160 GSM characters where that is possible; a push `subject`, `short` and `link`, where a tap leads.
    `details` are the channel's own, such as the keys of a browser. `kind` and `facts` are for programs (webhooks):
    plain JSON values. `message_id` is the same at every attempt.
    """

    to: str
    subject: str
    text: str
    message_id: UUID
    html: str | None = None
    short: str = ""
    link: str | None = None
    kind: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)


class Sender(Protocol):
    """A channel: hands a message over and returns the provider's id for it. Raises SendFailed."""

    async def send(self, message: Outgoing) -> str: ...

    async def close(self) -> None: ...
