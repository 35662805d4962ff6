"""What a worker process holds: engine, Redis, HTTP client and channels, made and closed on the actors' event loop."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from dramatiq.asyncio import get_event_loop_thread
from dramatiq.middleware import Middleware
from dramatiq.middleware.middleware import MiddlewareError
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine

from backend.clients.budget import Budget, open_budget
from backend.clients.channels.outgoing import Sender
from backend.clients.channels.registry import open_senders
from backend.clients.jobs import Jobs
from backend.clients.wisely import Wisely, open_wisely
from backend.db.base import Sessions, open_engine, sessions_of
from backend.domain.types import Tier
from backend.services.keys import ensure_push_key
from backend.services.preparation import Preparation
from backend.settings import Settings
from observability.pool_hooks import watch_pool
from observability.upstream_hooks import count_call
from workers.counting import begin_counting


@dataclass(frozen=True, slots=True)
class Resources:
    """One process's connections to everything outside."""

    settings: Settings
    engine: AsyncEngine
    sessions: Sessions
    redis: Redis
    jobs: Jobs
    budget: Budget
    wisely: Wisely
    senders: Mapping[str, Sender]

    @property
    def periods(self) -> Mapping[Tier, timedelta]:
        return self.settings.periods

    @property
    def preparation(self) -> Preparation:
        """What messages are prepared with."""
        return Preparation(
            self.sessions,
            self.senders,
            public_url=self.settings.public_url,
            deployment=self.settings.deployment,
            auto_book=self.settings.auto_book,
            clock=utc_now,
        )

    async def close(self) -> None:
        for sender in self.senders.values():
            await sender.close()
        await self.wisely.close()
        await self.budget.close()
        await self.redis.aclose()
        await self.engine.dispose()


def open_resources(settings: Settings) -> Resources:
    """Make the connections of a worker. Call it on the loop that will use them."""
    engine = open_engine(settings.require_database_url, pool_size=8, name="worker")
    redis = Redis.from_url(settings.require_redis_url, socket_timeout=5, socket_connect_timeout=5)
    sessions = sessions_of(engine)
    budget = open_budget(redis, settings)
    return Resources(
        settings=settings,
        engine=engine,
        sessions=sessions,
        redis=redis,
        jobs=Jobs(redis),
        budget=budget,
        wisely=open_wisely(settings, budget, on_call=count_call),
        senders=open_senders(settings, push_key=partial(ensure_push_key, sessions)),
    )


class ResourcesMiddleware(Middleware):
    """Opens the resources when a worker boots and closes them when its last message is done."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._open: Resources | None = None

    @property
    def current(self) -> Resources:
        if self._open is None:
            raise RuntimeError("the worker has not booted")
        return self._open

    def before_worker_boot(self, broker: Any, worker: Any) -> None:
        loop = get_event_loop_thread()
        if loop is None:
            raise MiddlewareError("the event loop of the actors did not start")
        try:
            self._open = loop.run_coroutine(self._make())
        except Exception as error:
            raise MiddlewareError(f"resources: {error}") from error

    def after_worker_shutdown(self, broker: Any, worker: Any) -> None:
        loop = get_event_loop_thread()
        if loop is not None and self._open is not None:
            loop.run_coroutine(self._open.close())
            self._open = None

    async def _make(self) -> Resources:
        opened = open_resources(self._settings)
        watch_pool(opened.engine)
        begin_counting(opened.senders)
        await opened.budget.prime()
        return opened


def utc_now() -> datetime:
    """The clock of the edges; everything below takes `now`."""
    return datetime.now(UTC)
