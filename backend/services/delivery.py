"""Sends one message of the ledger: claim, read again, send, write the verdict."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from typing import Any, Protocol
from uuid import UUID, uuid4

from jinja2 import Environment, FunctionLoader, StrictUndefined
from sqlalchemy import Row

from backend.clients.errors import SendFailed
from backend.db.base import Sessions
from backend.db.queries import notifications, switches
from backend.domain.backoff import send_again_after
from backend.domain.message import Facts, Opening, Text, compose
from backend.domain.types import ACCOUNT_KINDS, Kind
from backend.services import account_mail
from backend.services.account_mail import Letter


class Sender(Protocol):
    """A channel: hands a message over and returns the provider's id. Raises SendFailed."""

    async def send(self, *, to: str, subject: str, text: str, html: str, message_id: UUID) -> str: ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of an attempt. `status` is the row's new one, or "not_mine"."""

    status: str
    channel: str = ""
    kind: str = ""
    reason: str | None = None


_TEMPLATES = files("backend.services") / "templates"
_jinja = Environment(
    loader=FunctionLoader(lambda name: (_TEMPLATES / name).read_text()),
    autoescape=lambda name: name is not None and name.endswith(".html"),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


async def deliver(
    sessions: Sessions, senders: Mapping[str, Sender], notification_id: int, *, public_url: str, now: datetime
) -> Delivery:
    """Send a queued message that is due. Delivered twice by the queue, it is sent once."""
    token = uuid4()
    async with sessions.begin() as session:
        if not await switches.is_on(session, "notifying"):
            return Delivery("not_mine", reason="notifying is switched off")
        row = await notifications.claim(session, notification_id, token=token)
        if row is None:
            return Delivery("not_mine")
        if row.kind in ACCOUNT_KINDS:
            reason = await account_mail.no_longer(session, row)
        else:
            about, drops = await notifications.facts(session, notification_id)
            reason = _no_longer(row, about, [drop.is_open for drop in drops])
        sender = senders.get(row.channel)
        if reason is not None or sender is None:
            status = "expired" if reason else "suppressed"
            missing = {"email": "no mail configured"}.get(row.channel, "not configured")
            await notifications.settle(session, row, token=token, status=status, reason=reason or missing)
            return Delivery(status, row.channel, row.kind, reason or missing)
        if row.kind in ACCOUNT_KINDS:
            letter = await account_mail.compose(session, row, public_url=public_url)
        else:
            letter = _letter(compose(_facts(row, about, drops)), public_url=public_url)
        await notifications.record_text(session, row.id, token=token, subject=letter.subject, body=letter.kept)
    return await _send(sessions, sender, row, letter, token=token, now=now)


async def _send(
    sessions: Sessions,
    sender: Sender,
    row: Row[Any],
    letter: Letter,
    *,
    token: UUID,
    now: datetime,
) -> Delivery:
    verdict: dict[str, Any]
    try:
        provider_id = await sender.send(
            to=row.recipient, subject=letter.subject, text=letter.text, html=letter.html, message_id=row.message_id
        )
        verdict = {"status": "sent", "provider_id": provider_id}
    except SendFailed as failure:
        wait = None if failure.permanent else send_again_after(row.attempts, jitter=random.random())
        verdict = {"status": "failed", "reason": failure.reason}
        if wait is not None:
            verdict = {"status": "queued", "reason": failure.reason, "next_at": now + wait}
    async with sessions.begin() as session:
        is_mine = await notifications.settle(session, row, token=token, **verdict)
    return Delivery(verdict["status"] if is_mine else "not_mine", row.channel, row.kind, verdict.get("reason"))


def _letter(text: Text, *, public_url: str) -> Letter:
    body = _jinja.get_template("message.txt").render(text=text, public_url=public_url).strip()
    html = _jinja.get_template("message.html").render(text=text, public_url=public_url)
    return Letter(text.subject, body, html, kept=body)


def _no_longer(row: Row[Any], about: Row[Any], drops_are_open: list[bool]) -> str | None:
    if row.kind != Kind.TABLE_OPEN:
        return None
    if about.watch_status in ("cancelled", "paused", "expired"):
        return f"the watch was {about.watch_status}"
    return None if any(drops_are_open) else "the table was gone before the message left"


def _facts(row: Row[Any], about: Row[Any], drops: Any) -> Facts:
    kind = Kind(row.kind)
    openings = [drop for drop in drops if drop.is_open or kind is not Kind.TABLE_OPEN]
    return Facts(
        kind=kind,
        restaurant=about.name,
        timezone=about.timezone,
        booking_slug=about.booking_slug,
        target_date=about.target_date,
        party_size=about.party_size,
        openings=tuple(
            Opening(drop.reserved_ts, drop.reservation_type_id, drop.reservation_type_name or "") for drop in openings
        ),
        reason=about.reason,
    )
