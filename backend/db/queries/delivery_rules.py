"""What decides over claimed messages: whom and what they concern, as it stands now; what becomes of those that wait.

Writing here never waits for a group or a message that somebody else holds: it is passed over and found again.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

# All earlier attempts surely did not arrive: the provider said no, or was not reached. Of others nobody knows.
_SURELY_UNTOLD = """
    NOT EXISTS (SELECT 1 FROM notification_attempts a WHERE a.notification_id = n.id AND {earlier}
                AND coalesce(a.outcome, 'lost') <> 'refused')
"""

# Since when this attempt waits for a look: an earlier one has waited for another look.
_LOOK_WANTED_AT = """
    CASE WHEN n.look_wanted_at > coalesce((
        SELECT max(a.started_at) FROM notification_attempts a WHERE a.notification_id = n.id AND a.number < n.attempts
    ), '-infinity') THEN n.look_wanted_at END
"""

# A message without a channel goes to the account's own address, which is one of its channels once it is proven; or its
# channel was removed.
_CONTEXT = text(f"""
    SELECT n.id, n.kind, n.channel, n.recipient, n.user_id, n.watch_id, n.booking_id, n.attempts, n.created_at,
           n.hold_reason, {_LOOK_WANTED_AT} AS look_wanted_at, n.replaces_id,
           coalesce(c.id, o.id) AS channel_id,
           coalesce(c.verified_at, o.verified_at) IS NOT NULL AS is_verified,
           coalesce(c.muted_at, o.muted_at) IS NOT NULL AS is_muted,
           CASE WHEN coalesce(c.disabled_at, o.disabled_at) IS NOT NULL
                THEN coalesce(c.disabled_reason, o.disabled_reason, 'no reason was kept') END AS disabled_reason,
           u.disabled_at IS NULL AS is_enabled,
           coalesce(p.timezone, l.timezone, recent.timezone) AS timezone, p.quiet_from, p.quiet_to,
           coalesce(p.quiet_breaks_tonight, false) AS quiet_breaks_tonight, p.snoozed_until,
           w.status AS watch_status, w.snoozed_until AS watch_snoozed_until,
           w.user_id AS watch_user_id, w.location_key, w.target_date, w.party_size, w.time_start, w.time_end,
           w.created_at AS watch_created_at, g.id AS group_id, g.last_ok_at, g.last_error_at,
           ARRAY(
               SELECT b.meal FROM bookings b WHERE b.user_id = w.user_id AND b.target_date = w.target_date
                 AND b.state IN ('booked', 'unknown')
                 -- Who changed or resumed the watch since then wants to hear all the same.
                 AND w.updated_at <= coalesce(b.settled_at, now())
           ) AS meals_taken
    FROM notification_log n
    LEFT JOIN channels c ON c.id = n.channel_id
    LEFT JOIN channels o ON n.channel_id IS NULL
      AND (o.user_id, o.kind, o.address) = (n.user_id, n.channel, n.recipient)
    LEFT JOIN users u ON u.id = n.user_id
    LEFT JOIN preferences p ON p.user_id = n.user_id
    LEFT JOIN watches w ON w.id = n.watch_id
    LEFT JOIN locations l ON l.key = w.location_key
    LEFT JOIN scan_groups g
      ON (g.location_key, g.target_date, g.party_size) = (w.location_key, w.target_date, w.party_size)
    LEFT JOIN LATERAL (
        SELECT l.timezone FROM watches w JOIN locations l ON l.key = w.location_key
        WHERE n.watch_id IS NULL AND p.quiet_from IS NOT NULL AND p.timezone IS NULL AND w.user_id = n.user_id
        ORDER BY w.id DESC LIMIT 1
    ) recent ON true
    WHERE n.id = ANY(:ids) ORDER BY n.id
""")
_DROPS = text("""
    SELECT i.notification_id, d.id, d.location AS location_key, d.party_size, d.reserved_ts, d.reservation_type_id,
           d.reservation_type_name, d.gone_at IS NULL AS is_open, d.appeared_at, d.last_seen_at, d.gone_at, l.timezone
    FROM notification_items i JOIN slot_drops d ON d.id = i.drop_id JOIN locations l ON l.key = d.location
    WHERE i.notification_id = ANY(:ids) ORDER BY i.notification_id, d.reserved_ts, d.id
""")
_FORGET = text(f"""
    DELETE FROM notification_items WHERE id IN (
        SELECT i.id FROM unnest(CAST(:ids AS bigint[]), CAST(:drops AS bigint[])) AS f(notification_id, drop_id)
        JOIN notification_items i USING (notification_id, drop_id) JOIN notification_log n ON n.id = i.notification_id
        WHERE {_SURELY_UNTOLD.format(earlier="a.number < n.attempts")}
    )
""")

# What else is held for the same watch, channel and kind. All of it is seen, whoever holds it ...
_SIBLINGS = text("""
    SELECT n.id FROM notification_log n JOIN notification_log mine ON mine.id = :id
    WHERE n.status = 'queued' AND n.hold_reason IS NOT NULL AND n.id <> mine.id
      AND (n.watch_id, n.channel_id, n.kind) = (mine.watch_id, mine.channel_id, mine.kind)
""")
# ... and what may be taken is what nobody has in hand, and was surely not told.
_TAKE = text(f"""
    SELECT n.id, {_SURELY_UNTOLD.format(earlier="true")} AS is_surely_untold
    FROM notification_log n WHERE n.id = ANY(:ids) AND n.status = 'queued'
    ORDER BY n.id FOR UPDATE SKIP LOCKED
""")
_SURE = text(f"""
    SELECT n.id FROM notification_log n
    WHERE n.id = ANY(:ids) AND {_SURELY_UNTOLD.format(earlier="a.number < n.attempts")}
""")
_MOVE = text("UPDATE notification_items SET notification_id = :into WHERE notification_id = ANY(:ids)")
_TOLD_ELSEWHERE = text("""
    UPDATE notification_log SET status = 'expired', error_message = :reason
    WHERE id = ANY(:ids) AND status = 'queued'
""")
_WANT_LOOK = text("UPDATE notification_log SET look_wanted_at = :at WHERE id = ANY(:ids) AND status = 'sending'")
# Groups that a look has in hand are due anyway, and locked ones are found at the next try: this transaction holds
# messages, which whoever holds a group may want.
_WAKE = text("""
    UPDATE scan_groups SET next_scan_at = least(coalesce(next_scan_at, now()), now()),
           tier = CASE WHEN tier = 'browse' THEN 'normal' ELSE tier END
    WHERE id IN (
        SELECT id FROM scan_groups WHERE id = ANY(:ids) AND (lease_until IS NULL OR lease_until < now())
        ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
    )
""")


async def contexts(session: AsyncSession, ids: Collection[int]) -> dict[int, Row[Any]]:
    """Messages with their channel, person, wishes, watch and group, and the meals of the watch's day for which its
    person has, or may have, a table.
    """
    rows = await session.execute(_CONTEXT, {"ids": sorted(ids)})
    return {row.id: row for row in rows}


async def drops(session: AsyncSession, ids: Collection[int]) -> dict[int, list[Row[Any]]]:
    """The openings that messages tell of, earliest first, with their restaurants' zones."""
    found: dict[int, list[Row[Any]]] = {notification_id: [] for notification_id in ids}
    if ids:
        for row in await session.execute(_DROPS, {"ids": sorted(ids)}):
            found[row.notification_id].append(row)
    return found


async def forget(session: AsyncSession, items: Sequence[tuple[int, int]]) -> None:
    """Free the keys of (message, drop) that claimed messages do not tell, where no earlier attempt may have told it."""
    if items:
        ids, drop_ids = ([item[i] for item in sorted(items)] for i in range(2))
        await session.execute(_FORGET, {"ids": ids, "drops": drop_ids})


async def merge_held(session: AsyncSession, into: int, *, claimed: Sequence[int] = ()) -> tuple[list[int], list[int]]:
    """Let a claimed message tell what is held for the same watch, channel and kind; its items move, each stays one row.

    `claimed` are such messages that the caller has claimed as well: they lose their items, and the caller settles them.
    The others are expired. Those of which some attempt may have arrived stay as they are. Returns the claimed ones that
    were taken, and those that somebody else has in hand: they may be told together a moment later.
    """
    seen = list((await session.execute(_SIBLINGS, {"id": into})).scalars())
    mine = list((await session.execute(_SURE, {"ids": sorted(claimed)})).scalars()) if claimed else []
    free = (await session.execute(_TAKE, {"ids": sorted(seen)})).all() if seen else []
    others = [row.id for row in free if row.is_surely_untold]
    if mine or others:
        await session.execute(_MOVE, {"into": into, "ids": sorted(mine + others)})
    if others:
        await session.execute(_TOLD_ELSEWHERE, {"ids": others, "reason": told_in(into)})
    return mine, sorted(set(seen) - {row.id for row in free})


def told_in(notification_id: int) -> str:
    """What the ledger says of a message whose items another one tells."""
    return f"told in message {notification_id}"


async def want_look(session: AsyncSession, ids: Collection[int], *, at: datetime | None) -> None:
    """Claimed messages wait for a look since that instant; or do not any more."""
    if ids:
        await session.execute(_WANT_LOOK, {"ids": sorted(ids), "at": at})


async def wake(session: AsyncSession, group_ids: Collection[int]) -> None:
    """Make groups due, but those that are being looked at or that somebody holds."""
    if group_ids:
        await session.execute(_WAKE, {"ids": sorted(group_ids)})
