"""AWS at home, put together as `infra/` puts it together on AWS.

    viewer -> CloudFront -> API Gateway, Lambda -> app -> S3 door -> SeaweedFS
                         -> S3 door (origin access control)
                         -> gateway, where there is one

The functions' settings are those of infra/edge/README.md; presigned URLs lead to the door.
"""

from __future__ import annotations

import hmac
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from chalicelib.adapters.hashing import ResumableHashing
from chalicelib.api.blueprints import register_all
from chalicelib.bootstrap import build
from chalicelib.config import Settings
from chalicelib.domain.access import Mode
from chalicelib.domain.accounts import RESERVED_NAMES
from chalicelib.domain.limits import MAX_INLINE_BODY_BYTES
from chalicelib.service.world import World
from chalicelib.web.edge import RegistryApp
from chalicelib.web.front import HOST_HEADER, WORD_HEADER
from roadstead import local
from roadstead.awslimits.apigateway import STAGE, ApiGateway
from roadstead.awslimits.cloudfront import Behaviour, CloudFront, Origin, bucket_origin
from roadstead.awslimits.exchange import Address, RawHeaders
from roadstead.awslimits.functions import (
    EDGE,
    EXPLAIN,
    NodeFunctions,
    read_explain,
    read_functions,
)
from roadstead.awslimits.limits import ApiLimits, EdgeLimits, OacSwitches
from roadstead.awslimits.responses import GatewayResponses
from roadstead.awslimits.s3door import S3Door
from roadstead.awslimits.servers import WithServers, bind
from roadstead.embedded.errors import EmbeddedStackError
from roadstead.embedded.stack import StackEndpoints
from roadstead.gateway.asgi import Gateway
from roadstead.gateway.events import LambdaFront
from roadstead.gateway.intake import Receive, Send
from roadstead.private import write_private
from roadstead.verifying import with_verifier

BEHAVIOURS = (
    Behaviour("/_up/*", "bucket", "upload.js", "answer.js", EXPLAIN),
    Behaviour("/v1/images/*/layer", "api", "front.js", "answer.js", EXPLAIN),
    Behaviour("*", "api", "front.js", "answer.js"),
)


@dataclass(frozen=True)
class Plan:
    """What is put together. ``gateway``: a container beside the functions; ``explain``: Lambda@Edge
    where it is on AWS.
    """

    gateway: bool = False
    explain: bool = True
    api: ApiLimits = field(default_factory=ApiLimits)
    edge: EdgeLimits = field(default_factory=EdgeLimits)
    oac: OacSwitches = field(default_factory=OacSwitches)


@dataclass(frozen=True)
class EdgeKeys:
    """The distribution's word, and the key that signs the addresses of uploads."""

    word: str = field(repr=False)
    key: bytes = field(repr=False)


@dataclass(frozen=True)
class Home:
    """The distribution, which brings its origins up with it, and where they are."""

    distribution: WithServers
    world: World
    door: Address
    api: Address
    gateway: Address | None


def edge_keys(data: Path) -> EdgeKeys:
    """Those of a data folder, made on its first start. Raises: EmbeddedStackError."""
    path = data / "edge.json"
    if not path.exists():
        write_private(path, {"word": secrets.token_hex(32), "key": secrets.token_hex(32)})
    try:
        document = json.loads(path.read_text())
        return EdgeKeys(document["word"], bytes.fromhex(document["key"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EmbeddedStackError(
            f"{path} is damaged ({type(error).__name__}). Delete it: then new keys are made, and "
            "only uploads that were begun before have to begin again."
        ) from error


def function_settings(choices: local.Choices, keys: EdgeKeys, plan: Plan) -> dict[str, Any]:
    """The SETTINGS of the edge functions, as infra/edge/README.md lists them."""
    return {
        "challenge": choices.challenge.value if choices.mode is Mode.ACCOUNTS else "off",
        "anonymous": "on",
        "gateway": "on" if plan.gateway else "off",
        "keys": [keys.key.hex()],
        "inlineBytes": MAX_INLINE_BODY_BYTES,
        "v1Hosts": ",".join(sorted(choices.v1_hosts)),
        "teamHosts": choices.team_hosts,
        "reserved": sorted(RESERVED_NAMES),
        "proto": "http",
    }


@contextmanager
def functions_for(choices: local.Choices, keys: EdgeKeys, plan: Plan) -> Iterator[NodeFunctions]:
    """node with the real edge functions. Raises: Failure: no node, no files, too large."""
    settings = function_settings(choices, keys, plan)
    texts = read_functions(EDGE, settings, plan.edge.function_bytes)
    functions = NodeFunctions(texts, read_explain(EDGE, plan.edge.lambda_characters))
    try:
        yield functions
    finally:
        functions.close()


def _address_of(url: str) -> Address:
    split = urlsplit(url)
    return Address(split.hostname or "127.0.0.1", split.port or 80)


@contextmanager
def at_home(
    endpoints: StackEndpoints,
    choices: local.Choices,
    registry_keys: tuple[bytes, bytes],
    functions: NodeFunctions,
    keys: EdgeKeys,
    host: str,
    plan: Plan,
) -> Iterator[Home]:
    """Put all together, to be served; ``host`` is what viewers call the registry.

    Raises: Failure.
    """
    own = local.settings_for(endpoints, choices, registry_keys)
    local.make_stores(own, endpoints)
    # On the registry's own host name: crane takes no redirect to another address of a loopback.
    bound = [bind(S3Door(_address_of(endpoints.s3_url), shares_host=True))]
    try:
        door = bound[0].address
        settings = replace(own, s3_endpoint=f"http://{door.netloc}")
        gateway = None
        if plan.gateway:
            bound.append(bind(BehindEdge(_gateway(settings), keys.word)))
            gateway = bound[-1].address
        world = with_verifier(build(_function_settings_of(settings, keys, host, gateway)))
        app = register_all(RegistryApp("roadstead"), lambda: world)
        bound.append(bind(ApiGateway(app, GatewayResponses.of_template(), plan.api)))
        api = bound[-1].address
        store_keys = (endpoints.s3_access_key, endpoints.s3_secret_key)
        bucket = bucket_origin(door, settings.bucket, store_keys, settings.region, plan.oac)
        word = {WORD_HEADER: keys.word}
        origins = {"api": Origin(api, STAGE, word), "bucket": bucket}
        if gateway is not None:
            origins["gateway"] = Origin(gateway, "", word)
        front = CloudFront(functions, behaviours_of(plan), origins, plan.edge)
        yield Home(WithServers(front, bound), world, door, api, gateway)
    finally:
        for each in bound:
            each.listener.close()


def behaviours_of(plan: Plan) -> tuple[Behaviour, ...]:
    """Those of infra/app.json, the default one last."""
    if plan.explain:
        return BEHAVIOURS
    return tuple(replace(each, on_origin_answer=None) for each in BEHAVIOURS)


def _function_settings_of(
    settings: Settings, keys: EdgeKeys, host: str, gateway: Address | None
) -> Settings:
    """The functions' settings: without a gateway there is nobody whose word for a hash counts."""
    return replace(
        settings,
        edge_word=keys.word,
        edge_key=keys.key,
        host=host,
        v1_endpoints=(gateway.netloc,) if gateway else (),
        gateway_key=settings.gateway_key if gateway else None,
    )


class BehindEdge:
    """The gateway, which takes the edge's word for the host that a viewer came to.

    On AWS the container does so by its own ROADSTEAD_EDGE_WORD. This one serves others as well.
    """

    def __init__(self, gateway: Gateway, word: str) -> None:
        self._gateway, self._word = gateway, word.encode()

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            scope = {**scope, "headers": self._believed(scope["headers"])}
        await self._gateway(scope, receive, send)

    def _believed(self, headers: RawHeaders) -> RawHeaders:
        words = [value for name, value in headers if name == WORD_HEADER.encode()]
        host = [value for name, value in headers if name == HOST_HEADER.encode()]
        own = (WORD_HEADER.encode(), HOST_HEADER.encode())
        kept = [(name, value) for name, value in headers if name not in own]
        if len(host) != 1 or len(words) != 1 or not hmac.compare_digest(words[0], self._word):
            return kept
        return [*((n, v) for n, v in kept if n != b"host"), (b"host", host[0])]


def _gateway(settings: Settings) -> Gateway:
    """The gateway as a container: the same settings, and no edge of its own to insist on, for v1
    clients come to it directly.
    """
    world = with_verifier(build(settings))
    app = register_all(RegistryApp("roadstead"), lambda: world)
    return Gateway(LambdaFront(app), ResumableHashing(), world.gateway_key)
