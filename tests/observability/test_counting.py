"""What a process counts of its own work."""

from typing import Any

import httpx

from observability.metrics import PROCESS
from tests.conftest import serving
from tests.pressure.worker import Worker
from tests.services.conftest import PEACHTREE, Loop
from workers.counting import count_booking, count_deliveries, count_scan


def value(name: str, **labels: str) -> float:
    return PROCESS.get_sample_value(name, labels) or 0.0


async def test_looks_are_counted_by_what_came_of_them(loop: Loop) -> None:
    await loop.watch(await loop.guest())
    loop.open("19:15")
    counts = {"looks": value("houstons_looks_total", tier="normal", outcome="ok")}
    counts["late"] = value("houstons_look_lag_seconds_count", tier="normal")
    counts["appeared"] = value("houstons_drops_total", event="appeared")
    counts["failed"] = value("houstons_looks_total", tier="normal", outcome="server_error")

    count_scan(await loop.look())
    loop.simulator.send("POST", "/control/trouble", {"kind": "500", "operation": "inventory", "merchant_id": PEACHTREE})
    count_scan(await loop.look())

    assert value("houstons_looks_total", tier="normal", outcome="ok") == counts["looks"] + 1
    assert value("houstons_look_lag_seconds_count", tier="normal") == counts["late"] + 1
    assert value("houstons_drops_total", event="appeared") == counts["appeared"] + 1
    assert value("houstons_looks_total", tier="normal", outcome="server_error") == counts["failed"] + 1


async def test_calls_and_bookings_are_counted_by_their_outcome(loop: Loop) -> None:
    await loop.watch(await loop.guest(), auto_book=True)
    loop.open("19:15")
    before = value("houstons_upstream_calls_total", operation="book", outcome="ok")
    booked = value("houstons_booking_attempts_total", outcome="booked")

    look = await loop.look()
    (outcome,) = await loop.book_all(look.work.bookings)
    count_booking(outcome)

    assert value("houstons_upstream_calls_total", operation="book", outcome="ok") == before + 1
    assert value("houstons_booking_attempts_total", outcome="booked") == booked + 1


async def test_an_attempt_whose_worker_died_is_counted_as_unknown(loop: Loop) -> None:
    await loop.watch(await loop.guest(), auto_book=True)
    loop.open("19:15")
    await loop.look()
    await loop.execute("UPDATE bookings SET state = 'attempting', lease_until = now() - interval '1 second'")
    before = value("houstons_booking_attempts_total", outcome="unknown")

    await Worker(loop.r).actor("relay_outbox")()

    assert value("houstons_booking_attempts_total", outcome="unknown") == before + 1


async def test_tries_to_sign_in_are_counted(loop: Loop) -> None:
    await loop.guest()
    before: dict[str, Any] = {
        outcome: value("houstons_sign_ins_total", way="password", outcome=outcome) for outcome in ("ok", "refused")
    }

    with serving(loop.r.settings) as url:
        async with httpx.AsyncClient(base_url=url) as client:
            for password in ("correct horse", "wrong"):
                await client.post("/api/auth/login", json={"email": "alice@guests.test", "password": password})

    for outcome, count in before.items():
        assert value("houstons_sign_ins_total", way="password", outcome=outcome) == count + 1


async def test_what_became_of_messages_is_counted_with_how_long_their_table_was_known(loop: Loop) -> None:
    await loop.watch(await loop.guest())
    loop.open("19:15")
    sent = {"channel": "email", "kind": "table_open", "outcome": "sent"}
    before = value("houstons_deliveries_total", **sent)
    timed = value("houstons_open_to_sent_seconds_count", channel="email")
    fast = value("houstons_open_to_sent_seconds_bucket", channel="email", le="60.0")
    await loop.look()

    count_deliveries(await loop.send_all())

    assert value("houstons_deliveries_total", **sent) == before + 1
    assert value("houstons_open_to_sent_seconds_count", channel="email") == timed + 1
    assert value("houstons_open_to_sent_seconds_bucket", channel="email", le="60.0") == fast + 1
