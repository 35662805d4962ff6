"""Answers that are made once for everybody."""

import asyncio

import pytest

from backend.services.shared import Shared

pytestmark = pytest.mark.fast


class Source:
    """Counts how often it was asked; fails as long as it is broken."""

    def __init__(self) -> None:
        self.asked = 0
        self.is_broken = False

    async def read(self) -> int:
        self.asked += 1
        await asyncio.sleep(0)
        if self.is_broken:
            raise ConnectionError
        return self.asked


async def test_all_who_ask_at_the_same_time_get_one_answer() -> None:
    source = Source()
    shared = Shared(source.read, seconds=60)

    found = await asyncio.gather(*(shared.get() for _ in range(10)))

    assert (found, source.asked) == ([1] * 10, 1)


async def test_an_answer_that_is_too_old_is_made_again() -> None:
    source = Source()
    shared = Shared(source.read, seconds=-1)

    assert [await shared.get(), await shared.get()] == [1, 2]


async def test_an_answer_that_could_not_be_made_is_made_by_the_next_who_asks() -> None:
    source = Source()
    shared = Shared(source.read, seconds=60)
    source.is_broken = True
    with pytest.raises(ConnectionError):
        await shared.get()

    source.is_broken = False

    assert await shared.get() == 2
