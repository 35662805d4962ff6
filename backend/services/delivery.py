"""Sends one message of the ledger: claim, read again, send, write the verdict."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from typing import Any, Protocol
from uuid import UUID, uuid4

from jinja2 import Environment, FunctionLoader, StrictUndefined
from sqlalchemy import Row

from backend.clients.errors import SendFailed
from backend.db.base import Sessions
from backend.db.insist import insist
from backend.db.queries import notifications, switches, watches
from backend.domain.backoff import send_again_after
from backend.domain.matching import still_wants
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
    prepared = await insist(
        lambda: _prepare(sessions, senders, notification_id, token=token, public_url=public_url, now=now)
    )
    if isinstance(prepared, Delivery):
        return prepared
    verdict = await prepared.send()
    # It is out by now: the verdict is written down whatever the database is going through.
    is_mine = await insist(lambda: _settle(sessions, prepared.row, token=token, verdict=verdict))
    status = verdict["status"] if is_mine else "not_mine"
    return Delivery(status, prepared.row.channel, prepared.row.kind, verdict.get("reason"))


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A claimed message, ready to go."""

    row: Row[Any]
    sender: Sender
    letter: Letter

    async def send(self) -> dict[str, Any]:
        """Hand it over, and return what the ledger is to say of it."""
        try:
            provider_id = await self.sender.send(
                to=self.row.recipient,
                subject=self.letter.subject,
                text=self.letter.text,
                html=self.letter.html,
                message_id=self.row.message_id,
            )
        except SendFailed as failure:
            wait = None if failure.permanent else send_again_after(self.row.attempts, jitter=random.random())
            status = "failed" if wait is None else "queued"
            return {"status": status, "reason": failure.reason, "wait": wait}
        return {"status": "sent", "provider_id": provider_id}


async def _prepare(
    sessions: Sessions,
    senders: Mapping[str, Sender],
    notification_id: int,
    *,
    token: UUID,
    public_url: str,
    now: datetime,
) -> Delivery | _Prepared:
    """Claim, read again and compose; or say why nothing is sent."""
    async with sessions.begin() as session:
        if not await switches.is_on(session, "notifying"):
            return Delivery("not_mine", reason="notifying is switched off")
        row = await notifications.claim(session, notification_id, token=token)
        if row is None:
            return Delivery("not_mine")
        reason = None
        if row.kind in ACCOUNT_KINDS:
            reason = await account_mail.no_longer(session, row)
        else:
            about, drops = await notifications.facts(session, notification_id)
        if row.kind == Kind.TABLE_OPEN:
            watch = await watches.by_id(session, row.watch_id)
            drops, reason = _still_wanted(watch, about, drops, now=now)
        sender = senders.get(row.channel)
        if reason is not None or sender is None:
            status = "expired" if reason else "suppressed"
            reason = reason or {"email": "no mail configured"}.get(row.channel, "not configured")
            await notifications.settle(session, row, token=token, status=status, reason=reason)
            return Delivery(status, row.channel, row.kind, reason)
        if row.kind in ACCOUNT_KINDS:
            letter = await account_mail.compose(session, row, public_url=public_url)
        else:
            letter = _letter(compose(_facts(Kind(row.kind), about, drops)), public_url=public_url)
        await notifications.record_text(session, row.id, token=token, subject=letter.subject, body=letter.kept)
    return _Prepared(row, sender, letter)


def _letter(text: Text, *, public_url: str) -> Letter:
    body = _jinja.get_template("message.txt").render(text=text, public_url=public_url).strip()
    html = _jinja.get_template("message.html").render(text=text, public_url=public_url)
    return Letter(text.subject, body, html, kept=body)


async def _settle(sessions: Sessions, row: Row[Any], *, token: UUID, verdict: Mapping[str, Any]) -> bool:
    async with sessions.begin() as session:
        return await notifications.settle(session, row, token=token, **verdict)


def _still_wanted(
    watch: Row[Any] | None, about: Row[Any], drops: Sequence[Row[Any]], *, now: datetime
) -> tuple[Sequence[Row[Any]], str | None]:
    """The openings still worth telling, or why there is none."""
    if watch is None:
        return (), "the watch is gone"
    if watch.status in ("cancelled", "paused", "expired"):
        return (), f"the watch was {watch.status}"
    if not watch.is_enabled:
        return (), "the account is disabled"
    is_open = [drop for drop in drops if drop.is_open]
    if not is_open:
        return (), "the table was gone before the message left"
    place = {"location_key": about.location_key, "party_size": about.party_size}
    asked_for = watches.to_domain(watch)
    wanted = [d for d in is_open if still_wants(asked_for, d.reserved_ts, about.timezone, **place, now=now)]
    return wanted, None if wanted else "the watch was changed"


def _facts(kind: Kind, about: Row[Any], drops: Sequence[Row[Any]]) -> Facts:
    return Facts(
        kind=kind,
        restaurant=about.name,
        timezone=about.timezone,
        booking_slug=about.booking_slug,
        target_date=about.target_date,
        party_size=about.party_size,
        openings=tuple(
            Opening(table.reserved_ts, table.reservation_type_id, table.reservation_type_name or "")
            for table in (drops if kind is Kind.TABLE_OPEN else (about,))
        ),
        reason=about.reason,
    )
