"""Counts what a process does to the outside, and dies at a given step.

A step is the moment before or after an SQL statement, a commit, a command or pipeline of Redis, an HTTP call or a part
of handing over a mail.
"""

import functools
import os
import signal
from collections.abc import Callable
from typing import Any

import aiosmtplib
import httpx
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from sqlalchemy import event
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect
from sqlalchemy.engine import Engine


class Steps:
    """Tells each step through `report`, and ends the process with SIGKILL at step `die_at`."""

    def __init__(self, report: Callable[[str], None], *, die_at: int | None) -> None:
        self._report = report
        self._die_at = die_at
        self._count = 0

    def install(self) -> None:
        event.listen(Engine, "before_cursor_execute", self._sql("before"))
        event.listen(Engine, "after_cursor_execute", self._sql("after"))
        self._wrap_sync(asyncpg_dialect, "do_commit", lambda *_: "COMMIT")
        self._wrap(Redis, "execute_command", lambda _, *command: f"Redis {_redis_words(command)}")
        self._wrap(Pipeline, "execute", lambda *_: "Redis pipeline")
        self._wrap(httpx.AsyncClient, "send", lambda _, request: f"HTTP {request.method} {request.url.path}")
        self._wrap(aiosmtplib.SMTP, "connect", lambda *_: "SMTP connect")
        self._wrap(aiosmtplib.SMTP, "mail", lambda *_: "SMTP MAIL FROM")
        self._wrap(aiosmtplib.SMTP, "data", lambda *_: "SMTP DATA")
        self._wrap(aiosmtplib.SMTP, "quit", lambda *_: "SMTP QUIT")

    def step(self, name: str) -> None:
        self._count += 1
        self._report(name)
        if self._count == self._die_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def _sql(self, moment: str) -> Callable[..., None]:
        def listener(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            self.step(f"{moment} SQL {' '.join(statement.split())[:70]}")

        return listener

    def _wrap(self, owner: Any, method: str, name: Callable[..., str]) -> None:
        original = getattr(owner, method)

        @functools.wraps(original)
        async def wrapped(*args: Any, **kwargs: Any) -> Any:
            what = name(*args)
            self.step(f"before {what}")
            result = await original(*args, **kwargs)
            self.step(f"after {what}")
            return result

        setattr(owner, method, wrapped)

    def _wrap_sync(self, owner: Any, method: str, name: Callable[..., str]) -> None:
        original = getattr(owner, method)

        @functools.wraps(original)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            what = name(*args)
            self.step(f"before {what}")
            result = original(*args, **kwargs)
            self.step(f"after {what}")
            return result

        setattr(owner, method, wrapped)


def _redis_words(command: tuple[Any, ...]) -> str:
    """A command with its key, or a script with its first one."""
    words = [word.decode() if isinstance(word, bytes) else str(word) for word in command]
    return f"{words[0]} {words[3]}" if words[0].startswith("EVAL") else " ".join(words[:2])
