"""Names that the web and the scheduler use, and the actors that exist."""

import os
import subprocess
import sys

from backend.clients.jobs import QUEUES

_LIST = "from workers.main import broker; print(sorted((a, broker.actors[a].queue_name) for a in broker.actors))"


def test_every_job_name_is_declared_by_an_actor_on_its_queue() -> None:
    environment = {**os.environ, "REDIS_URL": "redis://127.0.0.1:1/0", "DATABASE_URL": "postgresql://127.0.0.1:1/x"}

    result = subprocess.run(
        [sys.executable, "-c", _LIST], capture_output=True, text=True, check=True, env=environment, timeout=60
    )

    assert result.stdout.strip() == str(sorted(QUEUES.items()))
