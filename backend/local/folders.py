"""The data folder, and who owns it. Postgres refuses to run as root, so as root the servers run as `nobody`."""

import fcntl
import hashlib
import os
import pwd
import secrets
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backend.local.process import LocalError


@dataclass(frozen=True, slots=True)
class Account:
    """The user the embedded servers run as: this one, or `nobody` when this one is root."""

    uid: int
    gid: int
    is_other: bool

    def popen_arguments(self) -> dict[str, Any]:
        """What subprocess needs to become that user."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.is_other else {}

    def can_reach(self, path: Path) -> bool:
        """True when that user may walk to `path` and read it."""
        if not self.is_other:
            return True
        result = subprocess.run(["/usr/bin/test", "-r", str(path)], cwd="/", check=False, **self.popen_arguments())
        return result.returncode == 0

    def give(self, path: Path) -> None:
        """Make that user the owner."""
        if self.is_other:
            os.chown(path, self.uid, self.gid)


def server_account() -> Account:
    """Who the embedded servers run as."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid(), is_other=False)
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid, is_other=True)


def prepare_data_folder(wanted: Path, account: Account) -> Path:
    """Make the folder and return it; one that the account cannot reach is replaced by one under /var/lib/houstons."""
    wanted = wanted.absolute()
    try:
        wanted.mkdir(parents=True, exist_ok=True)
        if not account.can_reach(wanted):
            wanted = _outside(wanted)
            wanted.mkdir(parents=True, exist_ok=True)
        if not os.access(wanted, os.W_OK):
            raise PermissionError(13, "Permission denied")
    except OSError as error:
        raise LocalError(
            f"The data folder {wanted} cannot be used ({error.strerror}): set HOUSTONS_DATA to one that can."
        ) from None
    return wanted


def reachable_binaries(folder: Path, account: Account) -> Path:
    """The folder itself, or a copy of it when the account cannot reach it (a checkout in a closed home folder)."""
    if account.can_reach(folder / "bin"):
        return folder
    copy = _outside(folder)
    if not copy.exists():
        half = copy.with_name(copy.name + ".new")
        shutil.rmtree(half, ignore_errors=True)
        shutil.copytree(folder, half, symlinks=True)
        half.rename(copy)
    return copy


def lock_folder(folder: Path) -> int:
    """Hold the folder for this process; returns the descriptor that holds it. Raises LocalError when it is taken."""
    descriptor = os.open(folder / "houstons.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise LocalError(
            f"Another houstons is running on the data folder {folder}: stop it, or set HOUSTONS_DATA to another folder."
        ) from None
    return descriptor


def keep_secret(path: Path) -> str:
    """The password in a file that only its owner reads, made at the first call."""
    if not path.exists():
        half = path.with_suffix(".new")
        half.touch(mode=0o600)
        half.write_text(secrets.token_urlsafe(24))
        half.rename(path)
    return path.read_text().strip()


def _outside(path: Path) -> Path:
    return Path("/var/lib/houstons") / f"{path.name}-{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"
