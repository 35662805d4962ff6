"""The description of the API, and that the API does what it says."""

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend.app import create_app
from backend.settings import Settings
from tests.api.conftest import execute, signed_up
from tests.api.test_access import AUTOMATIC
from tests.conftest import PUSH_KEY, serving
from workers.resources import Resources


async def read(http: httpx.AsyncClient) -> dict[str, Any]:
    answer = await http.get("/schema/openapi.json")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


async def test_every_route_of_the_api_is_described(client: httpx.AsyncClient, settings: Settings) -> None:
    described = (await read(client))["paths"]

    routes = {
        (route.path_format, method.lower())
        for route in create_app(settings).routes
        for handler in getattr(route, "route_handlers", ())
        for method in set(handler.http_methods) - AUTOMATIC
        if route.path_format.startswith("/api")
    }
    assert len(routes) >= 30
    assert routes == {(path, method) for path, item in described.items() if path.startswith("/api") for method in item}


async def test_every_operation_says_what_it_does_who_may_and_how_it_refuses(client: httpx.AsyncClient) -> None:
    schema = await read(client)

    for path, item in schema["paths"].items():
        for method, operation in item.items():
            where = f"{method} {path}"
            responses = operation["responses"]
            assert operation.get("description") or operation["summary"], where
            assert "default" in responses, where
            assert ("401" in responses) >= bool(operation["security"] and {} not in operation["security"]), where
            assert ("404" in responses) is ("{" in path), where
            assert all(
                list(answer["content"]) == ["application/problem+json"]
                for status, answer in responses.items()
                if status >= "400"
            ), where
    watches = schema["paths"]["/api/watches"]["post"]
    assert watches["security"] == [{"token": []}, {"cookie": []}]
    assert schema["paths"]["/api/auth/login"]["post"]["security"] == []


async def test_the_description_is_read_offline(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs")
    references = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    files = [await client.get(path) for path in references]

    assert all(path.startswith("/") for path in references)
    assert {answer.status_code for answer in files} == {200}
    scripts = "".join(answer.text for answer in files if "javascript" in answer.headers["content-type"])
    assert not re.search(r"https?://", scripts)
    assert not re.search(r"innerHTML|eval\(|document\.write", scripts)


# What ends the session of the run, or sends requests elsewhere.
LEFT_OUT = (
    "/api/auth/logout",
    "/api/auth/password",
    "/api/auth/sessions",
    "/api/account/delete",
    "/api/inventory",
    "/api/book",
    "/metrics",
    "/health/ready",
)
CHECKS = (
    *("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance"),
    *("negative_data_rejection", "response_headers_conformance", "ignored_auth"),
)


@pytest.mark.timeout(300)
async def test_schemathesis_finds_nothing(settings: Settings, resources: Resources, tmp_path: Path) -> None:
    with serving(settings.model_copy(update={"rate_limits": "off"})) as url:
        async with signed_up(url, "Alice") as alice:
            await execute(resources, "UPDATE users SET role = 'admin'")
            command = [
                *(sys.executable, "-m", "schemathesis.cli", "run", f"{url}/schema/openapi.json"),
                *("--header", f"Authorization: {alice.headers['Authorization']}"),
                *("--header", f"X-Push-Key: {PUSH_KEY}"),
                *("--phases", "examples,coverage,fuzzing", "--max-examples", "8", "--seed", "7", "--no-shrink"),
                *("--checks", ",".join(CHECKS), "--continue-on-failure", "--no-color"),
                *(part for path in LEFT_OUT for part in ("--exclude-path", path)),
                *("--exclude-path-regex", r"^/api/auth/sessions/"),
            ]
            environment = {**os.environ, "HYPOTHESIS_STORAGE_DIRECTORY": str(tmp_path)}
            result = await asyncio.to_thread(
                subprocess.run, command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False
            )

    assert result.returncode == 0, result.stdout[-20_000:] + result.stderr[-2_000:]
    tested = re.search(r"Tested: (\d+)", result.stdout)
    assert tested is not None
    assert int(tested[1]) >= 40
