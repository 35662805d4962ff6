"""Who is calling: the peer, or what a trusted proxy says. Anybody can write these headers: nobody else is believed."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

from litestar.connection import ASGIConnection

Address = IPv4Address | IPv6Address
Networks = tuple[IPv4Network | IPv6Network, ...]
FORWARDING = ("x-forwarded-for", "cf-connecting-ip", "forwarded", "x-real-ip")


def client_address(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """The address of whoever sent the request, behind the proxies of TRUSTED_PROXIES.

    X-Forwarded-For is read from its end: each trusted proxy appended the address it saw, and what stands before the
    first untrusted address is hearsay. CF-Connecting-IP counts only where there is no X-Forwarded-For.
    """
    peer = _parse(connection.client.host if connection.client else "")
    if peer is None:
        return "unknown"
    if not is_behind_proxy(connection):
        return str(peer)
    hops = [_parse(word) for word in ",".join(connection.headers.getall("x-forwarded-for", [])).split(",")]
    if hops == [None]:
        return str(_parse(connection.headers.get("cf-connecting-ip", "")) or peer)
    return str(_nearest_stranger(reversed(hops), connection.app.state.trusted_proxies) or peer)


def is_behind_proxy(connection: ASGIConnection[Any, Any, Any, Any]) -> bool:
    """True when the request came from a trusted proxy, whose headers may be read."""
    peer = _parse(connection.client.host if connection.client else "")
    return peer is not None and any(peer in network for network in connection.app.state.trusted_proxies)


def is_local(connection: ASGIConnection[Any, Any, Any, Any]) -> bool:
    """True when this machine asks for itself. A proxy here that was not made known speaks for others: false."""
    address = _parse(client_address(connection))
    forwarded = not is_behind_proxy(connection) and any(name in connection.headers for name in FORWARDING)
    return address is not None and address.is_loopback and not forwarded


def block_of(address: str) -> str:
    """What rate limits count by: the address, or the /64 of IPv6, all of which one subscriber has."""
    parsed = _parse(address)
    return str(IPv6Network((parsed, 64), strict=False)) if isinstance(parsed, IPv6Address) else address


def _nearest_stranger(hops: Iterable[Address | None], trusted: Networks) -> Address | None:
    last = None
    for hop in hops:
        if hop is None:
            return last
        last = hop
        if not any(hop in network for network in trusted):
            return hop
    return last


def _parse(word: str) -> Address | None:
    try:
        address = ip_address(word.strip())
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
