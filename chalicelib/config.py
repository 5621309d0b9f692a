"""Settings from the environment; nothing else reads it. A setting that is missing stops the start.

| variable | meaning |
|---|---|
| ROADSTEAD_TABLE | the DynamoDB table |
| ROADSTEAD_BUCKET | the S3 bucket |
| ROADSTEAD_AUTH | `on`: accounts; `off`: open to everybody (default `on`) |
| ROADSTEAD_SIGNING_KEY | at least 32 bytes in hex: signs tokens |
| ROADSTEAD_GATEWAY_KEY | the same for gateways that the operator runs; absent: none is believed |
| ROADSTEAD_DYNAMODB_ENDPOINT, ROADSTEAD_S3_ENDPOINT | local servers in place of AWS |
| ROADSTEAD_S3_PUBLIC_ENDPOINT | the S3 host that clients are sent to, where it has another name |
| ROADSTEAD_SIGNUP | `open`, `invitation` or `closed` (default): who may make an account |
| ROADSTEAD_V1_HOSTS | host names, parted by commas, on which `/v2/` answers 404 |
| ROADSTEAD_NEW_REPOSITORIES | `private` (default) or `public` |
| ROADSTEAD_CHALLENGE | how a 401 of v2 asks to identify: `basic` (default) or `bearer` |
| ROADSTEAD_TAG_EXPIRY | `on`: tags like `:2h` of an open registry expire by name (default `off`) |
| ROADSTEAD_SPARSE_MANIFESTS | `on`: manifests may be pushed before their parts (default `off`) |
| ROADSTEAD_EDGE_WORD | hex: what the edge in front sends along; who comes without it is refused |
| ROADSTEAD_EDGE_KEY | hex: signs the addresses of uploads that the edge leads to the bucket |
| ROADSTEAD_HOST | the registry's own host name, for those who came to another |
| ROADSTEAD_TEAM_HOSTS | `*.example.com`: a team is a registry by its own host as well |
| ROADSTEAD_V1_ENDPOINTS | hosts, parted by commas, to which v1 clients send their layers |
| ROADSTEAD_STAGE | the stage's name in log lines and metrics (default `local`) |
| ROADSTEAD_METRICS | what log lines make metrics by: `stage` (default), `action`, `team`, `off` |
| ROADSTEAD_GRACE_HOURS | how long the collector leaves what nothing needs (default 24) |
| ROADSTEAD_WEBHOOK_QUEUE | the SQS queue through which webhooks are told; absent: none is |
| ROADSTEAD_WEBHOOK_NETWORKS | networks beside the public internet that webhooks may lead to |
| ROADSTEAD_VERIFIER | the function that proves large uploads; absent: they are refused |
| AWS_REGION | the region of table and bucket |
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from chalicelib.domain.access import Mode
from chalicelib.domain.accounts import SignUp
from chalicelib.domain.bearer import Challenge
from chalicelib.domain.receivers import Network, parse_networks

MIN_KEY_BYTES = 32
_HOST = re.compile(r"[a-z0-9._-]+(?::[0-9]{1,5})?|\[[0-9a-f:]+\](?::[0-9]{1,5})?", re.ASCII)


class SettingError(Exception):
    """A setting is missing or malformed; the message names it and never its value."""


@dataclass(frozen=True)
class Settings:
    """Everything that differs between two deployments.

    Without ``access_key`` the credentials are those that AWS gives the function.
    """

    table: str
    bucket: str
    region: str
    mode: Mode
    signing_key: bytes = field(repr=False)
    gateway_key: bytes | None = field(repr=False, default=None)
    dynamodb_endpoint: str | None = None
    s3_endpoint: str | None = None
    s3_public_endpoint: str | None = None
    signup: SignUp = SignUp.CLOSED
    v1_hosts: frozenset[str] = frozenset()
    public_by_default: bool = False
    sparse_manifests: bool = False
    expires_tags_by_name: bool = False
    challenge: Challenge = Challenge.BASIC
    edge_word: str | None = field(repr=False, default=None)
    edge_key: bytes | None = field(repr=False, default=None)
    host: str = ""
    team_hosts: str = ""
    v1_endpoints: tuple[str, ...] = ()
    grace_hours: int = 24
    verifier: str | None = None
    webhook_queue: str | None = None
    webhook_networks: tuple[Network, ...] = ()
    access_key: str | None = field(repr=False, default=None)
    secret_key: str | None = field(repr=False, default=None)


@dataclass(frozen=True)
class TableSettings:
    """All that a function needs which reads and writes rows, and signs nothing."""

    table: str
    region: str
    dynamodb_endpoint: str | None = None
    webhook_queue: str | None = None
    webhook_networks: tuple[Network, ...] = ()


def read_table_settings(environ: Mapping[str, str] = os.environ) -> TableSettings:
    """Raises: SettingError."""
    return TableSettings(
        table=_required(environ, "ROADSTEAD_TABLE"),
        region=_required(environ, "AWS_REGION"),
        dynamodb_endpoint=environ.get("ROADSTEAD_DYNAMODB_ENDPOINT") or None,
        webhook_queue=environ.get("ROADSTEAD_WEBHOOK_QUEUE") or None,
        webhook_networks=read_networks(environ),
    )


def read_networks(environ: Mapping[str, str] = os.environ) -> tuple[Network, ...]:
    """Raises: SettingError."""
    name = "ROADSTEAD_WEBHOOK_NETWORKS"
    try:
        return parse_networks(environ.get(name, ""))
    except ValueError:
        raise SettingError(f"{name} must be networks, as 10.0.0.0/8, parted by commas") from None


@dataclass(frozen=True)
class LogSettings:
    """What log lines say of the deployment; needed before anything else is, and so apart."""

    stage: str = "local"
    metrics: str = "stage"


def read_log_settings(environ: Mapping[str, str] = os.environ) -> LogSettings:
    """Raises: SettingError."""
    metrics = _choice(environ, "ROADSTEAD_METRICS", ("stage", "action", "team", "off"))
    return LogSettings(environ.get("ROADSTEAD_STAGE") or "local", metrics)


def _edge(environ: Mapping[str, str]) -> tuple[bytes | None, bytes | None]:
    word = _key(environ, "ROADSTEAD_EDGE_WORD")
    key = _key(environ, "ROADSTEAD_EDGE_KEY")
    if key is not None and word is None:
        raise SettingError("ROADSTEAD_EDGE_KEY needs ROADSTEAD_EDGE_WORD")
    return word, key


def _signing_key(environ: Mapping[str, str], *, signs: bool) -> bytes:
    key = _key(environ, "ROADSTEAD_SIGNING_KEY")
    if key is None and signs:
        raise SettingError("ROADSTEAD_SIGNING_KEY is not set")
    return key or b""


def read_settings(environ: Mapping[str, str] = os.environ, *, signs: bool = True) -> Settings:
    """Read and check all settings; the verifier signs nothing, needs no key, and calls itself.

    Raises: SettingError.
    """
    auth = _choice(environ, "ROADSTEAD_AUTH", ("on", "off"))
    signup = _choice(environ, "ROADSTEAD_SIGNUP", ("closed", "invitation", "open"))
    visibility = _choice(environ, "ROADSTEAD_NEW_REPOSITORIES", ("private", "public"))
    sparse = _choice(environ, "ROADSTEAD_SPARSE_MANIFESTS", ("off", "on"))
    challenge = _choice(environ, "ROADSTEAD_CHALLENGE", ("basic", "bearer"))
    tag_expiry = _choice(environ, "ROADSTEAD_TAG_EXPIRY", ("off", "on"))
    edge_word, edge_key = _edge(environ)
    signing_key = _signing_key(environ, signs=signs)
    return Settings(
        table=_required(environ, "ROADSTEAD_TABLE"),
        bucket=_required(environ, "ROADSTEAD_BUCKET"),
        region=_required(environ, "AWS_REGION"),
        mode=Mode(auth),
        signing_key=signing_key,
        gateway_key=_key(environ, "ROADSTEAD_GATEWAY_KEY"),
        dynamodb_endpoint=environ.get("ROADSTEAD_DYNAMODB_ENDPOINT") or None,
        s3_endpoint=environ.get("ROADSTEAD_S3_ENDPOINT") or None,
        signup=SignUp(signup),
        v1_hosts=frozenset(_hosts(environ, "ROADSTEAD_V1_HOSTS")),
        public_by_default=visibility == "public",
        sparse_manifests=sparse == "on",
        expires_tags_by_name=tag_expiry == "on",
        challenge=Challenge(challenge),
        s3_public_endpoint=environ.get("ROADSTEAD_S3_PUBLIC_ENDPOINT") or None,
        edge_word=edge_word.hex() if edge_word else None,
        edge_key=edge_key,
        host=_one_host(environ, "ROADSTEAD_HOST"),
        team_hosts=check_wildcard(environ.get("ROADSTEAD_TEAM_HOSTS", ""), "ROADSTEAD_TEAM_HOSTS"),
        v1_endpoints=_hosts(environ, "ROADSTEAD_V1_ENDPOINTS"),
        webhook_queue=environ.get("ROADSTEAD_WEBHOOK_QUEUE") or None,
        webhook_networks=read_networks(environ),
        # The verifier cannot be told its own name by the template that makes it.
        verifier=environ.get("ROADSTEAD_VERIFIER" if signs else "AWS_LAMBDA_FUNCTION_NAME") or None,
    )


def read_collector_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """The collector's: it signs nothing, and its function holds no key.

    Raises: SettingError.
    """
    settings = read_settings({**environ, "ROADSTEAD_SIGNING_KEY": secrets.token_hex(MIN_KEY_BYTES)})
    text = environ.get("ROADSTEAD_GRACE_HOURS") or "24"
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise SettingError("ROADSTEAD_GRACE_HOURS must be a whole number from 1 on")
    return replace(settings, grace_hours=int(text))


def _choice(environ: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    """One of the choices; the first is the default."""
    value = environ.get(name) or choices[0]
    if value not in choices:
        raise SettingError(f"{name} must be one of: {', '.join(choices)}")
    return value


def _hosts(environ: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Host names parted by commas. Raises: SettingError for what could end a header."""
    texts = [text.strip().lower() for text in environ.get(name, "").split(",")]
    hosts = tuple(text for text in texts if text)
    if not all(_HOST.fullmatch(host) for host in hosts):
        raise SettingError(f"{name} must be host names, with a port where one is needed")
    return hosts


def _one_host(environ: Mapping[str, str], name: str) -> str:
    hosts = _hosts(environ, name)
    if len(hosts) > 1:
        raise SettingError(f"{name} must be one host name")
    return hosts[0] if hosts else ""


def check_wildcard(text: str, name: str) -> str:
    """`*.example.com`, or nothing. Raises: SettingError, of the setting of this name."""
    text = text.strip().lower()
    if text and not (text.startswith("*.") and _HOST.fullmatch(text[2:]) and ":" not in text):
        raise SettingError(f"{name} must look like *.example.com")
    return text


def _required(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name)
    if not value:
        raise SettingError(f"{name} is not set")
    return value


def _key(environ: Mapping[str, str], name: str) -> bytes | None:
    text = environ.get(name)
    if not text:
        return None
    try:
        key = bytes.fromhex(text)
    except ValueError:
        raise SettingError(f"{name} must be hex digits") from None
    if len(key) < MIN_KEY_BYTES:
        raise SettingError(f"{name} must have at least {MIN_KEY_BYTES} bytes")
    return key
