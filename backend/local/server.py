"""A server process of our own: started as a direct child, watched, and stopped with its owner."""

import contextlib
import signal
import subprocess
import time
from pathlib import Path

from backend.local.folders import Account
from backend.local.process import LocalError, dies_with_me

START_SECONDS = 30.0


class ServerProcess:
    """Common life of the embedded servers. Subclasses say how to start them and when they are ready."""

    name: str
    stop_signal: signal.Signals

    def __init__(self, data: Path, account: Account) -> None:
        self.data = data
        self.account = account
        self.log = data / f"{self.name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        raise NotImplementedError

    def is_ready(self) -> bool:
        raise NotImplementedError

    def start(self) -> None:
        """Start and wait until it answers. Raises LocalError with the last lines of its log."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=dies_with_me(self.stop_signal),
                **self.account.popen_arguments(),
            )
        deadline = time.monotonic() + START_SECONDS
        while not self.is_ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise LocalError(f"{self.name} did not start on {self.data}: {self._last_words()}")
            time.sleep(0.02)

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stop(self) -> None:
        """Stop it and wait; after ten seconds, kill it."""
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-3:] if self.log.exists() else []
        return " / ".join(line.strip() for line in lines) or "it said nothing"
