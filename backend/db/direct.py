"""Sessions that hand statements straight to asyncpg, for what is asked most: a quarter of the CPU time of SQLAlchemy's.

They know `text()` statements that are made once, at module level. What they return and raise is SQLAlchemy's.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from functools import cache
from types import TracebackType
from typing import Any

import asyncpg
from sqlalchemy import Executable, Result
from sqlalchemy.dialects.postgresql import asyncpg as dialects
from sqlalchemy.engine.result import IteratorResult, SimpleResultMetaData
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

_CONNECT_SECONDS = _WAIT_SECONDS = 10
# One that rests for longer may have been forgotten by whatever is between us and the server.
_REST_SECONDS = 300
_dialect: Any = dialects.dialect  # untyped


class DirectSession:
    """One connection, borrowed for a block. Each statement stands alone."""

    def __init__(self, pool: "DirectSessions") -> None:
        self._pool = pool
        self.connection: Any = None

    async def __aenter__(self) -> "DirectSession":
        self.connection = await self._pool.take()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and not isinstance(error, Exception):
            # Broken off in the middle of a statement: nobody knows in what state the connection is.
            self.connection.terminate()
        self._pool.give_back(self.connection)
        if isinstance(error, asyncpg.PostgresError | asyncpg.InterfaceError):
            is_gone = isinstance(error, asyncpg.InterfaceError)
            raise DBAPIError(None, None, error, hide_parameters=True, connection_invalidated=is_gone) from error

    async def execute(self, statement: Executable, params: Mapping[str, Any] | None = None) -> Result[Any]:
        sql, names = _compiled(statement)
        values = params or {}
        records = await self.connection.fetch(sql, *[values[name] for name in names])
        columns = tuple(records[0].keys()) if records else ()
        return IteratorResult(_columns(columns), map(tuple, records))

    async def scalar(self, statement: Executable, params: Mapping[str, Any] | None = None) -> Any:
        return (await self.execute(statement, params)).scalar()


class DirectSessions:
    """Short sessions on connections of their own, at most `size`; used as SQLAlchemy's `async_sessionmaker` is."""

    def __init__(self, connect: Callable[[], Awaitable[Any]], *, size: int) -> None:
        self._connect = connect
        self._free = asyncio.Semaphore(size)
        # (connection, since when), the last used one last.
        self._resting: list[tuple[Any, float]] = []

    def __call__(self) -> DirectSession:
        return DirectSession(self)

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[DirectSession]:
        """One transaction, committed at the end of the block."""
        async with self() as session, session.connection.transaction():
            yield session

    async def take(self) -> Any:
        """A connection. Raises sqlalchemy.exc.TimeoutError when all are in use for too long."""
        try:
            async with asyncio.timeout(_WAIT_SECONDS if self._free.locked() else None):
                await self._free.acquire()
        except TimeoutError:
            raise PoolTimeoutError(f"no connection was free for {_WAIT_SECONDS} s") from None
        while self._resting:
            connection, since = self._resting.pop()
            if time.monotonic() - since > _REST_SECONDS:
                connection.terminate()
            elif not connection.is_closed():
                return connection
        try:
            return await self._connect()
        except BaseException:
            self._free.release()
            raise

    def give_back(self, connection: Any) -> None:
        if not connection.is_closed() and connection.is_in_transaction():
            # Its block was broken off before it could be rolled back.
            connection.terminate()
        if not connection.is_closed():
            self._resting.append((connection, time.monotonic()))
        self._free.release()

    async def close(self) -> None:
        """To be called when none is in use."""
        while self._resting:
            await self._resting.pop()[0].close()


def open_direct(database_url: str, *, size: int, name: str) -> DirectSessions:
    """Connects when asked for the first time; `name` shows in pg_stat_activity."""
    settings = {"application_name": f"houstons-{name}", "timezone": "UTC"}
    return DirectSessions(
        lambda: asyncpg.connect(database_url, timeout=_CONNECT_SECONDS, server_settings=settings), size=size
    )


@cache
def _compiled(statement: Executable) -> tuple[str, list[str]]:
    """The statement with `$1`, and the names of its values in that order."""
    compiled: Any = statement.compile(dialect=_dialect())  # type: ignore[attr-defined]
    return compiled.string, compiled.positiontup


@cache
def _columns(names: tuple[str, ...]) -> SimpleResultMetaData:
    return SimpleResultMetaData(names)
