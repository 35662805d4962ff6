"""One child process: its own process group, its output line by line, and an end that leaves nothing behind."""

import asyncio
import contextlib
import os
import signal
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from backend.local.errors import LocalError
from backend.local.process import dies_with_me

# A line is passed on in pieces of this size rather than kept.
LONGEST_LINE = 64_000

Say = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Child:
    """A process to keep running. After SIGTERM it has `stop_seconds` to finish what it is doing.

    With a `ready_url` it counts as started when that answers 200.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    stop_seconds: float = 15.0
    ready_url: str | None = None


class ChildProcess:
    """A child that runs."""

    def __init__(self, child: Child, process: asyncio.subprocess.Process, say: Say) -> None:
        self.pid = process.pid
        self.last_lines: deque[str] = deque(maxlen=5)
        self._child = child
        self._process = process
        self._is_gone = False
        self._say = say
        self._output = asyncio.create_task(self._pass_on())

    @classmethod
    async def spawn(cls, child: Child, say: Say) -> "ChildProcess":
        """Start it; from the main thread, whose end would be the child's. Raises LocalError."""
        try:
            process = await asyncio.create_subprocess_exec(
                *child.command,
                env=dict(child.environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=dies_with_me(signal.SIGTERM),
            )
        except OSError as error:
            raise LocalError(f"{child.name} cannot be started: {child.command[0]}: {error.strerror}.") from None
        return cls(child, process, say)

    async def ended(self) -> str:
        """Wait for its end, take along what it left behind, and tell how it ended."""
        leader = asyncio.create_task(self._leader_ended())
        await asyncio.wait({leader, self._output}, return_when=asyncio.FIRST_COMPLETED)
        try:
            if self._output.done():
                # Nobody takes the lines any more: raised here, before the full pipe blocks the child.
                self._output.result()
            await leader
        finally:
            self.kill()
            code = await leader
            # From here on its number may be given to somebody else.
            self._is_gone = True
        # Somebody who left the group may hold the pipe open for ever.
        await asyncio.wait({self._output}, timeout=2)
        self._output.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._output
        return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"

    def ask_to_stop(self) -> None:
        """To the leader only, which tells its own; those left over are killed after its end."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """The whole group, at once."""
        if self._is_gone:
            return
        # macOS answers "not permitted" for a group of zombies.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    async def _leader_ended(self) -> int:
        # asyncio's own wait() may also wait for the pipe to close, which whoever the leader left behind holds open.
        while True:
            if (code := self._process.returncode) is not None:
                return code
            await asyncio.sleep(0.1)

    async def _pass_on(self) -> None:
        assert self._process.stdout is not None
        rest = b""
        while chunk := await self._process.stdout.read(LONGEST_LINE):
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) >= LONGEST_LINE:
                lines, rest = [*lines, rest], b""
            for line in lines:
                self._tell(line)
        if rest:
            self._tell(rest)

    def _tell(self, line: bytes) -> None:
        text = line.decode(errors="replace").rstrip()
        self.last_lines.append(text)
        self._say(self._child.name, text)
