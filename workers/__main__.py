"""`python -m workers` runs the scheduler; actors are run by `dramatiq workers.main`."""

import asyncio

from backend.settings import load_settings
from observability.logging import configure_logging
from workers.scheduler import run_scheduler

settings = load_settings()
configure_logging(level=settings.log_level, form=settings.log_format)
asyncio.run(run_scheduler(settings))
