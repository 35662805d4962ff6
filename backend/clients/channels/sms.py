"""Text messages, by Twilio. Its error codes: https://www.twilio.com/docs/api/errors."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import httpx

from backend.clients.channels.outgoing import Outgoing
from backend.clients.channels.parsing import Parsed, normal_phone
from backend.clients.errors import SendFailed
from backend.clients.public_addresses import Network

if TYPE_CHECKING:
    from twilio.rest import Client

TIMEOUT_SECONDS = 10
CALLBACK_PATH = "/api/twilio/status"

# No such number; it takes no text messages.
DEAD = (21211, 21614)
# Its owner has sent STOP.
STOPPED = 21610
# A number or a sender of ours that does not work, a wrong token, an account that is closed: ours to mend, and the
# message can go out afterwards.
OURS = (20003, 20005, 21212, 21603, 21606, 21659, 21660)
# What may pass: queues that are full, and limits of a day.
PASSING = (14107, 20429, 21611, 63038)


def parse(address: str, details: Mapping[str, Any], allow: Sequence[Network]) -> Parsed:
    """A telephone number as E.164. Raises ValueError."""
    return normal_phone(address), {}


class Sms:
    """One account and one number to send from. `public_url` is where Twilio reports what became of a message: it calls
    public https addresses only, so another kind is not told to it. It is told the message's id there: its reports may
    come before its answer.
    """

    def __init__(self, *, account_sid: str, auth_token: str, from_number: str, api_url: str, public_url: str) -> None:
        self._account_sid = account_sid
        self._auth_token = auth_token
        self._from_number = from_number
        self._api_url = api_url
        self._callback = public_url + CALLBACK_PATH if public_url.startswith("https://") else None
        self._http: httpx.AsyncClient | None = None
        self._twilio: Client | None = None

    async def send(self, message: Outgoing) -> str:
        """Hand one text message over; returns Twilio's sid. Raises SendFailed."""
        twilio = self._open()
        report = {"status_callback": f"{self._callback}?m={message.message_id}"} if self._callback else {}
        # Loaded by now.
        from backend.clients.channels.twilio_http import TwilioException, TwilioRestException, TwilioServiceException

        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                made = await twilio.messages.create_async(
                    to=message.to, from_=self._from_number, body=message.short or message.subject, **report
                )
        except TwilioRestException as error:
            raise _failure(message.to, error.status, error.code, error.msg) from error
        except TwilioServiceException as error:
            raise _failure(message.to, error.status, error.code, error.detail or error.title) from error
        except (httpx.HTTPError, TimeoutError, TwilioException, ValueError) as error:
            raise SendFailed(f"Twilio: {type(error).__name__}", permanent=False) from error
        return str(made.sid)

    async def close(self) -> None:
        if self._http is not None:
            await self._http.aclose()

    def _open(self) -> "Client":
        if self._twilio is None:
            from backend.clients.channels.twilio_http import open_twilio

            self._http = httpx.AsyncClient(timeout=TIMEOUT_SECONDS)
            self._twilio = open_twilio(
                self._http,
                account_sid=self._account_sid,
                auth_token=self._auth_token,
                base_url=self._api_url,
            )
        return self._twilio


def _failure(to: str, status: int, code: int | None, sentence: str) -> SendFailed:
    is_ours = status == 401 or code in OURS
    is_passing = status >= 500 or status in (408, 429) or code in PASSING
    return SendFailed(
        # Twilio repeats the number, which belongs in no log.
        f"Twilio {code or status}: {sentence.replace(to, '(the number)')}",
        permanent=code in DEAD or not (is_ours or is_passing),
        address_is_dead=code in DEAD,
        is_stopped=code == STOPPED,
    )
