"""A registry on the embedded servers: its settings, which live in the data folder, and its world.

<data>/registry.json    0600: the mode and the two keys; made once, with the folder
<data>/endpoints.json   0600: where the servers are, while they run
"""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from chalicelib.adapters.aws import open_session
from chalicelib.adapters.dynamo.store import create_table
from chalicelib.adapters.s3.store import create_bucket
from chalicelib.bootstrap import build
from chalicelib.config import Settings
from chalicelib.domain.access import Mode
from chalicelib.domain.accounts import SignUp
from chalicelib.domain.bearer import Challenge
from chalicelib.domain.receivers import Network
from chalicelib.service.world import World
from roadstead.embedded.errors import EmbeddedStackError
from roadstead.embedded.stack import StackEndpoints
from roadstead.gateway.downloads import Downloads
from roadstead.private import write_private
from roadstead.verifying import with_verifier

TABLE = "roadstead"
BUCKET = "roadstead"
# There is one beside every registry of this machine: `roadstead/webhooks/queue.py`.
LOCAL_QUEUE = "local"


@dataclass(frozen=True)
class Choices:
    """What whoever starts a registry chooses; the mode stays with the data folder."""

    mode: Mode = Mode.OPEN
    signup: SignUp = SignUp.CLOSED
    v1_hosts: frozenset[str] = frozenset()
    challenge: Challenge = Challenge.BASIC
    sparse_manifests: bool = False
    downloads: Downloads = Downloads.REDIRECT
    team_hosts: str = ""
    expires_tags_by_name: bool = False
    webhook_networks: tuple[Network, ...] = ()


def registry_keys(data: Path, mode: Mode) -> tuple[bytes, bytes]:
    """The signing key and the gateway key of a data folder, made on its first start.

    Raises: EmbeddedStackError: the folder holds a registry of the other mode, or a damaged file.
    """
    path = data / "registry.json"
    if not path.exists():
        document = {
            "auth": mode.value,
            "signing_key": secrets.token_hex(32),
            "gateway_key": secrets.token_hex(32),
        }
        write_private(path, document)
    try:
        document = json.loads(path.read_text())
        kept = Mode(document["auth"])
        keys = bytes.fromhex(document["signing_key"]), bytes.fromhex(document["gateway_key"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EmbeddedStackError(
            f"{path} is damaged ({type(error).__name__}). Put it back from a copy, or delete it: "
            "then new keys are made, and only tokens given out before stop working."
        ) from error
    if kept is not mode:
        raise EmbeddedStackError(
            f"{data} holds a registry that was started with AUTH={kept.value}. An open registry "
            "and one with accounts keep their images apart: start it with "
            f"AUTH={kept.value}, or give this one a folder of its own with DATA=..."
        )
    return keys


def kept_mode(data: Path) -> Mode:
    """The mode that a data folder was begun with; of one that is new, open."""
    try:
        return Mode(json.loads((data / "registry.json").read_text())["auth"])
    except (OSError, ValueError, KeyError, TypeError):
        return Mode.OPEN


def settings_for(
    endpoints: StackEndpoints, choices: Choices, keys: tuple[bytes, bytes]
) -> Settings:
    """Settings of a registry on the embedded servers."""
    return Settings(
        table=TABLE,
        bucket=BUCKET,
        region=endpoints.s3_region,
        mode=choices.mode,
        signup=choices.signup,
        v1_hosts=choices.v1_hosts,
        challenge=choices.challenge,
        sparse_manifests=choices.sparse_manifests,
        team_hosts=choices.team_hosts,
        expires_tags_by_name=choices.expires_tags_by_name,
        webhook_queue=LOCAL_QUEUE,
        webhook_networks=choices.webhook_networks,
        signing_key=keys[0],
        gateway_key=keys[1],
        dynamodb_endpoint=endpoints.dynamodb_url,
        s3_endpoint=endpoints.s3_url,
        access_key=endpoints.s3_access_key,
        secret_key=endpoints.s3_secret_key,
    )


def open_world(endpoints: StackEndpoints, choices: Choices, keys: tuple[bytes, bytes]) -> World:
    """The registry's world, its table and bucket made where they are not there yet."""
    settings = settings_for(endpoints, choices, keys)
    make_stores(settings, endpoints)
    return with_verifier(build(settings))


def make_stores(settings: Settings, endpoints: StackEndpoints) -> None:
    """The table and the bucket, where they are not there yet."""
    session = open_session(endpoints.s3_access_key, endpoints.s3_secret_key)
    create_table(settings.table, settings.region, endpoints.dynamodb_url, session=session)
    create_bucket(settings.bucket, settings.region, endpoints.s3_url, session=session)


def remember_endpoints(data: Path, endpoints: StackEndpoints) -> None:
    """Leave word of where the servers are, for commands beside the running registry."""
    write_private(data / "endpoints.json", asdict(endpoints))


def forget_endpoints(data: Path) -> None:
    (data / "endpoints.json").unlink(missing_ok=True)


def recall_endpoints(data: Path) -> StackEndpoints | None:
    """Where the servers of a running registry are; None when none seems to run."""
    try:
        document = json.loads((data / "endpoints.json").read_text())
        return StackEndpoints(**{**document, "warnings": tuple(document["warnings"])})
    except (OSError, ValueError, KeyError, TypeError):
        return None
