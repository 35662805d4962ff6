"""Hashing and checking passwords, off the event loop: Argon2. An old SHA-256 hash verifies once and is replaced."""

import asyncio
import hashlib
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from backend.domain.passwords import LONGEST, weakness
from backend.services.errors import AppError

_hasher = PasswordHasher()
# Checked where there is nothing to check, so that every refusal takes equally long.
_NOBODY = _hasher.hash(secrets.token_urlsafe())
# As the import of the earlier version writes its hashes.
_SHA256 = re.compile(r"sha256\$([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Verdict:
    """`replacement` is a better hash of the same password, when the stored one is of an older kind."""

    is_right: bool
    replacement: str | None = None


def require_strong(password: str, *, about: Iterable[str], field: str = "password") -> None:
    """Raises AppError 400 with the reason."""
    reason = weakness(password, about=about)
    if reason is not None:
        raise AppError(400, reason, field=field)


async def hash_password(password: str) -> str:
    return await asyncio.to_thread(_hasher.hash, password)


async def check_password(stored: str | None, password: str) -> Verdict:
    """Whether it is the password behind a hash; none at all takes as long."""
    return await asyncio.to_thread(_check, stored, password[: LONGEST + 1])


def _check(stored: str | None, password: str) -> Verdict:
    if stored is not None and (old := _SHA256.fullmatch(stored)):
        is_right = secrets.compare_digest(hashlib.sha256(password.encode()).hexdigest(), old[1])
        # One Argon2 either way: the time of the answer does not tell that the hash is an old one.
        return Verdict(True, _hasher.hash(password)) if is_right else Verdict(_matches(_NOBODY, password))
    if not stored:
        return Verdict(_matches(_NOBODY, password))
    if not _matches(stored, password):
        return Verdict(False)
    return Verdict(True, _hasher.hash(password) if _hasher.check_needs_rehash(stored) else None)


def _matches(stored: str, password: str) -> bool:
    try:
        return _hasher.verify(stored, password)
    except (VerificationError, InvalidHashError):
        return False
