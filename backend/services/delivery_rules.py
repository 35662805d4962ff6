"""Whether a claimed message still goes out, and what of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from backend.db.queries import notifications, watches
from backend.domain.matching import still_wants
from backend.domain.types import ACCOUNT_KINDS, Kind
from backend.services import account_mail, channel_mail


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to become of a claimed message. `drops` are the openings it tells of, for `send`; `until` is when one
    that is held or waits has its turn again.
    """

    action: Literal["send", "hold", "wait", "expire", "suppress", "merge"]
    reason: str | None = None
    drops: Sequence[Row[Any]] = ()
    until: datetime | None = None


async def decide(
    session: AsyncSession, rows: Sequence[Row[Any]], about: Mapping[int, Row[Any]], *, deployment: str, now: datetime
) -> dict[int, Decision]:
    """Read again what may have changed since the messages were written. `about` is what `notifications.facts` says."""
    drops = await notifications.drops(session, [row.id for row in rows])
    asked = await watches.by_ids(session, {row.watch_id for row in rows if row.watch_id is not None})
    found: dict[int, Decision] = {}
    for row in rows:
        told = drops.get(row.id, [])
        if row.kind in ACCOUNT_KINDS:
            reason = await account_mail.no_longer(session, row)
            found[row.id] = Decision("expire", reason) if reason else Decision("send")
        elif row.kind in channel_mail.CHANNEL_MAIL_KINDS:
            reason = await channel_mail.no_longer(session, row)
            found[row.id] = Decision("expire", reason) if reason else Decision("send")
        elif row.kind != Kind.TABLE_OPEN:
            found[row.id] = Decision("send", drops=told)
        else:
            wanted, reason = _still_wanted(asked.get(row.watch_id), about.get(row.id), told, now=now)
            if row.attempts == 1:
                # Not told, and never tried: wanted again, they are news.
                left_out = [drop.id for drop in told if drop.is_open and drop not in wanted]
                await notifications.forget_items(session, row.id, left_out)
            found[row.id] = Decision("expire", reason) if reason else Decision("send", drops=wanted)
    return found


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
