"""Whether a claimed message still goes out, and what of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from backend.db.queries import notifications, watches
from backend.domain.matching import still_wants
from backend.domain.types import ACCOUNT_KINDS, Kind
from backend.services import account_mail


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to become of a claimed message. `drops` are the openings it tells of, for `send`."""

    action: Literal["send", "expire"]
    reason: str | None = None
    drops: Sequence[Row[Any]] = ()


async def decide(
    session: AsyncSession, row: Row[Any], about: Row[Any] | None, *, deployment: str, now: datetime
) -> Decision:
    """Read again what may have changed since the message was written. `about` is what `notifications.facts` says."""
    if row.kind in ACCOUNT_KINDS:
        reason = await account_mail.no_longer(session, row)
        return Decision("expire", reason) if reason else Decision("send")
    drops = await notifications.drops(session, row.id)
    if row.kind != Kind.TABLE_OPEN:
        return Decision("send", drops=drops)
    watch = await watches.by_id(session, row.watch_id)
    wanted, reason = _still_wanted(watch, about, drops, now=now)
    if row.attempts == 1:
        # Not told, and never tried: wanted again, they are news.
        left_out = [drop.id for drop in drops if drop.is_open and drop not in wanted]
        await notifications.forget_items(session, row.id, left_out)
    return Decision("expire", reason) if reason else Decision("send", drops=wanted)


def _still_wanted(
    watch: Row[Any] | None, about: Any, drops: Sequence[Row[Any]], *, now: datetime
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
