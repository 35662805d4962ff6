"""Two schedulers: a tick is one message, and one of them is enough."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.processes.conftest import running
from tests.processes.scene import Scene
from tests.processes.system import System

PERIOD = 0.5


@pytest.fixture(scope="module")
async def system(environment: dict[str, str], folder: Path) -> AsyncIterator[System]:
    """Without workers: the messages stay where they are."""
    changed = {**environment, "DISPATCH_SECONDS": str(PERIOD)}
    async with running(changed, folder, workers={}, schedulers=2) as system:
        yield system


async def ticks(scene: Scene, seconds: float) -> tuple[int, float]:
    """How many messages came for one tick's actor, in how many periods."""
    await scene.redis.delete("dramatiq:scan", "dramatiq:scan.msgs")
    began = time.time()
    await asyncio.sleep(seconds)
    messages = [json.loads(value) for value in await scene.redis.hvals("dramatiq:scan.msgs")]
    periods = time.time() // PERIOD - began // PERIOD
    return sum(message["actor_name"] == "scan_due_groups" for message in messages), periods


async def test_a_tick_is_one_message_and_when_one_scheduler_dies_the_other_goes_on(scene: Scene) -> None:
    with_two, periods = await ticks(scene, 4)
    scene.system.kill("scheduler-1")
    with_one, later_periods = await ticks(scene, 3)

    assert periods / 2 <= with_two <= periods + 1
    assert later_periods / 2 <= with_one <= later_periods + 1
