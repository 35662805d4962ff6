"""`houstons booking`, on the installation's database."""

import asyncio
from typing import Any

import pytest
from click.testing import CliRunner, Result

from backend.cli import cli
from tests.services.conftest import Loop


@pytest.fixture
async def unclear(loop: Loop) -> int:
    """A booking whose outcome is unknown."""
    await loop.watch(await loop.guest(), auto_book=True)
    loop.open("19:00")
    (booking_id,) = (await loop.look()).work.bookings
    loop.simulator.send("POST", "/control/trouble", {"kind": "500", "count": 1, "operation": "booking"})
    await loop.book(booking_id)
    return booking_id


async def houstons(loop: Loop, *arguments: str) -> Result:
    """In a thread: the command has an event loop of its own."""
    runner, environment = CliRunner(), {"DATABASE_URL": loop.r.settings.database_url}
    return await asyncio.to_thread(runner.invoke, cli, ["booking", *arguments], env=environment)


async def test_an_operator_lists_and_settles_what_is_unknown(loop: Loop, unclear: int) -> None:
    listed = await houstons(loop, "list", "--unknown")
    settled = await houstons(loop, "settle", str(unclear), "booked", "--note", "They said so on the telephone")
    empty = await houstons(loop, "list", "--unknown")

    assert f"{unclear}  Houston's - Peachtree" in listed.output
    assert settled.output == f"Booking {unclear} is settled: booked.\n"
    assert empty.output == "Nothing waits to be settled.\n"
    row: Any = await loop.one("SELECT state, settled_by, note FROM bookings")
    assert tuple(row) == ("booked", "operator", "They said so on the telephone")


async def test_what_cannot_be_settled_is_a_sentence(loop: Loop, unclear: int) -> None:
    await houstons(loop, "settle", str(unclear), "not-booked")

    again = await houstons(loop, "settle", str(unclear), "booked")
    nowhere = await houstons(loop, "settle", "4711", "booked")

    assert [str(result.exception) for result in (again, nowhere)] == [
        "The outcome of this booking is known: refused",
        "There is no such booking",
    ]
