"""What is open, as one JSON text. Postgres builds it, so that no process stalls over thousands of rows."""

from datetime import date, datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

# A day that was never looked at well is left out of `days`: absent is not the same as empty.
_GRID = text("""
    WITH here AS (
        SELECT *, (CAST(:now AS timestamptz) AT TIME ZONE timezone)::date AS today FROM locations
    ), looked AS (
        SELECT h.key, g.target_date, g.last_ok_at, g.last_error_at, g.last_error IS NOT NULL AS is_in_trouble,
               h.looking AND (g.next_scan_at IS NOT NULL OR g.lease_until > now()) AS will_look, s.slots
        FROM here h JOIN scan_groups g ON g.location_key = h.key AND g.party_size = :party_size
             AND g.target_date BETWEEN h.today AND h.today + (:days - 1)
        LEFT JOIN LATERAL (
            SELECT json_agg(json_build_object('time', d.slot_time, 'available', true, 'reserved_ts', d.reserved_ts,
                                              'type_id', d.reservation_type_id) ORDER BY d.reserved_ts) AS slots
            FROM slot_drops d WHERE d.group_id = g.id AND d.gone_at IS NULL
              AND d.reserved_ts > extract(epoch FROM CAST(:now AS timestamptz)) * 1000
        ) s ON true
    ), by_location AS (
        SELECT key, json_object_agg(target_date, coalesce(slots, '[]'::json) ORDER BY target_date)
                      FILTER (WHERE last_ok_at IS NOT NULL) AS days,
               json_object_agg(target_date, json_build_object(
                   'at', last_ok_at, 'failed_at', CASE WHEN is_in_trouble THEN last_error_at END,
                   'state', CASE WHEN is_in_trouble THEN 'trouble' WHEN last_ok_at IS NOT NULL THEN 'ok'
                                 WHEN will_look THEN 'looking' ELSE 'unknown' END) ORDER BY target_date) AS looks,
               max(last_ok_at) AS newest
        FROM looked GROUP BY key
    )
    SELECT json_object_agg(h.key, json_build_object(
               'name', h.name, 'merchant_id', h.merchant_id, 'scanned_at', b.newest,
               'days', coalesce(b.days, '{}'::json), 'looks', coalesce(b.looks, '{}'::json)) ORDER BY h.name)::text
             AS locations,
           max(b.newest) AS scanned_at, min(h.today) AS first_day
    FROM here h LEFT JOIN by_location b ON b.key = h.key
""")


async def grid(
    session: AsyncSession, *, party_size: int, days: int, now: datetime
) -> tuple[str, datetime | None, date]:
    """All restaurants as JSON text, the newest look, and the earliest day that has not ended everywhere."""
    row = (await session.execute(_GRID, {"party_size": party_size, "days": days, "now": now})).one()
    return row.locations, row.scanned_at, row.first_day
