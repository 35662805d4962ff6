"""A worker that takes one message at a time, when told to: the real actors on the test's own resources.

What a message says is never looked into, so that a test may lose it, repeat it or hand it to a process that dies.
"""

import importlib
import os
from collections.abc import Sequence
from typing import Any

from dramatiq import Broker, Message
from pydantic import SecretStr
from redis.asyncio import Redis

from backend.settings import Settings
from workers.resources import Resources

QUEUES = ("scan", "book", "notify", "upkeep")
# Far above what one test leaves to do: whoever gets there goes round in circles.
_MOST_MESSAGES = 500


def environment_of(settings: Settings) -> dict[str, str]:
    """The variables from which a process reads what was set here."""
    found: dict[str, str] = {}
    for name in settings.model_fields_set:
        value = getattr(settings, name)
        found[name.upper()] = str(value.get_secret_value() if isinstance(value, SecretStr) else value)
    return found


def load_actors(settings: Settings) -> Broker:
    """The broker with every actor. It reads the environment when it is imported for the first time."""
    before = dict(os.environ)
    os.environ.update(environment_of(settings))
    try:
        broker: Broker = importlib.import_module("workers.main").broker
    finally:
        os.environ.clear()
        os.environ.update(before)
    return broker


class Worker:
    """Works on the queues in Valkey, one message after the other."""

    def __init__(self, resources: Resources) -> None:
        self.redis = resources.redis
        self._broker = load_actors(resources.settings)
        middleware = importlib.import_module("workers.broker").resources
        middleware._open = resources

    def actor(self, name: str) -> Any:
        """The coroutine function of an actor, as its worker would run it."""
        return self._broker.get_actor(name).fn.__wrapped__

    def message(self, name: str) -> Message[Any]:
        """What a tick sends."""
        message: Message[Any] = self._broker.get_actor(name).message()
        return message

    async def run(self, message: Message[Any]) -> None:
        await self.actor(message.actor_name)(*message.args, **message.kwargs)

    async def tick(self, *names: str) -> None:
        """What the scheduler's ticks lead to, at once."""
        for name in names:
            await self.actor(name)()

    async def waiting(self, queue: str) -> list[Message[Any]]:
        """The messages of a queue, oldest first; they stay there."""
        return await waiting(self.redis, queue)

    async def take(self, queue: str, place: int = 0) -> Message[Any]:
        """Take a message off its queue."""
        found = await self.waiting(queue)
        assert found, f"nothing waits in {queue}"
        message = found[place]
        await self.redis.lrem(f"dramatiq:{queue}", 1, message.options["redis_message_id"])
        await self.redis.hdel(f"dramatiq:{queue}.msgs", message.options["redis_message_id"])
        return message

    async def drain(self, queues: Sequence[str] = QUEUES) -> int:
        """Work until nothing waits; returns how many messages that were."""
        done = 0
        while True:
            busy = False
            for queue in queues:
                while await self.redis.llen(f"dramatiq:{queue}"):
                    await self.run(await self.take(queue))
                    busy, done = True, done + 1
                    assert done < _MOST_MESSAGES, "there is always something left to do"
            if not busy:
                return done


async def waiting(redis: Redis, queue: str) -> list[Message[Any]]:
    ids = await redis.lrange(f"dramatiq:{queue}", 0, -1)
    if not ids:
        return []
    return [Message.decode(data) for data in await redis.hmget(f"dramatiq:{queue}.msgs", ids) if data]
