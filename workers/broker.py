"""The broker and its middleware, in order. Import it before any actor: actors bind to the broker that is set."""

import asyncio
import signal
from importlib.metadata import version
from typing import Any

import dramatiq
import uvloop
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import (
    AgeLimit,
    AsyncIO,
    Callbacks,
    Middleware,
    Retries,
    ShutdownNotifications,
    TimeLimit,
)

from backend.local.process import die_with_parent
from backend.settings import load_settings
from observability.exposition import name_build
from observability.logging import configure_logging
from observability.worker_middleware import CountedJobs
from workers.heart import HeartMiddleware
from workers.metrics import show_metrics_of
from workers.resources import ResourcesMiddleware


class Process(Middleware):
    """A worker process: a fast loop, our logs, and no life after its master's."""

    def after_process_boot(self, broker: Any) -> None:
        die_with_parent(signal.SIGTERM)
        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
        configure_logging(level=settings.log_level, form=settings.log_format)
        name_build(version("houstons"), "worker")
        show_metrics_of(settings)


settings = load_settings()
resources = ResourcesMiddleware(settings)
broker = RedisBroker(  # type: ignore[no-untyped-call]
    url=settings.require_redis_url,
    middleware=[
        Process(),
        # A look that waited longer than its lease was claimed again: such a message is worth nothing any more.
        AgeLimit(),
        TimeLimit(time_limit=110_000),
        ShutdownNotifications(),
        Callbacks(),
        # The ledgers are the only retry machine.
        Retries(max_retries=0),
        AsyncIO(),
        resources,
        HeartMiddleware(resources),
        CountedJobs(),
    ],
    heartbeat_timeout=15_000,
    maintenance_chance=100_000,
)
dramatiq.set_broker(broker)
