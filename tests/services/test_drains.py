"""Queues of channels are emptied side by side, each by one at a time."""

import asyncio

import pytest

from workers.drains import Drains


class Queues:
    """Drains that hang until they are let go."""

    def __init__(self) -> None:
        self.began: list[str] = []
        self.has_begun = asyncio.Event()
        self.go_on: dict[str, asyncio.Event] = {"email": asyncio.Event(), "webhook": asyncio.Event()}

    async def drain(self, channel: str, more: asyncio.Event) -> None:
        self.began.append(channel)
        self.has_begun.set()
        await self.go_on[channel].wait()


async def test_whoever_comes_later_leaves_theirs_to_the_first_and_goes() -> None:
    queues = Queues()
    drains = Drains(queues.drain)
    first = asyncio.create_task(drains.run("webhook"))
    await queues.has_begun.wait()

    # Neither waits for the one that hangs.
    await drains.run("email")
    await drains.run("webhook")
    queues.go_on["email"].set()
    queues.go_on["webhook"].set()
    await first

    assert sorted(queues.began) == ["email", "webhook", "webhook"]


async def test_trouble_with_one_channel_comes_out_after_all_others_have_ended() -> None:
    ended: list[str] = []

    async def drain(channel: str, _more: asyncio.Event) -> None:
        if channel == "webhook":
            raise ConnectionError
        ended.append(channel)

    drains = Drains(drain)
    first = asyncio.create_task(drains.run("webhook"))
    await asyncio.sleep(0)
    await drains.run("email")

    with pytest.raises(ConnectionError):
        await first
    assert ended == ["email"]
    await drains.run("email")
    assert ended == ["email", "email"]
