"""The one way to addresses that a client typed: webhooks, a person's own ntfy server, the push services of browsers.

The host is resolved here, every address it has is checked, and the connection goes to an address that was checked: a
name that changes its mind in between (DNS rebinding) gains nothing. The certificate is checked against the name.
Redirects go through the same gate. Proxies of the environment are ignored: they would resolve the name anew.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from ipaddress import ip_address

import httpx

from backend.clients.answers import retry_after
from backend.clients.errors import SendFailed
from backend.clients.public_addresses import (
    Address,
    Network,
    check_url,
    is_allowed,
    may_be_reached,
    require_public_form,
)

TOTAL_SECONDS = 10.0
CONNECT_SECONDS = 4.0
MOST_REDIRECTS = 3
MOST_BYTES = 64 * 1024
MOST_ADDRESSES = 3
USER_AGENT = "houstons-reservation-tracker"

# 303 is left out: it asks for a GET, and what was to be told would not arrive.
_REDIRECTS = (301, 302, 307, 308)
_TEMPORARY = (408, 425, 429)
_CONNECTIONS = 50
_NAMES_AT_ONCE = 16

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other side said: a status of 200 to 299 and the first 64 KB."""

    status: int
    headers: httpx.Headers
    body: bytes


class Outbound:
    """Sends POSTs. `allow` are networks of OUTBOUND_ALLOW: any port, and http. Make it on the loop that uses it."""

    def __init__(
        self,
        *,
        allow: Sequence[Network] = (),
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
        total_seconds: float = TOTAL_SECONDS,
    ) -> None:
        self._allow = tuple(allow)
        self._resolve = resolve or self._resolve_by_system
        # Its own: a name server that does not answer holds threads for long, and whoever else asks for names, or works
        # in the loop's own threads, must not wait for them.
        self._threads = ThreadPoolExecutor(_NAMES_AT_ONCE, thread_name_prefix="names")
        self._tls = tls
        self._total_seconds = total_seconds

    async def post(
        self,
        url: str,
        *,
        content: bytes,
        headers: Mapping[str, str],
        secret_headers: Mapping[str, str] | None = None,
        dead: Collection[int] = (),
    ) -> Answer:
        """Send one POST. A redirect to another origin does not get `secret_headers`.

        Raises SendFailed: permanent for an address that is refused and for statuses of 400 to 499 but 408, 425 and 429;
        `address_is_dead` for a status in `dead`. Its text names the host and never the path, which may be a secret.
        """
        deadline = asyncio.get_running_loop().time() + self._total_seconds
        target = self._checked(url)
        sent = dict(headers) | dict(secret_headers or {})
        for _ in range(MOST_REDIRECTS + 1):
            answer = await self._once(target, content, sent, deadline)
            if answer.status not in _REDIRECTS or "location" not in answer.headers:
                _require_accepted(target, answer, dead)
                return answer
            there = self._redirected(target, answer.headers["location"])
            if _origin(there) != _origin(target):
                sent = dict(headers)
            target = there
        raise _refusal(target, f"redirects more than {MOST_REDIRECTS} times")

    async def close(self) -> None:
        """Close what is open. May be called several times: channels share one of these."""
        if "_http" in self.__dict__:
            await self._http.aclose()
        self._threads.shutdown(wait=False, cancel_futures=True)

    @cached_property
    def _http(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            verify=self._tls or True,
            trust_env=False,
            follow_redirects=False,
            timeout=httpx.Timeout(self._total_seconds, connect=CONNECT_SECONDS),
            headers={"User-Agent": USER_AGENT},
            # A jar that takes nothing: it goes by address too, and would show one site's cookies to another.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            # Connections are pooled by address: kept, one made for a name would serve another that shares its address,
            # and whose certificate nobody has seen.
            limits=httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=0),
        )

    async def _once(self, url: httpx.URL, content: bytes, headers: Mapping[str, str], deadline: float) -> Answer:
        try:
            async with asyncio.timeout_at(deadline):
                response = await self._connect(url, content, headers, await self._addresses(url))
        except (httpx.TimeoutException, TimeoutError):
            raise _failure(url, "does not answer in time") from None
        except httpx.HTTPError as error:
            raise _failure(url, f"cannot be reached: {type(error).__name__}") from error
        try:
            return Answer(response.status_code, response.headers, await _read(response, deadline))
        finally:
            await response.aclose()

    async def _connect(
        self, url: httpx.URL, content: bytes, headers: Mapping[str, str], addresses: Sequence[Address]
    ) -> httpx.Response:
        """The start of an answer, from the first address to which there is a connection."""
        host = url.raw_host.decode().rstrip(".")
        for address in addresses:
            request = self._http.build_request(
                "POST",
                url.copy_with(host=str(address)),
                content=content,
                headers={**headers, "Host": _host_header(url), "Accept-Encoding": "identity"},
                extensions={"sni_hostname": host},
            )
            try:
                return await self._http.send(request, stream=True)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                # Nothing was sent yet.
                if address == addresses[-1]:
                    raise
        raise AssertionError("a host that resolves has an address")

    async def _resolve_by_system(self, host: str, port: int) -> list[str]:
        """The addresses of a host, the best first. Raises OSError."""
        ask = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        found = await asyncio.get_running_loop().run_in_executor(self._threads, ask)
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    async def _addresses(self, url: httpx.URL) -> list[Address]:
        """Where the host may be reached. Raises SendFailed when one of its addresses may not be: that is a trick."""
        host = url.raw_host.decode().rstrip(".")
        try:
            found = [ip_address(one) for one in await self._resolve(host, url.port or 443)]
        except (OSError, UnicodeError, ValueError) as error:
            raise _failure(url, f"is not found: {type(error).__name__}") from error
        if not found:
            raise _failure(url, "is not found")
        if not all(may_be_reached(address, self._allow) for address in found):
            raise _refusal(url, "is not on the public Internet")
        if not all(is_allowed(address, self._allow) for address in found):
            try:
                require_public_form(url)
            except ValueError as error:
                raise _refusal(url, f"is refused: {error}") from None
        return found[:MOST_ADDRESSES]

    def _checked(self, url: str) -> httpx.URL:
        try:
            return check_url(url, self._allow)
        except ValueError as error:
            raise SendFailed(str(error), permanent=True) from None

    def _redirected(self, url: httpx.URL, location: str) -> httpx.URL:
        try:
            return check_url(str(url.join(location)), self._allow)
        except (httpx.InvalidURL, ValueError) as error:
            raise _refusal(url, f"redirects to where nothing may be sent: {error}") from None


async def _read(response: httpx.Response, deadline: float) -> bytes:
    """The start of the body. Its status has come already: a body that does not changes nothing."""
    body = bytearray()
    with contextlib.suppress(httpx.HTTPError, TimeoutError):
        async with asyncio.timeout_at(deadline):
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) >= MOST_BYTES:
                    break
    return bytes(body[:MOST_BYTES])


def _require_accepted(url: httpx.URL, answer: Answer, dead: Collection[int]) -> None:
    status = answer.status
    if 200 <= status < 300:
        return
    is_permanent = 300 <= status < 500 and status not in _TEMPORARY
    raise SendFailed(
        f"{url.host} answered {status}",
        permanent=is_permanent or status in dead,
        address_is_dead=status in dead,
        retry_after=retry_after(answer.headers.get("retry-after"), now=datetime.now(UTC)),
    )


def _host_header(url: httpx.URL) -> str:
    return url.netloc.decode()


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _refusal(url: httpx.URL, reason: str) -> SendFailed:
    return SendFailed(f"{url.host} {reason}", permanent=True)


def _failure(url: httpx.URL, reason: str) -> SendFailed:
    return SendFailed(f"{url.host} {reason}", permanent=False)
