"""ntfy: a topic at ntfy.sh or at a server of the person's own. Publishes as JSON, https://docs.ntfy.sh/publish/."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from backend.clients.answers import provider_id
from backend.clients.channels.outgoing import Outgoing
from backend.clients.channels.parsing import Parsed, match, optional
from backend.clients.outbound import Outbound
from backend.clients.public_addresses import Network, check_url

PUBLIC_SERVER = "https://ntfy.sh"
# ntfy makes a file of a message above 4,096 bytes.
LONGEST_BYTES = 4000
# 1 to 5; 4 makes a sound that is hard to miss.
PRIORITY = 4
_TOPIC = r"[-_A-Za-z0-9]{1,64}"
_NOT_FOUND_TOPIC = "The address must end with a topic: letters, digits, - and _, at most 64"


def parse(address: str, details: Mapping[str, Any], allow: Sequence[Network]) -> Parsed:
    """A topic's URL, or a topic alone, which is one at ntfy.sh; `token` for a topic that is protected."""
    if "/" not in address:
        address = f"{PUBLIC_SERVER}/{address.strip()}"
    url = check_url(address, allow).copy_with(query=None)
    base, _, topic = str(url).rstrip("/").rpartition("/")
    if url.path.strip("/") == "":
        raise ValueError(_NOT_FOUND_TOPIC)
    match(_TOPIC, topic, otherwise=_NOT_FOUND_TOPIC)
    return f"{base}/{topic}", optional(
        details, "token", r"[\x21-\x7e]{1,200}", otherwise="The token must be at most 200 characters without spaces"
    )


class Ntfy:
    """Any server of ntfy."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound

    async def send(self, message: Outgoing) -> str:
        """Publish a message; returns the server's id of it. Raises SendFailed."""
        server, _, topic = message.to.rpartition("/")
        told = {"topic": topic, "title": message.subject, "message": _shortened(message), "priority": PRIORITY}
        if message.link is not None:
            told["click"] = message.link
        token = message.details.get("token")
        answer = await self._outbound.post(
            f"{server}/",
            content=json.dumps(told, ensure_ascii=False).encode(),
            headers={"Content-Type": "application/json"},
            secret_headers={"Authorization": f"Bearer {token}"} if token else None,
        )
        return _id_in(answer.body) or str(message.message_id)

    async def close(self) -> None:
        await self._outbound.close()


def _shortened(message: Outgoing) -> str:
    return (message.short or message.text).encode()[:LONGEST_BYTES].decode(errors="ignore")


def _id_in(body: bytes) -> str | None:
    try:
        answer = json.loads(body)
    except ValueError:
        return None
    return provider_id(answer.get("id")) if isinstance(answer, dict) else None
