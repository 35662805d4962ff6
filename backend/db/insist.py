"""Trying again when the database was away or two transactions stood in each other's way."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

T = TypeVar("T")
INSIST_SECONDS = 30.0
_FIRST_WAIT, _LONGEST_WAIT = 0.1, 2.0
# From PostgreSQL's appendix A: connection trouble, rolled back for another's sake, out of resources, shutting down.
_PASSING = ("08", "40001", "40P01", "53", "57P")
_UNIQUE_VIOLATION = "23505"


async def insist(work: Callable[[], Awaitable[T]], *, seconds: float = INSIST_SECONDS) -> T:
    """Run a transaction until it goes through. `work` may run several times, and again after a commit whose answer was
    lost: it must be a compare-and-set. Raises the last error when `seconds` are over, and at once what will not pass.
    """
    deadline = time.monotonic() + seconds
    wait = _FIRST_WAIT
    while True:
        try:
            return await work()
        except (DBAPIError, PoolTimeoutError, OSError) as error:
            if not is_passing(error) or time.monotonic() + wait > deadline:
                raise
        await asyncio.sleep(wait)
        wait = min(2 * wait, _LONGEST_WAIT)


def is_passing(error: BaseException) -> bool:
    """True when the same transaction may go through a moment later."""
    if not isinstance(error, DBAPIError):
        return isinstance(error, PoolTimeoutError | OSError)
    if error.connection_invalidated or isinstance(error.orig, OSError):
        return True
    return _state(error).startswith(_PASSING)


def is_taken(error: DBAPIError) -> bool:
    """True when somebody else has written the same key meanwhile: whoever reads again may know it."""
    return _state(error) == _UNIQUE_VIOLATION


def _state(error: DBAPIError) -> str:
    return str(getattr(error.orig, "sqlstate", None) or "")
