"""Bringing a database up to date."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from backend.db import migrations
from backend.db.base import open_engine
from backend.local.postgres import PostgresServer


@pytest.fixture
async def empty(postgres: PostgresServer) -> AsyncIterator[AsyncEngine]:
    """A database with nothing in it."""
    name = f"empty_{uuid4().hex}"
    admin = open_engine(postgres.url, pool_size=1, name="tests")
    async with admin.connect() as connection:
        autocommit = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await autocommit.execute(text(f"CREATE DATABASE {name}"))
    await admin.dispose()
    engine = open_engine(postgres.url.replace("/houstons", f"/{name}"), pool_size=4, name="tests")
    yield engine
    await engine.dispose()


async def count(engine: AsyncEngine, table: str) -> int:
    async with engine.connect() as connection:
        return int(await connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0)


async def test_an_empty_database_comes_up_complete_and_models_agree(empty: AsyncEngine) -> None:
    assert not await migrations.is_current(empty)

    await migrations.migrate(empty)

    assert await migrations.is_current(empty)
    await migrations.check(empty)
    assert await count(empty, "locations") == 30


async def test_started_twice_at_once_it_runs_once(empty: AsyncEngine) -> None:
    await asyncio.gather(migrations.migrate(empty), migrations.migrate(empty))

    assert await count(empty, "locations") == 30


async def test_what_operators_changed_at_a_restaurant_stays(empty: AsyncEngine) -> None:
    await migrations.migrate(empty)
    async with empty.begin() as connection:
        await connection.execute(text("UPDATE locations SET horizon_days = 7 WHERE key = 'peachtree'"))

    await migrations.migrate(empty)

    async with empty.connect() as connection:
        horizon = await connection.scalar(text("SELECT horizon_days FROM locations WHERE key = 'peachtree'"))
    assert horizon == 7


async def test_a_failure_leaves_nothing_behind(empty: AsyncEngine) -> None:
    async with empty.begin() as connection:
        # In the way of the last table that the first migration makes.
        await connection.execute(text("CREATE TABLE notification_attempts (x int)"))

    with pytest.raises(Exception, match="already exists"):
        await migrations.migrate(empty)

    async with empty.connect() as connection:
        tables = await connection.scalar(text("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"))
    assert tables == 1


async def test_only_the_new_york_restaurants_start_without_automatic_booking(empty: AsyncEngine) -> None:
    await migrations.migrate(empty)

    async with empty.connect() as connection:
        rows = await connection.execute(text("SELECT key FROM locations WHERE NOT auto_book_allowed ORDER BY key"))
    assert list(rows.scalars()) == ["east_hampton_grill", "hillstone_park_avenue"]


async def test_accounts_of_before_keep_their_mails_and_their_numbers_become_e164(empty: AsyncEngine) -> None:
    await migrations.migrate(empty, to="0004")
    numbers = ["4045550123", "1 (404) 555-0124", "+442079460018", "555-0123", "", None]
    async with empty.begin() as connection:
        for number, phone in enumerate(numbers):
            values = {"email": f"guest{number}@guests.test", "phone": phone}
            add = text("INSERT INTO users (email, name, phone) VALUES (:email, 'Guest', :phone) RETURNING id")
            user_id = await connection.scalar(add, values)
            channel = "INSERT INTO channels (user_id, kind, address) VALUES (:user_id, 'email', :email)"
            await connection.execute(text(channel), {"user_id": user_id, "email": values["email"]})

    await migrations.migrate(empty)

    async with empty.connect() as connection:
        phones = list((await connection.execute(text("SELECT phone FROM users ORDER BY id"))).scalars())
        told = await connection.scalar(text("SELECT count(*) FROM channels WHERE verified_at IS NOT NULL"))
        proven = await connection.scalar(text("SELECT count(*) FROM users WHERE email_verified_at IS NOT NULL"))
    assert phones == ["+14045550123", "+14045550124", "+442079460018", "555-0123", "", None]
    assert (told, proven) == (len(numbers), 0)
