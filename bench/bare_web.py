"""The yardstick: the same routes by aiohttp and asyncpg, with the product's own SQL and nothing else around it.

A process of its own. It keeps nothing between requests: each has its sign-in checked, and builds its answer anew.
"""

import asyncio
import gzip
import hashlib
import re
import sys
from datetime import UTC, date, datetime, time
from typing import Any

import asyncpg
import msgspec
import uvloop
from aiohttp import web
from redis.asyncio import Redis
from sqlalchemy import TextClause

from backend.clients.jobs import Jobs
from backend.db.queries import availability, groups, locations, sessions, watches

CONNECTIONS = 10
MAX_ACTIVE_WATCHES = 1000


def plain(statement: TextClause, *names: str) -> str:
    """A statement of the product in asyncpg's form: `$1` for the first of the names."""
    sql = statement.text
    for number, name in enumerate(names, 1):
        sql = re.sub(rf"(?<!:):{name}\b", f"${number}", sql)
    return sql


_LOCATIONS = plain(locations._EVERY)
_LOCATION = plain(locations._BY_KEY, "key")
_USER = plain(sessions._USER, "token_hash")
_WATCHES = plain(watches._OF_USER, "user_id", "statuses")
_COUNT = plain(watches._COUNT_ACTIVE, "user_id")
_WINDOW = ("location_key", "target_date", "party_size", "time_start", "time_end")
_BOOKING = ("auto_book", "book_first_name", "book_last_name", "book_email", "book_phone")
_ENSURE = plain(groups._ENSURE, "location_key", "target_date", "party_size", "tier")
_SAME = plain(watches._SAME, "user_id", *_WINDOW)
_CHOICE = ("slot_preference", "preferred_time", "min_notice_minutes")
_INSERT = plain(watches._INSERT, "user_id", *_WINDOW, *_BOOKING, *_CHOICE)
_GRID = plain(availability._GRID, "party_size", "days", "now")

routes = web.RouteTableDef()


@routes.get("/api/locations")
async def list_locations(request: web.Request) -> web.Response:
    rows = await request.app["pool"].fetch(_LOCATIONS)
    return _json({"locations": [dict(row) for row in rows]})


@routes.get("/api/auth/me")
async def me(request: web.Request) -> web.Response:
    user = await _user(request)
    keys = ("id", "name", "email", "picture", "phone", "first_name", "last_name")
    return _json({"user": {key: user[key] for key in keys}})


@routes.get("/api/watches")
async def list_watches(request: web.Request) -> web.Response:
    user = await _user(request)
    rows = await request.app["pool"].fetch(_WATCHES, user["id"], ["active", "paused"])
    return _json({"watches": [dict(row) for row in rows]})


@routes.post("/api/watches")
async def make_watch(request: web.Request) -> web.Response:
    user = await _user(request)
    wish = await request.json()
    day, clocks = date.fromisoformat(wish["target_date"]), (wish["time_start"], wish["time_end"])
    window = (wish["location_key"], day, wish["party_size"], *map(time.fromisoformat, clocks))
    async with request.app["pool"].acquire() as connection, connection.transaction():
        if await connection.fetchrow(_LOCATION, wish["location_key"]) is None:
            raise web.HTTPBadRequest
        await connection.fetchval(_ENSURE, *window[:3], "normal")
        if await connection.fetchval(_SAME, user["id"], *window) is not None:
            raise web.HTTPConflict
        if await connection.fetchval(_COUNT, user["id"]) >= MAX_ACTIVE_WATCHES:
            raise web.HTTPBadRequest
        contact = (user["first_name"], user["last_name"], user["email"], user["phone"])
        watch_id = await connection.fetchval(_INSERT, user["id"], *window, False, *contact, "earliest", None, 0)
    await request.app["jobs"].send([("scan_due_groups", ())])
    return _json({"success": True, "watch_id": watch_id})


@routes.get("/api/availability")
async def show_availability(request: web.Request) -> web.Response:
    party_size, days = int(request.query["party_size"]), int(request.query["days"])
    row = await request.app["pool"].fetchrow(_GRID, party_size, days, datetime.now(UTC))
    body = b'{"locations":' + row["locations"].encode() + b"}"
    packed = await asyncio.to_thread(gzip.compress, body, 5)
    return web.Response(body=packed, content_type="application/json", headers={"Content-Encoding": "gzip"})


async def _user(request: web.Request) -> Any:
    token = request.headers["Authorization"].removeprefix("Bearer ")
    user = await request.app["pool"].fetchrow(_USER, hashlib.sha256(token.encode()).digest())
    if user is None:
        raise web.HTTPUnauthorized
    return user


def _json(body: Any) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), content_type="application/json")


async def main(port: int, database_url: str, redis_url: str) -> None:
    """Serve until standard input ends."""
    app = web.Application()
    app.add_routes(routes)
    async with (
        asyncpg.create_pool(database_url, min_size=CONNECTIONS, max_size=CONNECTIONS) as pool,
        Redis.from_url(redis_url) as redis,
    ):
        app["pool"], app["jobs"] = pool, Jobs(redis)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        await runner.cleanup()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), *sys.argv[2:]))
