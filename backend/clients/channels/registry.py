"""All kinds of channels: how each reads an address, and who sends. To add one, see docs/channels.md.

Twilio, Apprise and pywebpush are slow to import: the first message that needs one of them loads it.
"""

from collections.abc import Callable, Mapping, Sequence
from email.utils import parseaddr
from typing import Any

from backend.clients.channels import discord, ntfy, pushover, slack, sms, telegram, web_push, webhook
from backend.clients.channels.email import Mailer
from backend.clients.channels.outgoing import Sender
from backend.clients.channels.parsing import Parsed, normal_email
from backend.clients.channels.vendors import VendorChannel, VendorThreads
from backend.clients.channels.web_push import PushKey
from backend.clients.outbound import Outbound
from backend.clients.public_addresses import Network
from backend.settings import Settings

VENDORS = {
    "telegram": telegram.VENDOR,
    "discord": discord.VENDOR,
    "slack": slack.VENDOR,
    "pushover": pushover.VENDOR,
}


def _parse_email(address: str, details: Mapping[str, Any], allow: Sequence[Network]) -> Parsed:
    return normal_email(address), {}


PARSERS: Mapping[str, Callable[[str, Mapping[str, Any], Sequence[Network]], Parsed]] = {
    "email": _parse_email,
    "sms": sms.parse,
    "web_push": web_push.parse,
    "webhook": webhook.parse,
    "ntfy": ntfy.parse,
    "telegram": telegram.parse,
    "discord": discord.parse,
    "slack": slack.parse,
    "pushover": pushover.parse,
}


def parse_address(kind: str, address: str, details: Mapping[str, Any], *, allow: Sequence[Network] = ()) -> Parsed:
    """What a person typed, as it is stored: the address, and the details that its kind knows. `allow`: the networks of
    OUTBOUND_ALLOW. Raises ValueError with a sentence for that person.
    """
    parser = PARSERS.get(kind)
    if parser is None:
        raise ValueError(f"There is no such kind of channel: {kind}")
    return parser(address, details, allow)


def open_senders(settings: Settings, *, push_key: PushKey | None) -> dict[str, Sender]:
    """A sender for each kind; one whose settings are missing is absent. Call it on the loop that will use them, and
    close each: those that share a connection may be closed in any order. `push_key` gives the key of our pushes.
    """
    outbound, threads = Outbound(allow=settings.outbound_networks), VendorThreads()
    senders: dict[str, Sender] = {"webhook": webhook.Webhook(outbound), "ntfy": ntfy.Ntfy(outbound)}
    senders |= {kind: VendorChannel(vendor, threads) for kind, vendor in VENDORS.items()}
    if push_key is not None:
        senders["web_push"] = web_push.WebPush(outbound, key=push_key, contact=_contact(settings))
    mailer, texter = _mailer(settings), _texter(settings)
    if mailer is not None:
        senders["email"] = mailer
    if texter is not None:
        senders["sms"] = texter
    return senders


def _mailer(settings: Settings) -> Mailer | None:
    if settings.smtp_host is None or settings.smtp_from is None:
        return None
    return Mailer(
        host=settings.smtp_host,
        port=settings.smtp_port,
        sender=settings.smtp_from,
        security=settings.smtp_security,
        user=settings.smtp_user,
        password=settings.smtp_pass.get_secret_value() if settings.smtp_pass else None,
        ca_file=settings.smtp_ca_file,
        connections=settings.smtp_connections,
    )


def _texter(settings: Settings) -> sms.Sms | None:
    account, token, number = settings.twilio_account_sid, settings.twilio_auth_token, settings.twilio_from_number
    if account is None or token is None or number is None:
        return None
    return sms.Sms(
        account_sid=account,
        auth_token=token.get_secret_value(),
        from_number=number,
        api_url=settings.twilio_api_url,
        public_url=settings.public_url,
    )


def _contact(settings: Settings) -> str:
    """Where a push service may complain (RFC 8292, 2.1)."""
    mail = settings.admin_email or settings.notification_email or parseaddr(settings.smtp_from or "")[1]
    if not mail and settings.public_url.startswith("https://"):
        return settings.public_url
    return f"mailto:{mail or 'nobody@localhost'}"
