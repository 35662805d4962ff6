"""Webhooks: each message as signed JSON, POSTed to a URL of the person's own.

`X-Houstons-Signature: t=<seconds since 1970>,v1=<hex>`, where hex is HMAC-SHA256, with the channel's secret, of `t`, a
full stop, and the body. Receivers compare it, refuse an old `t`, and drop an `X-Houstons-Id` they have seen.
"""

import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from backend.clients.channels.outgoing import Outgoing
from backend.clients.channels.parsing import Parsed, match
from backend.clients.errors import SendFailed
from backend.clients.outbound import Outbound
from backend.clients.public_addresses import Network, check_url

GONE = (410,)


def parse(address: str, details: Mapping[str, Any], allow: Sequence[Network]) -> Parsed:
    """A URL; `secret`, 16 to 200 characters, is made when the person brings none. Raises ValueError."""
    url = str(check_url(address, allow))
    secret = details.get("secret") or secrets.token_urlsafe(32)
    found = match(r"[\x21-\x7e]{16,200}", secret, otherwise="The secret needs 16 to 200 characters and no spaces")
    return url, {"secret": found[0]}


def sign(secret: str, body: bytes, *, at: int) -> str:
    """The value of X-Houstons-Signature. `at`: seconds since 1970."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


class Webhook:
    """Any 2xx means that it was taken; 410 that nothing is ever to be sent again."""

    def __init__(self, outbound: Outbound, *, clock: Callable[[], float] = time.time) -> None:
        self._outbound = outbound
        self._clock = clock

    async def send(self, message: Outgoing) -> str:
        """Hand a message over; returns its id. Raises SendFailed."""
        secret = message.details.get("secret")
        if not secret:
            raise SendFailed("the webhook has no secret", permanent=True)
        at = int(self._clock())
        body = _body(message, at=at)
        headers = {
            "Content-Type": "application/json",
            "X-Houstons-Id": str(message.message_id),
            "X-Houstons-Signature": sign(secret, body, at=at),
        }
        await self._outbound.post(message.to, content=body, headers=headers, dead=GONE)
        return str(message.message_id)

    async def close(self) -> None:
        await self._outbound.close()


def _body(message: Outgoing, *, at: int) -> bytes:
    told = {
        "id": str(message.message_id),
        "kind": message.kind,
        "subject": message.subject,
        "text": message.text,
        "link": message.link,
        "facts": dict(message.facts),
        "sent_at": datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z"),
    }
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
