"""A simulator over real HTTP and SMTP on free ports, with a clock that stands still until it is told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiosmtplib
import httpx
import pytest

from simulator.server import Options, Simulator

INVENTORY = "/v2/web/reservations/inventory"
BOOKING = "/v2/web/reservations"
PARK_AVENUE = 278278
ALICE = "alice@example.com"
NEW_YORK = ZoneInfo("America/New_York")
NOON = datetime(2026, 8, 13, 12, 0, tzinfo=NEW_YORK).timestamp()


@dataclass
class Clock:
    """Epoch seconds that change only when a test says so."""

    seconds: float = NOON

    def __call__(self) -> float:
        return self.seconds

    def set(self, moment: datetime) -> None:
        self.seconds = moment.timestamp()


@dataclass
class Guest:
    """Somebody who looks for tables, books them and gives orders, over HTTP."""

    http: httpx.AsyncClient

    async def search(self, near: str = "2026-08-14T19:00", **query: Any) -> httpx.Response:
        """Ask for what is open near a New York time."""
        asked = {"merchant_id": PARK_AVENUE, "party_size": 2, "search_ts": instant(near), "limit": 50}
        return await self.http.get(INVENTORY, params=asked | {"show_reservation_types": 1} | query)

    async def times(self, near: str = "2026-08-14T19:00", **query: Any) -> list[str]:
        """The times that a search shows, over all types, as people read them."""
        found = (await self.search(near, **query)).json()
        slots = [slot for block in found["types"] for slot in block["times"]]
        return [slot["display_time"] for slot in sorted(slots, key=lambda slot: slot["reserved_ts"])]

    async def book(self, at: str = "2026-08-14T19:00", **changes: Any) -> httpx.Response:
        return await self.http.post(BOOKING, json=booking_body(at) | changes)

    async def order(self, path: str, **body: Any) -> dict[str, Any]:
        """Give an order that is expected to be followed."""
        response = await self.http.post(f"/control/{path}", json=body)
        assert response.status_code == 200, response.text
        return dict(response.json())

    async def open(self, *times: str, day: str = "2026-08-14", **order: Any) -> dict[str, Any]:
        wanted = {"merchant_id": PARK_AVENUE, "date": day, "times": list(times)}
        return await self.order("slots/open", **(wanted | order))


def instant(local_time: str, zone: ZoneInfo = NEW_YORK) -> int:
    """Epoch ms of a local time."""
    return int(datetime.fromisoformat(local_time).replace(tzinfo=zone).timestamp() * 1000)


def booking_body(at: str) -> dict[str, Any]:
    return {
        "merchant_id": PARK_AVENUE,
        "party_size": 2,
        "reserved_ts": instant(at),
        "reservation_type_id": 1695,
        "name": "Alice Doe",
        "first_name": "Alice",
        "last_name": "Doe",
        "email": ALICE,
        "phone": "2125550100",
        "country_code": "US",
        "source": "web",
        "marketing_opt_in": False,
    }


@pytest.fixture(scope="session")
def ticking() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
async def running(ticking: Clock) -> AsyncIterator[Simulator]:
    simulator = Simulator(Options(port=0, smtp_port=0, mailbox_capacity=3), now=ticking)
    await simulator.start()
    yield simulator
    await simulator.stop()


@pytest.fixture(scope="session")
async def connection(running: Simulator) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=running.url, timeout=5) as http:
        yield http


@pytest.fixture
async def guest(connection: httpx.AsyncClient, clock: Clock) -> Guest:
    """Alice, at a Wisely where nothing is open and nothing is wrong, at noon of 2026-08-13 in New York."""
    assert (await connection.post("/control/reset")).status_code == 200
    return Guest(connection)


@pytest.fixture
def clock(ticking: Clock) -> Clock:
    ticking.seconds = NOON
    return ticking


@pytest.fixture(scope="session")
async def guarded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Simulator]:
    """A simulator whose mail server insists on TLS and on signing in."""
    ca_file: Path = tmp_path_factory.mktemp("tls") / "ca.pem"
    options = Options(
        port=0,
        smtp_port=0,
        smtp_user="tracker",
        smtp_password="correct horse",
        starttls=True,
        require_starttls=True,
        ca_file=ca_file,
    )
    simulator = Simulator(options)
    await simulator.start()
    yield simulator
    await simulator.stop()


SendMail = Callable[..., Awaitable[None]]


@pytest.fixture
def send_mail(running: Simulator, guest: Guest) -> SendMail:
    """Hands a mail to the open mail server."""

    async def send(to: str = ALICE, subject: str = "A table", html: str = "", **options: Any) -> None:
        message = EmailMessage()
        message["To"], message["From"], message["Subject"] = to, "tracker@example.com", subject
        message["Message-ID"] = f"<{abs(hash((to, subject)))}@example.com>"
        message.set_content("Dinner for two.\nBring Bob.")
        if html:
            message.add_alternative(html, subtype="html")
        target = {"hostname": "127.0.0.1", "port": running.smtp_port, "timeout": 5}
        await aiosmtplib.send(message, **(target | options))

    return send
