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
| ROADSTEAD_SPARSE_MANIFESTS | `on`: manifests may be pushed before their parts (default `off`) |
| ROADSTEAD_STAGE | the stage's name in log lines and metrics (default `local`) |
| ROADSTEAD_METRICS | what log lines make metrics by: `stage` (default), `action`, `team`, `off` |
| AWS_REGION | the region of table and bucket |
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from chalicelib.domain.access import Mode
from chalicelib.domain.accounts import SignUp
from chalicelib.domain.bearer import Challenge

MIN_KEY_BYTES = 32


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
    challenge: Challenge = Challenge.BASIC
    access_key: str | None = field(repr=False, default=None)
    secret_key: str | None = field(repr=False, default=None)


@dataclass(frozen=True)
class LogSettings:
    """What log lines say of the deployment; needed before anything else is, and so apart."""

    stage: str = "local"
    metrics: str = "stage"


def read_log_settings(environ: Mapping[str, str] = os.environ) -> LogSettings:
    """Raises: SettingError."""
    metrics = _choice(environ, "ROADSTEAD_METRICS", ("stage", "action", "team", "off"))
    return LogSettings(environ.get("ROADSTEAD_STAGE") or "local", metrics)


def read_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read and check all settings.

    Raises: SettingError.
    """
    auth = _choice(environ, "ROADSTEAD_AUTH", ("on", "off"))
    signup = _choice(environ, "ROADSTEAD_SIGNUP", ("closed", "invitation", "open"))
    visibility = _choice(environ, "ROADSTEAD_NEW_REPOSITORIES", ("private", "public"))
    sparse = _choice(environ, "ROADSTEAD_SPARSE_MANIFESTS", ("off", "on"))
    challenge = _choice(environ, "ROADSTEAD_CHALLENGE", ("basic", "bearer"))
    hosts = environ.get("ROADSTEAD_V1_HOSTS", "").lower().split(",")
    signing_key = _key(environ, "ROADSTEAD_SIGNING_KEY")
    if signing_key is None:
        raise SettingError("ROADSTEAD_SIGNING_KEY is not set")
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
        v1_hosts=frozenset(host.strip().lower() for host in hosts if host.strip()),
        public_by_default=visibility == "public",
        sparse_manifests=sparse == "on",
        challenge=Challenge(challenge),
        s3_public_endpoint=environ.get("ROADSTEAD_S3_PUBLIC_ENDPOINT") or None,
    )


def _choice(environ: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    """One of the choices; the first is the default."""
    value = environ.get(name) or choices[0]
    if value not in choices:
        raise SettingError(f"{name} must be one of: {', '.join(choices)}")
    return value


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
