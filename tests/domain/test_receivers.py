"""What a webhook's URL may be, and which addresses are in the public internet."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from chalicelib.domain.receivers import (
    Receiver,
    is_listed,
    is_public,
    parse_networks,
    parse_receiver,
)

GOOD = {
    "https://example.com": Receiver(True, "example.com", 443, "/"),
    "https://Example.com:8443/a/b?c=d&e=%20": Receiver(True, "example.com", 8443, "/a/b?c=d&e=%20"),
    "http://hooks.internal/x": Receiver(False, "hooks.internal", 80, "/x"),
    "https://[2606:4700::1]/": Receiver(True, "2606:4700::1", 443, "/"),
    "https://192.0.2.1:1024/": Receiver(True, "192.0.2.1", 1024, "/"),
    "https://example.com?q": Receiver(True, "example.com", 443, "/?q"),
}

BAD = [
    "",
    "example.com",
    "//example.com/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com/",
    "https://",
    "https:///path",
    "https://user@example.com/",
    "https://user:word@example.com/",
    "https://@example.com/",
    "https://example.com/#fragment",
    "https://example.com\\@other.example/",
    "https://example.com/ with spaces",
    "https://example.com/\r\nx-header: 1",
    "https://example.com/\t",
    "https://ex\u00e4mple.com/",
    "https://example.com:22/",
    "https://example.com:0/",
    "https://example.com:1023/",
    "https://example.com:65536/",
    "https://example.com:-1/",
    "https://example.com:http/",
    "https://[::1/",
    "https://[fe80::1%25eth0]/",
    "https://-x.example/",
    "https://a b/",
    "https://example.com/" + "x" * 2000,
]


@pytest.mark.parametrize(("url", "receiver"), GOOD.items())
def test_a_url_in_its_parts(url: str, receiver: Receiver) -> None:
    assert parse_receiver(url) == receiver


@pytest.mark.parametrize("url", BAD)
def test_what_is_no_url_of_a_webhook_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ValueError) as raised:
        parse_receiver(url)
    assert not url or url not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("https://example.com:443/", "example.com"),
        ("http://example.com:80/", "example.com"),
        ("http://example.com:443/", "example.com:443"),
        ("https://[2606:4700::1]:8443/", "[2606:4700::1]:8443"),
    ],
)
def test_the_host_header_names_the_port_where_it_is_another(url: str, authority: str) -> None:
    assert parse_receiver(url).authority == authority


def test_a_receiver_shown_in_a_log_does_not_tell_its_path() -> None:
    assert "secret" not in repr(parse_receiver("https://example.com/secret?secret"))


PUBLIC = ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
NOT_PUBLIC = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "169.254.169.254",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:0:127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::808:808",
    "100::1",
    "2001::1",
    "2001:0:7f00:1::",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:808:808::1",
    "3fff::1",
    "4000::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("text", PUBLIC)
def test_what_is_in_the_public_internet(text: str) -> None:
    assert is_public(ip_address(text))


@pytest.mark.parametrize("text", NOT_PUBLIC)
def test_what_is_not(text: str) -> None:
    assert not is_public(ip_address(text))


def test_networks_that_the_operator_lists() -> None:
    networks = parse_networks(" 127.0.0.0/8, fd00::/8 ,")
    for listed in ("127.0.0.1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "fd00::1"):
        assert is_listed(ip_address(listed), networks)
    for other in ("10.0.0.1", "::1", "fe80::1", "::ffff:10.0.0.1"):
        assert not is_listed(ip_address(other), networks)
    assert parse_networks("") == ()


@pytest.mark.parametrize("text", ["x", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/8;", "::/129"])
def test_what_is_no_network_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_networks(text)
