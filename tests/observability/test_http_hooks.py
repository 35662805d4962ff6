"""Every answer of the web server is counted by the template of its route and its status."""

from collections.abc import Iterator

import httpx
import pytest

from backend.app import create_app
from backend.settings import Settings
from observability.http_hooks import CountedHttp
from observability.metrics import PROCESS
from tests.conftest import serving_app
from workers.resources import Resources


@pytest.fixture
def web(settings: Settings, resources: Resources) -> Iterator[httpx.Client]:
    with serving_app(CountedHttp(create_app(settings))) as url, httpx.Client(base_url=url) as client:
        yield client


def count(method: str, route: str, status: str) -> float:
    labels = {"method": method, "route": route, "status": status}
    return PROCESS.get_sample_value("houstons_http_requests_total", labels) or 0.0


@pytest.mark.parametrize(
    ("method", "path", "route", "status"),
    [
        ("GET", "/api/locations", "/api/locations", "200"),
        ("GET", "/api/watches", "/api/watches", "401"),
        ("DELETE", "/api/watches/17", "/api/watches/{watch_id}", "401"),
        ("GET", "/no/such/page", "/{file_path}", "404"),
        ("DELETE", "/api/locations", "(none)", "405"),
    ],
)
def test_an_answer_is_counted_once(web: httpx.Client, method: str, path: str, route: str, status: str) -> None:
    before = count(method, route, status)

    response = web.request(method, path)

    assert str(response.status_code) == status
    assert count(method, route, status) == before + 1


def test_no_label_is_made_of_what_somebody_typed(web: httpx.Client) -> None:
    web.request("BREW", "/teapot/17")
    web.get("/api/watches/987654/log")

    shown = web.get("/metrics").text

    assert "teapot" not in shown
    assert "987654" not in shown
    assert "BREW" not in shown
