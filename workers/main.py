"""What `dramatiq workers.main` loads: the broker, then every actor."""

from workers.actors import book, notify, scan, upkeep
from workers.broker import broker

__all__ = ["book", "broker", "notify", "scan", "upkeep"]
