"""Keys that say what a message has told, unique in the database: the same thing is never told twice."""

from datetime import date

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


def watch_key(kind: Kind, *, watch_id: int, channel: int | str) -> str:
    """The key of telling somebody once about one watch as a whole."""
    return f"{kind}:watch={watch_id}:channel={channel}"


def digest_key(*, user_id: int, day: date, channel: int) -> str:
    """The key of one person's digest of one of their days."""
    return f"{Kind.DIGEST}:user={user_id}:day={day.isoformat()}:channel={channel}"


def event_key(kind: Kind, *, first: int, last: int, channel: str) -> str:
    """The key of telling an administrator about some events, by the first and the last of them."""
    return f"{kind}:events={first}-{last}:channel={channel}"
