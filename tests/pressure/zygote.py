"""A process that has imported the workers and forks a child for each message: a run costs no start.

Commands are lines of JSON on standard input ({"message": base64, "die_at": number or null}); the answer is one line:
how the child ended, and the steps that it took.
"""

import asyncio
import base64
import functools
import gc
import json
import os
import ssl
import subprocess
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dramatiq import Message
from sqlalchemy import text
from sqlalchemy.orm import configure_mappers

from backend.clients.http import open_booking_http, open_look_http
from backend.settings import load_settings
from tests.pressure.steps import Steps
from workers.resources import open_resources

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Life:
    """What became of a child: "killed" at its last step, "ended" well, or "failed" with an error."""

    end: str
    steps: tuple[str, ...]
    error: str


class Zygote:
    """The process, as a test sees it."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        # An empty folder to work in: no settings file is read there.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.pressure.zygote"],
            cwd=folder,
            env={**os.environ, **environment, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._answer() == "ready"

    def run(self, message: Message[Any], *, die_at: int | None = None) -> Life:
        """Hand a message to a worker process that dies at that step."""
        order = {"message": base64.b64encode(message.encode()).decode(), "die_at": die_at}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._answer())
        return Life(answer["end"], tuple(answer["steps"]), answer["error"])

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        assert line, "the process that forks is gone"
        return line


@contextmanager
def zygote(environment: dict[str, str], folder: Path) -> Iterator[Zygote]:
    process = Zygote(environment, folder)
    try:
        yield process
    finally:
        process.close()


def main() -> None:
    from workers.main import broker

    _warm_up()
    answers = os.fdopen(os.dup(1), "w")
    # What the workers log goes where errors go.
    os.dup2(2, 1)
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(read)
            _live(broker, Message.decode(base64.b64decode(order["message"])), order["die_at"], write)
        os.close(write)
        with os.fdopen(read) as pipe:
            told = [json.loads(fact) for fact in pipe]
        _, status = os.waitpid(child, 0)
        errors = [fact["error"] for fact in told if "error" in fact]
        end = "killed" if os.WIFSIGNALED(status) else "failed" if status else "ended"
        steps = [fact["step"] for fact in told if "step" in fact]
        print(json.dumps({"end": end, "steps": steps, "error": "".join(errors)}), file=answers, flush=True)


def _warm_up() -> None:
    """Load what is loaded at its first use, so that no child has to."""
    # To read the certificates takes longer than a whole run.
    ssl.create_default_context = functools.cache(ssl.create_default_context)
    configure_mappers()
    asyncio.run(_connect_once())
    # What is there stays shared with the children.
    gc.collect()
    gc.freeze()


async def _connect_once() -> None:
    settings = load_settings()
    resources = open_resources(settings)
    async with resources.sessions() as session:
        await session.execute(text("SELECT 1"))
    await resources.redis.ping()
    for open_http in (open_look_http, open_booking_http):
        async with open_http(settings.wisely_base_url, user_agent="tests", timeout_seconds=10) as http:
            await http.get("/")
    await resources.close()


def _live(broker: Any, message: Message[Any], die_at: int | None, pipe: int) -> None:
    """Boot as a worker does, work on one message, and end."""

    def tell(**fact: str) -> None:
        os.write(pipe, (json.dumps(fact) + "\n").encode())

    try:
        broker.emit_after("process_boot")
        broker.emit_before("worker_boot", None)
        Steps(lambda name: tell(step=name), die_at=die_at).install()
        broker.get_actor(message.actor_name)(*message.args, **message.kwargs)
    except BaseException:
        tell(error=traceback.format_exc())
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    main()
