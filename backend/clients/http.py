"""HTTP clients of the reservation service: a cheap one for looks, and one that tells sent from unsent for bookings."""

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

PAGE = "https://reservations.getwisely.com/"
_KEEP_ALIVE_SECONDS = 15


def open_look_http(base_url: str, *, user_agent: str, timeout_seconds: float) -> httpx.AsyncClient:
    """For looks: over aiohttp, at half the CPU of httpx's own transport. Make it on the loop that uses it."""
    return httpx.AsyncClient(
        base_url=base_url, timeout=timeout_seconds, headers=_headers(user_agent), transport=_LookTransport()
    )


def open_booking_http(base_url: str, *, user_agent: str, timeout_seconds: float) -> httpx.AsyncClient:
    """For bookings: httpx's own transport, whose ConnectError and ConnectTimeout mean that nothing was sent.

    Each booking has a connection of its own: one kept alive may be closed by the service in the moment of sending, and
    then nobody knows whether the booking arrived.
    """
    return httpx.AsyncClient(
        base_url=base_url,
        timeout=timeout_seconds,
        headers=_headers(user_agent),
        limits=httpx.Limits(max_keepalive_connections=0),
    )


def _headers(user_agent: str) -> dict[str, str]:
    return {"User-Agent": user_agent, "Accept": "application/json", "Origin": PAGE.rstrip("/"), "Referer": PAGE}


class _LookTransport(AiohttpTransport):
    """Without aiohttp's second try, which the budget would not know of, and with lost connections named as such."""

    def __init__(self) -> None:
        super().__init__(client=self._open)

    def _open(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(limit=16, keepalive_timeout=_KEEP_ALIVE_SECONDS, ssl=self.ssl_context)
        session = aiohttp.ClientSession(connector=connector)
        session._retry_connection = False
        return session

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return await super().handle_async_request(request)
        except httpx.ConnectTimeout as error:
            # The library calls every connection that was lost a time-out of connecting.
            if isinstance(error.__cause__, TimeoutError):
                raise
            raise httpx.NetworkError(str(error), request=request) from error
        except aiohttp.ClientError as error:
            # Not in the library's list: an answer that is no HTTP.
            raise httpx.RemoteProtocolError(str(error), request=request) from error
