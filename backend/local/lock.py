"""One owner, and one server process, per data folder. The kernel drops these locks however their holders die."""

import contextlib
import fcntl
import os
import signal
import time
from pathlib import Path

from backend.local.errors import LocalError

# How long a server whose owner is gone may take to write its memory down.
LEAVING_SECONDS = 30.0


def own(path: Path) -> int:
    """Hold the lock for this process; returns the descriptor. Raises LocalError when another process has it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if _is_taken(descriptor):
        os.close(descriptor)
        raise _another(path)
    return descriptor


def reserve_for_server(path: Path, stop_signal: signal.Signals) -> int:
    """The lock that the server itself will hold, by inheriting the descriptor; call it as the owner only.

    When it is taken, a server lives on whose owner is gone. It is asked to stop, and waited for with all of its
    processes: two servers on one folder would destroy it.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if _is_taken(descriptor):
        with contextlib.suppress(ValueError, ProcessLookupError, PermissionError):
            os.kill(int(os.pread(descriptor, 20, 0)), stop_signal)
        deadline = time.monotonic() + LEAVING_SECONDS
        while _is_taken(descriptor):
            if time.monotonic() > deadline:
                os.close(descriptor)
                raise _another(path)
            time.sleep(0.02)
    return descriptor


def hand_over(descriptor: int, pid: int) -> None:
    """Note the server that inherited the lock, and let go of it here."""
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(pid).encode(), 0)
    os.close(descriptor)


def _is_taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _another(path: Path) -> LocalError:
    return LocalError(
        f"Another houstons is running on the data folder {path.parent}: "
        "stop it, or set HOUSTONS_DATA to another folder."
    )
