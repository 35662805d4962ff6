"""How long to wait after trouble."""

from datetime import timedelta

LOOK_FIRST = timedelta(seconds=15)
SEND_FIRST = timedelta(seconds=15)
SEND_ATTEMPTS = 4


def look_again_after(failures: int, *, period: timedelta, retry_after: timedelta | None) -> timedelta:
    """Doubling from 15 s, never longer than the tier's period, never sooner than the service asked for."""
    wait = min(LOOK_FIRST * float(2 ** min(max(failures - 1, 0), 20)), period)
    return max(wait, retry_after or timedelta())


def send_again_after(attempts: int, *, jitter: float) -> timedelta | None:
    """Quadrupling from 15 s, times 1 to 2 by `jitter` in [0, 1]; None after the first attempt and three retries."""
    if attempts >= SEND_ATTEMPTS:
        return None
    return SEND_FIRST * (float(4 ** (attempts - 1)) * (1 + jitter))
