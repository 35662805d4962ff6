"""Discord: a channel's webhook, whose address is a secret."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from backend.clients.channels.outgoing import Outgoing
from backend.clients.channels.parsing import Parsed, match
from backend.clients.channels.vendors import Refusal, Vendor
from backend.clients.public_addresses import Network

if TYPE_CHECKING:
    from apprise.plugins.base import NotifyBase

_WEBHOOK = (
    r"https://(?:(?:canary|ptb)\.)?discord(?:app)?\.com/api/(?:v\d{1,2}/)?webhooks/"
    r"(?P<id>\d{15,22})/(?P<token>[A-Za-z0-9_-]{50,100})/?"
)


def parse(address: str, details: Mapping[str, Any], allow: Sequence[Network]) -> Parsed:
    """The webhook's address as Discord gives it. Raises ValueError."""
    found = match(
        _WEBHOOK,
        address,
        otherwise="The address must look like https://discord.com/api/webhooks/…, as Discord gives it",
    )
    return f"https://discord.com/api/webhooks/{found['id']}/{found['token']}", {}


def _build(message: Outgoing, options: dict[str, Any]) -> "NotifyBase":
    from apprise.plugins.discord import NotifyDiscord

    webhook_id, token = message.to.split("/")[-2:]
    return NotifyDiscord(webhook_id=webhook_id, webhook_token=token, avatar=False, **options)


def _is_dead(refusal: Refusal) -> bool:
    """A webhook that was deleted, or whose token is no longer the right one."""
    return refusal.status in (401, 404)


VENDOR = Vendor("Discord", _build, _is_dead)
