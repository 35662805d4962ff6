"""Shows how many database connections a process holds, and how many of them are at work."""

from typing import Any

from observability.metrics import POOL


def watch_pool(engine: Any) -> None:
    """Read the pool of an SQLAlchemy engine whenever the metrics are asked for."""
    pool = engine.sync_engine.pool
    POOL.labels("in use").set_function(pool.checkedout)
    POOL.labels("idle").set_function(pool.checkedin)
