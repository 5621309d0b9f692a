"""Where an image lives: ``[http://|https://]HOST[:PORT]/NAME[:TAG|@DIGEST]``."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from chalicelib.domain.digest import parse_digest
from chalicelib.domain.errors import RegistryError
from chalicelib.domain.names import parse_repository_name, parse_tag
from roadstead.client.errors import TransferError

DEFAULT_TAG = "latest"
# docker.io is a name for people; the registry behind it has another.
_DOCKER_HUB = {"docker.io": "registry-1.docker.io", "index.docker.io": "registry-1.docker.io"}
_HOST = re.compile(r"[A-Za-z0-9.-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:]+\](:[0-9]{1,5})?")


@dataclass(frozen=True)
class Host:
    """A registry: its name with the port, and how it is spoken to."""

    name: str
    scheme: str

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.name}"


@dataclass(frozen=True)
class ImageName:
    """An image at a registry; ``reference`` is a tag or a digest."""

    host: Host
    repository: str
    reference: str

    def __str__(self) -> str:
        separator = "@" if ":" in self.reference else ":"
        return f"{self.host.name}/{self.repository}{separator}{self.reference}"


def is_loopback(host_name: str) -> bool:
    """Whether a name (with or without its port) is this machine's own."""
    name = host_name.rpartition(":")[0] if _has_port(host_name) else host_name
    name = name.strip("[]").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _has_port(host_name: str) -> bool:
    return bool(re.search(r":[0-9]+$", host_name)) and not host_name.endswith("]")


def parse_host(text: str, *, insecure: bool = False) -> Host:
    """Read a host; plain HTTP is spoken to this machine and, with ``insecure``, to others.

    Raises: TransferError.
    """
    scheme, separator, name = text.rpartition("://")
    name = name.rstrip("/")
    if not _HOST.fullmatch(name) or (separator and scheme not in ("http", "https")):
        raise TransferError(f"{text!r} is no host; it looks like registry.example.com or host:5000")
    plain = scheme == "http" or (not scheme and (insecure or is_loopback(name)))
    if plain and not insecure and not is_loopback(name):
        raise TransferError(
            f"{text}: plain HTTP would show your password to everybody on the way; "
            "use https, or say --insecure"
        )
    return Host(_DOCKER_HUB.get(name, name), "http" if plain else "https")


def parse_image(text: str, *, insecure: bool = False) -> ImageName:
    """Read ``HOST/NAME[:TAG|@DIGEST]``.

    Raises: TransferError: with what is wrong and how it should look.
    """
    scheme, separator, rest = text.rpartition("://")
    host_text, slash, name = rest.partition("/")
    if not slash or not name or not (separator or _looks_like_host(host_text)):
        raise TransferError(f"{text!r} names no registry; it looks like HOST/NAME:TAG")
    host = parse_host(f"{scheme}{separator}{host_text}", insecure=insecure)
    path, at, digest = name.partition("@")
    path, _, tag = path.partition(":")
    if host.name == _DOCKER_HUB["docker.io"] and "/" not in path:
        path = f"library/{path}"
    try:
        parse_repository_name(path)
        reference = str(parse_digest(digest)) if at else str(parse_tag(tag or DEFAULT_TAG))
    except RegistryError as error:
        raise TransferError(f"{text}: {error.message}") from None
    return ImageName(host, path, reference)


def _looks_like_host(text: str) -> bool:
    return "." in text or ":" in text or text == "localhost" or text.startswith("[")
