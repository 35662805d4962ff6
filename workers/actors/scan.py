"""Looking: which groups are due, and the looks themselves."""

from datetime import timedelta
from functools import partial
from typing import Any

import dramatiq
import structlog

from backend.db.queries import groups
from backend.domain.types import Tier
from backend.services.dispatch import dispatch_due
from backend.services.outbox import dispatch
from backend.services.scan import scan
from workers.broker import resources
from workers.counting import count_scan
from workers.resources import utc_now

log = structlog.get_logger()


@dramatiq.actor(queue_name="scan", max_age=60_000)
async def scan_urgent_watches() -> None:
    """Make due the groups of watches that start in under 24 hours."""
    await _make_due(Tier.URGENT)


@dramatiq.actor(queue_name="scan", max_age=60_000)
async def scan_normal_watches() -> None:
    """Make due the groups of all other watches."""
    await _make_due(Tier.NORMAL)


@dramatiq.actor(queue_name="scan", max_age=30_000)
async def scan_due_groups() -> None:
    """Send due looks to the workers; the only one that does."""
    r = resources.current
    count = await dispatch_due(
        r.sessions,
        r.jobs,
        r.budget,
        tick_seconds=r.settings.dispatch_seconds,
        browse_party_sizes=r.settings.browse_party_sizes,
    )
    if count:
        log.debug("scan.dispatched", groups=count)


@dramatiq.actor(queue_name="scan", max_age=60_000)
async def scan_groups(group_ids: list[int], run_id: int) -> None:
    """Look at some groups and send on what follows."""
    r = resources.current
    result = await scan(
        r.sessions,
        r.wisely,
        group_ids,
        run_id,
        periods=r.periods,
        clock=utc_now,
        send_on=partial(dispatch, r.sessions, r.jobs),
    )
    count_scan(result)
    for location, trouble, detail in result.troubles:
        log.warning("scan.trouble", location=location, trouble=str(trouble), detail=detail)
    if result.completed is not None:
        log_run(run_id, result.completed)


def log_run(run_id: int, run: Any) -> None:
    """The line of a finished run."""
    log.info(
        "scan.run",
        run=run_id,
        tier=run.tier,
        groups=run.groups,
        scanned=run.scanned,
        skipped=run.skipped,
        matches=run.matches,
        booked=run.booked,
        failed=run.failed,
    )


async def _make_due(tier: Tier) -> None:
    r = resources.current
    period: timedelta = r.periods[tier]
    async with r.sessions.begin() as session:
        count = await groups.make_due(session, tier, period=period, now=utc_now())
    log.info("scan.made_due", tier=str(tier), groups=count)
