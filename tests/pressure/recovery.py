"""What the product does about a crash, with nothing but its own ticks and queues."""

from dramatiq import Message

from tests.pressure.passing_time import pass_time
from tests.pressure.worker import Worker
from tests.services.conftest import Loop

# The relay's next tick; a look's lease and unclaimed messages; the lease of an attempt to book; that of a message.
PAUSES = (11, 61, 25, 61)
_QUIET = """
    SELECT NOT EXISTS (SELECT 1 FROM notification_log WHERE status IN ('queued', 'sending'))
       AND NOT EXISTS (SELECT 1 FROM bookings WHERE state IN ('wanted', 'attempting'))
       AND NOT EXISTS (SELECT 1 FROM scan_groups WHERE next_scan_at <= now() OR lease_until IS NOT NULL) AS is_quiet
"""


async def recover(loop: Loop, worker: Worker, *, redelivered: Message | None = None) -> None:
    """Let time pass, tick and work, until nothing is left to do."""
    if redelivered is not None:
        await worker.run(redelivered)
    for seconds in PAUSES:
        await pass_time(loop.r, seconds)
        await worker.tick("relay_outbox", "scan_due_groups")
        await worker.drain()
        if (await loop.one(_QUIET)).is_quiet:
            return
