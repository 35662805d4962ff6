"""Time that passes without waiting: every stored instant moves into the past, and a spent budget is full again."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.conftest import fill_budget
from workers.resources import Resources

# What the watch loop writes. People, restaurants and switches stay.
WORK_TABLES = (
    *("watches", "scan_groups", "scan_runs", "slot_drops", "look_exposure", "scan_history"),
    *("notification_log", "notification_items", "notification_attempts", "bookings"),
)
_CHANGES = """
    SELECT string_agg(format('UPDATE %I SET %s', table_name, changes), ';') FROM (
        SELECT table_name, string_agg(format('%1$I = %1$I - interval %2$L', column_name, $2::text), ', ') AS changes
        FROM information_schema.columns
        WHERE table_schema = 'public' AND data_type = 'timestamp with time zone' AND table_name = ANY($1)
        GROUP BY table_name ORDER BY table_name
    ) tables
"""


async def pass_time(resources: Resources, seconds: float) -> None:
    """As if `seconds` had passed: leases run out, messages wait, chances grow old, and nobody has called for long."""
    async with resources.engine.begin() as connection:
        driver: Any = (await connection.get_raw_connection()).driver_connection
        await driver.execute(await driver.fetchval(_CHANGES, list(WORK_TABLES), f"{seconds} seconds"))
    await fill_budget(resources.redis)


async def forget_work(engine: AsyncEngine) -> None:
    """No watches, and nothing that follows from one; people stay."""
    async with engine.begin() as connection:
        await connection.execute(text(f"TRUNCATE {', '.join(WORK_TABLES)} RESTART IDENTITY CASCADE"))
