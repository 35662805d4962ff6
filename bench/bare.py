"""The yardstick: the same looks and the same rows by a plain loop, with the product's HTTP client and plain asyncpg.

A process of its own: it reads a list of group ids from a line of standard input and answers with what it cost.
"""

import asyncio
import json
import resource
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import httpx
import msgspec
import uvloop

from backend.clients.http import open_look_http

AT_ONCE = 10
_CENTER = time(16, 30)

_WATCHES = """
    SELECT w.id, w.user_id, w.time_start, w.time_end, w.auto_book, w.book_first_name, w.book_last_name, w.book_email,
           w.book_phone, c.id AS channel_id, c.kind, c.address
    FROM watches w JOIN users u ON u.id = w.user_id AND u.disabled_at IS NULL
    LEFT JOIN channels c ON c.user_id = w.user_id AND c.muted_at IS NULL AND c.disabled_at IS NULL
    WHERE w.location_key = $1 AND w.target_date = $2 AND w.party_size = $3 AND w.status = 'active'
    ORDER BY w.created_at, w.id
"""
_OPEN = "SELECT id, reserved_ts, reservation_type_id FROM slot_drops WHERE group_id = $1 AND gone_at IS NULL"
_GONE = "UPDATE slot_drops SET gone_at = $2 WHERE id = $1"
_STAYED = "UPDATE slot_drops SET last_seen_at = $2 WHERE id = $1"
_DROP = """
    INSERT INTO slot_drops (group_id, location, slot_date, slot_time, party_size, reserved_ts, reservation_type_id,
                            reservation_type_name, unseen_at, appeared_at, last_seen_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10) RETURNING id
"""
_HISTORY = """
    INSERT INTO scan_history (location, scan_date, time_slot, party_sizes, available, scanned_at)
    VALUES ($1, $2, $3, $4, $5, $6)
"""
_EXPOSURE = """
    INSERT INTO look_exposure AS e (location, weekday, hour, days_ahead, looks, seconds_covered)
    VALUES ($1, $2, $3, $4, 1, $5) ON CONFLICT (location, weekday, hour, days_ahead)
    DO UPDATE SET looks = e.looks + 1, seconds_covered = e.seconds_covered + excluded.seconds_covered
"""
_MESSAGE = """
    INSERT INTO notification_log (user_id, watch_id, channel_id, channel, kind, recipient)
    VALUES ($1, $2, $3, $4, 'table_open', $5) RETURNING id
"""
_ITEM = """
    INSERT INTO notification_items (notification_id, drop_id, dedup_key) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
"""
_BOOKING = """
    INSERT INTO bookings (watch_id, drop_id, user_id, location_key, target_date, meal, party_size, reserved_ts,
                          reservation_type_id, first_name, last_name, email, phone, rank)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT DO NOTHING
"""
_MATCHED = "UPDATE watches SET needs_match = false WHERE id = $1"
_LOOKED = """
    UPDATE scan_groups SET applied_look_at = $2, last_ok_at = $2, last_error = NULL, failures = 0, next_scan_at = $3
    WHERE id = $1
"""
_LOAD = """
    SELECT g.id, g.location_key, g.target_date, g.party_size, g.applied_look_at, l.timezone, l.merchant_id,
           l.auto_book_allowed
    FROM scan_groups g JOIN locations l ON l.key = g.location_key WHERE g.id = ANY($1)
"""


class Time(msgspec.Struct):
    reserved_ts: int
    is_available: bool | int = True


class Block(msgspec.Struct):
    reservation_type_id: int
    reservation_type_name: str = ""
    times: list[Time] = []


class Inventory(msgspec.Struct):
    types: list[Block]


_decode = msgspec.json.Decoder(Inventory).decode


async def look(http: httpx.AsyncClient, pool: Any, group: Any) -> int:
    """Ask about one group and write down what follows, in one transaction; returns the matches."""
    zone = ZoneInfo(group["timezone"])
    center = datetime.combine(group["target_date"], _CENTER, zone)
    query = {
        "merchant_id": group["merchant_id"],
        "party_size": group["party_size"],
        "search_ts": round(center.timestamp() * 1000),
        "limit": 50,
        "show_reservation_types": 1,
    }
    at = datetime.now(UTC)
    response = await http.get("/v2/web/reservations/inventory", params=query)
    response.raise_for_status()
    blocks = _decode(response.content).types
    slots = {(t.reserved_ts, b.reservation_type_id): b for b in blocks for t in b.times if t.is_available}
    async with pool.acquire() as connection, connection.transaction():
        return await _write(connection, group, slots, zone, at)


async def _write(connection: Any, group: Any, slots: dict[tuple[int, int], Block], zone: ZoneInfo, at: datetime) -> int:
    where = (group["location_key"], group["target_date"])
    before, party = group["applied_look_at"], group["party_size"]
    clock = {ts: datetime.fromtimestamp(ts / 1000, zone) for ts, _ in slots}
    known = {(d["reserved_ts"], d["reservation_type_id"]): d["id"] for d in await connection.fetch(_OPEN, group["id"])}
    gone = [(drop_id, at) for key, drop_id in known.items() if key not in slots]
    stayed = [(drop_id, at) for key, drop_id in known.items() if key in slots]
    if gone:
        await connection.executemany(_GONE, gone)
    if stayed:
        await connection.executemany(_STAYED, stayed)
    new = sorted(key for key in slots if key not in known)
    if new:
        drops = [
            (
                group["id"],
                *where,
                f"{clock[ts]:%H:%M}",
                party,
                ts,
                kind,
                slots[ts, kind].reservation_type_name,
                before,
                at,
            )
            for ts, kind in new
        ]
        drop_ids = [row["id"] for row in await connection.fetchmany(_DROP, drops)]
        await connection.executemany(_HISTORY, [(*where, f"{clock[ts]:%H:%M}", str(party), True, at) for ts, _ in new])
    else:
        drop_ids = []
    now_there = at.astimezone(zone)
    covered = min(at - before, timedelta(hours=1)).total_seconds() if before else 0.0
    days_ahead = (group["target_date"] - now_there.date()).days
    await connection.execute(_EXPOSURE, where[0], now_there.weekday(), now_there.hour, days_ahead, covered)

    watches = await connection.fetch(_WATCHES, *where, party)
    pairs = [
        (watch, drop_id, key)
        for watch in watches
        for key, drop_id in zip(new, drop_ids, strict=True)
        if watch["time_start"] <= clock[key[0]].time() <= watch["time_end"] and key[0] > at.timestamp() * 1000
    ]
    if pairs:
        told = {watch["id"]: watch for watch, _, _ in pairs if watch["channel_id"] is not None}
        columns = ("user_id", "id", "channel_id", "kind", "address")
        rows = await connection.fetchmany(_MESSAGE, [tuple(w[name] for name in columns) for w in told.values()])
        message_of = dict(zip(told, (row["id"] for row in rows), strict=True))
        await connection.executemany(_ITEM, list(_items(pairs, message_of)))
    chances = [
        (
            *(watch["id"], drop_id, watch["user_id"], *where, "lunch" if clock[key[0]].hour < 16 else "dinner"),
            *(party, *key, watch["book_first_name"], watch["book_last_name"], watch["book_email"], watch["book_phone"]),
            rank,
        )
        for rank, (watch, drop_id, key) in enumerate(pairs)
        if watch["auto_book"] and group["auto_book_allowed"]
    ]
    if chances:
        await connection.executemany(_BOOKING, chances)
    await connection.executemany(_MATCHED, [(watch["id"],) for watch in watches])
    await connection.execute(_LOOKED, group["id"], at, at + timedelta(minutes=30))
    return len(pairs)


def _items(pairs: Sequence[Any], message_of: dict[int, int]) -> Iterator[tuple[int, int, str]]:
    for watch, drop_id, _ in pairs:
        if watch["id"] in message_of:
            key = f"table_open:watch={watch['id']}:drop={drop_id}:channel={watch['channel_id']}"
            yield message_of[watch["id"]], drop_id, key


async def _look_at(http: httpx.AsyncClient, pool: Any, ids: Sequence[int]) -> int:
    groups = iter(await pool.fetch(_LOAD, ids))
    return sum(await asyncio.gather(*(_look_in_turn(http, pool, groups) for _ in range(AT_ONCE))))


async def _look_in_turn(http: httpx.AsyncClient, pool: Any, groups: Iterator[Any]) -> int:
    """One of several that take from the same groups."""
    matches = 0
    for group in groups:
        found = await look(http, pool, group)
        matches += found
    return matches


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def main(database_url: str, upstream_url: str) -> None:
    """Serve until standard input ends."""
    http = open_look_http(upstream_url, user_agent="bench", timeout_seconds=10)
    async with http, asyncpg.create_pool(database_url, min_size=AT_ONCE, max_size=AT_ONCE) as pool:
        print(json.dumps({"ready": True}), flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            ids = json.loads(line)
            before = _cpu_seconds()
            matches = await _look_at(http, pool, ids)
            print(json.dumps({"cpu_seconds": _cpu_seconds() - before, "matches": matches}), flush=True)


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
