"""Decides which looks go out now: due groups, leased as far as the budget covers the next two ticks."""

from collections.abc import Iterator, Sequence

from redis.exceptions import RedisError

from backend.clients.budget import Budget
from backend.clients.jobs import Job, Jobs
from backend.db.base import Sessions
from backend.db.queries import groups, runs, switches
from backend.domain.types import Tier

# What one message carries. A worker applies answers as they come in, so a batch delays none of its looks.
BATCH = 50


async def dispatch_due(
    sessions: Sessions, jobs: Jobs, budget: Budget, *, tick_seconds: float, browse_party_sizes: Sequence[int] = ()
) -> int:
    """Lease and send due groups; returns how many. A lost message costs a lease of 60 seconds, and no more."""
    covered = await budget.allowance(2 * tick_seconds)
    queue: list[Job] = []
    async with sessions.begin() as session:
        if not await switches.is_on(session, "scanning") or not await groups.may_dispatch(session):
            return 0
        in_flight = await groups.count_in_flight(session)
        room = covered.looks - sum(in_flight.values())
        if room <= 0:
            return 0
        found = list(await groups.due(session, most=room))
        browse = min(room - len(found), covered.browse - in_flight.get(Tier.BROWSE, 0))
        if browse > 0:
            found += await groups.due_browse(session, most=browse, party_sizes=browse_party_sizes)
        for tier in Tier:
            ids = [row.id for row in found if row.tier == tier]
            if ids:
                run_id = await runs.start(session, tier=tier, groups=len(ids))
                await groups.lease(session, ids, run_id=run_id)
                queue += [("scan_groups", (batch, run_id)) for batch in _batches(ids)]
    try:
        await jobs.send(queue)
    except RedisError:
        return 0
    return len(found)


def _batches(ids: Sequence[int]) -> Iterator[list[int]]:
    for start in range(0, len(ids), BATCH):
        yield list(ids[start : start + BATCH])
