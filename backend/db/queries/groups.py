"""Scan groups: who is due, who is in flight, and what became of a look."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from backend.domain.types import Tier

LEASE = timedelta(seconds=60)

# A group's tier by its active watches, in restaurant time: urgent when one of their windows is under 24 hours away.
_STARTS = "(w.target_date + w.time_start) AT TIME ZONE l.timezone"

_MAKE_DUE = {
    tier: text(f"""
        UPDATE scan_groups g SET tier = '{tier}', next_scan_at = least(g.next_scan_at, now())
        FROM (
            SELECT w.location_key, w.target_date, w.party_size
            FROM watches w JOIN locations l ON l.key = w.location_key
            WHERE w.status = 'active' AND w.target_date >= (now() - interval '1 day')::date
            GROUP BY 1, 2, 3
            HAVING (min({_STARTS}) < now() + interval '24 hours') = {tier is Tier.URGENT}
        ) wanted
        WHERE (g.location_key, g.target_date, g.party_size)
            = (wanted.location_key, wanted.target_date, wanted.party_size)
          AND (g.lease_until IS NULL OR g.lease_until < now())
          AND (g.tier <> '{tier}' OR coalesce(g.applied_look_at, '-infinity') < now() - CAST(:half_period AS interval))
    """)
    for tier in Tier
}

_CLAIM = text("""
    UPDATE scan_groups SET lease_until = now() + CAST(:lease AS interval),
           next_scan_at = now() + CAST(:lease AS interval)
    WHERE id IN (
        SELECT id FROM scan_groups
        WHERE next_scan_at <= now() AND (lease_until IS NULL OR lease_until < now())
        ORDER BY (tier = 'urgent') DESC, next_scan_at LIMIT :most FOR UPDATE SKIP LOCKED
    ) RETURNING id, tier
""")

_LOAD = text("""
    SELECT g.id, g.location_key, g.target_date, g.party_size, g.tier, g.failures, g.lease_until > now() AS is_claimed,
           l.name, l.timezone, l.merchant_id, l.booking_slug, l.auto_book_allowed, l.horizon_days, l.looking
    FROM scan_groups g JOIN locations l ON l.key = g.location_key WHERE g.id = ANY(:ids) ORDER BY g.id
""")

_LOCK = text("SELECT id, applied_look_at FROM scan_groups WHERE id = ANY(:ids) ORDER BY id FOR UPDATE")

_LOOKED = text("""
    UPDATE scan_groups g SET applied_look_at = d.look_at, last_ok_at = d.look_at, last_error = NULL, failures = 0,
           lease_until = NULL, next_scan_at = d.next_at
    FROM unnest(CAST(:ids AS bigint[]), CAST(:look_ats AS timestamptz[]), CAST(:next_ats AS timestamptz[]))
      AS d(id, look_at, next_at) WHERE g.id = d.id
""")

_FAILED = text("""
    UPDATE scan_groups SET last_error = :error, last_error_at = now(), failures = failures + 1, lease_until = NULL,
           next_scan_at = :next_at WHERE id = :id
""")

_PUT_BACK = text("UPDATE scan_groups SET lease_until = NULL, next_scan_at = :next_at WHERE id = :id")

_ENSURE = text("""
    INSERT INTO scan_groups AS g (location_key, target_date, party_size, tier, next_scan_at)
    VALUES (:location_key, :target_date, :party_size, :tier, now())
    ON CONFLICT (location_key, target_date, party_size) DO UPDATE
      SET next_scan_at = least(coalesce(g.next_scan_at, now()), now()),
          tier = CASE WHEN excluded.tier = 'urgent' THEN 'urgent' ELSE g.tier END
    RETURNING id
""")

_INSERT_MISSING = text("""
    INSERT INTO scan_groups (location_key, target_date, party_size, tier, next_scan_at)
    VALUES (:location_key, :target_date, :party_size, :tier, now())
    ON CONFLICT (location_key, target_date, party_size) DO NOTHING
""")
_LOCK_KEYS = text("""
    SELECT id, location_key, target_date, party_size FROM scan_groups
    WHERE (location_key, target_date, party_size) IN (
        SELECT * FROM unnest(CAST(:locations AS text[]), CAST(:dates AS date[]), CAST(:parties AS int[])))
    ORDER BY id FOR UPDATE
""")
_LOCK_OF_USER = text("""
    SELECT g.id FROM scan_groups g
    WHERE EXISTS (
        SELECT 1 FROM watches w WHERE w.user_id = :user_id AND w.status = 'active'
          AND (w.location_key, w.target_date, w.party_size) = (g.location_key, g.target_date, g.party_size))
    ORDER BY g.id FOR UPDATE OF g
""")
_WAKE_OLDER = text("""
    UPDATE scan_groups SET next_scan_at = least(coalesce(next_scan_at, now()), now())
    WHERE id = ANY(:ids) AND (lease_until IS NULL OR lease_until < now())
      AND coalesce(applied_look_at, '-infinity') < now() - CAST(:older_than AS interval)
""")

_WAKE = text("UPDATE scan_groups SET next_scan_at = least(coalesce(next_scan_at, now()), now()) WHERE id = :id")


async def make_due(session: AsyncSession, tier: Tier, *, period: timedelta) -> int:
    """Make a tier's groups due unless they were looked at within half the period; returns how many."""
    result = await session.execute(_MAKE_DUE[tier], {"half_period": period / 2})
    return _rows(result)


async def count_in_flight(session: AsyncSession) -> int:
    return int(await session.scalar(text("SELECT count(*) FROM scan_groups WHERE lease_until > now()")) or 0)


async def claim_due(session: AsyncSession, *, most: int) -> Sequence[Row[Any]]:
    """Lease up to `most` due groups, urgent ones first: rows of (id, tier)."""
    return (await session.execute(_CLAIM, {"lease": LEASE, "most": most})).all()


async def load(session: AsyncSession, ids: Sequence[int]) -> Sequence[Row[Any]]:
    """Groups with their restaurants."""
    return (await session.execute(_LOAD, {"ids": list(ids)})).all()


async def lock(session: AsyncSession, ids: Sequence[int]) -> dict[int, datetime | None]:
    """Lock rows in order; returns each group's newest applied look."""
    rows = await session.execute(_LOCK, {"ids": sorted(ids)})
    return {row.id: row.applied_look_at for row in rows}


async def record_looks(session: AsyncSession, looks: Sequence[tuple[int, datetime, datetime]]) -> None:
    """(group, look, next look) for good looks."""
    ids, look_ats, next_ats = ([look[i] for look in looks] for i in range(3))
    await session.execute(_LOOKED, {"ids": ids, "look_ats": look_ats, "next_ats": next_ats})


async def record_failure(session: AsyncSession, group_id: int, *, error: str, next_at: datetime) -> None:
    """Trouble is written down; the time of the last good look stays."""
    await session.execute(_FAILED, {"id": group_id, "error": error, "next_at": next_at})


async def put_back(session: AsyncSession, group_id: int, *, next_at: datetime | None) -> None:
    """End a claim without a look. None: nobody needs this group."""
    await session.execute(_PUT_BACK, {"id": group_id, "next_at": next_at})


async def ensure(session: AsyncSession, *, location_key: str, target_date: date, party_size: int, tier: Tier) -> int:
    """The group of a watch, made if missing, due at once and locked until the transaction ends."""
    values = {"location_key": location_key, "target_date": target_date, "party_size": party_size, "tier": tier}
    return int((await session.execute(_ENSURE, values)).scalar_one())


async def lock_keys(
    session: AsyncSession, keys: Sequence[tuple[str, date, int]], *, make: Tier | None
) -> dict[tuple[str, date, int], int]:
    """Lock the groups of (location, date, party) in the order in which looks lock them; returns their ids.

    `make` adds the first one when it is missing, in that tier and due. That comes before the locks, while nothing is
    held that anybody could wait for.
    """
    if make is not None:
        location_key, target_date, party_size = keys[0]
        values = {"location_key": location_key, "target_date": target_date, "party_size": party_size, "tier": make}
        await session.execute(_INSERT_MISSING, values)
    locations, dates, parties = ([key[i] for key in keys] for i in range(3))
    rows = await session.execute(_LOCK_KEYS, {"locations": locations, "dates": dates, "parties": parties})
    return {(row.location_key, row.target_date, row.party_size): row.id for row in rows}


async def make_due_for_user(session: AsyncSession, user_id: int, *, older_than: timedelta = timedelta(0)) -> int:
    """Lock the groups of a person's active watches and make due those whose last look is older; returns how many."""
    ids = list((await session.execute(_LOCK_OF_USER, {"user_id": user_id})).scalars())
    return _rows(await session.execute(_WAKE_OLDER, {"ids": ids, "older_than": older_than}))


async def wake(session: AsyncSession, group_id: int) -> None:
    """Make one group due."""
    await session.execute(_WAKE, {"id": group_id})


def _rows(result: Any) -> int:
    return int(result.rowcount)
