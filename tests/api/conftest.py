"""The cast: Alice owns watches, Charlie must see nothing of them, Ada runs the place, machines have a key.

Each speaks over a connection of their own.
"""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from backend.services.delivery import deliver
from backend.services.outbox import dispatch
from backend.settings import Settings
from tests.conftest import PUSH_KEY, Simulator, serving
from workers.resources import Resources

PASSWORD = "a long enough password"
KEY = {"X-Push-Key": PUSH_KEY}


def account(name: str) -> dict[str, str]:
    return {"name": name, "email": f"{name.lower()}@guests.test", "password": PASSWORD}


@asynccontextmanager
async def signed_up(url: str, name: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client that signs its requests with a new account's token and keeps no cookie."""
    async with httpx.AsyncClient(base_url=url) as http:
        answer = await http.post("/api/auth/signup", json=account(name))
        http.cookies.clear()
        http.headers["Authorization"] = f"Bearer {answer.json()['token']}"
        yield http


@pytest.fixture
async def alice(client: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:
    async with signed_up(str(client.base_url), "Alice") as http:
        yield http


@pytest.fixture
async def charlie(client: httpx.AsyncClient) -> AsyncIterator[httpx.AsyncClient]:
    async with signed_up(str(client.base_url), "Charlie") as http:
        yield http


@pytest.fixture
async def admin(client: httpx.AsyncClient, resources: Resources) -> AsyncIterator[httpx.AsyncClient]:
    async with signed_up(str(client.base_url), "Ada") as http:
        await execute(resources, "UPDATE users SET role = 'admin' WHERE email = 'ada@guests.test'")
        yield http


@pytest.fixture
async def keyless(settings: Settings, resources: Resources) -> AsyncIterator[httpx.AsyncClient]:
    """A web application without PUSH_SCAN_KEY."""
    with serving(settings.model_copy(update={"push_scan_key": None})) as url:
        async with httpx.AsyncClient(base_url=url) as http:
            yield http


async def scalar(resources: Resources, statement: str, **values: Any) -> Any:
    """One value from the database."""
    async with resources.sessions() as session:
        return await session.scalar(text(statement), values)


async def execute(resources: Resources, statement: str) -> None:
    async with resources.sessions.begin() as session:
        await session.execute(text(statement))


async def prove_addresses(resources: Resources) -> None:
    """Everybody has followed the link in their mail."""
    await execute(resources, "UPDATE users SET email_verified_at = now()")
    await execute(resources, "UPDATE channels SET verified_at = now(), verified_by = 'owner'")


async def send_mails(resources: Resources) -> None:
    """Everything that waits in the ledger goes out."""
    async with resources.sessions() as session:
        ids = list((await session.execute(text("SELECT id FROM notification_log WHERE status = 'queued'"))).scalars())
    preparation = replace(resources.preparation, public_url="http://tracker.test")
    await deliver(preparation, ids, send_on=partial(dispatch, resources.sessions, resources.jobs))


async def mailed_token(resources: Resources, simulator: Simulator, purpose: str) -> str:
    """The token in the newest mail that has a link of that purpose."""
    await send_mails(resources)
    mails = sorted(simulator.mails, key=lambda mail: str(mail["received_at"]))
    return [found for mail in mails for found in re.findall(rf"/account#{purpose}=([\w-]+)", str(mail["text"]))][-1]


def refusal(answer: httpx.Response) -> tuple[int, str | None]:
    """Status and field of an error, which must be a sentence and a problem at the same time."""
    assert answer.headers["content-type"].startswith("application/problem+json")
    body = answer.json()
    assert body["error"] == body["detail"]
    assert body["status"] == answer.status_code
    return answer.status_code, body.get("field")
