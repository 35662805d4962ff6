"""What the page needs to start, and the nearest restaurant."""

import httpx
import pytest

from backend.settings import Settings
from tests.conftest import serving
from workers.resources import Resources

PASADENA = {"CF-IPLatitude": "34.15", "CF-IPLongitude": "-118.13", "CF-IPCity": "Pasadena", "CF-Region": "California"}


async def test_the_page_learns_what_is_set_up(client: httpx.AsyncClient, settings: Settings) -> None:
    answer = (await client.get("/api/config")).json()

    assert answer["google_client_id"] is None
    assert (answer["auto_book"], answer["max_active_watches"]) == ("on", settings.max_active_watches)
    assert "hunter" not in str(answer)


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
