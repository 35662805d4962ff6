"""Keeping house: expired watches and sessions, and what was left behind."""

from datetime import timedelta

import dramatiq
import structlog

from backend.db.queries import groups
from backend.db.queries import sessions as session_queries
from backend.services import notices
from backend.services.outbox import relay
from workers.actors.scan import log_run
from workers.broker import resources
from workers.counting import count_lost_bookings
from workers.resources import utc_now

log = structlog.get_logger()


@dramatiq.actor(queue_name="upkeep", max_age=3_600_000)
async def expire_watches() -> None:
    """End watches whose day is over at the restaurant."""
    count = await notices.expire_watches(resources.current.sessions, now=utc_now())
    log.info("watches.expired", count=count)


@dramatiq.actor(queue_name="upkeep", max_age=3_600_000)
async def send_digests() -> None:
    """Write the digests that are due."""
    count = await notices.send_digests(resources.current.sessions, now=utc_now())
    if count:
        log.info("digests.written", count=count)


@dramatiq.actor(queue_name="upkeep", max_age=3_600_000)
async def send_notices() -> None:
    """Tell administrators what happened."""
    r = resources.current
    count = await notices.send_notices(r.sessions, operators=r.settings.operators, kinds=r.settings.kinds_for_operators)
    if count:
        log.info("notices.written", events=count)


@dramatiq.actor(queue_name="upkeep", max_age=3_600_000)
async def forget_texts() -> None:
    """Delete the words of old messages."""
    r = resources.current
    count = await notices.forget_texts(r.sessions, older_than=timedelta(days=r.settings.body_retention_days))
    log.info("texts.forgotten", count=count)


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
    count_lost_bookings(found.lost_bookings)
    if found.messages or found.bookings or found.lost_bookings:
        log.info("outbox.relayed", messages=found.messages, bookings=found.bookings, lost=found.lost_bookings)
