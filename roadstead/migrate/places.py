"""What SOURCE stands for.

docker://HOST[/PREFIX]    any v2 registry, or what of it is below PREFIX
ecr://ACCOUNT.dkr.ecr.REGION.amazonaws.com[/PREFIX]    the same, with what ECR wants of a login
hub://NAMESPACE           a user or an organization of Docker Hub
v1://HOST                 a registry that speaks v1
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from roadstead.client.errors import TransferError
from roadstead.client.names import Host, is_loopback, parse_host

HUB_API, HUB_REGISTRY = "https://hub.docker.com", "https://registry-1.docker.io"
ECR_USER = "AWS"
_ECR = re.compile(r"[0-9]{12}\.dkr[.-]ecr(-fips)?\.[a-z0-9-]+\.(amazonaws\.com(\.cn)?|on\.aws)")
_SHAPES = (
    "it is docker://HOST[/PREFIX], hub://NAMESPACE, "
    "ecr://ACCOUNT.dkr.ecr.REGION.amazonaws.com[/PREFIX] or v1://HOST"
)


class Kind(Enum):
    """How a source is listed."""

    DOCKER = "docker"
    ECR = "ecr"
    HUB = "hub"
    V1 = "v1"


@dataclass(frozen=True)
class Place:
    """A source: ``host`` has the images, ``prefix`` is the namespace that is wanted ("": all)."""

    kind: Kind
    host: Host
    prefix: str
    lister: Host | None = None

    @property
    def is_counted(self) -> bool:
        """Whether each manifest that is read there counts against a limit."""
        return self.kind is Kind.HUB or self.host.url == HUB_REGISTRY


def parse_source(text: str, *, insecure: bool, hub_api: str, hub_registry: str) -> Place:
    """Read SOURCE. Raises: TransferError."""
    scheme, separator, rest = text.partition("://")
    kinds = {kind.value: kind for kind in Kind}
    if not separator or scheme not in kinds or not rest.strip("/"):
        raise TransferError(f"{text!r} is no source: {_SHAPES}")
    kind = kinds[scheme]
    if kind is Kind.HUB:
        registry = parse_host(hub_registry, insecure=insecure)
        return Place(kind, registry, rest.strip("/"), parse_host(hub_api, insecure=insecure))
    # A plain address may be meant: docker://http://registry:5000
    plain, inner, rest = rest.rpartition("://")
    name, _, prefix = rest.partition("/")
    host = parse_host(f"{plain}{inner}{name}", insecure=insecure)
    if kind is Kind.ECR and not (_ECR.fullmatch(host.name) or is_loopback(host.name)):
        raise TransferError(
            f"{host.name!r} is no ECR registry: it looks like "
            "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
        )
    if kind is Kind.V1 and prefix.strip("/"):
        raise TransferError(f"{text!r}: a v1 source is a host; choose by --only 'NAMESPACE/*'")
    return Place(kind, host, prefix.strip("/"))


def parse_target(text: str, *, insecure: bool) -> tuple[Host, str]:
    """``HOST[/TEAM]``: the registry, and the team or "". Raises: TransferError."""
    scheme, separator, rest = text.rpartition("://")
    name, _, base = rest.partition("/")
    return parse_host(f"{scheme}{separator}{name}", insecure=insecure), base.strip("/")


def login_hint(place: Place) -> str:
    """What to say to somebody who is not let in."""
    host = place.host.name
    if place.kind is Kind.ECR:
        region = host.split(".")[-3] if host.count(".") > 3 else "REGION"
        return (
            f"log in first: aws ecr get-login-password --region {region} | "
            f"docker login --username {ECR_USER} --password-stdin {host}"
        )
    if place.kind is Kind.HUB:
        return "log in first: docker login (with a personal access token that may read)"
    return f"log in first: docker login {host}, or say --source-user NAME"
