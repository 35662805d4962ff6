"""Workers that are slow and alive when their lease is over, and answers that come after newer ones."""

import pytest

from tests.pressure.laboratory import Laboratory


async def one_message(lab: Laboratory) -> None:
    await lab.loop.watch(await lab.loop.guest())
    lab.loop.open("19:00")
    await lab.look()


async def one_chance(lab: Laboratory) -> None:
    await lab.loop.watch(await lab.loop.guest(), auto_book=True)
    lab.loop.open("19:00")
    await lab.look()
    await lab.worker.drain(["notify"])


async def kinds(lab: Laboratory) -> list[str]:
    return [row.kind for row in await lab.loop.rows("SELECT kind FROM notification_log WHERE status = 'sent'")]


async def test_an_older_answer_does_not_bring_back_what_a_newer_one_saw_go(lab: Laboratory) -> None:
    await lab.loop.watch(await lab.loop.guest())
    lab.loop.open("19:00")
    await lab.ask_for_looks()
    await lab.begin("scan", 0, "after")
    lab.loop.close("19:00")
    await lab.clock.skip(61)
    await lab.look()

    await lab.go_on()

    assert await lab.loop.rows("SELECT 1 FROM slot_drops WHERE gone_at IS NULL") == []
    assert await lab.loop.rows("SELECT 1 FROM notification_log") == []


async def test_an_older_answer_does_not_close_what_a_newer_one_saw(lab: Laboratory) -> None:
    await lab.loop.watch(await lab.loop.guest())
    await lab.ask_for_looks()
    await lab.begin("scan", 0, "after")
    lab.loop.open("19:00")
    await lab.clock.skip(61)
    await lab.look()

    await lab.go_on()
    await lab.settle()

    assert (await lab.loop.one("SELECT gone_at FROM slot_drops")).gone_at is None
    assert len(lab.loop.simulator.mails) == 1


async def test_a_slow_look_that_nobody_overtook_counts(lab: Laboratory) -> None:
    await lab.loop.watch(await lab.loop.guest())
    lab.loop.open("19:00")
    await lab.ask_for_looks()
    await lab.begin("scan", 0, "after")
    await lab.clock.skip(61)

    await lab.go_on()
    await lab.settle()

    assert len(lab.loop.simulator.mails) == 1


async def test_a_slow_look_does_not_end_the_claim_of_the_next_one(lab: Laboratory) -> None:
    await lab.loop.watch(await lab.loop.guest())
    await lab.ask_for_looks()
    await lab.begin("scan", 0, "after")
    await lab.clock.skip(61)
    await lab.ask_for_looks()
    await lab.begin("scan", 0, "before")

    await lab.go_on()
    await lab.ask_for_looks()

    assert await lab.worker.waiting("scan") == []
    assert (await lab.loop.one("SELECT lease_until > now() AS is_held FROM scan_groups")).is_held


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_slow_sender_and_the_one_that_took_over_send_the_same_message_id(lab: Laboratory, moment: str) -> None:
    await one_message(lab)
    await lab.begin("notify", 0, moment)
    await lab.clock.skip(121)
    await lab.relay()
    await lab.worker.drain(["notify"])

    await lab.go_on()
    await lab.settle()

    first, second = lab.loop.simulator.mails
    assert first["message_id"] == second["message_id"]
    assert (await lab.loop.one("SELECT status FROM notification_log")).status == "sent"
    assert await lab.contradictions() == []


async def test_a_late_refusal_does_not_undo_the_message_that_was_sent_meanwhile(lab: Laboratory) -> None:
    await one_message(lab)
    await lab.begin("notify", 0, "before")
    await lab.clock.skip(121)
    await lab.look()
    await lab.relay()
    await lab.worker.drain(["notify"])
    order = {"kind": "refuse", "stage": "data", "code": 550, "count": 1}
    lab.loop.simulator.send("POST", "/control/mailbox/trouble", order)

    await lab.go_on()

    row = await lab.loop.one("SELECT status, error_message FROM notification_log")
    assert (row.status, row.error_message) == ("sent", None)
    assert len(lab.loop.simulator.mails) == 1


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_late_yes_settles_the_attempt_that_was_given_up_and_nobody_asks_again(
    lab: Laboratory, moment: str
) -> None:
    await one_chance(lab)
    await lab.begin("book", 0, moment)
    await lab.clock.skip(91)
    await lab.relay()
    await lab.worker.drain()
    given_up = (await lab.loop.one("SELECT state FROM bookings")).state

    await lab.go_on()
    await lab.settle()

    assert given_up == "unknown"
    assert (await lab.loop.one("SELECT state FROM bookings")).state == "booked"
    assert (await lab.loop.one("SELECT status FROM watches")).status == "booked"
    assert len(lab.loop.simulator.bookings) == 1
    assert sorted(await kinds(lab)) == ["booked", "booking_unknown", "booking_unknown", "table_open"]
    assert await lab.contradictions() == []


async def test_a_late_no_settles_the_attempt_that_was_given_up_and_is_told(lab: Laboratory) -> None:
    await one_chance(lab)
    lab.loop.simulator.send("POST", "/control/trouble", {"kind": "refuse", "operation": "booking", "count": 1})
    await lab.begin("book", 0, "after")
    await lab.clock.skip(91)
    await lab.relay()
    await lab.worker.drain()

    await lab.go_on()
    await lab.settle()

    assert (await lab.loop.one("SELECT state FROM bookings")).state == "refused"
    assert sorted(await kinds(lab)) == ["booking_refused", "booking_unknown", "booking_unknown", "table_open"]
    assert lab.loop.simulator.bookings == []


async def test_while_a_slow_attempt_is_given_up_the_next_guest_gets_a_table_and_neither_gets_two(
    lab: Laboratory,
) -> None:
    for name in ("ann", "bob"):
        await lab.loop.watch(await lab.loop.guest(name), auto_book=True)
    lab.loop.open("19:00", tables=2)
    await lab.look()
    await lab.begin("book", 0, "before")
    await lab.clock.skip(91)
    await lab.relay()
    await lab.worker.drain()

    await lab.go_on()
    await lab.settle()

    assert [row.state for row in await lab.loop.rows("SELECT state FROM bookings")] == ["booked", "booked"]
    assert await lab.loose_ends() == []
    assert await lab.contradictions() == []
