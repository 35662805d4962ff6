"""Whether claimed messages still go out, and what of them; all of a batch at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from backend.db.queries import delivery_rules as queries
from backend.domain import notification_rules as rules
from backend.domain.booking_rules import meal_of
from backend.domain.matching import still_wants
from backend.domain.types import ACCOUNT_KINDS, NOTICE_KINDS, Kind, Watch
from backend.domain.windows import epoch_ms, local
from backend.services import account_mail, channel_mail, notices
from backend.services.account_mail import Queued
from backend.services.fallback import retell

# When two workers have messages in hand that belong together, the one with the older message comes back first and takes
# the other one's.
_COME_BACK, _STEP_BACK = timedelta(seconds=1), timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to become of a claimed message.

    `hold` (until, reason: `hold_reason`) and `wait` (until, for a look) put it back, which is no attempt;
    `expire`, `suppress` and `merge` (another message tells it) end it with a reason. `send`: `drops` are the openings
    it tells of; `is_late` says that it may have been overtaken, and that no look has confirmed the openings: they were
    last seen at `seen_at`, which is to be told. `elsewhere`: the new rows, to dispatch after the commit, that tell at
    another address what is not told here.
    """

    action: Literal["send", "hold", "wait", "expire", "suppress", "merge"]
    reason: str | None = None
    drops: Sequence[Row[Any]] = ()
    until: datetime | None = None
    is_late: bool = False
    seen_at: datetime | None = None
    elsewhere: Queued = ()


async def decide(
    session: AsyncSession,
    rows: Sequence[Row[Any]],
    about: Mapping[int, Row[Any]],
    *,
    deployment: str,
    now: datetime,
) -> dict[int, Decision]:
    """Read again what may have changed since the messages were written; returns a decision for each, by id.

    `rows` are claimed by the caller in this transaction, `about` is what `notifications.facts` says of those about a
    watch or a booking. Frees the keys of what is not told after all, makes groups due that a late alert waits for, and
    moves what was held to the message that tells it.
    """
    contexts = await queries.contexts(session, [row.id for row in rows])
    drops = await queries.drops(session, [row.id for row in rows])
    batch = _Batch(session, contexts, drops, now)
    released = []
    # By person: accounts are locked, and two batches must not wait for each other.
    for row in sorted(rows, key=lambda row: (contexts[row.id].user_id or 0, row.id)):
        context = contexts[row.id]
        zone = context.timezone or (about[row.id].timezone if row.id in about else None)
        decision = await _stopped(session, context, deployment=deployment)
        if decision is None and row.kind == Kind.TABLE_OPEN:
            decision = await batch.unwanted(row.id)
        decision = decision or _held(context, drops[row.id], zone=zone, now=now)
        if decision is not None:
            batch.decisions[row.id] = decision
        elif row.kind == Kind.TABLE_OPEN:
            released.append(row.id)
        else:
            batch.decisions[row.id] = Decision("send", drops=drops[row.id])
    released = await batch.merge(released)
    for notification_id in released:
        batch.decisions[notification_id] = batch.last_word(notification_id)
    await batch.finish()
    return batch.decisions


async def _stopped(session: AsyncSession, context: Row[Any], *, deployment: str) -> Decision | None:
    """What must not go to this address, or to nobody any more."""
    if deployment == "production" and context.channel == "email" and rules.is_test_address(context.recipient):
        return Decision("suppress", "nothing is sent to test domains in production")
    kind = Kind(context.kind)
    if kind in ACCOUNT_KINDS:
        reason = await account_mail.no_longer(session, context)
        if reason:
            return Decision("expire", reason)
    if kind in channel_mail.CHANNEL_MAIL_KINDS:
        reason = await channel_mail.no_longer(session, context)
        if reason:
            return Decision("expire", reason)
    if kind in NOTICE_KINDS:
        reason = await notices.no_longer(session, context)
        if reason:
            return Decision("expire", reason)
    if context.user_id is None:
        # To an operator, who is no account.
        return None
    if kind not in (*ACCOUNT_KINDS, *rules.BOOKING_KINDS) and not context.is_enabled:
        return Decision("expire", "the account is disabled")
    reason = rules.refusal(
        kind,
        context.channel,
        exists=context.channel_id is not None,
        is_verified=context.is_verified,
        is_muted=context.is_muted,
        disabled_reason=context.disabled_reason,
    )
    return Decision("suppress", reason) if reason else None


def _held(context: Row[Any], drops: Sequence[Row[Any]], *, zone: str | None, now: datetime) -> Decision | None:
    if context.user_id is None:
        return None
    wishes = rules.Wishes(
        timezone=zone,
        quiet_from=context.quiet_from,
        quiet_to=context.quiet_to,
        quiet_breaks_tonight=context.quiet_breaks_tonight,
        snoozed_until=context.snoozed_until,
    )
    held = rules.hold(
        Kind(context.kind),
        wishes,
        tables=[(drop.reserved_ts, drop.timezone) for drop in drops if drop.is_open],
        watch_snoozed_until=context.watch_snoozed_until,
        now=now,
    )
    return Decision("hold", held.reason, until=held.until) if held else None


class _Batch:
    """The decisions of one transaction, and what they lead to."""

    def __init__(
        self,
        session: AsyncSession,
        contexts: Mapping[int, Row[Any]],
        drops: dict[int, list[Row[Any]]],
        now: datetime,
    ) -> None:
        self.decisions: dict[int, Decision] = {}
        self._session = session
        self._contexts = contexts
        self._drops = drops
        self._now = now
        self._to_wake: set[int] = set()
        self._begin_to_wait: set[int] = set()

    async def unwanted(self, notification_id: int) -> Decision | None:
        """The end of an alert that nobody wants any more. What is open and not told is news when it is wanted again."""
        context, drops = self._contexts[notification_id], self._drops[notification_id]
        wanted, reason = _still_wanted(context, drops, now=self._now)
        left_out = [(notification_id, drop.id) for drop in drops if drop.is_open and drop not in wanted]
        await queries.forget(self._session, left_out)
        self._drops[notification_id] = list(wanted)
        return Decision("expire", reason) if reason else None

    async def merge(self, released: Sequence[int]) -> list[int]:
        """Tell in one message what was held for one watch and channel; returns the messages that tell."""
        leads: list[int] = []
        belong: dict[tuple[Any, ...], list[int]] = {}
        for notification_id in sorted(released):
            context = self._contexts[notification_id]
            if context.hold_reason is None or context.watch_id is None:
                leads.append(notification_id)
            else:
                belong.setdefault((context.watch_id, context.channel_id), []).append(notification_id)
        for together in belong.values():
            leads += await self._merge(together)
        return sorted(leads)

    async def _merge(self, together: Sequence[int]) -> list[int]:
        first = together[0]
        taken, in_hand = await queries.merge_held(self._session, first, claimed=together[1:])
        for notification_id in taken:
            self.decisions[notification_id] = Decision("merge", queries.told_in(first))
        leads = [notification_id for notification_id in together if notification_id not in taken]
        if in_hand:
            wait = _COME_BACK if first < in_hand[0] else _STEP_BACK
            for notification_id in leads:
                reason = self._contexts[notification_id].hold_reason
                self.decisions[notification_id] = Decision("hold", reason, until=self._now + wait)
            return []
        self._drops |= await queries.drops(self._session, [first])
        ended = await self.unwanted(first)
        if ended is not None:
            self.decisions[first] = ended
            leads.remove(first)
        return leads

    def last_word(self, notification_id: int) -> Decision:
        """Send, or wait for a look when it is late and nobody has looked just now."""
        context, drops = self._contexts[notification_id], self._drops[notification_id]
        if not _is_late(context, now=self._now):
            return Decision("send", drops=drops)
        last_seen = [drop.last_seen_at for drop in drops]
        known = rules.confirmation(
            last_seen,
            wanted_at=context.look_wanted_at,
            last_ok_at=context.last_ok_at,
            last_error_at=context.last_error_at,
            now=self._now,
        )
        if known == "wait":
            self._to_wake.add(context.group_id)
            if context.look_wanted_at is None:
                self._begin_to_wait.add(notification_id)
            until = rules.check_again_at(context.look_wanted_at, now=self._now)
            return Decision("wait", "waits for a fresh look", until=until)
        if known == "seen":
            return Decision("send", drops=drops)
        return Decision("send", drops=drops, is_late=True, seen_at=min(last_seen))

    async def finish(self) -> None:
        """What the decisions ask of others."""
        await queries.want_look(self._session, self._begin_to_wait, at=self._now)
        held = [notification_id for notification_id, decision in self.decisions.items() if decision.action == "hold"]
        await queries.want_look(self._session, held, at=None)
        for notification_id, decision in sorted(self.decisions.items()):
            context = self._contexts[notification_id]
            if decision.action != "suppress":
                continue
            if context.disabled_reason is not None:
                # Another message's failure has ended this address: the news is told at another one.
                elsewhere = await retell(self._session, context)
                self.decisions[notification_id] = replace(decision, elsewhere=elsewhere)
            # Where the address is used again, what is open then is news.
            untold = [(notification_id, drop.id) for drop in self._drops[notification_id] if drop.is_open]
            await queries.forget(self._session, untold)
        await queries.wake(self._session, self._to_wake)


def _is_late(context: Row[Any], *, now: datetime) -> bool:
    return rules.is_late(
        attempts=context.attempts,
        was_held=context.hold_reason is not None,
        is_second_choice=context.replaces_id is not None,
        written_at=context.created_at,
        now=now,
    )


def _still_wanted(
    context: Row[Any], drops: Sequence[Row[Any]], *, now: datetime
) -> tuple[Sequence[Row[Any]], str | None]:
    """The openings still worth telling, or why there is none."""
    if context.watch_status is None:
        return (), "the watch is gone"
    if context.watch_status in ("cancelled", "paused", "expired"):
        return (), f"the watch was {context.watch_status}"
    if context.watch_status == "booked":
        return (), "a table was booked"
    is_open = [drop for drop in drops if drop.is_open]
    if not is_open:
        last = max((drop for drop in drops if drop.gone_at is not None), key=lambda drop: drop.gone_at, default=None)
        if last is None or not _is_late(context, now=now):
            return (), "the table was gone before the message left"
        return (), rules.gone_reason(last.gone_at, last.timezone)
    if all(drop.reserved_ts <= epoch_ms(now) for drop in is_open):
        return (), "the table's time had come before the message left"
    asked_for = _watch(context)
    wanted = [
        drop
        for drop in is_open
        if still_wants(
            asked_for,
            drop.reserved_ts,
            drop.timezone,
            location_key=drop.location_key,
            party_size=drop.party_size,
            now=now,
        )
    ]
    # The message about that booking has the news: who has a table, or may have one, is not to book another.
    free = [drop for drop in wanted if _meal(drop) not in context.meals_taken]
    if free:
        return free, None
    return (), "its person has, or may have, a table for that meal" if wanted else "the watch was changed"


def _meal(drop: Row[Any]) -> str:
    return meal_of(local(drop.reserved_ts, drop.timezone).time())


def _watch(context: Row[Any]) -> Watch:
    return Watch(
        id=context.watch_id,
        user_id=context.watch_user_id,
        location_key=context.location_key,
        target_date=context.target_date,
        party_size=context.party_size,
        time_start=context.time_start,
        time_end=context.time_end,
        auto_book=False,
        created_at=context.watch_created_at,
    )
