"""Sends messages to workers by the name of the actor, in bulk, without importing the workers."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import uuid4

from dramatiq import Message
from redis.asyncio import Redis
from structlog.contextvars import get_contextvars

# Actor name → queue. A test asserts that the workers declare exactly these.
QUEUES = {
    "scan_urgent_watches": "scan",
    "scan_normal_watches": "scan",
    "scan_due_groups": "scan",
    "scan_groups": "scan",
    "send_email_notification": "notify",
    "send_sms_notification": "notify",
    "send_notifications": "notify",
    "drain_notifications": "notify",
    "auto_book_reservation": "book",
    "expire_watches": "upkeep",
    "cleanup_sessions": "upkeep",
    "relay_outbox": "upkeep",
    "send_digests": "upkeep",
    "send_notices": "upkeep",
    "forget_texts": "upkeep",
    "fill_browse_groups": "upkeep",
}

Job = tuple[str, Sequence[Any]]


class Jobs:
    """Enqueues the way dramatiq's Redis broker does: the message in a hash, its id on a list."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def send(self, jobs: Iterable[Job]) -> None:
        """Enqueue (actor name, arguments) pairs in order. Raises redis.RedisError."""
        pipe = self._redis.pipeline(transaction=False)
        # What caused them, for the log: see observability/correlation.py.
        cause = {key: value for key, value in get_contextvars().items() if key == "correlation_id"}
        for name, args in jobs:
            redis_id = str(uuid4())
            message: Message[Any] = Message(
                queue_name=QUEUES[name],
                actor_name=name,
                args=tuple(args),
                kwargs={},
                options={"redis_message_id": redis_id, **cause},
            )
            key = f"dramatiq:{message.queue_name}"
            pipe.hset(f"{key}.msgs", redis_id, message.encode())
            pipe.rpush(key, redis_id)
        await pipe.execute()


async def queue_lengths(redis: Redis) -> dict[str, dict[tuple[str, ...], float]]:
    """Jobs that wait or are being done, and jobs put aside after a failure, by queue. Raises redis.RedisError."""
    names = sorted(set(QUEUES.values()))
    pipe = redis.pipeline(transaction=False)
    for name in names:
        pipe.hlen(f"dramatiq:{name}.msgs")
        pipe.zcard(f"dramatiq:{name}.XQ")
    counts = await pipe.execute()
    waiting, dead = counts[::2], counts[1::2]
    return {
        "queues": {(name,): float(count) for name, count in zip(names, waiting, strict=True)},
        "dead": {(name,): float(count) for name, count in zip(names, dead, strict=True)},
    }
