"""The control routes: what a test or a person does to the simulated Wisely.

Bodies are JSON objects or forms; a form is answered by sending the browser back to the control page.
Orders that cannot be followed get 400 and a sentence.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import msgspec

from simulator.http import Reply, Request, json_reply, see_other
from simulator.orders import (
    BadOrder,
    CloseSlots,
    OpenSlots,
    SlotsQuery,
    StatisticsQuery,
    TurnoverOrder,
    convert,
    instants_of,
    party_sizes_of,
    read,
    read_date,
    restaurant_of,
    type_of,
    written_time,
)
from simulator.restaurants import RESTAURANTS
from simulator.trouble import Trouble
from simulator.turnover import Plan
from simulator.wisely import Latency, Wisely
from simulator.world import Slot

MOST_DAYS_AHEAD = 60
FASTEST = 1_000.0

Handler = Callable[[Wisely, Request], Any]


def open_slots(wisely: Wisely, request: Request) -> Any:
    order = read(request, OpenSlots)
    restaurant = restaurant_of(order.merchant_id)
    if order.tables < 1:
        raise BadOrder("tables must be at least 1.")
    sizes = party_sizes_of(order)
    wanted = [(instant, *type_of(order, restaurant, instant)) for instant in instants_of(order, restaurant)]
    opened = [
        wisely.world.open(
            restaurant,
            reserved_ts,
            type_id=type_id,
            type_name=type_name,
            party_sizes=sizes,
            tables=order.tables,
        )
        for reserved_ts, type_id, type_name in wanted
    ]
    return {"opened": [described(slot) for slot in opened]}


def close_slots(wisely: Wisely, request: Request) -> Any:
    order = read(request, CloseSlots)
    restaurant = restaurant_of(order.merchant_id)
    if order.date is not None:
        read_date(order.date)
    for time in order.times:
        written_time(time)
    wisely.turnover.catch_up(restaurant)
    closed = [slot for slot in wisely.world.slots(order.merchant_id) if order.chooses(slot)]
    for slot in closed:
        wisely.world.close(slot)
    return {"closed": [described(slot) for slot in closed]}


def list_slots(wisely: Wisely, request: Request) -> Any:
    query = convert(request.query, SlotsQuery)
    if query.date is not None:
        read_date(query.date)
    if query.merchant_id is None:
        wisely.turnover.catch_up_everywhere()
    else:
        wisely.turnover.catch_up(restaurant_of(query.merchant_id))
    slots = wisely.world.slots(query.merchant_id)
    return {"slots": [described(slot) for slot in slots if query.date in (None, slot.day.isoformat())]}


def list_restaurants(_wisely: Wisely, _request: Request) -> Any:
    return {
        "restaurants": [
            {
                "merchant_id": one.merchant_id,
                "name": one.name,
                "timezone": one.timezone,
                "reservation_types": [
                    {"reservation_type_id": type_id, "reservation_type_name": name}
                    for type_id, name in one.types.items()
                ],
            }
            for one in RESTAURANTS.values()
        ]
    }


def set_turnover(wisely: Wisely, request: Request) -> Any:
    order = read(request, TurnoverOrder)
    if not 0 < order.speed <= FASTEST:
        raise BadOrder(f"speed must be above 0 and at most {FASTEST:g}.")
    if not 1 <= order.days_ahead <= MOST_DAYS_AHEAD:
        raise BadOrder(f"days_ahead must lie between 1 and {MOST_DAYS_AHEAD}.")
    for merchant_id in order.merchant_ids or ():
        restaurant_of(merchant_id)
    if order.on:
        merchant_ids = None if order.merchant_ids is None else tuple(order.merchant_ids)
        seed = wisely.seed if order.seed is None else order.seed
        wisely.turnover.start(Plan(seed, order.speed, merchant_ids, order.days_ahead))
    else:
        wisely.turnover.stop()
    return show_turnover(wisely, request)


def show_turnover(wisely: Wisely, _request: Request) -> Any:
    plan = wisely.turnover.plan
    return {"on": plan is not None, **(msgspec.to_builtins(plan) if plan else {})}


def add_trouble(wisely: Wisely, request: Request) -> Any:
    trouble = read(request, Trouble)
    if trouble.count is not None and trouble.count < 1:
        raise BadOrder("count must be at least 1, or null for until it is cleared.")
    if trouble.is_for_booking_only and trouble.operation == "inventory":
        raise BadOrder(f"{trouble.kind} is for bookings only.")
    if trouble.status is not None and not 200 <= trouble.status <= 599:
        raise BadOrder("status must lie between 200 and 599.")
    if trouble.seconds_between_bytes < 0 or (trouble.retry_after_seconds or 0) < 0:
        raise BadOrder("Seconds must not be negative.")
    wisely.troubles.add(trouble)
    return list_trouble(wisely, request)


def list_trouble(wisely: Wisely, _request: Request) -> Any:
    return {"trouble": wisely.troubles.standing}


def clear_trouble(wisely: Wisely, request: Request) -> Any:
    wisely.troubles.clear()
    return list_trouble(wisely, request)


def set_latency(wisely: Wisely, request: Request) -> Any:
    latency = read(request, Latency)
    if latency.seconds < 0 or latency.jitter_seconds < 0:
        raise BadOrder("Seconds must not be negative.")
    wisely.latency = latency
    return latency


def show_latency(wisely: Wisely, _request: Request) -> Any:
    return wisely.latency


def set_manners(wisely: Wisely, request: Request) -> Any:
    """Change the manners that are named and leave the others."""
    try:
        named = request.fields() if request.is_form else msgspec.json.decode(request.body or b"{}", type=dict)
        merged = {**msgspec.to_builtins(wisely.manners), **named}
        manners = msgspec.convert(merged, type(wisely.manners), strict=not request.is_form)
    except msgspec.DecodeError as error:
        raise BadOrder(f"{error}.") from error
    if min(manners.maximum_limit, manners.default_limit) < 1 or manners.cut_off_minutes < 0:
        raise BadOrder("Limits must be at least 1, and cut_off_minutes must not be negative.")
    wisely.manners = manners
    return manners


def show_manners(wisely: Wisely, _request: Request) -> Any:
    return wisely.manners


def show_bookings(wisely: Wisely, _request: Request) -> Any:
    return {
        "bookings": [asdict(booking) for booking in wisely.desk.bookings],
        "refusals": [asdict(refusal) for refusal in wisely.desk.refusals],
    }


def show_statistics(wisely: Wisely, request: Request) -> Any:
    report = statistics_of(wisely)
    if convert(request.query, StatisticsQuery).timestamps:
        report["timestamps"] = wisely.statistics.timestamps()
    return report


def reset_statistics(wisely: Wisely, _request: Request) -> Any:
    wisely.statistics.reset()
    return statistics_of(wisely)


def statistics_of(wisely: Wisely) -> dict[str, Any]:
    """The statistics with the numbers of bookings, for JSON and for the page."""
    counts = {"bookings": len(wisely.desk.bookings), "refusals": len(wisely.desk.refusals)}
    return wisely.statistics.report() | counts


def described(slot: Slot) -> dict[str, Any]:
    return {
        "merchant_id": slot.merchant_id,
        "reserved_ts": slot.reserved_ts,
        "local": slot.local,
        "display_time": slot.display_time,
        "reservation_type_id": slot.type_id,
        "reservation_type_name": slot.type_name,
        "party_sizes": slot.party_sizes,
        "min_party_size": slot.party_sizes[0],
        "max_party_size": slot.party_sizes[-1],
        "tables": slot.tables,
        "origin": slot.origin,
    }


ROUTES: dict[tuple[str, str], Handler] = {
    ("GET", "/control/restaurants"): list_restaurants,
    ("GET", "/control/slots"): list_slots,
    ("POST", "/control/slots/open"): open_slots,
    ("POST", "/control/slots/close"): close_slots,
    ("GET", "/control/turnover"): show_turnover,
    ("POST", "/control/turnover"): set_turnover,
    ("GET", "/control/trouble"): list_trouble,
    ("POST", "/control/trouble"): add_trouble,
    ("DELETE", "/control/trouble"): clear_trouble,
    ("POST", "/control/trouble/clear"): clear_trouble,
    ("GET", "/control/latency"): show_latency,
    ("POST", "/control/latency"): set_latency,
    ("GET", "/control/manners"): show_manners,
    ("POST", "/control/manners"): set_manners,
    ("GET", "/control/bookings"): show_bookings,
    ("GET", "/control/statistics"): show_statistics,
    ("DELETE", "/control/statistics"): reset_statistics,
    ("POST", "/control/statistics/reset"): reset_statistics,
}


def control(wisely: Wisely, handler: Handler, request: Request) -> Reply:
    """The reply to a control request. Raises BadOrder."""
    result = handler(wisely, request)
    return see_other("/") if request.is_form else json_reply(result)
