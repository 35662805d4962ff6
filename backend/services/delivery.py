"""Sends one message of the ledger: claim, read again, send, write the verdict."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row

from backend.clients.channels.outgoing import Outgoing, Sender
from backend.clients.errors import SendFailed
from backend.db.base import Sessions
from backend.db.insist import insist
from backend.db.queries import notifications, switches
from backend.domain.backoff import send_again_after
from backend.domain.message import Facts, Opening
from backend.domain.types import ACCOUNT_KINDS, Kind
from backend.services import account_mail
from backend.services.delivery_rules import decide
from backend.services.letters import Letter, letter


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of an attempt. `status` is the row's new one, or "not_mine"."""

    status: str
    channel: str = ""
    kind: str = ""
    reason: str | None = None


async def deliver(
    sessions: Sessions,
    senders: Mapping[str, Sender],
    notification_id: int,
    *,
    public_url: str,
    deployment: str,
    now: datetime,
) -> Delivery:
    """Send a queued message that is due. Delivered twice by the queue, it is sent once."""
    token = uuid4()
    prepared = await insist(
        lambda: _prepare(
            sessions, senders, notification_id, token=token, public_url=public_url, deployment=deployment, now=now
        )
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
            provider_id = await self.sender.send(self._message())
        except SendFailed as failure:
            wait = None if failure.permanent else send_again_after(self.row.attempts, jitter=random.random())
            status = "failed" if wait is None else "queued"
            return {"status": status, "reason": failure.reason, "wait": wait}
        return {"status": "sent", "provider_id": provider_id}

    def _message(self) -> Outgoing:
        return Outgoing(
            to=self.row.recipient,
            subject=self.letter.subject,
            text=self.letter.text,
            html=self.letter.html,
            short=self.letter.short,
            link=self.letter.link,
            kind=self.row.kind,
            facts=self.letter.facts,
            headers=self.letter.headers,
            attachments=self.letter.attachments,
            message_id=self.row.message_id,
        )


async def _prepare(
    sessions: Sessions,
    senders: Mapping[str, Sender],
    notification_id: int,
    *,
    token: UUID,
    public_url: str,
    deployment: str,
    now: datetime,
) -> Delivery | _Prepared:
    """Claim, read again and compose; or say why nothing is sent."""
    async with sessions.begin() as session:
        if not await switches.is_on(session, "notifying"):
            return Delivery("not_mine", reason="notifying is switched off")
        row = await notifications.claim(session, notification_id, token=token)
        if row is None:
            return Delivery("not_mine")
        about = None if row.kind in ACCOUNT_KINDS else await notifications.facts(session, notification_id)
        decision = await decide(session, row, about, deployment=deployment, now=now)
        reason = decision.reason
        sender = senders.get(row.channel)
        if decision.action == "expire" or sender is None:
            status = "expired" if decision.action == "expire" else "suppressed"
            reason = reason or {"email": "no mail configured"}.get(row.channel, "not configured")
            await notifications.settle(session, row, token=token, status=status, reason=reason)
            return Delivery(status, row.channel, row.kind, reason)
        if about is None:
            composed = await account_mail.compose(session, row, public_url=public_url)
        else:
            composed = letter(_facts(Kind(row.kind), about, decision.drops), public_url=public_url)
        await notifications.record_text(session, row.id, token=token, subject=composed.subject, body=composed.kept)
    return _Prepared(row, sender, composed)


async def _settle(sessions: Sessions, row: Row[Any], *, token: UUID, verdict: Mapping[str, Any]) -> bool:
    async with sessions.begin() as session:
        return await notifications.settle(session, row, token=token, **verdict)


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
