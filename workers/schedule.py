"""The table of ticks: which actor is woken how often."""

from dataclasses import dataclass

from backend.settings import Settings


@dataclass(frozen=True, slots=True)
class Tick:
    """An actor's name and its period in seconds."""

    actor: str
    seconds: float


def schedule(settings: Settings) -> tuple[Tick, ...]:
    """All scheduled jobs."""
    return (
        Tick("scan_urgent_watches", settings.urgent_scan_seconds),
        Tick("scan_normal_watches", settings.normal_scan_seconds),
        Tick("scan_due_groups", settings.dispatch_seconds),
        Tick("expire_watches", settings.expire_seconds),
        Tick("cleanup_sessions", settings.session_cleanup_seconds),
        Tick("relay_outbox", settings.relay_seconds),
        Tick("fill_browse_groups", settings.browse_fill_seconds),
        Tick("send_digests", settings.digest_seconds),
        Tick("send_notices", settings.notice_seconds),
        Tick("forget_texts", 86400),
    )
