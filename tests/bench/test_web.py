"""The benchmark of requests, run small: that it measures, and not how fast this machine is."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def test_its_last_lines_tell_what_a_request_to_each_route_cost() -> None:
    size = ["--requests", "80", "--rounds", "2", "--connections", "4"]

    # It ends with an error when an answer is not a good one.
    done = subprocess.run(
        [sys.executable, "-m", "bench.web", *size, "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )

    assert done.returncode == 0, done.stderr
    results = [json.loads(line) for line in done.stdout.splitlines()[-5:]]
    assert [result["route"] for result in results] == ["locations", "me", "watches", "make_watch", "availability"]
    for result in results:
        assert list(result) == ["route", "cpu_us", "bare_cpu_us", "p50_ms", "p99_ms"]
        # So few requests may take less than a tick of the clock that counts CPU time.
        assert result["cpu_us"] >= 0
        assert result["bare_cpu_us"] >= 0
        assert 0 < result["p50_ms"] <= result["p99_ms"]
