"""The key of our pushes to browsers (VAPID): made once, on first need, and the same in every process.

A browser's subscription is bound to the key that it was made with: a newer key would silence all older subscriptions.
"""

import base64

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from backend.db.base import Sessions
from backend.db.queries import keys

_CURVE = ec.SECP256R1()
_BYTES = 32


async def ensure_push_key(sessions: Sessions) -> bytes:
    """The private key, 32 bytes (the number of RFC 7518's `d`)."""
    async with sessions() as session:
        found = await keys.newest(session, "web_push")
    if found is not None:
        return found
    made = ec.generate_private_key(_CURVE).private_numbers().private_value.to_bytes(_BYTES, "big")
    async with sessions.begin() as session:
        return await keys.add_first(session, "web_push", made)


def public_push_key(private_key: bytes) -> str:
    """What a browser subscribes with: the point of the public key, base64url without padding."""
    public = ec.derive_private_key(int.from_bytes(private_key, "big"), _CURVE).public_key()
    point = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return base64.urlsafe_b64encode(point).rstrip(b"=").decode()
