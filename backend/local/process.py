"""Child processes that cannot outlive their parent, and ports."""

import ctypes
import os
import signal
import socket
import sys
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class LocalError(Exception):
    """Something on this machine is in the way; the text says what, and what to do."""


def die_with_parent(signum: int = signal.SIGTERM, *, parent: int | None = None) -> None:
    """Ask the kernel for `signum` when the parent ends. Linux only; elsewhere it does nothing.

    `parent` is the process that should still be there: between fork and this call it may have died already.
    """
    if _libc is None:
        return
    _libc.prctl(_PR_SET_PDEATHSIG, signum)
    if parent is not None and os.getppid() != parent:
        os.kill(os.getpid(), signum)


def dies_with_me(signum: int) -> Callable[[], None]:
    """A `preexec_fn` for children of this process. Start them from the main thread: the kernel watches the thread."""
    me = os.getpid()
    return lambda: die_with_parent(signum, parent=me)


def free_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def require_free_port(host: str, port: int, *, setting: str) -> None:
    """Raise LocalError, naming the setting to change, when somebody listens there already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise LocalError(
                f"Port {port} on {host} cannot be used ({error.strerror}): stop what uses it, or change {setting}."
            ) from None
