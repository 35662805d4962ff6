"""`houstons observe`: what is in the way is one sentence, and nothing is left at the end."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from backend.local.errors import LocalError
from backend.local.observe import GRAFANA, find_targets, run_observe
from backend.local.ports import free_port
from backend.settings import Settings
from tests.observability.expressions import binary


@contextmanager
def observing(place: Path) -> Iterator[subprocess.Popen[str]]:
    ours = {name.upper() for name in Settings.model_fields}
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    environment |= {"PYTHONPATH": str(GRAFANA.parent), "HOUSTONS_DATA": str(place / "data")}
    environment |= {"TMPDIR": str(place), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "backend.cli", "observe"],
        cwd=place,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def targets(tmp_path: Path) -> Path:
    """What `houstons up` writes; nobody listens there."""
    path = tmp_path / "data" / "metrics-targets.json"
    path.parent.mkdir()
    path.write_text(json.dumps([{"targets": [f"127.0.0.1:{free_port()}"], "labels": {"part": "web"}}]))
    return path


def test_prometheus_runs_until_it_is_stopped_and_leaves_nothing(tmp_path: Path, targets: Path) -> None:
    binary("prometheus")
    before = set(tmp_path.iterdir())

    with observing(tmp_path) as process:
        assert process.stdout is not None
        address = process.stdout.readline().split()[1]
        found = asked_by(address)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)

    assert [target["labels"] for target in found] == [{"instance": "web", "job": "houstons", "part": "web"}]
    assert process.returncode == 0, errors
    assert errors == ""
    assert set(tmp_path.iterdir()) == before
    with pytest.raises(httpx.ConnectError):
        httpx.get(address)


def asked_by(address: str) -> list[dict[str, dict[str, str]]]:
    """Whom a Prometheus asks, as soon as it has read its files."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            found: list[dict[str, dict[str, str]]] = httpx.get(f"{address}/api/v1/targets").json()["data"][
                "activeTargets"
            ]
        except (httpx.HTTPError, ValueError):
            found = []
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("Prometheus asks nobody")


def test_without_prometheus_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, targets: Path) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(LocalError, match="apt-get install prometheus"):
        run_observe(Settings(_env_file=None), targets)  # type: ignore[call-arg]


def test_without_a_running_system_it_says_what_to_start(tmp_path: Path) -> None:
    binary("prometheus")

    with pytest.raises(LocalError, match=f"There is no {tmp_path}/none.json: start `houstons up` or `houstons demo`"):
        run_observe(Settings(_env_file=None), tmp_path / "none.json")  # type: ignore[call-arg]


def test_of_a_system_and_demos_the_one_that_started_last_is_observed(
    tmp_path: Path, targets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    demo = tmp_path / "houstons-demo-x" / "metrics-targets.json"

    assert find_targets(targets.parent) == targets
    demo.parent.mkdir()
    demo.write_text("[]")
    os.utime(targets, (1, 1))
    assert find_targets(targets.parent) == demo
