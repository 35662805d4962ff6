"""What is shown of an address. Where it is a key as well, whoever reads it could send there."""

from urllib.parse import urlsplit

# What names its owner and nothing more.
_SHOWN = ("email", "sms")


def shown_address(kind: str, address: str) -> str:
    """The address of a channel of that kind; of one that is a key, only its beginning and its end."""
    if kind in _SHOWN:
        return address
    parts = urlsplit(address)
    start = f"{parts.scheme}://{parts.hostname}/" if parts.hostname else ""
    rest = address.removeprefix(start)
    return f"{start}…{rest[-4:]}" if len(rest) > 8 else f"{start}…"
