"""Counts the jobs of a worker, how long they waited, took, and how they ended; each has the id of what caused it."""

import time
from typing import Any

from dramatiq.middleware import Middleware

from observability.correlation import NAME, begin
from observability.metrics import MESSAGE_AGE, MESSAGE_SECONDS, MESSAGES


class CountedJobs(Middleware):
    """Put it last: what other middleware does around a job is not the job's time."""

    def __init__(self) -> None:
        self._began: dict[str, float] = {}

    def before_process_message(self, broker: Any, message: Any) -> None:
        # The actor's coroutine is started from this thread, and takes over what is bound here.
        begin(message.options.get(NAME))
        self._began[message.message_id] = time.perf_counter()
        MESSAGE_AGE.labels(message.actor_name).observe(max(time.time() - message.message_timestamp / 1000, 0))

    def after_process_message(
        self, broker: Any, message: Any, *, result: Any = None, exception: BaseException | None = None
    ) -> None:
        self._end(message, "done" if exception is None else "failed")

    def after_skip_message(self, broker: Any, message: Any) -> None:
        self._end(message, "skipped")

    def _end(self, message: Any, outcome: str) -> None:
        MESSAGES.labels(message.actor_name, outcome).inc()
        began = self._began.pop(message.message_id, None)
        if began is not None:
            MESSAGE_SECONDS.labels(message.actor_name).observe(time.perf_counter() - began)
