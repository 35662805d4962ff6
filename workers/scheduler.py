"""Turns ticks into messages. Any number of schedulers may run: a tick is a key in Redis, and one of them gets it."""

import asyncio
import signal
from datetime import UTC, datetime

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger
from redis.asyncio import Redis
from redis.exceptions import RedisError

from backend.clients.jobs import Jobs
from backend.db.base import open_engine, sessions_of
from backend.services.heart import beating
from backend.settings import Settings
from observability.correlation import begin
from observability.metrics import TICKS
from workers.schedule import Tick, schedule

log = structlog.get_logger()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


async def run_scheduler(settings: Settings) -> None:
    """Tick until SIGTERM or SIGINT."""
    redis = Redis.from_url(settings.require_redis_url, socket_timeout=5, socket_connect_timeout=5)
    jobs = Jobs(redis)
    scheduler = AsyncIOScheduler(
        timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": 60}
    )
    for tick in schedule(settings):
        # Periods start at multiples since the epoch, so that all schedulers mean the same tick.
        trigger = IntervalTrigger(seconds=tick.seconds, start_date=_EPOCH, timezone=UTC)
        scheduler.add_job(fire, trigger, args=(redis, jobs, tick), id=tick.actor)
    stop = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    scheduler.start()
    for tick in schedule(settings):
        await fire(redis, jobs, tick)
    log.info("scheduler.started", ticks=len(schedule(settings)))
    engine = open_engine(settings.require_database_url, pool_size=1, name="scheduler")
    async with beating(sessions_of(engine), part="scheduler"):
        await stop.wait()
    scheduler.shutdown(wait=False)
    await engine.dispose()
    await redis.aclose()


async def fire(redis: Redis, jobs: Jobs, tick: Tick) -> None:
    """Send a tick's message, unless some scheduler has done so in this period."""
    begin()
    number = int(datetime.now(UTC).timestamp() // tick.seconds)
    try:
        if await redis.set(f"tick:{tick.actor}:{number}", "1", nx=True, ex=max(1, round(10 * tick.seconds))):
            await jobs.send([(tick.actor, ())])
            TICKS.labels(tick.actor, "sent").inc()
        else:
            TICKS.labels(tick.actor, "sent by another").inc()
    except RedisError as error:
        TICKS.labels(tick.actor, "lost").inc()
        log.error("scheduler.tick_lost", actor=tick.actor, reason=str(error))
