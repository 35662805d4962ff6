"""Keeping house: expired watches and sessions, and what was left behind."""

import dramatiq
import structlog

from backend.db.queries import groups, watches
from backend.db.queries import sessions as session_queries
from backend.services.outbox import relay
from workers.actors.scan import log_run
from workers.broker import resources
from workers.resources import utc_now

log = structlog.get_logger()


@dramatiq.actor(queue_name="upkeep", max_age=3_600_000)
async def expire_watches() -> None:
    """End watches whose day is over at the restaurant."""
    async with resources.current.sessions.begin() as session:
        count = await watches.expire(session, now=utc_now())
    log.info("watches.expired", count=count)


@dramatiq.actor(queue_name="upkeep", max_age=3_600_000)
async def cleanup_sessions() -> None:
    """Delete expired sessions."""
    async with resources.current.sessions.begin() as session:
        count = await session_queries.delete_expired(session)
    log.info("sessions.deleted", count=count)


@dramatiq.actor(queue_name="upkeep", max_age=3_600_000)
async def fill_browse_groups() -> None:
    """Have what nobody watches looked at as well, so that people can browse."""
    r = resources.current
    async with r.sessions.begin() as session:
        await groups.fill_browse(
            session, days=r.settings.browse_days, party_sizes=r.settings.browse_party_sizes, now=utc_now()
        )


@dramatiq.actor(queue_name="upkeep", max_age=30_000)
async def relay_outbox() -> None:
    """Send on what a crash or an empty Redis left behind."""
    r = resources.current
    found = await relay(r.sessions, r.redis, r.jobs, operators=r.settings.operators, now=utc_now())
    for run in found.closed_runs:
        log_run(run.id, run)
    if found.messages or found.bookings or found.lost_bookings:
        log.info("outbox.relayed", messages=found.messages, bookings=found.bookings, lost=found.lost_bookings)
