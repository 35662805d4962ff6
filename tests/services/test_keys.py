"""The key of our pushes is made once, whoever asks first."""

import asyncio
import base64

import httpx
from sqlalchemy import text

from backend.db.queries import keys
from backend.services.keys import ensure_push_key, public_push_key
from workers.resources import Resources


async def forget(resources: Resources) -> None:
    async with resources.sessions.begin() as session:
        await session.execute(text("DELETE FROM keys WHERE name = 'web_push'"))


async def test_all_who_ask_at_the_same_time_get_the_same_key(resources: Resources) -> None:
    await forget(resources)

    found = await asyncio.gather(*(ensure_push_key(resources.sessions) for _ in range(6)))

    assert len(set(found)) == 1
    assert len(found[0]) == 32
    async with resources.sessions() as session:
        assert await keys.all_of(session, "web_push") == [found[0]]
    assert await ensure_push_key(resources.sessions) == found[0]


async def test_the_newest_key_comes_first_and_names_are_apart(resources: Resources) -> None:
    async with resources.sessions() as session:
        await session.execute(text("INSERT INTO keys (name, value) VALUES ('links', 'older'), ('links', 'newer')"))

        assert await keys.newest(session, "links") == b"newer"
        assert (await keys.all_of(session, "links"))[:2] == [b"newer", b"older"]
        assert b"newer" not in await keys.all_of(session, "web_push")


async def test_the_page_learns_the_public_key_and_nothing_of_the_private_one(
    resources: Resources, client: httpx.AsyncClient
) -> None:
    await forget(resources)

    answer = await client.get("/api/config")
    again = await client.get("/api/config", headers={"If-None-Match": answer.headers["etag"]})

    private = await ensure_push_key(resources.sessions)
    shown = answer.json()["push_public_key"]
    assert shown == public_push_key(private)
    assert len(base64.urlsafe_b64decode(shown + "=")) == 65
    assert (again.status_code, answer.headers["cache-control"].split(",")[0]) == (304, "public")
