"""The user that embedded servers run as. Postgres refuses to run as root, so for root it is `nobody`."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backend.local.errors import LocalError


@dataclass(frozen=True, slots=True)
class Account:
    """This user, or another one when this one is root."""

    uid: int
    gid: int
    is_other: bool

    def popen_arguments(self) -> dict[str, Any]:
        """What subprocess needs to become that user."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []} if self.is_other else {}

    def can_enter(self, folder: Path) -> bool:
        """True when that user may walk to the folder and use what is in it."""
        command = ["/bin/sh", "-c", 'test -x "$1"', "sh", str(folder)]
        return subprocess.run(command, cwd="/", check=False, **self.popen_arguments()).returncode == 0

    def give(self, path: Path) -> None:
        """Make that user the owner."""
        if self.is_other:
            os.chown(path, self.uid, self.gid)


def this_account() -> Account:
    """Whoever runs this process."""
    return Account(os.geteuid(), os.getegid(), is_other=False)


def server_account() -> Account:
    """Who Postgres runs as."""
    if os.geteuid() != 0:
        return this_account()
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise LocalError(
            "Postgres does not run as root, and there is no user `nobody` to run it as: "
            "start this as an ordinary user, or set DATABASE_URL."
        ) from None
    return Account(nobody.pw_uid, nobody.pw_gid, is_other=True)
