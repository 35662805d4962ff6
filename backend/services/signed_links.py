"""Links in messages that do one thing without signing in: signed by a key of this installation, and kept nowhere.

What they open changes nothing until its button is pressed: programs that look into mails follow every link.
"""

from collections.abc import Sequence
from datetime import timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Literal

from itsdangerous import BadData, SignatureExpired, URLSafeTimedSerializer

from backend.services.errors import AppError

# Of a watch, a watch, a channel, and a booking.
Purpose = Literal["pause", "cancel", "unsubscribe", "settle"]


def sign(key: bytes, purpose: Purpose, subject_id: int) -> str:
    """A token for the end of an address, made at this moment; it does nothing but `purpose`, and only to that one."""
    return _signer((key,), purpose).dumps(subject_id)


def read(keys: Sequence[bytes], token: str, *, purpose: Purpose, max_age: timedelta) -> int:
    """What the token is for: the id of a watch, a channel or a booking. Any of the keys may have signed it.

    Raises AppError 400.
    """
    try:
        subject_id = _signer(tuple(keys), purpose).loads(token, max_age=int(max_age.total_seconds()))
    except SignatureExpired:
        raise AppError(400, "This link is too old; please sign in instead", field="token") from None
    except BadData:
        raise AppError(400, "This link does not work; was all of it copied?", field="token") from None
    return int(subject_id)


@lru_cache(maxsize=64)
def _signer(keys: tuple[bytes, ...], purpose: Purpose) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(
        list(keys), salt=f"link:{purpose}", signer_kwargs={"digest_method": sha256, "key_derivation": "hmac"}
    )
