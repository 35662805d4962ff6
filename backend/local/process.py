"""Child processes that cannot outlive their parent."""

import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def die_with_parent(signum: int = signal.SIGTERM, *, parent: int | None = None) -> None:
    """Ask the kernel for `signum` when the parent ends. Linux only; elsewhere it does nothing.

    `parent` is the process that should still be there, for it may have died before this call; a process made by
    `multiprocessing` knows it by itself.
    """
    if _libc is None:
        return
    _libc.prctl(_PR_SET_PDEATHSIG, int(signum), 0, 0, 0)
    maker = multiprocessing.parent_process()
    expected = parent if parent is not None else maker and maker.pid
    if expected is not None and os.getppid() != expected:
        os.kill(os.getpid(), signum)


def dies_with_me(signum: int) -> Callable[[], None]:
    """A `preexec_fn` for children of this process. Start them from the main thread: the kernel watches the thread."""
    me = os.getpid()
    return lambda: die_with_parent(signum, parent=me)
