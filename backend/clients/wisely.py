"""The reservation service's public API: what is open, and booking. See docs/upstream.md."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from email.utils import parsedate_to_datetime
from typing import Any, Literal, TypeVar

import httpx
import msgspec

from backend.clients.budget import Budget, Priority
from backend.clients.errors import BookingUnclear, BudgetUnavailable, CallFailed, LookFailed, NotSent, RawAnswer
from backend.clients.http import open_booking_http, open_look_http
from backend.domain.coverage import Coverage, covered
from backend.domain.types import Slot, Trouble
from backend.domain.windows import epoch_ms, instant
from backend.settings import Settings

# The middle of a day's service, between lunch and dinner.
CENTER = clock_time(16, 30)
BOOKING_PATIENCE = timedelta(seconds=20)
QUESTION_PATIENCE = timedelta(seconds=5)

# Is told of each call: operation (look, ask or book), what came of it (ok, refused, or a Trouble), and its seconds.
OnCall = Callable[[str, str, float], None]
_T = TypeVar("_T")


def _ignore(operation: str, outcome: str, seconds: float) -> None:
    return


class _Time(msgspec.Struct):
    reserved_ts: int
    is_available: bool | int = True


class _Type(msgspec.Struct):
    reservation_type_id: int
    reservation_type_name: str = ""
    times: list[_Time] = []


class _Inventory(msgspec.Struct):
    types: list[_Type]


_decode = msgspec.json.Decoder(_Inventory).decode


@dataclass(frozen=True, slots=True)
class Look:
    """What was open. `at` is when the first call was granted, by the budget's clock.

    `is_complete`: of the day's answers nothing was cut off.
    """

    at: datetime
    slots: tuple[Slot, ...]
    coverage: Coverage
    calls: int
    is_complete: bool = True


@dataclass(frozen=True, slots=True)
class Reply:
    """The outcome of a booking. `unknown` means that the table may be booked: never try again."""

    outcome: Literal["booked", "refused", "unknown"]
    reason: str | None
    answer: dict[str, Any] | None


class Wisely:
    """Calls under the shared budget. See backend/clients/http.py for why bookings have a client of their own."""

    def __init__(
        self,
        look_http: httpx.AsyncClient,
        booking_http: httpx.AsyncClient,
        budget: Budget,
        *,
        limit: int,
        max_anchors: int,
        call_seconds: float,
        on_call: OnCall = _ignore,
    ) -> None:
        self._look_http = look_http
        self._booking_http = booking_http
        self._budget = budget
        self._limit = limit
        self._max_anchors = max_anchors
        self._call_seconds = call_seconds
        self._on_call = on_call

    async def close(self) -> None:
        await self._look_http.aclose()
        await self._booking_http.aclose()

    async def look(
        self, merchant_id: int, day: date, party_size: int, *, timezone: str, priority: Priority, patience: timedelta
    ) -> Look:
        """All open slots of a restaurant's day. Asks again around other times when an answer was cut off.

        Raises LookFailed, or BudgetUnavailable when no call was allowed within `patience`.
        """
        span = (
            epoch_ms(instant(day, clock_time(0), timezone)),
            epoch_ms(instant(day + timedelta(days=1), clock_time(0), timezone)) - 1,
        )
        center: int | None = epoch_ms(instant(day, CENTER, timezone))
        at: datetime | None = None
        slots: set[Slot] = set()
        coverage = Coverage()
        calls = 0
        began = time.monotonic()
        while center is not None and calls < self._max_anchors:
            try:
                left = patience - timedelta(seconds=time.monotonic() - began)
                async with self._budget.call(priority, patience=left) as grant:
                    inventory = await self._noted("look", self._inventory(merchant_id, party_size, center))
            except BudgetUnavailable:
                if at is None:
                    raise
                break  # What the answers so far cover is known; the rest stays as it was.
            at = at or grant.at
            calls += 1
            times = {block.reservation_type_id: [t.reserved_ts for t in block.times] for block in inventory.types}
            coverage = coverage.union(covered(center, times, self._limit, day=span))
            slots |= {
                Slot(t.reserved_ts, block.reservation_type_id, block.reservation_type_name)
                for block in inventory.types
                for t in block.times
                if t.is_available and span[0] <= t.reserved_ts <= span[1]
            }
            gap = coverage.largest_gap(*span)
            center = sum(gap) // 2 if gap else None
        assert at is not None
        return Look(at, tuple(sorted(slots)), coverage, calls, is_complete=center is None)

    async def ask(self, query: Mapping[str, int]) -> RawAnswer:
        """Pass a question about the inventory on, and its answer back, whatever its status.

        Raises LookFailed when none came, or BudgetUnavailable.
        """
        try:
            async with self._budget.call("normal", patience=QUESTION_PATIENCE):
                try:
                    return _raw(await self._noted("ask", self._get(query)))
                except LookFailed as failure:
                    # The service is well: it was the question that it did not like.
                    if failure.trouble is Trouble.REFUSED and failure.raw is not None:
                        return failure.raw
                    raise
        except LookFailed as failure:
            if failure.raw is None:
                raise
            return failure.raw

    async def book(self, body: dict[str, Any]) -> Reply:
        """Send one booking, once. Everything that is not a clear yes or no is `unknown`.

        Raises BudgetUnavailable or NotSent when nothing was sent.
        """
        try:
            async with self._budget.call("booking", patience=BOOKING_PATIENCE):
                return await self._noted("book", self._post(body))
        except BookingUnclear as unclear:
            return Reply("unknown", unclear.detail, unclear.answer)

    async def _noted(self, operation: str, call: Awaitable[_T]) -> _T:
        began = time.monotonic()
        outcome = "ended"
        try:
            answer = await call
            outcome = "refused" if isinstance(answer, Reply) and answer.outcome == "refused" else "ok"
            return answer
        except CallFailed as failure:
            outcome = str(failure.trouble)
            raise
        finally:
            self._on_call(operation, outcome, time.monotonic() - began)

    async def _post(self, body: dict[str, Any]) -> Reply:
        try:
            async with asyncio.timeout(self._call_seconds):
                response = await self._booking_http.post("/v2/web/reservations", json=body)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise NotSent(Trouble.CONNECTION, f"could not be reached: {type(error).__name__}") from error
        except (httpx.TimeoutException, TimeoutError) as error:
            raise BookingUnclear(Trouble.TIMEOUT, f"no answer: {type(error).__name__}") from error
        except httpx.HTTPError as error:
            raise BookingUnclear(Trouble.CONNECTION, f"no answer: {type(error).__name__}") from error
        status = response.status_code
        answer = _json_object(response)
        sentence = _sentence(answer)
        if response.is_success and answer and answer.get("party"):
            return Reply("booked", None, answer)
        if response.is_success and _asks_for_card(answer):
            return Reply("refused", sentence or "the restaurant asks for a card", answer)
        if status == 429:
            raise NotSent(Trouble.RATE_LIMITED, sentence or "status 429", _retry_after(response))
        if status >= 500 or status < 400:
            detail = sentence or f"status {status} without a party"
            raise BookingUnclear(Trouble.SERVER_ERROR, detail, _retry_after(response), answer=answer)
        return Reply("refused", sentence or f"status {status}", answer)

    async def _inventory(self, merchant_id: int, party_size: int, center: int) -> _Inventory:
        query = {
            "merchant_id": merchant_id,
            "party_size": party_size,
            "search_ts": center,
            "limit": self._limit,
            "show_reservation_types": 1,
        }
        response = await self._get(query)
        try:
            return _decode(response.content)
        except msgspec.ValidationError as error:
            raise LookFailed(Trouble.WRONG_SHAPE, str(error)) from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise LookFailed(Trouble.NOT_JSON, str(error)) from error

    async def _get(self, query: Mapping[str, int]) -> httpx.Response:
        try:
            async with asyncio.timeout(self._call_seconds):
                response = await self._look_http.get("/v2/web/reservations/inventory", params=query)
        except (httpx.TimeoutException, TimeoutError) as error:
            raise LookFailed(Trouble.TIMEOUT, type(error).__name__) from error
        except httpx.HTTPError as error:
            raise LookFailed(Trouble.CONNECTION, f"{type(error).__name__}: {error}") from error
        if response.status_code == 200:
            return response
        trouble = Trouble.REFUSED
        if response.status_code >= 500:
            trouble = Trouble.SERVER_ERROR
        elif response.status_code == 429:
            trouble = Trouble.RATE_LIMITED
        raise LookFailed(trouble, f"status {response.status_code}", _retry_after(response), raw=_raw(response))


def booking_body(merchant_id: int, guest: Any) -> dict[str, Any]:
    """A booking in the words of the service. `guest` is whoever has the table's and the person's details, by name."""
    digits = "".join(character for character in guest.phone if character.isdigit())
    return {
        "merchant_id": merchant_id,
        "party_size": guest.party_size,
        "reserved_ts": guest.reserved_ts,
        "reservation_type_id": guest.reservation_type_id,
        "name": f"{guest.first_name} {guest.last_name}",
        "first_name": guest.first_name,
        "last_name": guest.last_name,
        "email": guest.email,
        "phone": digits[-10:],
        "country_code": "US",
        "source": "web",
        "marketing_opt_in": False,
    }


def open_wisely(settings: Settings, budget: Budget, *, on_call: OnCall = _ignore) -> Wisely:
    """The service as it is configured. Call it on the loop that will use it."""
    options: dict[str, Any] = {
        "user_agent": settings.wisely_user_agent,
        "timeout_seconds": settings.wisely_timeout_seconds,
    }
    return Wisely(
        open_look_http(settings.wisely_base_url, **options),
        open_booking_http(settings.wisely_base_url, **options),
        budget,
        limit=settings.wisely_limit,
        max_anchors=settings.wisely_max_anchors,
        call_seconds=settings.wisely_call_seconds,
        on_call=on_call,
    )


def _raw(response: httpx.Response) -> RawAnswer:
    return RawAnswer(response.status_code, response.headers.get("content-type", "text/plain"), response.content)


def _retry_after(response: httpx.Response) -> timedelta | None:
    """Seconds or an HTTP date, at most an hour. RFC 9110, 10.2.3."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isdigit():
        seconds = float(value)
    else:
        try:
            seconds = (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    return timedelta(seconds=min(max(seconds, 0), 3600))


def _json_object(response: httpx.Response) -> dict[str, Any] | None:
    try:
        # Without what Postgres cannot store: a verdict must never fail on the words that came with it.
        answer = json.loads(response.content.replace(rb"\u0000", b""), parse_constant=str)
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None


def _sentence(answer: dict[str, Any] | None) -> str | None:
    text = answer and (answer.get("message") or answer.get("error"))
    return str(text)[:500] if text else None


def _asks_for_card(answer: dict[str, Any] | None) -> bool:
    return bool(answer) and any("card" in key.lower() or "payment" in key.lower() for key in answer or {})
