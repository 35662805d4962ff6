"""Where somebody else may send us."""

from ipaddress import ip_address, ip_network

import pytest

from backend.clients.public_addresses import check_url, may_be_reached

ALLOW = (ip_network("127.0.0.1/32"), ip_network("fd00::/8"))


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.9.10",
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "100.100.100.200",
        "169.254.169.254",
        "168.63.129.16",
        "192.0.0.192",
        "192.0.2.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.250",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:808:808::",
        "3fff::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fe80::1%eth0",
        "fec0::1",
        "ff02::1",
    ],
)
def test_what_is_not_on_the_public_internet_is_not_reached(address: str) -> None:
    assert not may_be_reached(ip_address(address), ())


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_public_addresses_are_reached_however_they_are_written(address: str) -> None:
    assert may_be_reached(ip_address(address), ())


@pytest.mark.parametrize(
    ("address", "is_reached"),
    [("127.0.0.1", True), ("::ffff:127.0.0.1", True), ("fd12::1", True), ("127.0.0.2", False), ("10.0.0.1", False)],
)
def test_what_the_operator_allows_is_reached_and_nothing_beside_it(address: str, is_reached: bool) -> None:
    assert may_be_reached(ip_address(address), ALLOW) is is_reached


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("", "must begin with https://"),
        ("hooks.example.com/x", "must begin with https://"),
        ("ftp://example.com/", "must begin with https://"),
        ("file:///etc/passwd", "must begin with https://"),
        ("http://example.com/", "must begin with https://"),
        ("https:///x", "must begin with https://"),
        ("https://user:word@example.com/", "user name"),
        ("https://user@example.com/", "user name"),
        ("https://example.com:22/", "port"),
        ("https://example.com:99999/", "no such port"),
        ("https://127.0.0.1/", "public Internet"),
        ("https://[::1]/", "public Internet"),
        ("https://[::ffff:10.0.0.1]/", "public Internet"),
        ("https://169.254.169.254/latest", "public Internet"),
        ("https://example.com/\r\nX: y", "not an address"),
        ("https://example.com/" + "x" * 2000, "longer"),
    ],
)
def test_what_can_never_be_reached_is_refused_when_it_is_typed(written: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        check_url(written)


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        (" https://example.com/a?b=c#d ", "https://example.com/a?b=c"),
        ("https://example.com:8443/", "https://example.com:8443/"),
        ("HTTPS://Example.COM:443/", "https://example.com/"),
        ("https://8.8.8.8/x", "https://8.8.8.8/x"),
    ],
)
def test_good_addresses_are_kept_in_one_form(written: str, kept: str) -> None:
    assert str(check_url(written)) == kept


def test_an_allowed_address_may_have_any_port_and_http() -> None:
    assert str(check_url("http://127.0.0.1:7070/x", ALLOW)) == "http://127.0.0.1:7070/x"
