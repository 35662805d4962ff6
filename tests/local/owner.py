"""A process that owns servers and children, for tests that kill it. It tells what it has in lines of JSON."""

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path

from backend.local.account import server_account
from backend.local.child import Child
from backend.local.errors import LocalError
from backend.local.folders import prepare_data_folder
from backend.local.postgres import THROW_AWAY, PostgresServer, find_installation
from backend.local.supervisor import Supervisor
from backend.local.valkey import ValkeyServer, find_binary

# A child with a child of its own, as a worker's master has; both would live for minutes. Only SIGKILL ends "stubborn".
PARENT = """
import multiprocessing, os, signal, sys, time
from backend.local.process import die_with_parent

def work(stubborn):
    die_with_parent(signal.SIGTERM)
    if stubborn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("pid", os.getpid(), flush=True)
    time.sleep(300)

if sys.argv[1] == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
multiprocessing.get_context("fork").Process(target=work, args=(sys.argv[1] == "stubborn",)).start()
print("pid", os.getpid(), flush=True)
time.sleep(300)
"""


def tell(**fact: object) -> None:
    print(json.dumps(fact), flush=True)


def parent(name: str, kind: str, stop_seconds: float) -> Child:
    environment = {"PYTHONPATH": str(Path(__file__).parents[2])}
    return Child(name, (sys.executable, "-c", PARENT, kind), environment, stop_seconds)


def say(name: str, line: str) -> None:
    tell(name=name, line=line)


def serve(data: Path, shelter: Path) -> None:
    """Postgres, in the folder that is right for it."""
    account = server_account()
    folder = prepare_data_folder(data, account, shelter=shelter)
    with PostgresServer(folder, options=THROW_AWAY, account=account, shelter=shelter) as postgres:
        tell(folder=str(folder), url=postgres.url, pid=postgres.pid)
        sys.stdin.read()


def everything(data: Path, kind: str, stop_seconds: float) -> None:
    """Both servers, and a child with a child, under supervision."""
    with PostgresServer(data, options=THROW_AWAY) as postgres, ValkeyServer(data) as valkey:
        tell(postgres=postgres.pid, valkey=valkey.pid)
        children = [parent("first", kind, stop_seconds), parent("second", kind, stop_seconds)]
        asyncio.run(Supervisor([postgres, valkey], children, say).run())
    tell(end="clean")


def without_wheels(empty: Path) -> None:
    """What is said where nothing is installed."""
    sys.path[:] = [path for path in sys.path if "site-packages" not in path]
    told = {}
    looks: dict[str, Callable[[], Path]] = {"postgres": lambda: find_installation(empty), "valkey": find_binary}
    for name, look in looks.items():
        try:
            look()
        except LocalError as error:
            told[name] = str(error)
    tell(**told)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", data, shelter]:
            serve(Path(data), Path(shelter))
        case ["without-wheels", empty]:
            without_wheels(Path(empty))
        case ["everything", data, kind, stop_seconds]:
            everything(Path(data), kind, float(stop_seconds))
