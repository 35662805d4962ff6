"""The benchmark of deliveries, run small: that it measures, and not how fast this machine is."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def test_its_last_line_tells_what_a_delivery_cost() -> None:
    # It ends with an error when a message is not sent, or does not come exactly once.
    done = subprocess.run(
        [sys.executable, "-m", "bench.deliver", "--messages", "60", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )

    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout.splitlines()[-1])
    assert list(result) == [
        *("messages", "seconds", "per_second", "cpu_ms_per_mail", "urgent_p99_ms"),
        *("urgent", "bare_cpu_ms_per_mail", "times_bare"),
    ]
    assert result["messages"] == 60
    assert result["urgent"] >= 1
    assert result["urgent_p99_ms"] > 0
    # So few mails may take less than a tick of the clock that counts CPU time.
    assert result["cpu_ms_per_mail"] >= 0
