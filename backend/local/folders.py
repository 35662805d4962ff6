"""Where data, secrets and binaries lie, so that the servers' user reaches them and others do not."""

import contextlib
import hashlib
import os
import secrets
import shutil
import tempfile
from pathlib import Path

from backend.local.account import Account
from backend.local.errors import LocalError

# For root, whose files may lie where no other user can follow, as under /root.
SHELTER = Path("/var/lib/houstons")


def prepare_data_folder(wanted: Path, account: Account, *, shelter: Path = SHELTER) -> Path:
    """Make the folder and return it; one that the account cannot enter is replaced by one in the shelter."""
    folder = wanted.absolute()
    try:
        _make(folder, account)
        if account.is_other and not account.can_enter(folder):
            with contextlib.suppress(OSError):
                folder.rmdir()
            folder = shelter / _short_hash(str(folder))
            _make(folder, account)
        # Asked of the file system: for root every permission seems to be there, also on a disk that is read-only.
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise LocalError(
            f"The data folder {folder} cannot be used ({error.strerror}): set HOUSTONS_DATA to one that can."
        ) from None
    if not account.can_enter(folder):
        raise LocalError(
            f"The data folder {folder} is closed to the user that Postgres runs as: "
            "set HOUSTONS_DATA to a folder that every user can enter."
        )
    return folder


def reachable_binaries(installation: Path, account: Account, *, shelter: Path = SHELTER) -> Path:
    """The installation's bin/, or that of a copy in the shelter when the account cannot enter it."""
    if account.can_enter(installation / "bin"):
        return installation / "bin"
    made = (installation / "bin" / "postgres").stat()
    # A new version at the same place is another copy.
    copy = shelter / f"postgres-{_short_hash(f'{installation} {made.st_size} {made.st_mtime_ns}')}"
    package = installation.parent
    if not copy.exists():
        _make(shelter, account)
        half = Path(tempfile.mkdtemp(prefix="copying-", dir=shelter))
        for_building = shutil.ignore_patterns("include", "*.a")
        shutil.copytree(installation, half / package.name / installation.name, symlinks=True, ignore=for_building)
        # Wheels keep shared libraries beside the package, and the programs look for them by a relative path.
        libraries = package.with_name(f"{package.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, half / libraries.name, symlinks=True)
        _open_to_all(half)
        try:
            half.rename(copy)
        except OSError:
            # Perhaps somebody else was faster, with the same.
            shutil.rmtree(half, ignore_errors=True)
            if not copy.exists():
                raise
    return copy / package.name / installation.name / "bin"


def keep_secret(path: Path) -> str:
    """The password in a file that only its owner reads, made at the first call."""
    if not path.exists():
        half = path.with_name(path.name + ".new")
        half.unlink(missing_ok=True)
        half.touch(mode=0o600)
        half.write_text(secrets.token_urlsafe(24))
        half.rename(path)
    return path.read_text().strip()


def _make(folder: Path, account: Account) -> None:
    """Make what is missing. Another user may walk through what was made, whatever the umask says, and not list it."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    if account.is_other:
        for path in missing:
            path.chmod(0o711)


def _open_to_all(folder: Path) -> None:
    for place, _, files in os.walk(folder):
        os.chmod(place, 0o755)
        for path in (Path(place, name) for name in files):
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
