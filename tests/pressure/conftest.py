"""The watch loop with a worker that a test holds in its hand."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog

from backend.settings import Settings
from tests.conftest import Simulator
from tests.pressure.laboratory import Laboratory, build_laboratory
from tests.pressure.worker import Worker, environment_of
from tests.pressure.zygote import Zygote, zygote
from tests.services.conftest import loop
from workers.resources import Resources

__all__ = ["loop"]


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """A sweep's actors would log thousands of lines."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("error"))
    yield
    structlog.reset_defaults()


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Calls may take long: on a busy machine a time-out would be one more thing that went wrong."""
    return settings.model_copy(update={"wisely_timeout_seconds": 10})


@pytest.fixture
def worker(resources: Resources) -> Worker:
    return Worker(resources)


@pytest.fixture
def mortal(settings: Settings, tmp_path: Path) -> Iterator[Zygote]:
    """Worker processes that die when they are told to."""
    with zygote(environment_of(settings), tmp_path) as process:
        yield process


@pytest.fixture
async def lab(resources: Resources, simulator: Simulator) -> AsyncIterator[Laboratory]:
    """The loop with gates; whoever is still held in the end is gone."""
    lab = build_laboratory(resources, simulator)
    yield lab
    await lab.end_all()
