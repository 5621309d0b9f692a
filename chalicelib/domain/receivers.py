"""Where webhooks may be sent: what a URL must look like, and which addresses it may lead to.

An address is judged after its name was resolved and before anything is sent to it. What is not in
the public internet is refused unless the operator has listed its network: else whoever makes a
webhook could have the registry call what stands beside it, as the metadata service of its host.
Spec: RFC 6890; RFC 6598 (100.64.0.0/10); RFC 6052 (NAT64); RFC 3056 (6to4); RFC 4380 (Teredo).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MAX_URL_CHARS = 2000
_DEFAULT_PORTS = {"https": 443, "http": 80}
_FIRST_FREE_PORT = 1024
_CHARACTERS = re.compile(r"[!-~]+", re.ASCII)
_HOST = re.compile(r"[a-z0-9_]([a-z0-9._-]{0,252}[a-z0-9_.])?", re.ASCII)

_NAT64 = IPv6Network("64:ff9b::/96")
# All of IPv6 that is handed out; what tunnels IPv4 through it leads who knows where.
_UNICAST = IPv6Network("2000::/3")
_TUNNELS = (IPv6Network("2002::/16"), IPv6Network("2001::/32"))
# Not in every version of `ipaddress`.
_NOT_PUBLIC = (
    IPv4Network("0.0.0.0/8"),
    IPv4Network("100.64.0.0/10"),
    IPv4Network("192.0.0.0/24"),
    IPv4Network("192.88.99.0/24"),
    IPv4Network("198.18.0.0/15"),
    IPv4Network("224.0.0.0/3"),
    IPv6Network("2001:db8::/32"),
    IPv6Network("3fff::/20"),
)


@dataclass(frozen=True)
class Receiver:
    """A URL in its parts; ``target`` is path and query, which may hold a secret."""

    is_secure: bool
    host: str
    port: int
    target: str = field(repr=False)

    @property
    def authority(self) -> str:
        """As the ``host`` header has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        is_default = self.port == _DEFAULT_PORTS["https" if self.is_secure else "http"]
        return host if is_default else f"{host}:{self.port}"


def parse_receiver(url: str) -> Receiver:
    """Read the URL of a webhook.

    Raises: ValueError: a sentence that says what is wrong and never repeats the URL.
    """
    if len(url) > MAX_URL_CHARS or not _CHARACTERS.fullmatch(url):
        raise ValueError(f"a URL has at most {MAX_URL_CHARS} characters, all ASCII, no spaces")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("this is no URL") from None
    if parts.scheme not in _DEFAULT_PORTS:
        raise ValueError("a URL begins with https://")
    if "@" in parts.netloc:
        raise ValueError("a URL holds no user and no password")
    if parts.fragment or "\\" in url:
        raise ValueError("a URL holds no # and no \\")
    host = parts.hostname or ""
    if not _HOST.fullmatch(host) and not _is_ipv6(host):
        raise ValueError("a URL needs a host name of letters, digits, dots and hyphens")
    default = _DEFAULT_PORTS[parts.scheme]
    port = default if port is None else port
    if port not in _DEFAULT_PORTS.values() and port < _FIRST_FREE_PORT:
        raise ValueError(f"a port is 443, 80, or {_FIRST_FREE_PORT} and above")
    target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
    return Receiver(parts.scheme == "https", host, port, target)


def _is_ipv6(host: str) -> bool:
    try:
        return isinstance(ip_address(host), IPv6Address) and "%" not in host
    except ValueError:
        return False


def parse_networks(text: str) -> tuple[Network, ...]:
    """Networks parted by commas, as `10.0.0.0/8, fd00::/8`. Raises: ValueError."""
    return tuple(ip_network(each.strip()) for each in text.split(",") if each.strip())


def parse_address(host: str) -> Address | None:
    """The address that a host is; None where it is a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None


def reached_by(address: Address) -> Address:
    """Where packets to an address end: the IPv4 address that an IPv6 one stands for, if any."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def is_listed(address: Address, networks: Sequence[Network]) -> bool:
    """Whether the operator has listed where packets to it end."""
    end = reached_by(address)
    return any(end.version == network.version and end in network for network in networks)


def is_public(address: Address) -> bool:
    """Whether packets to it go to one host in the public internet."""
    end = reached_by(address)
    if isinstance(end, IPv6Address) and (
        end not in _UNICAST or any(end in tunnel for tunnel in _TUNNELS)
    ):
        return False
    if any(end.version == network.version and end in network for network in _NOT_PUBLIC):
        return False
    return end.is_global and not end.is_multicast and not end.is_reserved
