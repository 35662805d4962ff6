"""The alarms ring in their situation and else keep quiet, as promtool sees it; each has a page that says what to do."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from backend.local.observe import GRAFANA, lay_out
from tests.observability.expressions import RULES, RUNBOOKS, alerts, binary, rules

TESTS = sorted(GRAFANA.glob("*_test.yml"))


def promtool(*arguments: str | Path) -> str:
    """Run it; what it says when it is content."""
    result = subprocess.run(
        [binary("promtool"), *map(str, arguments)], capture_output=True, text=True, check=False, timeout=60
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout + result.stderr


def test_the_configuration_is_valid_as_it_is_started(tmp_path: Path) -> None:
    targets = tmp_path / "elsewhere.json"
    targets.write_text('[{"targets": ["127.0.0.1:8000"], "labels": {"part": "web"}}]')
    folder = tmp_path / "prometheus"
    folder.mkdir()

    said = promtool("check", "config", lay_out(folder, targets=targets, token="secret"))

    assert "WARNING" not in said
    assert f"{len(RULES)} rule files found" in said


def test_the_rules_are_valid() -> None:
    said = promtool("check", "rules", "--lint=all", "--lint-fatal", *RULES)

    assert said.count("rules found") == len(RULES)


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_alarms_ring_when_they_should_and_only_then(path: Path) -> None:
    assert "SUCCESS" in promtool("test", "rules", path)


def test_every_alarm_is_seen_to_ring_and_to_keep_quiet() -> None:
    ringing, quiet = set(), set()
    for path in TESTS:
        for case in yaml.safe_load(path.read_text())["tests"]:
            for check in case.get("promql_expr_test", ()):
                named = re.search(r'alertname="(\w+)"', check["expr"])
                if named:
                    (ringing if check.get("exp_samples") else quiet).add(named[1])

    names = {alert["alert"] for alert in alerts()}

    assert ringing == names
    assert quiet == names


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_an_alarm_says_what_it_means_and_where_to_read_on(alert: dict[str, dict[str, str]]) -> None:
    page = GRAFANA.parent / alert["annotations"]["runbook"]

    assert alert["labels"]["severity"] in ("page", "ticket")
    assert alert["annotations"]["summary"]
    assert alert["annotations"]["description"]
    assert page.is_relative_to(RUNBOOKS)
    assert str(alert["alert"]) in page.read_text()


def test_every_page_belongs_to_an_alarm_and_stands_in_the_index() -> None:
    index = (RUNBOOKS / "README.md").read_text()
    listed = set(re.findall(r"\]\(([\w-]+\.md)\)", index))
    pages = {path.name for path in RUNBOOKS.glob("*.md")} - {"README.md"}

    assert listed == pages == {Path(alert["annotations"]["runbook"]).name for alert in alerts()}
    assert all(alert["alert"] in index for alert in alerts())


def test_names_of_recording_rules_are_unique() -> None:
    names = [rule["record"] for rule in rules() if "record" in rule]

    assert len(names) == len(set(names))
