"""The watch loop with a worker that a test holds in its hand."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from backend.settings import Settings
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
def worker(resources: Resources) -> Worker:
    return Worker(resources)


@pytest.fixture
def mortal(settings: Settings, tmp_path: Path) -> Iterator[Zygote]:
    """Worker processes that die when they are told to."""
    with zygote(environment_of(settings), tmp_path) as process:
        yield process
