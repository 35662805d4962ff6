"""Keys that say what a message has told, unique in the database: the same thing is never told twice."""

from backend.domain.types import Kind


def drop_key(kind: Kind, *, watch_id: int, drop_id: int, channel: int | str, again: int = 0) -> str:
    """The key of telling one watch about one drop over one channel (its id, or an address)."""
    return f"{kind}:watch={watch_id}:drop={drop_id}:channel={channel}" + (f":again={again}" if again else "")


def booking_key(kind: Kind, *, booking_id: int, channel: int | str, again: int = 0) -> str:
    """The key of telling somebody about one booking's outcome."""
    return f"{kind}:booking={booking_id}:channel={channel}" + (f":again={again}" if again else "")


def account_key(kind: Kind, *, user_id: int, event: str) -> str:
    """The key of telling somebody about one event of their account."""
    return f"{kind}:user={user_id}:event={event}"
