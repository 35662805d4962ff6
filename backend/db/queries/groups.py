"""Scan groups: who is due, who is in flight, and what became of a look."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncSession

from backend.db.base import AnySession
from backend.domain.types import WATCHED_TIERS, Tier

LEASE = timedelta(seconds=60)

# A group's tier by its active watches whose window is not over, in restaurant time: urgent when one of the windows
# starts in under 24 hours. Rows that a look holds are left to it.
_MAKE_DUE = {
    tier: text(f"""
        UPDATE scan_groups SET tier = '{tier}', next_scan_at = least(next_scan_at, now()) WHERE id IN (
            SELECT g.id FROM scan_groups g JOIN (
                SELECT w.location_key, w.target_date, w.party_size
                FROM watches w JOIN locations l ON l.key = w.location_key
                WHERE w.status = 'active' AND w.target_date >= (CAST(:now AS timestamptz) - interval '1 day')::date
                  AND (w.target_date + w.time_end) AT TIME ZONE l.timezone >= :now
                GROUP BY 1, 2, 3
                HAVING (min((w.target_date + w.time_start) AT TIME ZONE l.timezone)
                        < CAST(:now AS timestamptz) + interval '24 hours') = {tier is Tier.URGENT}
            ) wanted USING (location_key, target_date, party_size)
            WHERE (g.lease_until IS NULL OR g.lease_until < now())
              AND (g.tier <> '{tier}'
                   OR coalesce(g.applied_look_at, '-infinity') < now() - CAST(:half_period AS interval))
            FOR UPDATE OF g SKIP LOCKED
        )
    """)
    for tier in WATCHED_TIERS
}

_DUE = text("""
    SELECT id, tier FROM scan_groups
    WHERE tier <> 'browse' AND next_scan_at <= now() AND (lease_until IS NULL OR lease_until < now())
    ORDER BY (tier = 'urgent') DESC, next_scan_at LIMIT :most FOR UPDATE SKIP LOCKED
""")

# What somebody has on the screen first, the nearest day first; else what was not looked at for longest.
_DUE_BROWSE = text("""
    SELECT id, tier FROM scan_groups
    WHERE tier = 'browse' AND next_scan_at <= now() AND (lease_until IS NULL OR lease_until < now())
      AND (party_size = ANY(:sizes) OR asked_at > now() - interval '10 minutes')
    ORDER BY coalesce(asked_at > now() - interval '10 minutes', false) DESC,
             CASE WHEN asked_at > now() - interval '10 minutes' THEN target_date END,
             applied_look_at NULLS FIRST, target_date, id
    LIMIT :most FOR UPDATE SKIP LOCKED
""")

_LEASE = text("""
    UPDATE scan_groups SET run_id = :run_id, claim_token = NULL, due_since = next_scan_at,
           lease_until = now() + CAST(:lease AS interval), next_scan_at = now() + CAST(:lease AS interval)
    WHERE id = ANY(:ids)
""")

# Watches are counted by the end of their window, so that the domain can say which of them are over.
_WITH_RESTAURANT_AND_WATCHES = """
    SELECT g.id, g.location_key, g.target_date, g.party_size, g.tier, g.failures, g.due_since,
           l.name, l.timezone, l.merchant_id, l.booking_slug, l.auto_book_allowed, l.horizon_days, l.looking,
           coalesce(w.ends, ARRAY[]::time[]) AS window_ends, coalesce(w.counts, ARRAY[]::bigint[]) AS watch_counts
    FROM chosen g JOIN locations l ON l.key = g.location_key LEFT JOIN LATERAL (
        SELECT array_agg(e.time_end) AS ends, array_agg(e.n) AS counts FROM (
            SELECT w.time_end, count(*) AS n FROM watches w JOIN users u ON u.id = w.user_id AND u.disabled_at IS NULL
            WHERE (w.location_key, w.target_date, w.party_size) = (g.location_key, g.target_date, g.party_size)
              AND w.status = 'active' GROUP BY w.time_end
        ) e
    ) w ON true
    ORDER BY g.id
"""

# A message that came twice finds nothing to claim: each lease is claimed once.
_CLAIM = text(f"""
    WITH chosen AS (
        UPDATE scan_groups SET claim_token = :token, lease_until = now() + CAST(:lease AS interval),
               next_scan_at = now() + CAST(:lease AS interval)
        WHERE id = ANY(:ids) AND run_id = :run_id AND claim_token IS NULL AND lease_until > now()
        RETURNING *
    )
    {_WITH_RESTAURANT_AND_WATCHES}
""")

_ENSURE_PUSHED = text(f"""
    WITH pushed AS (
        SELECT * FROM unnest(CAST(:keys AS text[]), CAST(:days AS date[])) AS p(location_key, target_date)
    ), made AS (
        INSERT INTO scan_groups (location_key, target_date, party_size, tier)
        SELECT location_key, target_date, :party_size, 'browse' FROM pushed ORDER BY 1, 2
        ON CONFLICT (location_key, target_date, party_size) DO NOTHING RETURNING *
    ), chosen AS (
        SELECT * FROM made
        UNION ALL
        SELECT g.* FROM scan_groups g JOIN pushed p USING (location_key, target_date) WHERE g.party_size = :party_size
    )
    {_WITH_RESTAURANT_AND_WATCHES}
""")

_LOCK = text("SELECT id, applied_look_at FROM scan_groups WHERE id = ANY(:ids) ORDER BY id FOR UPDATE")

# The look is the newest; the claim is ended only by its owner. A next look that lies in the past was asked for while
# this one was under way, and stays.
_LOOKED = text("""
    UPDATE scan_groups g SET applied_look_at = d.look_at, last_ok_at = d.look_at, last_error = NULL, failures = 0,
           looks = looks + 1, complete_look_at = CASE WHEN d.is_whole THEN d.look_at ELSE complete_look_at END,
           next_scan_at = CASE WHEN claim_token = :token AND next_scan_at > now() THEN d.next_at
                               WHEN tier = 'browse' AND lease_until IS NULL THEN d.next_at
                               ELSE next_scan_at END,
           lease_until = CASE WHEN claim_token = :token THEN NULL ELSE lease_until END
    FROM unnest(CAST(:ids AS bigint[]), CAST(:look_ats AS timestamptz[]), CAST(:next_ats AS timestamptz[]),
                CAST(:wholes AS boolean[]))
      AS d(id, look_at, next_at, is_whole) WHERE g.id = d.id
""")

_FAILED = text("""
    UPDATE scan_groups g SET last_error = d.error, last_error_at = now(), failures = failures + 1, lease_until = NULL,
           failed_looks = failed_looks + 1,
           next_scan_at = now() + d.wait
    FROM unnest(CAST(:ids AS bigint[]), CAST(:errors AS text[]), CAST(:waits AS interval[])) AS d(id, error, wait)
    WHERE g.id = d.id AND g.claim_token = :token AND g.lease_until IS NOT NULL
""")

# A watch that was made or changed just now may have come after the claim had counted: its group does not go to rest.
_PUT_BACK = text("""
    UPDATE scan_groups g SET lease_until = NULL,
           next_scan_at = CASE WHEN g.next_scan_at <= now() THEN g.next_scan_at
                               WHEN d.next_at IS NULL AND g.tier <> 'browse' AND EXISTS (
                                   SELECT 1 FROM watches w
                                   WHERE w.status = 'active' AND w.updated_at > now() - interval '2 minutes'
                                     AND (w.location_key, w.target_date, w.party_size)
                                       = (g.location_key, g.target_date, g.party_size)
                               ) THEN now()
                               ELSE d.next_at END
    FROM unnest(CAST(:ids AS bigint[]), CAST(:next_ats AS timestamptz[])) AS d(id, next_at)
    WHERE g.id = d.id AND g.claim_token = :token AND g.lease_until IS NOT NULL
""")

_ENSURE = text("""
    INSERT INTO scan_groups AS g (location_key, target_date, party_size, tier, next_scan_at)
    VALUES (:location_key, :target_date, :party_size, :tier, now())
    ON CONFLICT (location_key, target_date, party_size) DO UPDATE
      SET next_scan_at = least(coalesce(g.next_scan_at, now()), now()),
          tier = CASE WHEN excluded.tier = 'urgent' OR g.tier = 'browse' THEN excluded.tier ELSE g.tier END
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
# All that people may browse and nobody watches: made where it is missing, taken up again where the last watch ended.
# Rows that a look holds are left to the next time.
_FILL_BROWSE = text("""
    INSERT INTO scan_groups AS g (location_key, target_date, party_size, tier, next_scan_at)
    SELECT l.key, (CAST(:now AS timestamptz) AT TIME ZONE l.timezone)::date + d.ahead, p.size, 'browse', now()
    FROM locations l, generate_series(0, :days - 1) AS d(ahead), unnest(CAST(:sizes AS int[])) AS p(size)
    WHERE d.ahead <= l.horizon_days ORDER BY 1, 2, 3
    ON CONFLICT (location_key, target_date, party_size) DO NOTHING
""")
_TAKE_UP_BROWSE = text("""
    UPDATE scan_groups SET tier = 'browse', next_scan_at = now() WHERE id IN (
        SELECT g.id FROM scan_groups g JOIN locations l ON l.key = g.location_key
        WHERE g.next_scan_at IS NULL AND g.party_size = ANY(:sizes)
          AND g.target_date - (CAST(:now AS timestamptz) AT TIME ZONE l.timezone)::date BETWEEN 0 AND :days - 1
        FOR UPDATE OF g SKIP LOCKED
    )
""")
_ASK = text("""
    UPDATE scan_groups SET asked_at = now() WHERE id IN (
        SELECT g.id FROM scan_groups g JOIN locations l ON l.key = g.location_key
        WHERE g.party_size = :party_size AND (g.asked_at IS NULL OR g.asked_at < now() - interval '1 minute')
          AND g.target_date - (CAST(:now AS timestamptz) AT TIME ZONE l.timezone)::date BETWEEN 0 AND :days - 1
        FOR UPDATE OF g SKIP LOCKED
    )
""")

_WAKE = text("""
    UPDATE scan_groups SET next_scan_at = least(coalesce(next_scan_at, now()), now()),
           tier = CASE WHEN tier = 'browse' THEN 'normal' ELSE tier END
    WHERE id = :id
""")


async def make_due(session: AsyncSession, tier: Tier, *, period: timedelta, now: datetime) -> int:
    """Make a tier's groups due unless they were looked at within half the period; returns how many."""
    result: Any = await session.execute(_MAKE_DUE[tier], {"half_period": period / 2, "now": now})
    return int(result.rowcount)


async def may_dispatch(session: AsyncSession) -> bool:
    """True for one transaction at a time, until it ends: two would send out twice what the budget covers."""
    return bool(await session.scalar(text("SELECT pg_try_advisory_xact_lock(hashtext('dispatch'))")))


async def count_in_flight(session: AsyncSession) -> dict[str, int]:
    """Leased groups by tier."""
    statement = text("SELECT tier, count(*) AS n FROM scan_groups WHERE lease_until > now() GROUP BY tier")
    return {row.tier: row.n for row in await session.execute(statement)}


async def due(session: AsyncSession, *, most: int) -> Sequence[Row[Any]]:
    """Up to `most` due groups, urgent ones first, locked: rows of (id, tier)."""
    return (await session.execute(_DUE, {"most": most})).all()


async def due_browse(session: AsyncSession, *, most: int, party_sizes: Sequence[int]) -> Sequence[Row[Any]]:
    """Up to `most` due groups that nobody watches, of these sizes or on somebody's screen, locked: (id, tier)."""
    return (await session.execute(_DUE_BROWSE, {"most": most, "sizes": list(party_sizes)})).all()


async def fill_browse(session: AsyncSession, *, days: int, party_sizes: Sequence[int], now: datetime) -> None:
    """Have groups for the next `days` of every restaurant, of these party sizes, looked at when the budget allows."""
    values = {"days": days, "sizes": list(party_sizes), "now": now}
    await session.execute(_FILL_BROWSE, values)
    await session.execute(_TAKE_UP_BROWSE, values)


async def ask(session: AsyncSession, *, days: int, party_size: int, now: datetime) -> None:
    """Somebody has these days of all restaurants on the screen."""
    await session.execute(_ASK, {"days": days, "party_size": party_size, "now": now})


async def ensure_pushed(
    session: AsyncSession, places: Sequence[tuple[str, date]], *, party_size: int
) -> Sequence[Row[Any]]:
    """The groups of a push's (restaurant, day) pairs, as `claim` gives them."""
    keys, days = [place[0] for place in places], [place[1] for place in places]
    return (await session.execute(_ENSURE_PUSHED, {"keys": keys, "days": days, "party_size": party_size})).all()


async def lease(session: AsyncSession, ids: Sequence[int], *, run_id: int) -> None:
    """Send locked groups out with a run."""
    await session.execute(_LEASE, {"ids": list(ids), "run_id": run_id, "lease": LEASE})


async def claim(session: AsyncSession, ids: Sequence[int], *, run_id: int, token: UUID) -> Sequence[Row[Any]]:
    """Take the groups that were sent with this run and nobody has taken; with their restaurants and watch counts."""
    values = {"ids": list(ids), "run_id": run_id, "token": token, "lease": LEASE}
    return (await session.execute(_CLAIM, values)).all()


async def lock(session: AsyncSession, ids: Sequence[int]) -> dict[int, datetime | None]:
    """Lock rows in order; returns each group's newest applied look."""
    rows = await session.execute(_LOCK, {"ids": sorted(ids)})
    return {row.id: row.applied_look_at for row in rows}


async def record_looks(
    session: AsyncSession, looks: Sequence[tuple[int, datetime, datetime, bool]], *, token: UUID
) -> None:
    """(group, look, next look, whether it saw everything) for good looks of locked groups."""
    ids, look_ats, next_ats, wholes = ([look[i] for look in looks] for i in range(4))
    values = {"ids": ids, "look_ats": look_ats, "next_ats": next_ats, "wholes": wholes, "token": token}
    await session.execute(_LOOKED, values)


async def record_failures(
    session: AsyncSession, failures: Sequence[tuple[int, str, timedelta]], *, token: UUID
) -> None:
    """(group, error, wait): trouble is written down; the time of the last good look stays."""
    if failures:
        ids, errors, waits = ([failure[i] for failure in sorted(failures)] for i in range(3))
        await session.execute(_FAILED, {"ids": ids, "errors": errors, "waits": waits, "token": token})


async def put_back(session: AsyncSession, ends: Sequence[tuple[int, datetime | None]], *, token: UUID) -> None:
    """(group, next look): end claims without a look. None: nobody needs this group."""
    if ends:
        ordered = sorted(ends, key=lambda end: end[0])
        ids, next_ats = [end[0] for end in ordered], [end[1] for end in ordered]
        await session.execute(_PUT_BACK, {"ids": ids, "next_ats": next_ats, "token": token})


async def ensure(session: AnySession, *, location_key: str, target_date: date, party_size: int, tier: Tier) -> int:
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
    result: Any = await session.execute(_WAKE_OLDER, {"ids": ids, "older_than": older_than})
    return int(result.rowcount)


async def wake(session: AsyncSession, group_id: int) -> None:
    """Make one group due."""
    await session.execute(_WAKE, {"id": group_id})
