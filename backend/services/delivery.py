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
from backend.db.queries import delivery_rules, notifications, switches
from backend.domain.backoff import send_again_after
from backend.domain.message import Facts, Opening
from backend.domain.notification_rules import BOOKING_KINDS
from backend.domain.types import Kind
from backend.services import account_mail
from backend.services.delivery_rules import decide
from backend.services.fallback import after_failure, compose_channel_disabled
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
    is_mine = await insist(lambda: _settle(sessions, prepared.row, token=token, verdict=verdict, now=now))
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
            verdict = {"status": status, "reason": failure.reason, "wait": wait, "was_refused": failure.was_refused}
            return {**verdict, "address_is_dead": failure.address_is_dead}
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
        has_facts = row.kind == Kind.TABLE_OPEN or row.kind in BOOKING_KINDS
        about = await notifications.facts(session, notification_id) if has_facts else None
        found = {row.id: about} if about is not None else {}
        decision = (await decide(session, [row], found, deployment=deployment, now=now))[row.id]
        reason = decision.reason
        sender = senders.get(row.channel)
        if decision.action == "hold" and decision.until is not None:
            await delivery_rules.hold(session, [(row.id, decision.until, reason or "")], token=token)
            return Delivery("queued", row.channel, row.kind, reason)
        if decision.action == "wait" and decision.until is not None:
            await delivery_rules.wait_for_look(session, [(row.id, decision.until)], token=token)
            return Delivery("queued", row.channel, row.kind, reason)
        if decision.action != "send" or sender is None:
            status = "expired" if decision.action in ("expire", "merge") else "suppressed"
            reason = reason or {"email": "no mail configured"}.get(row.channel, "not configured")
            await notifications.settle(session, row, token=token, status=status, reason=reason)
            return Delivery(status, row.channel, row.kind, reason)
        if row.kind == Kind.CHANNEL_DISABLED:
            composed = await compose_channel_disabled(session, row, public_url=public_url, now=now)
        elif about is None:
            composed = await account_mail.compose(session, row, public_url=public_url)
        else:
            composed = letter(_facts(Kind(row.kind), about, decision.drops), public_url=public_url)
        await notifications.record_text(session, row.id, token=token, subject=composed.subject, body=composed.kept)
    return _Prepared(row, sender, composed)


async def _settle(sessions: Sessions, row: Row[Any], *, token: UUID, verdict: Mapping[str, Any], now: datetime) -> bool:
    values = {key: value for key, value in verdict.items() if key != "address_is_dead"}
    async with sessions.begin() as session:
        is_mine = await notifications.settle(session, row, token=token, **values)
        if is_mine and verdict["status"] == "failed":
            is_dead = bool(verdict["address_is_dead"])
            await after_failure(session, row, reason=verdict["reason"], address_is_dead=is_dead, now=now)
        return is_mine


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
