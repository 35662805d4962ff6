"""Nothing outlives its owner: real processes, killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.local.conftest import Owner, lives, next_fact, wait_until


def whole_family(owner: "subprocess.Popen[str]") -> set[int]:
    """Everything that an owner of servers and two children with a child each has brought into the world."""
    servers = next_fact(owner)
    family = {servers["postgres"], servers["valkey"]}
    while len(family) < 6:
        fact: dict[str, Any] = next_fact(owner)
        family.add(int(fact["line"].removeprefix("pid ")))
    # The server's own processes, too.
    for children in Path("/proc").glob(f"{servers['postgres']}/task/*/children"):
        family.update(int(pid) for pid in children.read_text().split())
    assert all(lives(pid) for pid in family)
    return family


def test_a_kill_of_the_owner_leaves_nothing_of_servers_children_and_their_children(
    used_data: Path, run_owner: Owner
) -> None:
    owner = run_owner("everything", used_data, "obedient", 5)
    family = whole_family(owner)

    owner.kill()

    wait_until(lambda: not any(lives(pid) for pid in family))


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_everything_in_good_order(used_data: Path, run_owner: Owner, signum: signal.Signals) -> None:
    owner = run_owner("everything", used_data, "obedient", 5)
    family = whole_family(owner)

    owner.send_signal(signum)
    rest, trouble = owner.communicate(timeout=15)

    assert rest.splitlines()[-1] == '{"end": "clean"}'
    assert trouble == ""
    assert not any(lives(pid) for pid in family)


def test_children_that_do_not_listen_are_killed_after_their_time(used_data: Path, run_owner: Owner) -> None:
    owner = run_owner("everything", used_data, "stubborn", 0.2)
    family = whole_family(owner)

    owner.terminate()
    owner.communicate(timeout=15)

    assert owner.returncode == 0
    assert not any(lives(pid) for pid in family)


def test_a_second_ctrl_c_does_not_wait(used_data: Path, run_owner: Owner) -> None:
    owner = run_owner("everything", used_data, "stubborn", 300)
    family = whole_family(owner)

    def press_until_it_ends() -> bool:
        owner.send_signal(signal.SIGINT)
        return owner.poll() is not None

    wait_until(press_until_it_ends)

    wait_until(lambda: not any(lives(pid) for pid in family))


def test_who_asks_too_late_to_die_with_a_parent_dies_at_once() -> None:
    late = "from backend.local.process import die_with_parent; die_with_parent(parent=1 << 30); print('alive')"

    result = subprocess.run([sys.executable, "-c", late], capture_output=True, check=False, env={**os.environ})

    assert result.stdout == b""
    assert result.returncode == (-signal.SIGTERM if sys.platform == "linux" else 0)
