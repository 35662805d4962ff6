"""Says every ten seconds that a process is alive, in the table that dashboards and alarms read."""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version

from sqlalchemy.exc import SQLAlchemyError

from backend.db.base import Sessions
from backend.db.queries import heartbeats

BEAT_SECONDS = 10.0


@asynccontextmanager
async def beating(sessions: Sessions, *, part: str, queues: Sequence[str] = ()) -> AsyncIterator[None]:
    """Beat for as long as the block lasts. A database that is away costs beats, and not the process."""
    process = f"{socket.gethostname()}:{os.getpid()}"
    task = asyncio.create_task(_beat(sessions, process, part, ",".join(queues)))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        with contextlib.suppress(SQLAlchemyError, OSError):
            async with sessions.begin() as session:
                await heartbeats.stop(session, process)


async def _beat(sessions: Sessions, process: str, part: str, queues: str) -> None:
    while True:
        with contextlib.suppress(SQLAlchemyError, OSError):
            async with sessions.begin() as session:
                await heartbeats.beat(session, process=process, part=part, queues=queues, version=version("houstons"))
        await asyncio.sleep(BEAT_SECONDS)
