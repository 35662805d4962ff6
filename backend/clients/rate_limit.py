"""Limits on how often somebody may do something, exact over all processes: at most `count` in any `seconds`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files
from uuid import uuid4

from redis.asyncio import Redis

_LUA = (files("backend.clients") / "rate_limit.lua").read_text()


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` in any `seconds`."""

    count: int
    seconds: int


class RateLimiter:
    """Counts admitted requests in Redis."""

    def __init__(self, redis: Redis) -> None:
        self._script = redis.register_script(_LUA)

    async def admit(self, rules: Sequence[tuple[str, Limit]]) -> timedelta | None:
        """Count a request against all rules (key, limit); or the time to wait, and nothing is counted.

        Raises redis.RedisError.
        """
        numbers = [number for _, limit in rules for number in (limit.count, limit.seconds * 1000)]
        wait = int(await self._script([f"limit:{key}" for key, _ in rules], [uuid4().hex, *numbers]))
        return timedelta(milliseconds=wait) if wait else None
