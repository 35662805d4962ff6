"""The ledger of bookings: chances, attempts and outcomes. Its unique indexes decide every race."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, null, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from backend.db.models import Booking
from backend.domain.booking_rules import DINNER_FROM, REFUSALS_COUNT_FOR, TOO_OLD, WANTED_FOR, Candidate
from backend.domain.types import BookingState

LEASE = timedelta(seconds=90)
_DETAILS = ("rank", "run_id", "first_name", "last_name", "email", "phone")

_CANDIDATES = text("""
    SELECT b.id, b.watch_id, b.drop_id, b.rank, b.state, b.wanted_at, b.settled_at, d.last_seen_at,
           d.gone_at IS NULL AS is_open, coalesce(w.moved_at, w.created_at, b.wanted_at) AS in_line_since,
           CASE WHEN b.state = 'wanted' THEN (
               SELECT count(*) FROM bookings r WHERE r.watch_id = b.watch_id AND r.state = 'refused'
                 AND r.settled_at > now() - CAST(:refusals_count_for AS interval)
           ) ELSE 0 END AS refusals
    FROM bookings b JOIN slot_drops d ON d.id = b.drop_id LEFT JOIN watches w ON w.id = b.watch_id
    WHERE d.group_id = ANY(:groups) AND (b.state IN ('wanted', 'attempting') OR d.gone_at IS NULL)
""")
# The group's row comes first, as for a look: whoever holds it decides about its chances.
_LOCK_GROUP = text("""
    SELECT g.id FROM scan_groups g WHERE g.id = (
        SELECT d.group_id FROM bookings b JOIN slot_drops d ON d.id = b.drop_id WHERE b.id = :id
    ) FOR UPDATE
""")
# With those of the other watches of its person, and of its telephone number, for that day: an outcome may pause or wake
# them. Whoever locks a second group later than a booking may meet a look that came the other way.
_LOCK_GROUPS = text("""
    SELECT g.id FROM scan_groups g WHERE g.id IN (
        SELECT d.group_id FROM bookings b JOIN slot_drops d ON d.id = b.drop_id WHERE b.id = :id
        UNION ALL
        SELECT o.id FROM bookings b JOIN watches w ON w.target_date = b.target_date AND w.status = 'active'
          AND (w.user_id = b.user_id OR w.book_phone = b.phone)
        JOIN scan_groups o ON (o.location_key, o.target_date, o.party_size)
                            = (w.location_key, w.target_date, w.party_size)
        WHERE b.id = :id
    ) ORDER BY g.id FOR UPDATE
""")
_LOAD = text("""
    SELECT b.*, d.group_id, d.gone_at IS NULL AS is_open, d.last_seen_at, l.merchant_id, l.name AS restaurant,
           l.timezone, l.auto_book_allowed,
           (SELECT is_on FROM switches WHERE name = 'booking') AS switched_on
    FROM bookings b JOIN locations l ON l.key = b.location_key LEFT JOIN slot_drops d ON d.id = b.drop_id
    WHERE b.id = :id FOR UPDATE OF b
""")
# The guest's details are those of the watch at this moment: they may have been mended since the match.
_CLAIM = text("""
    UPDATE bookings b SET state = 'attempting', claim_token = :token, attempted_at = now(),
           lease_until = now() + CAST(:lease AS interval), first_name = w.book_first_name,
           last_name = w.book_last_name, email = w.book_email, phone = w.book_phone
    FROM watches w WHERE b.id = :id AND b.state = 'wanted' AND w.id = b.watch_id
    RETURNING b.party_size, b.reserved_ts, b.reservation_type_id, b.first_name, b.last_name, b.email, b.phone
""")
_UNCLAIM = text("""
    UPDATE bookings SET state = 'wanted', claim_token = NULL, lease_until = NULL, attempted_at = NULL,
           dispatched_at = NULL, reason = :reason
    WHERE id = :id AND state = 'attempting' AND claim_token = :token
""")
# A late answer may settle its own row after the lease ran out and made it unknown, while nobody else has settled it.
_SETTLE = text("""
    UPDATE bookings SET state = :state, reason = :reason, answer = CAST(:answer AS jsonb), settled_at = now(),
           lease_until = NULL
    WHERE id = :id AND claim_token = :token AND state IN ('attempting', 'unknown')
""")
# A worker that was away for so long that somebody said "not booked" meanwhile, and then came back with a table.
_CORRECT = text("""
    UPDATE bookings SET state = 'booked', reason = NULL, settled_at = now(), settled_by = NULL
    WHERE id = :id AND claim_token = :token AND state = 'refused' AND settled_by IS NOT NULL
""")
_IS_VERDICT = text("""
    SELECT EXISTS (
        SELECT 1 FROM bookings WHERE id = :id AND claim_token = :token AND state = :state AND settled_by IS NULL
    )
""")
_EXPLAIN = text("UPDATE bookings SET reason = :reason WHERE id = :id")
_KEEP_ANSWER = text("""
    UPDATE bookings SET answer = CAST(:answer AS jsonb) WHERE id = :id AND claim_token = :token AND answer IS NULL
""")
_SETTLE_UNKNOWN = text("""
    UPDATE bookings SET state = :state, reason = :reason, settled_at = now(), settled_by = CAST(:settled_by AS text),
           note = :note, told_at = CASE WHEN CAST(:settled_by AS text) = 'guest' THEN now() END
    WHERE id = :id AND state = 'unknown'
""")
_CANCEL = text("UPDATE bookings SET state = 'cancelled', cancelled_at = now() WHERE id = :id AND state = 'booked'")
_UNKNOWN = text("""
    SELECT b.id, b.target_date, b.reserved_ts, b.party_size, b.first_name, b.last_name, b.email, b.phone, b.reason,
           b.attempted_at, l.name AS restaurant, l.timezone
    FROM bookings b JOIN locations l ON l.key = b.location_key WHERE b.state = 'unknown' ORDER BY b.id
""")
# Refusals of watches that have no other chance left, now or since: all that is still untold about them, each told once.
# They do not matter when the person has that meal, or may have it.
_TAKE_UNTOLD = text("""
    UPDATE bookings b SET told_at = now() WHERE b.id IN (
        SELECT r.id FROM bookings r WHERE r.state = 'refused' AND r.told_at IS NULL AND r.watch_id IS NOT NULL
          AND (:everybody OR r.watch_id = ANY(:watches))
          AND NOT EXISTS (
              SELECT 1 FROM bookings o WHERE o.watch_id = r.watch_id AND o.state IN ('wanted', 'attempting')
          )
        ORDER BY r.id FOR UPDATE SKIP LOCKED
    ) AND b.told_at IS NULL
    RETURNING b.id, b.watch_id, b.settled_at, EXISTS (
        SELECT 1 FROM bookings o WHERE o.state IN ('booked', 'unknown') AND o.target_date = b.target_date
          AND o.meal = b.meal AND o.user_id = b.user_id
    ) AS has_meal
""")
_LAPSE = text("""
    UPDATE bookings b SET state = 'lapsed', reason = d.reason, settled_at = now()
    FROM unnest(CAST(:ids AS bigint[]), CAST(:reasons AS text[])) AS d(id, reason)
    WHERE b.id = d.id AND b.id IN (
        SELECT id FROM bookings WHERE id = ANY(:ids) AND state = 'wanted' ORDER BY id FOR UPDATE SKIP LOCKED)
""")
_CLOSE_WANTED = text("""
    UPDATE bookings SET state = :state, reason = :reason, settled_at = now() WHERE id = :id AND state = 'wanted'
""")
# Rows that somebody is claiming in this moment are left to the unique indexes.
_LAPSE_OTHERS = text("""
    UPDATE bookings SET state = 'lapsed', reason = :reason, settled_at = now() WHERE id IN (
        SELECT id FROM bookings WHERE state = 'wanted'
          AND (watch_id = :watch_id OR ((user_id = :user_id OR phone = :phone) AND target_date = :day AND meal = :meal))
        FOR UPDATE SKIP LOCKED
    )
""")
_LAPSE_OLD = text("""
    UPDATE bookings SET state = 'lapsed', reason = :reason, settled_at = now() WHERE id IN (
        SELECT b.id FROM bookings b LEFT JOIN slot_drops d ON d.id = b.drop_id
        WHERE b.state = 'wanted'
          AND greatest(b.wanted_at, d.last_seen_at) < now() - CAST(:wanted_for AS interval)
        FOR UPDATE OF b SKIP LOCKED
    )
""")
# A table that stays open makes no new pair: who came too late for it, and still wants it, stands in line again.
_RENEW = text("""
    UPDATE bookings SET state = 'wanted', wanted_at = now(), reason = NULL, settled_at = NULL, dispatched_at = NULL
    WHERE id IN (
        SELECT b.id FROM scan_groups g JOIN watches w
          ON (w.location_key, w.target_date, w.party_size) = (g.location_key, g.target_date, g.party_size)
        JOIN bookings b ON b.watch_id = w.id AND b.drop_id = ANY(:drops)
        WHERE g.id = ANY(:groups) AND w.status = 'active' AND w.auto_book AND NOT w.auto_book_held
          AND b.state = 'lapsed' AND b.reason = :reason
        ORDER BY b.id FOR UPDATE OF b SKIP LOCKED
    )
""")
_LAPSE_GONE = text("""
    UPDATE bookings b SET state = 'lapsed', reason = 'the table was gone', settled_at = now()
    WHERE b.state = 'wanted' AND b.drop_id = ANY(:drops)
""")
_LOST = text("""
    UPDATE bookings SET state = 'unknown', reason = 'the worker did not come back', settled_at = now(),
           lease_until = NULL
    WHERE id IN (
        SELECT id FROM bookings WHERE state = 'attempting' AND lease_until < now() FOR UPDATE SKIP LOCKED
    ) RETURNING id
""")
_BLOCKERS = text("""
    SELECT o.state FROM bookings b JOIN bookings o ON o.id <> b.id AND o.state IN ('attempting', 'booked', 'unknown')
      AND (o.watch_id = b.watch_id
           OR ((o.user_id = b.user_id OR o.phone = b.phone) AND o.target_date = b.target_date AND o.meal = b.meal))
    WHERE b.id = :id
""")
# Groups in which this booking's outcome may give somebody a turn: its own, and those of the person's other chances.
_CONCERNED_GROUPS = text("""
    SELECT DISTINCT d.group_id FROM bookings b JOIN bookings o
      ON o.id = b.id OR (o.state = 'wanted' AND o.target_date = b.target_date AND o.meal = b.meal
                         AND (o.user_id = b.user_id OR o.phone = b.phone))
    JOIN slot_drops d ON d.id = o.drop_id WHERE b.id = :id AND d.group_id IS NOT NULL
""")
_WAITING_GROUPS = text("""
    SELECT DISTINCT d.group_id FROM bookings b JOIN slot_drops d ON d.id = b.drop_id WHERE b.state = 'wanted'
      AND (:everything OR b.dispatched_at IS NULL OR b.dispatched_at < now() - interval '60 seconds')
""")
_DISPATCHED = text("""
    UPDATE bookings SET dispatched_at = now() WHERE id IN (
        SELECT id FROM bookings WHERE id = ANY(:ids) AND state = 'wanted' ORDER BY id FOR UPDATE
    )
""")
# Who cancelled a watch, while its booking's outcome was unknown, ended it themselves.
_WATCH_BOOKED = text("""
    UPDATE watches SET status = 'booked', booked_at = now(), updated_at = now()
    WHERE id = :id AND status NOT IN ('booked', 'cancelled')
""")

# One's other watches for that day whose windows lie within the meal that one has. Their groups are locked before.
_PAUSE_OTHERS = text("""
    UPDATE watches SET status = 'paused', note = :note, updated_at = now()
    WHERE user_id = :user_id AND target_date = :day AND status = 'active' AND id IS DISTINCT FROM :watch_id
      AND (time_start < :dinner_from) = (:meal = 'lunch') AND (time_end < :dinner_from) = (:meal = 'lunch')
""")
_NOTE_PAUSED = text("""
    UPDATE watches SET note = :note
    WHERE user_id = :user_id AND target_date = :day AND status = 'paused' AND note IS NOT NULL
      AND (time_start < :dinner_from) = (:meal = 'lunch') AND (time_end < :dinner_from) = (:meal = 'lunch')
""")
# Chances that ended because the meal was taken come again when their watch is matched anew.
_MATCH_AGAIN = text("""
    UPDATE watches SET needs_match = true
    WHERE status = 'active' AND target_date = :day AND (user_id = :user_id OR book_phone = :phone)
""")


async def add_chances(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    """Write wanted rows, one for each watch and drop.

    One that lapsed untried is wanted again: its watch was changed since, or the pair would not come up a second time.
    """
    if not rows:
        return
    ordered = sorted(rows, key=lambda row: (row["watch_id"], row["drop_id"]))
    fresh = {**{column: text(f"excluded.{column}") for column in _DETAILS}, "wanted_at": func.now()}
    clean = dict.fromkeys(("reason", "settled_at", "dispatched_at"), null())
    statement = insert(Booking).on_conflict_do_update(
        index_elements=["watch_id", "drop_id"],
        set_={"state": "wanted", **fresh, **clean},
        where=Booking.state == "lapsed",
    )
    await session.execute(statement, ordered)


async def candidates(session: AsyncSession, group_ids: Sequence[int]) -> list[Candidate]:
    """The chances of some groups, as the rules see them."""
    return [
        Candidate(
            id=row.id,
            watch_id=row.watch_id,
            drop_id=row.drop_id,
            in_line_since=row.in_line_since,
            rank=row.rank,
            state=BookingState(row.state),
            wanted_at=row.wanted_at,
            settled_at=row.settled_at,
            drop_last_seen_at=row.last_seen_at,
            drop_is_open=row.is_open,
            refusals=row.refusals,
        )
        for row in await session.execute(
            _CANDIDATES, {"groups": list(group_ids), "refusals_count_for": REFUSALS_COUNT_FOR}
        )
    ]


async def lock_group(session: AsyncSession, booking_id: int) -> None:
    """Lock the group of a booking's drop, before anything else of it."""
    await session.execute(_LOCK_GROUP, {"id": booking_id})


async def lock_groups(session: AsyncSession, booking_id: int) -> list[int]:
    """Lock all groups that an outcome may concern, before anything else of it; returns their ids."""
    return list((await session.execute(_LOCK_GROUPS, {"id": booking_id})).scalars())


async def load(session: AsyncSession, booking_id: int) -> Row[Any] | None:
    """A booking with what decides about it, locked."""
    return (await session.execute(_LOAD, {"id": booking_id})).one_or_none()


async def claim(session: AsyncSession, booking_id: int, *, token: UUID) -> Row[Any]:
    """wanted → attempting, with the watch's details. Raises IntegrityError when a live booking stands in the way."""
    return (await session.execute(_CLAIM, {"id": booking_id, "token": token, "lease": LEASE})).one()


async def add_attempt(session: AsyncSession, values: dict[str, Any], *, token: UUID) -> int:
    """A booking by hand, being attempted. Raises IntegrityError when a live booking stands in the way."""
    lease = func.now() + LEASE
    row = {**values, "state": "attempting", "claim_token": token, "attempted_at": func.now(), "lease_until": lease}
    return int((await session.execute(insert(Booking).values(row).returning(Booking.id))).scalar_one())


async def blockers(session: AsyncSession, booking_id: int) -> set[str]:
    """The states of live bookings of the same watch, or of the same person for the same meal."""
    return set((await session.execute(_BLOCKERS, {"id": booking_id})).scalars())


async def concerned_groups(session: AsyncSession, booking_id: int) -> list[int]:
    """Groups in which somebody may have a turn after this booking's outcome."""
    return list((await session.execute(_CONCERNED_GROUPS, {"id": booking_id})).scalars())


async def unclaim(session: AsyncSession, booking_id: int, *, token: UUID, reason: str) -> None:
    """Back to wanted: nothing was sent."""
    await session.execute(_UNCLAIM, {"id": booking_id, "token": token, "reason": reason})


async def settle(
    session: AsyncSession, booking_id: int, *, token: UUID, state: str, reason: str | None, answer: str | None
) -> bool:
    """Write an outcome; False when the row is somebody else's by now. `answer` is JSON text."""
    values = {"id": booking_id, "token": token, "state": state, "reason": reason, "answer": answer}
    result: Any = await session.execute(_SETTLE, values)
    return bool(result.rowcount == 1)


async def is_verdict_of(session: AsyncSession, booking_id: int, *, token: UUID, state: str) -> bool:
    """True when this attempt's own answer made the booking what it is, and nobody has said anything since."""
    return bool(await session.scalar(_IS_VERDICT, {"id": booking_id, "token": token, "state": state}))


async def correct(session: AsyncSession, booking_id: int, *, token: UUID) -> bool:
    """The service's own late "booked" over somebody's "not booked".

    Raises IntegrityError when the person has another booking for that meal by now.
    """
    result: Any = await session.execute(_CORRECT, {"id": booking_id, "token": token})
    return bool(result.rowcount == 1)


async def explain(session: AsyncSession, booking_id: int, *, reason: str) -> None:
    """Say something else about a booking that stays what it is."""
    await session.execute(_EXPLAIN, {"id": booking_id, "reason": reason})


async def keep_answer(session: AsyncSession, booking_id: int, *, token: UUID, answer: str | None) -> None:
    """An answer that changes nothing any more."""
    await session.execute(_KEEP_ANSWER, {"id": booking_id, "token": token, "answer": answer})


async def settle_unknown(
    session: AsyncSession, booking_id: int, *, state: str, reason: str | None, settled_by: str, note: str | None
) -> None:
    """Somebody says what became of a loaded booking. What guests say themselves needs not be told to them."""
    values = {"id": booking_id, "state": state, "reason": reason, "settled_by": settled_by, "note": note}
    await session.execute(_SETTLE_UNKNOWN, values)


async def cancel(session: AsyncSession, booking_id: int) -> None:
    """booked → cancelled, of a loaded booking."""
    await session.execute(_CANCEL, {"id": booking_id})


async def wait_shortly(session: AsyncSession) -> None:
    """Somebody waits in front of a screen: whoever writes a verdict down comes first."""
    await session.execute(text("SET LOCAL lock_timeout = '500ms'"))


async def is_of(session: AsyncSession, booking_id: int, *, user_id: int) -> bool:
    """True for one's own booking."""
    statement = text("SELECT EXISTS (SELECT 1 FROM bookings WHERE id = :id AND user_id = :user_id)")
    return bool(await session.scalar(statement, {"id": booking_id, "user_id": user_id}))


async def unknown(session: AsyncSession) -> Sequence[Row[Any]]:
    """What waits to be settled, the oldest first."""
    return (await session.execute(_UNKNOWN)).all()


async def take_untold(session: AsyncSession, watch_ids: Sequence[int] | None) -> Sequence[Row[Any]]:
    """Refusals to tell now, of these watches or of all: taken by this call, and by no other."""
    values = {"everybody": watch_ids is None, "watches": list(watch_ids or ())}
    return (await session.execute(_TAKE_UNTOLD, values)).all()


async def lapse(session: AsyncSession, reasons: Mapping[int, str]) -> None:
    """End wanted chances, each with its reason; what somebody has in hand is left to them."""
    if reasons:
        ids = sorted(reasons)
        await session.execute(_LAPSE, {"ids": ids, "reasons": [reasons[id_] for id_ in ids]})


async def close_wanted(session: AsyncSession, booking_id: int, *, state: str, reason: str) -> bool:
    """End a chance without an attempt."""
    result: Any = await session.execute(_CLOSE_WANTED, {"id": booking_id, "state": state, "reason": reason})
    return bool(result.rowcount == 1)


async def lapse_others(session: AsyncSession, booking: Row[Any], *, reason: str) -> None:
    """End the other chances of this watch, and of this person for this meal."""
    values = {"watch_id": booking.watch_id, "user_id": booking.user_id, "phone": booking.phone}
    await session.execute(_LAPSE_OTHERS, {**values, "day": booking.target_date, "meal": booking.meal, "reason": reason})


async def lapse_gone(session: AsyncSession, drop_ids: Sequence[int]) -> None:
    if drop_ids:
        await session.execute(_LAPSE_GONE, {"drops": sorted(drop_ids)})


async def lapse_old(session: AsyncSession) -> None:
    await session.execute(_LAPSE_OLD, {"wanted_for": WANTED_FOR, "reason": TOO_OLD})


async def renew(session: AsyncSession, group_ids: Sequence[int], drop_ids: Sequence[int]) -> None:
    """Chances that lapsed of age are wanted again: a look in these locked groups saw their tables open."""
    if drop_ids:
        values = {"groups": list(group_ids), "drops": sorted(drop_ids), "reason": TOO_OLD}
        await session.execute(_RENEW, values)


async def take_lost(session: AsyncSession) -> list[int]:
    """Attempts whose worker did not come back become unknown; returns their ids."""
    return list((await session.execute(_LOST)).scalars())


async def waiting_groups(session: AsyncSession, *, everything: bool) -> list[int]:
    return list((await session.execute(_WAITING_GROUPS, {"everything": everything})).scalars())


async def mark_dispatched(session: AsyncSession, ids: Sequence[int]) -> None:
    if ids:
        await session.execute(_DISPATCHED, {"ids": sorted(ids)})


async def attempting(session: AsyncSession, watch_ids: Sequence[int]) -> set[int]:
    """Those of the watches for which a table is being booked."""
    statement = text("SELECT watch_id FROM bookings WHERE watch_id = ANY(:ids) AND state = 'attempting'")
    return set((await session.execute(statement, {"ids": list(watch_ids)})).scalars())


async def mark_watch_booked(session: AsyncSession, watch_id: int) -> None:
    await session.execute(_WATCH_BOOKED, {"id": watch_id})


async def pause_others(session: AsyncSession, booking: Row[Any], *, note: str) -> None:
    """Pause the person's other watches for the meal that they have now."""
    if booking.user_id is not None:
        await session.execute(_PAUSE_OTHERS, {**_meal(booking), "watch_id": booking.watch_id, "note": note})


async def note_paused(session: AsyncSession, booking: Row[Any], *, note: str) -> None:
    """Say something else at the watches that this booking paused."""
    if booking.user_id is not None:
        await session.execute(_NOTE_PAUSED, {**_meal(booking), "note": note})


async def match_again(session: AsyncSession, booking: Row[Any]) -> None:
    """Whoever could not book because of this one is matched anew."""
    values = {"day": booking.target_date, "user_id": booking.user_id, "phone": booking.phone}
    await session.execute(_MATCH_AGAIN, values)


def _meal(booking: Row[Any]) -> dict[str, Any]:
    whose = {"user_id": booking.user_id, "day": booking.target_date}
    return {**whose, "meal": booking.meal, "dinner_from": DINNER_FROM}
