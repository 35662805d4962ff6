"""Slack: an incoming webhook, whose address is a secret. What it answers: https://api.slack.com/messaging/webhooks."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from backend.clients.channels.outgoing import Outgoing
from backend.clients.channels.parsing import Parsed, match
from backend.clients.channels.vendors import Refusal, Vendor
from backend.clients.public_addresses import Network

if TYPE_CHECKING:
    from apprise.plugins.base import NotifyBase

_WEBHOOK = r"https://hooks\.slack\.com/services/T[A-Z0-9]{5,20}/B[A-Z0-9]{5,20}/[A-Za-z0-9]{15,40}/?"


def parse(address: str, details: Mapping[str, Any], allow: Sequence[Network]) -> Parsed:
    """The webhook's address as Slack gives it. Raises ValueError."""
    found = match(
        _WEBHOOK, address, otherwise="The address must look like https://hooks.slack.com/services/T…, as Slack gives it"
    )
    return found[0].rstrip("/"), {}


def _build(message: Outgoing, options: dict[str, Any]) -> "NotifyBase":
    from apprise.plugins.slack import NotifySlack

    team, hook, token = message.to.split("/")[-3:]
    return NotifySlack(
        token_a=team, token_b=hook, token_c=token, mode="webhook", include_image=False, include_footer=False, **options
    )


def _is_dead(refusal: Refusal) -> bool:
    """no_service, no_team and channel_not_found; channel_is_archived; invalid_token and action_prohibited."""
    return refusal.status in (403, 404, 410)


VENDOR = Vendor("Slack", _build, _is_dead)
