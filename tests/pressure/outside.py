"""What people, restaurants and the ledgers saw, held against each other. Each finding is a sentence; none is good."""

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from tests.services.conftest import Loop

# (watch, drop): openings that an active watch wanted when a look was written down.
Owed = Iterable[tuple[int, int]]

_UNFINISHED = """
    SELECT 'message ' || id || ' (' || kind || ') is still ' || status AS it FROM notification_log
    WHERE status IN ('queued', 'sending')
    UNION ALL SELECT 'booking ' || id || ' is still ' || state FROM bookings WHERE state IN ('wanted', 'attempting')
"""
_TOLD_TWICE = """
    SELECT n.watch_id, i.drop_id, n.booking_id, n.channel, n.recipient, n.kind, count(*) AS times
    FROM notification_items i JOIN notification_log n ON n.id = i.notification_id AND n.status <> 'expired'
    GROUP BY 1, 2, 3, 4, 5, 6 HAVING count(*) > 1
"""
# An episode of being open ends after it was last seen, and the next one of the same slot begins after that.
_MIXED_UP = """
    SELECT d.id FROM slot_drops d LEFT JOIN slot_drops e
      ON (e.group_id, e.reserved_ts, e.reservation_type_id) = (d.group_id, d.reserved_ts, d.reservation_type_id)
     AND e.id < d.id AND (e.gone_at IS NULL OR e.gone_at >= d.appeared_at)
    WHERE d.unseen_at >= d.appeared_at OR d.appeared_at > d.last_seen_at OR d.last_seen_at >= d.gone_at
       OR e.id IS NOT NULL
"""
_MESSAGES = """
    SELECT n.id, n.message_id::text AS message_id, n.status, n.kind, n.recipient, n.error_message, n.attempts,
           n.watch_id, n.booking_id,
           (SELECT array_agg(i.drop_id) FROM notification_items i WHERE i.notification_id = n.id) AS drops
    FROM notification_log n ORDER BY n.id
"""
_ITEMS = """
    SELECT n.watch_id, i.drop_id, n.message_id::text AS message_id, d.slot_time
    FROM notification_items i JOIN notification_log n ON n.id = i.notification_id JOIN slot_drops d ON d.id = i.drop_id
    WHERE n.kind = 'table_open'
"""
_NEEDLESS = """
    SELECT w.id AS watch_id, d.id AS drop_id FROM watches w
    JOIN bookings b ON (b.user_id, b.target_date) = (w.user_id, w.target_date)
     AND (b.state IN ('booked', 'unknown', 'cancelled') OR b.settled_by IS NOT NULL)
    JOIN slot_drops d ON d.slot_date = b.target_date AND (d.slot_time::time < '16:00') = (b.meal = 'lunch')
"""
_BOOKINGS = """
    SELECT b.id, b.state, b.reason, b.user_id, b.phone, b.reserved_ts, b.party_size, b.target_date, b.meal,
           b.settled_by, b.attempted_at IS NOT NULL AS was_attempted, l.merchant_id, u.email
    FROM bookings b JOIN locations l ON l.key = b.location_key LEFT JOIN users u ON u.id = b.user_id ORDER BY b.id
"""


async def contradictions(loop: Loop) -> list[str]:
    """What must not be, at any moment."""
    bookings, messages = await loop.rows(_BOOKINGS), await loop.rows(_MESSAGES)
    accepted, mails = _kept(loop.simulator.bookings, bookings), loop.simulator.mails
    found = [
        f"told {row.times} times: {row.kind} of watch {row.watch_id}, drop {row.drop_id} to {row.recipient}"
        for row in await loop.rows(_TOLD_TWICE)
    ]
    found += [f"drop {row.id} is mixed up with another look" for row in await loop.rows(_MIXED_UP)]
    found += _double_bookings(accepted)
    live = {_place(row) for row in bookings if row.state in ("attempting", "booked", "unknown")}
    found += [
        f"the restaurant has a table that no live booking knows: {place}"
        for place in map(_accepted_place, accepted)
        if place not in live
    ]
    taken = {_accepted_place(one) for one in accepted}
    found += [
        f"booking {row.id} is booked, and the restaurant knows nothing of it"
        for row in bookings
        if row.state == "booked" and _place(row) not in taken
    ]
    found += [
        f"booking {row.id} is {row.state} without a reason"
        for row in bookings
        if row.state in ("lapsed", "refused", "unknown") and not row.reason
    ]
    attempts = sum(row.was_attempted for row in bookings)
    if booking_requests(loop) > attempts:
        found.append(f"the restaurants were asked {booking_requests(loop)} times for a table, in {attempts} attempts")
    arrived = Counter(_bare_id(mail) for mail in mails)
    found += [f"message {row.id} is sent and never came" for row in messages if _is_missing(row, arrived)]
    known = {row.message_id: row for row in messages}
    for mail in mails:
        row = known.get(_bare_id(mail))
        if row is None or [row.recipient] != mail["to"]:
            found.append(f"a mail to {mail['to']} that no row of the ledger stands for: {mail['subject']}")
    return found


async def loose_ends(loop: Loop, *, owed: Owed = (), operators: Iterable[str] = ()) -> list[str]:
    """What must not be once everything was recovered and worked off."""
    found = [row.it for row in await loop.rows(_UNFINISHED)]
    messages = await loop.rows(_MESSAGES)
    about_drops = {
        (row.watch_id, drop_id): row for row in messages if row.kind == "table_open" for drop_id in row.drops or ()
    }
    spared = await needless(loop)
    for watch_id, drop_id in sorted(owed):
        row = about_drops.get((watch_id, drop_id))
        if row is None and (watch_id, drop_id) in spared:
            continue
        if row is None:
            found.append(f"watch {watch_id} was never told of drop {drop_id}")
        elif row.status != "sent" and not row.error_message:
            found.append(f"message {row.id} is {row.status} without a reason")
        elif row.status not in ("sent", "expired", "failed"):
            found.append(f"message {row.id} ended as {row.status}: {row.error_message}")
    told = {(row.booking_id, row.kind, row.recipient) for row in messages if row.status == "sent"}
    for booking in await loop.rows(_BOOKINGS):
        # Who settles it says so themselves.
        is_known = booking.settled_by == "guest"
        if booking.state == "booked" and not is_known and (booking.id, "booked", booking.email) not in told:
            found.append(f"booking {booking.id} is booked, and its guest was not told")
        if booking.state == "unknown":
            for address in (booking.email, *operators):
                if (booking.id, "booking_unknown", address) not in told:
                    found.append(f"booking {booking.id} is unknown, and {address} was not told")
    return found


async def needless(loop: Loop) -> set[tuple[int, int]]:
    """(watch, drop): what need not be told, because of a table that the person had, or might have had."""
    return {(row.watch_id, row.drop_id) for row in await loop.rows(_NEEDLESS)}


async def named_openings(loop: Loop) -> set[tuple[int, int]]:
    """(watch, drop): what mails that arrived say in so many words."""
    texts = {_bare_id(mail): mail["text"] for mail in loop.simulator.mails}
    return {
        (row.watch_id, row.drop_id) for row in await loop.rows(_ITEMS) if row.slot_time in texts.get(row.message_id, "")
    }


async def mails_by_message(loop: Loop) -> dict[int, int]:
    """How often each message of the ledger arrived."""
    arrived = Counter(_bare_id(mail) for mail in loop.simulator.mails)
    return {row.id: arrived[row.message_id] for row in await loop.rows(_MESSAGES)}


def booking_requests(loop: Loop) -> int:
    """How often the restaurants were asked for a table."""
    return int(loop.simulator.get("/control/statistics")["requests_by_operation"].get("booking", 0))


async def has_table(loop: Loop, booking_id: int) -> bool:
    """What a guest finds out who calls the restaurant."""
    bookings = await loop.rows(_BOOKINGS)
    wanted = next(_place(row) for row in bookings if row.id == booking_id)
    return wanted in map(_accepted_place, _kept(loop.simulator.bookings, bookings))


def _kept(accepted: list[dict[str, Any]], bookings: Iterable[Any]) -> list[dict[str, Any]]:
    """Without the tables that their guests gave back, as they were asked to."""
    given_back = Counter(_place(row) for row in bookings if row.state == "cancelled")
    kept = []
    for one in accepted:
        if given_back[_accepted_place(one)]:
            given_back[_accepted_place(one)] -= 1
        else:
            kept.append(one)
    return kept


def _double_bookings(accepted: list[dict[str, Any]]) -> list[str]:
    held = Counter((one["body"]["phone"], one["local"][:10], _meal(one["local"])) for one in accepted)
    return [
        f"{phone} holds {times} tables for {meal} on {day}" for (phone, day, meal), times in held.items() if times > 1
    ]


def _meal(local: str) -> str:
    return "lunch" if datetime.fromisoformat(local).hour < 16 else "dinner"


def _place(row: Any) -> tuple[Any, ...]:
    return row.phone[-10:], row.merchant_id, datetime.fromtimestamp(row.reserved_ts / 1000, UTC), row.party_size


def _accepted_place(one: dict[str, Any]) -> tuple[Any, ...]:
    at = datetime.fromtimestamp(one["reserved_ts"] / 1000, UTC)
    return one["body"]["phone"], one["merchant_id"], at, one["party_size"]


def _is_missing(row: Any, arrived: Counter[str]) -> bool:
    return row.status == "sent" and row.message_id not in arrived


def _bare_id(mail: dict[str, Any]) -> str:
    return str(mail["message_id"]).strip("<>").partition("@")[0]
