"""A server process of our own: started as a direct child, watched, and stopped with its owner."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from backend.local import lock
from backend.local.account import Account
from backend.local.errors import LocalError
from backend.local.ports import require_free_port
from backend.local.process import dies_with_me

# After a crash a server first replays its log.
START_SECONDS = 60.0
STOP_SECONDS = 20.0
_LOG_BYTES = 5_000_000
# Nothing of the person's environment: locale, time zone and defaults of a client would change what a server does.
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


class ServerProcess:
    """Common life of the embedded servers. Subclasses say what to run and when it is ready.

    `start` is `prepare`, `spawn` and waiting for `poll_ready`; a supervisor, which must not block, calls them itself.
    """

    name: str
    stop_signal: signal.Signals

    def __init__(self, data: Path, port: int, account: Account) -> None:
        # The server's working folder is another one.
        self.data = data.absolute()
        self.port = port
        self.account = account
        self._log = self.data / f"{self.name}.log"
        self._log_start = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._owned: int | None = None
        self._reserved: int | None = None
        self._deadline = 0.0

    @property
    def pid(self) -> int | None:
        """The process while there is one."""
        return self._process.pid if self._process else None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start and wait until it answers. Raises LocalError."""
        try:
            self.prepare()
            self.spawn()
            while not self.poll_ready():
                time.sleep(0.02)
        except BaseException:
            self.stop()
            raise

    def prepare(self) -> None:
        """Lock the data folder and make in it what is missing. May take a second. Raises LocalError."""
        with self._sentences():
            self.data.mkdir(parents=True, exist_ok=True)
            if self._owned is None:
                self._owned = lock.own(self.data / f"{self.name}.lock")
            self._release_reserved()
            self._reserved = lock.reserve_for_server(self.data / f"{self.name}.running", self.stop_signal)
            self.prepare_folder()

    def spawn(self) -> None:
        """Start the process; from the main thread, whose end would be the server's. Raises LocalError."""
        if self._reserved is None:
            raise RuntimeError("prepare() comes first")
        require_free_port("127.0.0.1", self.port, setting=f"the port of {self.name}")
        with self._sentences(), self._open_log() as log:
            self._process = subprocess.Popen(
                self.command(),
                cwd="/",
                env=ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Away from the terminal: Ctrl-C is the owner's to handle.
                start_new_session=True,
                pass_fds=(self._reserved,),
                preexec_fn=dies_with_me(self.stop_signal),
                **self.account.popen_arguments(),
            )
            lock.hand_over(self._reserved, self._process.pid)
            self._reserved = None
        self._deadline = time.monotonic() + START_SECONDS

    def poll_ready(self) -> bool:
        """True when it answers. Raises LocalError when it ended, or takes too long."""
        if not self.is_running():
            raise LocalError(f"{self.name} did not start on {self.data}: {self._last_words()}")
        if time.monotonic() > self._deadline:
            raise LocalError(f"{self.name} was not ready after {START_SECONDS:g} s: {self._last_words()}")
        return self.is_ready()

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Stop it, wait, and give the data folder free; what does not end in time is killed."""
        if self._process is not None:
            self._process.send_signal(self.stop_signal)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        self._release_reserved()
        if self._owned is not None:
            os.close(self._owned)
            self._owned = None

    def prepare_folder(self) -> None:
        raise NotImplementedError

    def command(self) -> list[str]:
        raise NotImplementedError

    def is_ready(self) -> bool:
        raise NotImplementedError

    @contextlib.contextmanager
    def _sentences(self) -> Iterator[None]:
        """Trouble with files and disks, as something a person can act on."""
        try:
            yield
        except OSError as error:
            raise LocalError(
                f"{self.name} cannot use {error.filename or self.data} ({error.strerror}): "
                "mend that, or set HOUSTONS_DATA to another folder."
            ) from None

    def _release_reserved(self) -> None:
        if self._reserved is not None:
            os.close(self._reserved)
            self._reserved = None

    @contextlib.contextmanager
    def _open_log(self) -> Iterator[int]:
        if self._log.exists() and self._log.stat().st_size > _LOG_BYTES:
            self._log.replace(self._log.with_suffix(".log.1"))
        # A log may quote what is in the data.
        descriptor = os.open(self._log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            self._log_start = os.fstat(descriptor).st_size
            yield descriptor
        finally:
            os.close(descriptor)

    def _last_words(self) -> str:
        """What it wrote since this start: complaints if there are any, else its last lines."""
        with self._log.open("rb") as log:
            log.seek(self._log_start)
            lines = [line.strip() for line in log.read().decode(errors="replace").splitlines() if line.strip()]
        complaints = [line for line in lines if any(word in line for word in ("FATAL", "PANIC", "HINT", "rror"))]
        return " / ".join((complaints or lines)[-3:]) or "it said nothing"
