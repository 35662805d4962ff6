"""The benchmark of looks, run small: that it measures, and not how fast this machine is."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.workload import Workload, WorkloadError

ROOT = Path(__file__).parent.parent.parent


def test_its_last_line_tells_what_a_look_cost() -> None:
    command = [sys.executable, "-m", "bench.scan", "--watches", "60", "--groups", "12", "--latency-ms", "5", "--json"]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=110)

    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert list(result) == [
        *("watches", "groups", "matches", "requests", "wall_seconds", "cpu_seconds", "cpu_ms_per_group"),
        *("peak_rss_mb", "max_concurrency", "max_per_second", "bare_cpu_ms_per_group"),
    ]
    assert (result["watches"], result["groups"], result["requests"]) == (60, 12, 12)
    assert result["matches"] == Workload(60, 12).matches
    assert 1 <= result["max_concurrency"] <= 10
    assert all(result[name] > 0 for name in ("wall_seconds", "cpu_seconds", "peak_rss_mb", "bare_cpu_ms_per_group"))


@pytest.mark.fast
def test_the_number_of_groups_alone_decides_the_number_of_matches() -> None:
    few, many = Workload(watches=10_000, groups=1_890), Workload(watches=100_000, groups=1_890)

    assert few.matches == many.matches == 4_443


@pytest.mark.fast
def test_fewer_watches_than_matches_are_refused() -> None:
    with pytest.raises(WorkloadError, match="at least as many"):
        Workload(watches=100, groups=1_890)
