"""The first half of a delivery: claim a batch, read again what it is about, decide, and write what goes out."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from backend.clients.channels.outgoing import Outgoing, Sender
from backend.db.base import Sessions
from backend.db.insist import insist, is_passing
from backend.db.queries import delivery, notifications, switches
from backend.db.queries.delivery import Hold, Verdict
from backend.domain.types import Kind
from backend.services.account_mail import Queued
from backend.services.composing import compose
from backend.services.delivery_rules import Decision, decide
from backend.services.letters import Letter

Claim = Callable[[AsyncSession, UUID], Awaitable[Sequence[Row[Any]]]]
# How an action that sends nothing is written down.
_ENDS = {"expire": "expired", "merge": "expired", "suppress": "suppressed"}

# From a look to the row that tells of it takes less than this.
ASKED_LATER = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Ready:
    """A claimed message that is to be sent now."""

    row: Row[Any]
    sender: Sender
    letter: Letter
    # When the earliest of its tables was first seen; None where it tells of none, or was held back.
    seen_at: datetime | None

    def message(self) -> Outgoing:
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
            details=self.row.channel_details or {},
            message_id=self.row.message_id,
        )


@dataclass(frozen=True, slots=True)
class Broken:
    """A claimed message that could not be prepared; its lease goes on."""

    row: Row[Any]
    error: Exception


@dataclass(frozen=True, slots=True)
class Prepared:
    """What became of the claimed: to be sent, over without being sent, put back, broken. `off`: nobody is told now.

    `elsewhere`: new messages that take the place of some that are over, to dispatch.
    """

    ready: Sequence[Ready] = ()
    ended: Sequence[Verdict] = ()
    held: Sequence[Hold] = ()
    broken: Sequence[Broken] = ()
    off: bool = False
    elsewhere: Queued = ()

    def __add__(self, other: "Prepared") -> "Prepared":
        return Prepared(
            (*self.ready, *other.ready),
            (*self.ended, *other.ended),
            (*self.held, *other.held),
            (*self.broken, *other.broken),
            self.off or other.off,
            self.elsewhere + other.elsewhere,
        )

    @property
    def count(self) -> int:
        return len(self.ready) + len(self.ended) + len(self.held) + len(self.broken)


@dataclass(frozen=True, slots=True)
class Preparation:
    """What a batch is prepared with."""

    sessions: Sessions
    senders: Mapping[str, Sender]
    public_url: str
    deployment: str
    auto_book: str
    clock: Callable[[], datetime]

    async def prepare(self, claim: Claim) -> Prepared:
        """One transaction for all; when it fails for other reasons than passing trouble, one for each, so that a bad
        row stops no others. What was decided and not sent is written down already.
        """
        token, tries = uuid4(), count()
        seen: list[Row[Any]] = []

        async def once() -> Prepared:
            async with self.sessions.begin() as session:
                if not await switches.is_on(session, "notifying"):
                    return Prepared(off=True)
                # Tried again, it may have been through: the answer to the commit was lost.
                rows = await delivery.claimed(session, token=token) if next(tries) else ()
                seen[:] = rows or await claim(session, token)
                return await self._sort(session, seen, token)

        try:
            return await insist(once)
        # Whatever went wrong with one message must not stop the others.
        except Exception as error:
            if is_passing(error) or not seen:
                raise
            if len(seen) == 1:
                return await self._break(seen[0], error)
        found = Prepared()
        for row in list(seen):
            found += await self.prepare(by_ids([row.id]))
        return found

    async def _sort(self, session: AsyncSession, rows: Sequence[Row[Any]], token: UUID) -> Prepared:
        if not rows:
            return Prepared()
        now = self.clock()
        about = await notifications.facts(session, [row.id for row in rows])
        decisions = await decide(session, rows, about, deployment=self.deployment, now=now)
        ended, held, going = [], [], []
        for row in rows:
            decision = decisions[row.id]
            if decision.action in ("hold", "wait"):
                held.append(Hold(row, decision.until, decision.reason, for_look=decision.action == "wait"))
            elif decision.action in _ENDS:
                ended.append(Verdict(row, _ENDS[decision.action], decision.reason))
            elif row.channel not in self.senders:
                reason = {"email": "no mail configured"}.get(row.channel, "not configured")
                ended.append(Verdict(row, "suppressed", reason))
            else:
                going.append(row)
        await delivery.hold(session, held)
        await delivery.settle(session, ended)
        letters = await compose(
            session, going, about, decisions, public_url=self.public_url, auto_book=self.auto_book, now=now
        )
        texts = [(row.id, letters[row.id].subject, letters[row.id].kept) for row in going]
        await delivery.record_texts(session, texts, token=token)
        ready = [Ready(row, self.senders[row.channel], letters[row.id], _first_seen(row, decisions)) for row in going]
        elsewhere = tuple(message for decision in decisions.values() for message in decision.elsewhere)
        return Prepared(ready, ended, held, elsewhere=elsewhere)

    async def _break(self, row: Row[Any], error: Exception) -> Prepared:
        """Claim it all the same, so that its trouble is written down and it is not tried for ever."""

        async def once() -> Sequence[Row[Any]]:
            async with self.sessions.begin() as session:
                return await delivery.claimed(session, token=token) or await delivery.claim(
                    session, [row.id], token=token
                )

        token = uuid4()
        return Prepared(broken=[Broken(claimed, error) for claimed in await insist(once)])


def _first_seen(row: Row[Any], decisions: Mapping[int, Decision]) -> datetime | None:
    """A table that somebody asked for only later is seen, for them, when the message is written."""
    if row.kind != Kind.TABLE_OPEN or row.hold_reason is not None:
        return None
    written_at: datetime = row.created_at
    seen_at = min((drop.appeared_at for drop in decisions[row.id].drops), default=written_at)
    return max(seen_at, written_at - ASKED_LATER)


def by_ids(ids: Sequence[int]) -> Claim:
    """Take these."""

    async def claim(session: AsyncSession, token: UUID) -> Sequence[Row[Any]]:
        return await delivery.claim(session, ids, token=token)

    return claim


def by_turn(channel: str, most: int, *, each: int, without: Collection[int] = ()) -> Claim:
    """Take those of a channel whose turn it is: at most so many of each person, and none of some."""

    async def claim(session: AsyncSession, token: UUID) -> Sequence[Row[Any]]:
        return await delivery.claim_due(session, channel, most=most, each=each, without=without, token=token)

    return claim
