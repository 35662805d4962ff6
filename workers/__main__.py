"""`python -m workers` runs the scheduler; actors are run by `dramatiq workers.main`."""

import asyncio
from importlib.metadata import version

from backend.settings import load_settings
from observability.exposition import name_build
from observability.logging import configure_logging
from workers.metrics import show_metrics_of
from workers.scheduler import run_scheduler

settings = load_settings()
configure_logging(level=settings.log_level, form=settings.log_format)
name_build(version("houstons"), "scheduler")
show_metrics_of(settings)
asyncio.run(run_scheduler(settings))
