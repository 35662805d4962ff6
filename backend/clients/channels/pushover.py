"""Pushover: a person's user key, through an application of their own. Its answers: https://pushover.net/api."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from backend.clients.channels.outgoing import Outgoing
from backend.clients.channels.parsing import Parsed, match
from backend.clients.channels.vendors import Refusal, Vendor
from backend.clients.public_addresses import Network

if TYPE_CHECKING:
    from apprise.plugins.base import NotifyBase

_KEY = r"[A-Za-z0-9]{30}"


def parse(address: str, details: Mapping[str, Any], allow: Sequence[Network]) -> Parsed:
    """The user key; `app_token` of the application. Raises ValueError."""
    user = match(_KEY, address, otherwise="The user key has 30 letters and digits")
    token = match(_KEY, details.get("app_token"), otherwise="The application's token has 30 letters and digits")
    return user[0], {"app_token": token[0]}


def _build(message: Outgoing, options: dict[str, Any]) -> "NotifyBase":
    from apprise.plugins.pushover import NotifyPushover

    return NotifyPushover(
        user_key=message.to, token=message.details["app_token"], supplemental_url=message.link, **options
    )


def _is_dead(refusal: Refusal) -> bool:
    """Pushover names the field that it does not know."""
    return refusal.status == 400 and ('"user":"invalid"' in refusal.log or '"token":"invalid"' in refusal.log)


VENDOR = Vendor("Pushover", _build, _is_dead)
