"""What a worker shows of itself, and to whom."""

from collections.abc import Iterator

import httpx
import pytest

from backend.local.ports import free_port
from observability.exposition import name_build, show_metrics


@pytest.fixture(params=[None, "a token for tests"])
def page(request: pytest.FixtureRequest) -> Iterator[tuple[str, str | None]]:
    port = free_port()
    server, thread = show_metrics(host="127.0.0.1", port=port, token=request.param)
    yield f"http://127.0.0.1:{port}", request.param
    server.shutdown()
    server.server_close()
    thread.join(5)


def test_metrics_are_shown_to_who_may_see_them(page: tuple[str, str | None]) -> None:
    url, token = page
    name_build("1.2.3", "worker")

    stranger = httpx.get(f"{url}/metrics")
    known = httpx.get(f"{url}/metrics", headers={"Authorization": f"Bearer {token}"})

    assert stranger.status_code == (200 if token is None else 401)
    assert known.status_code == 200
    assert 'houstons_build_info{part="worker",version="1.2.3"} 1.0' in known.text


def test_there_is_nothing_else(page: tuple[str, str | None]) -> None:
    url, token = page

    assert httpx.get(f"{url}/", headers={"Authorization": f"Bearer {token}"}).status_code == 404
