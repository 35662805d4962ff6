"""What `dramatiq bench.worker` loads: the product's worker with BENCH_RATE_CAP calls a second, ten at a time."""

import os
from typing import Any

from backend import settings

_load = settings.load_settings


def _load_with_cap(**overrides: Any) -> settings.Settings:
    # Not checked against the most that people may set.
    cap = int(os.environ["BENCH_RATE_CAP"])
    return _load(**overrides).model_copy(update={"upstream_rate_cap": cap, "upstream_rate_mean": float(cap)})


settings.load_settings = _load_with_cap

# Only now: the broker reads the settings when it is imported.
from workers.main import broker  # noqa: E402

__all__ = ["broker"]
