"""Decides which looks go out now: due groups, claimed as far as the budget covers the next two ticks."""

from collections.abc import Iterator, Sequence

from redis.exceptions import RedisError

from backend.clients.budget import Budget
from backend.clients.jobs import Job, Jobs
from backend.db.base import Sessions
from backend.db.queries import groups, runs, switches
from backend.domain.types import Tier

BATCH = 10


async def dispatch_due(sessions: Sessions, jobs: Jobs, budget: Budget, *, tick_seconds: float) -> int:
    """Claim and send due groups; returns how many. A lost message costs a lease of 60 seconds, and no more."""
    covered = await budget.allowance(2 * tick_seconds)
    queue: list[Job] = []
    async with sessions.begin() as session:
        if not await switches.is_on(session, "scanning"):
            return 0
        room = covered - await groups.count_in_flight(session)
        if room <= 0:
            return 0
        claimed = await groups.claim_due(session, most=room)
        for tier in Tier:
            ids = [row.id for row in claimed if row.tier == tier]
            if ids:
                run_id = await runs.start(session, tier=tier, groups=len(ids))
                queue += [("scan_groups", (batch, run_id)) for batch in _batches(ids)]
    try:
        await jobs.send(queue)
    except RedisError:
        return 0
    return len(claimed)


def _batches(ids: Sequence[int]) -> Iterator[list[int]]:
    for start in range(0, len(ids), BATCH):
        yield list(ids[start : start + BATCH])
