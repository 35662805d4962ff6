"""`houstons observe`: Prometheus, and Grafana where there is one, beside a running `houstons up` or `houstons demo`."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from backend.local.child import Child
from backend.local.errors import LocalError
from backend.local.ports import preferred_port
from backend.local.supervisor import Supervisor
from backend.local.system import TARGETS
from backend.settings import Settings

GRAFANA = Path(__file__).parents[2] / "grafana"
PROMETHEUS_PORT, GRAFANA_PORT = 9090, 3000
# Where distributions keep the files that Grafana's server needs beside its binary.
_GRAFANA_HOMES = (Path("/usr/share/grafana"), Path("/opt/homebrew/share/grafana"), Path("/usr/local/share/grafana"))


def run_observe(settings: Settings, targets: Path | None) -> None:
    """Run until stopped; what was recorded is thrown away. Raises LocalError with a sentence."""
    prometheus = shutil.which("prometheus")
    if prometheus is None:
        raise LocalError("Prometheus is not installed; on Debian: apt-get install prometheus")
    targets = find_targets(settings.houstons_data) if targets is None else targets
    if not targets.exists():
        raise LocalError(f"There is no {targets}: start `houstons up` or `houstons demo`, which write it.")
    token = settings.metrics_token.get_secret_value() if settings.metrics_token else ""
    with _throw_away_folder() as folder:
        config = lay_out(folder, targets=targets, token=token)
        port = preferred_port(PROMETHEUS_PORT)
        children = [prometheus_child(prometheus, config, folder / "data", port)]
        address = f"http://127.0.0.1:{port}"
        click.echo(f"Prometheus: {address}   alerts: {address}/alerts   (Ctrl-C stops everything)")
        grafana = _grafana_child(folder, address)
        if grafana is None:
            click.echo("Grafana is not installed; with grafana-server on the PATH the dashboards would be shown too.")
        else:
            children.append(grafana)
            click.echo(f"Grafana:    http://127.0.0.1:{grafana.environment['GF_SERVER_HTTP_PORT']}")
        log = folder / "processes.log"
        with log.open("a") as file:

            def say(name: str, line: str) -> None:
                file.write(f"{name:<10} {line}\n")
                file.flush()

            asyncio.run(Supervisor((), children, say).run())


def find_targets(data: Path) -> Path:
    """What `houstons up` wrote into its data folder, or else the newest that a running demo wrote into its own."""
    own = data.absolute() / TARGETS
    demos = Path(tempfile.gettempdir()).glob(f"houstons-demo-*/{TARGETS}")
    found = [path for path in (own, *demos) if path.exists()]
    return max(found, key=lambda path: path.stat().st_mtime, default=own)


def lay_out(folder: Path, *, targets: Path, token: str, interval: str | None = None) -> Path:
    """Prometheus' configuration, with what it names beside it; returns the path to start it with.

    `interval`, "1s", takes the place of the configured ones.
    """
    shutil.copytree(GRAFANA / "rules", folder / "rules")
    text = (GRAFANA / "prometheus.yml").read_text()
    if interval is not None:
        text = text.replace("_interval: 15s", f"_interval: {interval}")
    config = folder / "prometheus.yml"
    config.write_text(text)
    secret = folder / "metrics-token"
    secret.touch(mode=0o600)
    secret.write_text(token)
    (folder / "targets").mkdir()
    # A link: after a new start the file is another, and its ports too.
    (folder / "targets" / TARGETS).symlink_to(targets.absolute())
    return config


def prometheus_child(binary: str, config: Path, data: Path, port: int) -> Child:
    """Prometheus on loopback, with nobody's data but its own."""
    return Child(
        "prometheus",
        (
            *(binary, f"--config.file={config}", f"--storage.tsdb.path={data}"),
            *(f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"),
        ),
        dict(os.environ),
        ready_url=f"http://127.0.0.1:{port}/-/ready",
    )


def _grafana_child(folder: Path, prometheus: str) -> Child | None:
    """Grafana with our dashboards, for whoever is on this machine; None when there is none."""
    server, grafana = shutil.which("grafana-server"), shutil.which("grafana")
    command = (server,) if server else (grafana, "server") if grafana else None
    if command is None:
        return None
    home = next((path for path in _GRAFANA_HOMES if (path / "conf").exists()), None)
    port = preferred_port(GRAFANA_PORT)
    environment = {
        **os.environ,
        "GF_PATHS_DATA": str(folder / "grafana"),
        "GF_PATHS_LOGS": str(folder / "grafana" / "log"),
        "GF_PATHS_PLUGINS": str(folder / "grafana" / "plugins"),
        "GF_PATHS_PROVISIONING": str(GRAFANA / "provisioning"),
        "GF_SERVER_HTTP_ADDR": "127.0.0.1",
        "GF_SERVER_HTTP_PORT": str(port),
        "GF_AUTH_ANONYMOUS_ENABLED": "true",
        "GF_AUTH_ANONYMOUS_ORG_ROLE": "Viewer",
        "GF_ANALYTICS_REPORTING_ENABLED": "false",
        "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
        "PROMETHEUS_URL": prometheus,
        "HOUSTONS_DASHBOARDS": str(GRAFANA / "dashboards"),
    }
    return Child(
        "grafana",
        (*command, *(("--homepath", str(home)) if home else ())),
        environment,
        ready_url=f"http://127.0.0.1:{port}/api/health",
    )


@contextmanager
def _throw_away_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="houstons-observe-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
