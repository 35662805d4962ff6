"""What the page needs to start, and the nearest restaurant."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from backend.settings import Settings
from tests.api.conftest import execute
from tests.conftest import serving
from workers.resources import Resources

PASADENA = {"CF-IPLatitude": "34.15", "CF-IPLongitude": "-118.13", "CF-IPCity": "Pasadena", "CF-Region": "California"}


async def test_the_page_learns_what_is_set_up(client: httpx.AsyncClient, settings: Settings) -> None:
    answer = (await client.get("/api/config")).json()

    assert answer["google_client_id"] is None
    assert answer["auto_book"] == {
        "mode": "on",
        "sentence": "We book the first table that fits, once, when you ask for it.",
    }
    assert answer["max_active_watches"] == settings.max_active_watches
    assert "hunter" not in str(answer)


async def test_the_page_learns_that_booking_is_switched_off(client: httpx.AsyncClient, resources: Resources) -> None:
    await execute(resources, "UPDATE switches SET is_on = false WHERE name = 'booking'")

    answer = (await client.get("/api/config")).json()["auto_book"]

    assert answer["mode"] == "off"
    assert "switched off at this moment" in answer["sentence"]


async def test_without_a_trusted_proxy_the_first_restaurant_is_the_default(client: httpx.AsyncClient) -> None:
    first = (await client.get("/api/locations")).json()["locations"][0]["key"]

    answer = await client.get("/api/geolocate", headers=PASADENA)

    assert answer.json() == {
        "location": first,
        "method": "default",
        "distance_miles": 0,
        "user_city": "",
        "user_region": "",
    }
    assert answer.headers["cache-control"] == "private, no-store"


@pytest.mark.parametrize(
    ("headers", "method"),
    [(PASADENA, "header"), ({"CF-IPLatitude": "x", "CF-IPLongitude": "1"}, "default"), ({}, "default")],
)
async def test_a_trusted_proxy_says_where_its_guests_are(
    settings: Settings, resources: Resources, headers: dict[str, str], method: str
) -> None:
    with serving(settings.model_copy(update={"trusted_proxies": "127.0.0.1/32"})) as url:
        async with httpx.AsyncClient(base_url=url) as http:
            answer = (await http.get("/api/geolocate", headers=headers)).json()

    assert answer["method"] == method
    if method == "header":
        assert (answer["location"], answer["user_city"]) == ("houston_s_pasadena", "Pasadena")
        assert 0 <= answer["distance_miles"] < 5


@pytest.fixture
def asked() -> Iterator[list[str]]:
    """A service of the operator's own; what it was asked."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            body = json.dumps({"latitude": 34.15, "longitude": "-118.13", "city": "Pasadena", "region": 7}).encode()
            self.send_response(200 if "8.8.8.8" in self.path else 500)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Not on the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    paths.append(f"http://127.0.0.1:{server.server_port}")
    yield paths
    server.shutdown()
    server.server_close()
    thread.join(5)


async def test_a_service_of_ones_own_is_asked_once_about_addresses_of_use(
    settings: Settings, resources: Resources, asked: list[str]
) -> None:
    changes = {"trusted_proxies": "127.0.0.1/32", "geolocate_url": f"{asked.pop()}/where/{{ip}}"}
    with serving(settings.model_copy(update=changes)) as url:
        async with httpx.AsyncClient(base_url=url) as http:
            answers = [
                (await http.get("/api/geolocate", headers={"X-Forwarded-For": address})).json()
                for address in ("8.8.8.8", "8.8.8.8", "10.1.2.3", "8.8.4.4")
            ]

    assert [answer["method"] for answer in answers] == ["ip", "ip", "default", "default"]
    assert (answers[0]["location"], answers[0]["user_city"], answers[0]["user_region"]) == (
        "houston_s_pasadena",
        "Pasadena",
        "",
    )
    assert asked == ["/where/8.8.8.8", "/where/8.8.4.4"]
