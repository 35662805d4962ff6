"""Web push: a browser's own push service (RFC 8030), VAPID (RFC 8292), aes128gcm (RFC 8291).

pywebpush encrypts and py-vapid signs; what they make goes out as everything to addresses that a client typed.
"""

import base64
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import httpx
from cryptography.hazmat.primitives.asymmetric import ec

from backend.clients.answers import provider_id
from backend.clients.channels.outgoing import Outgoing
from backend.clients.channels.parsing import Parsed
from backend.clients.errors import SendFailed
from backend.clients.outbound import Outbound
from backend.clients.public_addresses import Network, check_url, is_allowed, literal_address, require_public_form
from backend.domain.types import Kind

if TYPE_CHECKING:
    from py_vapid import Vapid02

PushKey = Callable[[], Awaitable[bytes]]

# Later than this a table is gone, and a test says nothing ...
SHORT_TTL_SECONDS = 600
# ... but how a booking ended is worth knowing when the telephone is on again.
TTL_SECONDS = 24 * 3600
SHORT_LIVED = (Kind.TABLE_OPEN, Kind.CHANNEL_TEST)
# A push service may refuse a token that is good for more than a day.
TOKEN_SECONDS = 12 * 3600
# Services take 4,096 bytes of ciphertext (RFC 8030, 7.2); a character may be 6 bytes of JSON, and the link needs room.
LONGEST_BODY = 240
LONGEST_TITLE = 60
DEAD = (404, 410)

# Where browsers subscribe: Chrome and Edge on phones, Firefox, Safari, Edge on Windows. A browser is believed without
# a code, so an endpoint anywhere else would have us send to whoever was named.
_SERVICES = ("fcm.googleapis.com",)
_SERVICES_BELOW = (".push.services.mozilla.com", ".push.apple.com", ".notify.windows.com")
_POINT_BYTES, _AUTH_BYTES = 65, 16


def parse(address: str, details: Mapping[str, Any], allow: Sequence[Network]) -> Parsed:
    """The endpoint of a PushSubscription; `p256dh` and `auth`, also inside `keys` as browsers give them.

    Only at the push services of browsers, or at an address that `allow` names.
    """
    url = check_url(address, allow)
    _require_service(url, allow)
    keys = details["keys"] if isinstance(details.get("keys"), Mapping) else details
    try:
        point, auth = _decoded(keys.get("p256dh")), _decoded(keys.get("auth"))
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
        if len(point) != _POINT_BYTES or len(auth) != _AUTH_BYTES:
            raise ValueError("a key of another length")
    except ValueError:
        raise ValueError("The keys p256dh and auth are not those of a browser's subscription") from None
    return str(url), {"p256dh": _encoded(point), "auth": _encoded(auth)}


class WebPush:
    """Pushes to browsers. `key` gives the private key of VAPID, 32 bytes, and is asked until it has answered once;
    `contact` is a `mailto:` or `https:` address where a push service may complain.
    """

    def __init__(
        self, outbound: Outbound, *, key: PushKey, contact: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._outbound = outbound
        self._key = key
        self._contact = contact
        self._clock = clock
        self._vapid: Vapid02 | None = None

    async def send(self, message: Outgoing) -> str:
        """Push a message; returns its address at the push service, or its id. Raises SendFailed."""
        vapid = await self._open()
        try:
            content = _encrypted(message)
            signed = vapid.sign(self._claims(message.to))
        except Exception as error:
            # The libraries raise what they like; subscriptions were checked when they came.
            raise SendFailed(f"not a subscription that can be used: {type(error).__name__}", permanent=True) from error
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Encoding": "aes128gcm",
            "TTL": str(SHORT_TTL_SECONDS if message.kind in SHORT_LIVED else TTL_SECONDS),
            "Urgency": "high",
        }
        answer = await self._outbound.post(
            message.to, content=content, headers=headers, secret_headers=signed, dead=DEAD
        )
        return provider_id(answer.headers.get("location")) or str(message.message_id)

    async def close(self) -> None:
        await self._outbound.close()

    async def _open(self) -> "Vapid02":
        if self._vapid is None:
            # Here: a process that pushes nothing does not load it.
            from py_vapid import Vapid02

            self._vapid = Vapid02.from_raw(_encoded(await self._key()).encode())
        return self._vapid

    def _claims(self, endpoint: str) -> dict[str, Any]:
        url = httpx.URL(endpoint)
        origin = f"{url.scheme}://{url.netloc.decode()}"
        return {"aud": origin, "exp": int(self._clock()) + TOKEN_SECONDS, "sub": self._contact}


def _require_service(url: httpx.URL, allow: Sequence[Network]) -> None:
    literal = literal_address(url.host)
    if literal is not None and is_allowed(literal, allow):
        return
    if url.host not in _SERVICES and not url.host.endswith(_SERVICES_BELOW):
        raise ValueError("That is not the push service of a browser that we know")
    require_public_form(url)


def _encrypted(message: Outgoing) -> bytes:
    from pywebpush import WebPusher

    told = {
        "title": message.subject[:LONGEST_TITLE],
        "body": (message.short or message.text)[:LONGEST_BODY],
        "url": message.link,
        "kind": message.kind,
        # One that comes twice takes its own place.
        "tag": str(message.message_id),
    }
    keys = {name: message.details.get(name) for name in ("p256dh", "auth")}
    pusher = WebPusher({"endpoint": message.to, "keys": keys})
    return bytes(pusher.encode(json.dumps(told, ensure_ascii=False).encode(), "aes128gcm")["body"])


def _decoded(written: Any) -> bytes:
    if not isinstance(written, str) or len(written) > 200:
        raise ValueError("no key")
    return base64.urlsafe_b64decode(written.strip().rstrip("=") + "=" * (-len(written.strip().rstrip("=")) % 4))


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
