"""Twilio's library over httpx, at whatever base address. Imported by the first text message: it takes a while."""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException
from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from backend.clients.answers import retry_after
from backend.clients.errors import SendFailed

__all__ = ["Client", "TwilioException", "TwilioRestException", "TwilioServiceException", "open_twilio"]


def open_twilio(http: httpx.AsyncClient, *, account_sid: str, auth_token: str, base_url: str) -> Client:
    """A client of the API at `base_url`. The httpx client stays the caller's, to close."""
    return Client(account_sid, auth_token, http_client=_HttpxTwilio(http, base_url))


class _HttpxTwilio(AsyncHttpClient):  # type: ignore[misc]
    def __init__(self, http: httpx.AsyncClient, base_url: str) -> None:
        self.is_async = True
        self._http = http
        self._base_url = base_url

    async def request(
        self,
        method: str,
        uri: str,
        params: Any = None,
        data: Any = None,
        headers: Any = None,
        auth: Any = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        """Raises SendFailed when Twilio asks to be left alone: its own exceptions do not say for how long."""
        url = self._base_url + urlsplit(uri).path
        answer = await self._http.request(method, url, params=params, data=data, headers=headers, auth=auth)
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
            wait = retry_after(answer.headers.get("retry-after"), now=datetime.now(UTC))
            raise SendFailed("Twilio asks for fewer messages: 429", permanent=False, retry_after=wait)
        return Response(answer.status_code, answer.text, headers=answer.headers)
