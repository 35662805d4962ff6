"""Telegram: a chat, through a bot of the person's own."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from backend.clients.channels.outgoing import Outgoing
from backend.clients.channels.parsing import Parsed, match
from backend.clients.channels.vendors import Refusal, Vendor
from backend.clients.public_addresses import Network

if TYPE_CHECKING:
    from apprise.plugins.base import NotifyBase


def parse(address: str, details: Mapping[str, Any], allow: Sequence[Network]) -> Parsed:
    """A chat's number or @name; `bot_token` as BotFather gives it. Raises ValueError."""
    chat = match(
        r"-?\d{1,20}|@[A-Za-z][A-Za-z0-9_]{3,31}",
        address,
        otherwise="The chat must be a number, or a name such as @name",
    )
    token = match(
        r"\d{6,12}:[A-Za-z0-9_-]{30,60}",
        details.get("bot_token"),
        otherwise="The bot's token must look like 123456789:AbC…, as BotFather gives it",
    )
    return chat[0], {"bot_token": token[0]}


def _build(message: Outgoing, options: dict[str, Any]) -> "NotifyBase":
    from apprise.plugins.telegram import NotifyTelegram

    return NotifyTelegram(
        bot_token=message.details["bot_token"], targets=[message.to], detect_owner=False, include_image=False, **options
    )


def _is_dead(refusal: Refusal) -> bool:
    """A token that was revoked; a bot that was blocked or thrown out; a chat that does not exist."""
    return refusal.status in (401, 403, 404) or "chat not found" in refusal.log


VENDOR = Vendor("Telegram", _build, _is_dead)
