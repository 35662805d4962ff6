"""A worker's signs of life, from its boot to its end in order."""

from contextlib import AsyncExitStack
from typing import Any

from dramatiq.asyncio import get_event_loop_thread
from dramatiq.middleware import Middleware

from backend.services.heart import beating
from workers.resources import ResourcesMiddleware


class HeartMiddleware(Middleware):
    """Stands after the resources, whose database it beats into."""

    def __init__(self, resources: ResourcesMiddleware) -> None:
        self._resources = resources
        self._beating = AsyncExitStack()

    def after_worker_boot(self, broker: Any, worker: Any) -> None:
        loop = get_event_loop_thread()
        queues = sorted(worker.consumer_whitelist or broker.get_declared_queues())
        if loop is not None:
            loop.run_coroutine(self._begin(queues))

    def before_worker_shutdown(self, broker: Any, worker: Any) -> None:
        loop = get_event_loop_thread()
        if loop is not None:
            loop.run_coroutine(self._beating.aclose())

    async def _begin(self, queues: list[str]) -> None:
        sessions = self._resources.current.sessions
        await self._beating.enter_async_context(beating(sessions, part="worker", queues=queues))
