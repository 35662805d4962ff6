"""The demo, as a person runs it."""

import subprocess
import sys


def test_the_demo_sees_every_step_and_ends_by_itself() -> None:
    command = [sys.executable, "-m", "backend.cli", "demo", "--once"]

    result = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)

    assert result.returncode == 0, result.stdout + result.stderr
    assert "everything was seen" in result.stdout
