"""Verifies Google's ID tokens: signature, audience, issuer, time, and that Google has proven the address.

google-auth is synchronous and fetches the certificates at every call: here it runs in a thread and reads from a cache.
"""

import asyncio
import json
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import httpx
from google.auth import jwt
from google.auth.exceptions import GoogleAuthError
from google.auth.transport import Request, Response
from google.oauth2 import id_token

from backend.clients.errors import CertificatesUnavailable, TokenRefused

_ISSUERS = ("accounts.google.com", "https://accounts.google.com")
_CLOCK_SKEW_SECONDS = 10
_KEPT_SECONDS = 3600.0
_KEPT_AT_LEAST, _KEPT_AT_MOST = 60.0, 86400.0
# A key that is not known may be new. Asking for it this often is enough, whoever sends what.
_ASK_AGAIN_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class GoogleIdentity:
    """Somebody whom Google has verified, with an address that Google has proven."""

    google_id: str
    email: str
    name: str
    picture: str | None


class GoogleVerifier:
    """Knows one client id. `certs_url` serves `{key id: PEM certificate}`."""

    def __init__(self, client_id: str, *, certs_url: str) -> None:
        self._client_id = client_id
        self._certs = _Certificates(certs_url)

    async def verify(self, credential: str) -> GoogleIdentity:
        """Who the token speaks of. Raises TokenRefused or CertificatesUnavailable."""
        return await asyncio.to_thread(self._verify, credential)

    def _verify(self, credential: str) -> GoogleIdentity:
        try:
            key_id = jwt.decode_header(credential).get("kid")
            if not isinstance(key_id, str):
                raise TokenRefused("the token names no key")
            self._certs.expect(key_id)
            claims = id_token.verify_token(
                credential,
                self._certs,
                audience=self._client_id,
                certs_url=self._certs.url,
                clock_skew_in_seconds=_CLOCK_SKEW_SECONDS,
            )
        except (ValueError, TypeError, RecursionError, GoogleAuthError) as error:
            raise TokenRefused(type(error).__name__) from None
        # The library checks neither of these.
        if claims.get("iss") not in _ISSUERS:
            raise TokenRefused("another issuer")
        if claims.get("email_verified") is not True:
            raise TokenRefused("Google has not proven the address")
        return _identity(claims)


def _identity(claims: Any) -> GoogleIdentity:
    google_id, email = claims.get("sub"), claims.get("email")
    if not isinstance(google_id, str) or not google_id or not isinstance(email, str) or not email:
        raise TokenRefused("the token names nobody")
    name, picture = claims.get("name"), claims.get("picture")
    is_link = isinstance(picture, str) and picture.startswith("https://")
    return GoogleIdentity(
        google_id=google_id,
        email=email.strip().lower(),
        name=name if isinstance(name, str) and name.strip() else email.partition("@")[0],
        picture=picture if is_link else None,
    )


class _Answer(Response):
    """What google-auth reads of a response."""

    status = 200
    headers: Mapping[str, str] = MappingProxyType({})
    data = b""

    def __init__(self, data: bytes) -> None:
        self.data = data


class _Certificates(Request):
    """google-auth's transport: answers with the certificates of the cache. Used by several threads."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._lock = threading.Lock()
        self._data = b""
        self._key_ids: frozenset[str] = frozenset()
        self._good_until = self._asked_at = float("-inf")

    def __call__(
        self, url: str, method: str = "GET", body: Any = None, headers: Any = None, timeout: Any = None, **_: Any
    ) -> _Answer:
        return _Answer(self._data)

    def expect(self, key_id: str) -> None:
        """Fetch when the certificates are old, or lack this key. Old ones are better than none."""
        with self._lock:
            now = time.monotonic()
            is_due = now > self._good_until or (
                key_id not in self._key_ids and now > self._asked_at + _ASK_AGAIN_SECONDS
            )
            if not is_due:
                return
            self._asked_at = now
            try:
                response = httpx.get(self.url, timeout=5)
                response.raise_for_status()
                self._key_ids = frozenset(json.loads(response.content))
            except (httpx.HTTPError, ValueError, TypeError) as error:
                if not self._data:
                    raise CertificatesUnavailable(type(error).__name__) from error
                self._good_until = now + _ASK_AGAIN_SECONDS
                return
            self._data = response.content
            self._good_until = now + _kept_for(response.headers.get("cache-control", ""))


def _kept_for(cache_control: str) -> float:
    found = re.search(r"max-age=(\d{1,9})", cache_control)
    seconds = float(found[1]) if found else _KEPT_SECONDS
    return min(max(seconds, _KEPT_AT_LEAST), _KEPT_AT_MOST)
