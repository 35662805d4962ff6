"""Where on the network somebody else may send us: to the public Internet, and to what OUTBOUND_ALLOW names.

Sources: the IANA special-purpose registries of IPv4 and IPv6, RFC 3056 (6to4), RFC 4380 (Teredo), RFC 6052 and 8215
(NAT64).
"""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import httpx

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

PORTS = (443, 80, 8443)
LONGEST_URL = 2000

# Public by their number, and all the same a machine's own: Azure's host, which knows the machine's secrets.
_METADATA = (ip_address("168.63.129.16"),)
# Protocols' own, of which Python calls some global; Oracle's machines have their metadata there.
_IPV4_SPECIAL = ip_network("192.0.0.0/24")
# Whatever is not global unicast is refused, and of that what carries an IPv4 address that nobody checked.
_GLOBAL_UNICAST = ip_network("2000::/3")
_SPECIAL = tuple(map(ip_network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))
_NAT64 = ip_network("64:ff9b::/96")


def may_be_reached(address: Address, allow: Sequence[Network]) -> bool:
    """True for a public address and for one that is in `allow`."""
    plain = _plain(address)
    return is_allowed(plain, allow) or _is_public(plain)


def is_allowed(address: Address, allow: Sequence[Network]) -> bool:
    """True when the operator has named its network, whatever it is."""
    return any(_plain(address) in network for network in allow)


def check_url(written: str, allow: Sequence[Network] = ()) -> httpx.URL:
    """The URL, without a fragment. Raises ValueError with a sentence when nothing may ever be sent there.

    What its host resolves to is looked at when something is sent. An address in `allow` may have any port, and http.
    """
    if len(written) > LONGEST_URL:
        raise ValueError(f"That address is longer than {LONGEST_URL} characters")
    try:
        url = httpx.URL(written.strip()).copy_with(fragment=None)
    except (httpx.InvalidURL, ValueError):
        raise ValueError("That is not an address such as https://example.com/path") from None
    if url.scheme not in ("http", "https") or not url.host:
        raise ValueError("The address must begin with https://")
    if url.port is not None and not 0 < url.port < 65536:
        raise ValueError("There is no such port")
    if url.userinfo:
        raise ValueError("The address must not hold a user name or a password")
    literal = literal_address(url.host)
    if literal is not None and is_allowed(literal, allow):
        return url
    if literal is not None and not may_be_reached(literal, allow):
        raise ValueError("That address is not on the public Internet")
    # A name may still lead to an address that is allowed, once there are any.
    if not allow or literal is not None:
        require_public_form(url)
    return url


def require_public_form(url: httpx.URL) -> None:
    """Raises ValueError unless the URL is https, at a port that such services use."""
    if url.scheme != "https":
        raise ValueError("The address must begin with https://")
    if (url.port or 443) not in PORTS:
        raise ValueError(f"The port must be one of {', '.join(map(str, PORTS))}")


def literal_address(host: str) -> Address | None:
    """The address that a host is written as; None for a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def _plain(address: Address) -> Address:
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _is_public(address: Address) -> bool:
    if address in _METADATA or not address.is_global or address.is_multicast or address.is_reserved:
        return False
    if isinstance(address, IPv6Address):
        return address in _GLOBAL_UNICAST and not any(address in network for network in _SPECIAL)
    return address not in _IPV4_SPECIAL
