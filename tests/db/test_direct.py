"""Direct sessions: what they return and raise is SQLAlchemy's, and no connection is lost or left in a bad state."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from backend.db.direct import DirectSessions, open_direct
from backend.db.insist import is_passing
from backend.local.postgres import PostgresServer

_TABLE = text("CREATE TEMPORARY TABLE IF NOT EXISTS seen (n int CHECK (n > 0))")
_INSERT = text("INSERT INTO seen VALUES (:n)")
_ALL = text("SELECT n FROM seen ORDER BY n")
_ECHO = text("SELECT CAST(:one AS int) AS first, CAST(:two AS text) AS second, CAST(:one AS int) + 1 AS third")
_PID = text("SELECT pg_backend_pid()")
_SLEEP = text("SELECT pg_sleep(30)")
_END = text("SELECT pg_terminate_backend(pg_backend_pid()), pg_sleep(30)")


@pytest.fixture
async def direct(postgres: PostgresServer) -> AsyncIterator[DirectSessions]:
    """One connection, so that whatever a block leaves behind is seen by the next."""
    sessions = open_direct(postgres.url, size=1, name="tests")
    async with sessions() as session:
        await session.execute(_TABLE)
    yield sessions
    await sessions.close()


async def test_values_go_in_by_name_and_come_out_as_rows(direct: DirectSessions) -> None:
    async with direct() as session:
        row = (await session.execute(_ECHO, {"two": "b", "one": 1})).one()

    assert (row.first, row.second, row.third) == (1, "b", 2)
    assert dict(row._mapping) == {"first": 1, "second": "b", "third": 2}


async def test_nothing_found_is_no_row(direct: DirectSessions) -> None:
    async with direct() as session:
        assert (await session.execute(_ALL)).all() == []
        assert (await session.execute(_ALL)).one_or_none() is None
        assert await session.scalar(_ALL) is None


async def test_a_transaction_that_fails_leaves_nothing_behind(direct: DirectSessions) -> None:
    async with direct.begin() as session:
        await session.execute(_INSERT, {"n": 1})

    async def fail() -> None:
        async with direct.begin() as session:
            await session.execute(_INSERT, {"n": 2})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()

    async with direct() as session:
        assert (await session.execute(_ALL)).scalars().all() == [1]


async def test_errors_are_those_of_sqlalchemy_and_tell_no_values(direct: DirectSessions) -> None:
    with pytest.raises(DBAPIError) as caught:
        async with direct.begin() as session:
            await session.execute(_INSERT, {"n": -77})

    assert getattr(caught.value.orig, "sqlstate", None) == "23514"
    assert "[parameters" not in str(caught.value)
    async with direct() as session:
        assert (await session.execute(_ALL)).all() == []


async def test_a_connection_that_the_server_ended_is_replaced(direct: DirectSessions) -> None:
    async def die() -> None:
        async with direct() as session:
            await session.execute(_END)

    with pytest.raises(DBAPIError) as caught:
        await die()

    assert is_passing(caught.value)
    async with direct() as session:
        assert (await session.execute(_ECHO, {"one": 1, "two": "b"})).one().first == 1


async def test_who_was_broken_off_in_a_transaction_holds_up_nobody(direct: DirectSessions) -> None:
    async def wait() -> None:
        async with direct.begin() as session:
            await session.execute(_INSERT, {"n": 3})
            inserted.set()
            await session.execute(_SLEEP)

    inserted = asyncio.Event()
    waiting = asyncio.create_task(wait())
    await inserted.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    async with asyncio.timeout(10), direct.begin() as session:
        await session.execute(_TABLE)
        assert (await session.execute(_ALL)).all() == []


async def test_more_blocks_than_connections_take_turns(direct: DirectSessions) -> None:
    async def pid() -> int:
        async with direct() as session:
            return int(await session.scalar(_PID))

    found = await asyncio.gather(*(pid() for _ in range(20)))

    assert len(set(found)) == 1
