"""The two public operations of Wisely, with latency, trouble and statistics around them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from simulator.bookings import BookingDesk, Refused, party_of
from simulator.http import Ending, Reply, Request, json_reply
from simulator.inventory import Search, answer
from simulator.local_time import is_instant
from simulator.manners import Manners
from simulator.restaurants import RESTAURANTS
from simulator.statistics import Statistics
from simulator.trouble import (
    ACCEPTING,
    DECLINING,
    SPOILING,
    Operation,
    Trouble,
    Troubles,
    decline,
    reply_after_acceptance,
    reply_instead,
    spoil,
)
from simulator.turnover import Turnover
from simulator.world import World

INVENTORY_PATH = "/v2/web/reservations/inventory"
BOOKING_PATH = "/v2/web/reservations"


class Latency(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long an answer takes: `seconds`, and up to `jitter_seconds` more."""

    seconds: float = 0.0
    jitter_seconds: float = 0.0


@dataclass
class Wisely:
    """Everything that makes up the simulated service. `now` gives epoch seconds, `monotonic` seconds."""

    now: Callable[[], float]
    monotonic: Callable[[], float]
    seed: int
    manners: Manners
    latency: Latency
    world: World = field(init=False)
    desk: BookingDesk = field(init=False)
    troubles: Troubles = field(init=False)
    turnover: Turnover = field(init=False)
    statistics: Statistics = field(init=False)

    def __post_init__(self) -> None:
        self._at_start = (self.manners, self.latency)
        self._random = random.Random(self.seed)
        self.world = World()
        self.desk = BookingDesk(self.world)
        self.troubles = Troubles()
        self.turnover = Turnover(self.world, now=self.now)
        self.statistics = Statistics(self.monotonic)

    def reset(self) -> None:
        """Nothing open, nothing booked, no trouble, no turnover; manners and latency as at the start."""
        self.manners, self.latency = self._at_start
        self.world.clear()
        self.desk.clear()
        self.troubles.clear()
        self.turnover.stop()
        self.statistics.reset()

    def delay(self) -> float:
        """Seconds that the next answer takes."""
        return self.latency.seconds + self._random.random() * self.latency.jitter_seconds


@dataclass(frozen=True, slots=True)
class Call:
    """One request to Wisely: how it is counted, and how it is answered when nothing is wrong."""

    operation: Operation
    merchant_id: int | None
    answer: Callable[[Trouble | None], Reply]


def inventory(wisely: Wisely, request: Request) -> Call:
    merchant_id = _number(request.query.get("merchant_id"))
    return Call("inventory", merchant_id, lambda _trouble: _search(wisely, merchant_id, request.query))


def booking(wisely: Wisely, request: Request) -> Call:
    try:
        body = msgspec.json.decode(request.body)
    except msgspec.DecodeError:
        body = None
    merchant_id = body.get("merchant_id") if isinstance(body, dict) else None
    return Call(
        "booking",
        merchant_id if isinstance(merchant_id, int) else None,
        lambda trouble: _book(wisely, body, merchant_id, trouble),
    )


async def serve(wisely: Wisely, call: Call) -> Reply:
    """The reply to a call, after the latency and with the trouble that it meets."""
    delay = wisely.delay()
    if delay > 0:
        await asyncio.sleep(delay)
    trouble = wisely.troubles.next(call.operation, call.merchant_id)
    if trouble is None or trouble.is_for_booking_only:
        return call.answer(trouble)
    if trouble.kind in SPOILING:
        return spoil(trouble, call.answer(None))
    return reply_instead(trouble, now=wisely.now())


def _search(wisely: Wisely, merchant_id: int | None, query: dict[str, str]) -> Reply:
    if merchant_id is None:
        return _failure(400, "merchant_id must be a number.")
    restaurant = RESTAURANTS.get(merchant_id)
    if restaurant is None:
        return _failure(404, "Merchant not found.")
    try:
        type_id = query.get("reservation_type_id")
        search = Search(
            restaurant,
            party_size=int(query["party_size"]),
            search_ts=int(query["search_ts"]),
            limit=int(query.get("limit", wisely.manners.default_limit)),
            type_id=int(type_id) if type_id else None,
        )
    except (KeyError, ValueError):
        return _failure(400, "party_size, search_ts, limit and reservation_type_id must be numbers.")
    if not is_instant(search.search_ts) or search.party_size < 1 or search.limit < 1:
        return _failure(400, "search_ts must be epoch milliseconds, party_size and limit at least 1.")
    wisely.turnover.catch_up(restaurant)
    return json_reply(answer(wisely.world, search, wisely.manners, now_ms=int(wisely.now() * 1000)))


def _book(wisely: Wisely, body: object, merchant_id: object, trouble: Trouble | None) -> Reply:
    now = wisely.now()
    if trouble and trouble.kind in DECLINING:
        reply = decline(trouble)
        wisely.desk.note_refusal(body, status=reply.status, message=trouble.text, now=now)
        return reply
    if isinstance(merchant_id, int) and merchant_id in RESTAURANTS:
        wisely.turnover.catch_up(RESTAURANTS[merchant_id])
    try:
        booked = wisely.desk.book(body, manners=wisely.manners, now=now)
    except Refused as refused:
        return _failure(refused.status, refused.message)
    if trouble and trouble.kind in ACCEPTING:
        return reply_after_acceptance(trouble)
    return json_reply(party_of(booked))


def _number(text: str | None) -> int | None:
    try:
        return int(text or "")
    except ValueError:
        return None


def _failure(status: int, message: str) -> Reply:
    return json_reply({"message": message}, status=status)


def outcome(reply: Reply) -> str:
    """The name under which an answer is counted."""
    return str(reply.status) if reply.ending is Ending.WHOLE else reply.ending.value
