"""The table of endpoints: routing, URLs, access, error shapes and documentation come from it.

v1 and Hub paths become native Chalice routes. There ``{repository}`` stands for both spellings,
``(repo)`` and ``(namespace)/(repo)``, and becomes two routes; API Gateway takes one variable
child a level, hence the fixed variable names in ``native_paths``.

v2 names hold any number of slashes, so v2 hangs on one greedy route and is matched here, each
pattern anchored at its right end, with ``{repository}`` taking what is left.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import quote

from chalicelib.domain.access import Action


class Family(Enum):
    """An API family: one blueprint, one shape of errors."""

    V1_REGISTRY = "v1 registry"
    V1_INDEX = "v1 index"
    V2 = "v2"
    UPLOADER = "uploader"
    ROOT = "root"


class Carries(Enum):
    """What a request body may be; a gateway streams layers instead of passing them through."""

    DOCUMENT = "a document"
    BLOB = "the bytes of a blob"
    V1_LAYER = "the bytes of a v1 layer"


@dataclass(frozen=True)
class Endpoint:
    """One row. ``path`` has no slash at its end; requests may have one."""

    name: str
    methods: tuple[str, ...]
    path: str
    spec: str
    action: Action
    family: Family
    summary: str
    carries: Carries = Carries.DOCUMENT
    pattern: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "pattern", _pattern(self.path))


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"\{(\w+)\}", path)
    text = "".join(
        re.escape(part)
        if index % 2 == 0
        else (f"(?P<{part}>.+)" if part == "repository" else f"(?P<{part}>[^/]+)")
        for index, part in enumerate(parts)
    )
    return re.compile(text, re.DOTALL)


def _v2(name: str, methods: str, path: str, spec: str, action: Action, summary: str) -> Endpoint:
    carries = Carries.BLOB if name in _BLOB_BODIES else Carries.DOCUMENT
    return Endpoint(name, tuple(methods.split()), path, spec, action, Family.V2, summary, carries)


_BLOB_BODIES = frozenset({"v2.upload.start", "v2.upload.append", "v2.upload.close"})
_UPLOAD = "/v2/{repository}/blobs/uploads/{upload_id}"
_REMOTE = "/v2/{repository}/_roadstead/uploads/{upload_id}"
_IMAGE = "/v1/images/{image_id}"
_REPO = "/v1/repositories/{repository}"

V2: tuple[Endpoint, ...] = (
    _v2("v2.base", "GET HEAD", "/v2", "end-1", Action.SIGNED_IN, "Says that this is a registry"),
    _v2(
        "v2.catalog",
        "GET HEAD",
        "/v2/_catalog",
        "Docker v2",
        Action.SIGNED_IN,
        "Lists repositories",
    ),
    _v2(
        "v2.manifest.get",
        "GET HEAD",
        "/v2/{repository}/manifests/{reference}",
        "end-3",
        Action.PULL,
        "Serves a manifest by tag or digest, byte for byte",
    ),
    _v2(
        "v2.manifest.put",
        "PUT",
        "/v2/{repository}/manifests/{reference}",
        "end-7",
        Action.PUSH,
        "Stores a manifest whose parts are here, and points the tag to it",
    ),
    _v2(
        "v2.manifest.delete",
        "DELETE",
        "/v2/{repository}/manifests/{reference}",
        "end-9",
        Action.DELETE,
        "Removes a tag, or a manifest with its tags",
    ),
    _v2(
        "v2.tags",
        "GET HEAD",
        "/v2/{repository}/tags/list",
        "end-8a, end-8b",
        Action.PULL,
        "Lists tags, bytewise, in pages",
    ),
    _v2(
        "v2.upload.start",
        "POST",
        "/v2/{repository}/blobs/uploads",
        "end-4a, end-4b, end-11",
        Action.PUSH,
        "Starts an upload; with digest takes the blob at once; with mount links one that is here",
    ),
    _v2("v2.upload.status", "GET HEAD", _UPLOAD, "end-13", Action.PUSH, "Says how much has come"),
    _v2("v2.upload.append", "PATCH", _UPLOAD, "end-5", Action.PUSH, "Takes the next bytes"),
    _v2("v2.upload.close", "PUT", _UPLOAD, "end-6", Action.PUSH, "Takes the last bytes, proves"),
    _v2("v2.upload.cancel", "DELETE", _UPLOAD, "end-14", Action.PUSH, "Forgets an upload"),
    _v2(
        "v2.blob.delete",
        "DELETE",
        "/v2/{repository}/blobs/{digest}",
        "end-10",
        Action.DELETE,
        "Stops serving a blob in this repository",
    ),
    _v2(
        "v2.blob.get",
        "GET HEAD",
        "/v2/{repository}/blobs/{digest}",
        "end-2",
        Action.PULL,
        "Sends to S3, which serves the blob, ranges included",
    ),
)

UPLOADER: tuple[Endpoint, ...] = (
    Endpoint(
        "uploader.claim",
        ("POST",),
        f"{_REMOTE}/claim",
        "ours",
        Action.PUSH,
        Family.UPLOADER,
        "Hands the upload to whoever holds its bytes, with URLs for the parts",
    ),
    Endpoint(
        "uploader.parts",
        ("POST",),
        f"{_REMOTE}/parts",
        "ours",
        Action.PUSH,
        Family.UPLOADER,
        "Gives URLs for more parts, and renews the claim",
    ),
    Endpoint(
        "uploader.advance",
        ("POST",),
        f"{_REMOTE}/advance",
        "ours",
        Action.PUSH,
        Family.UPLOADER,
        "Records the parts that have been stored, with the proof of their hash",
    ),
)


def _image(name: str, methods: str, tail: str, action: Action, summary: str) -> Endpoint:
    return Endpoint(
        f"v1.image.{name}",
        tuple(methods.split()),
        f"{_IMAGE}/{tail}",
        "registry v1, images",
        action,
        Family.V1_REGISTRY,
        summary,
        Carries.V1_LAYER if name == "layer.put" else Carries.DOCUMENT,
    )


def _tags(name: str, methods: str, tail: str, action: Action, summary: str) -> Endpoint:
    return Endpoint(
        f"v1.{name}",
        tuple(methods.split()),
        f"{_REPO}/{tail}".rstrip("/"),
        "registry v1, tags",
        action,
        Family.V1_REGISTRY,
        summary,
    )


def _index(name: str, methods: str, tail: str, action: Action, summary: str) -> Endpoint:
    return Endpoint(
        f"v1.{name}",
        tuple(methods.split()),
        f"{_REPO}/{tail}".rstrip("/"),
        "hub v1, repositories",
        action,
        Family.V1_INDEX,
        summary,
    )


def _grants(name: str, methods: str, tail: str, summary: str) -> Endpoint:
    return Endpoint(
        f"v1.{name}",
        tuple(methods.split()),
        f"{_REPO}/{tail}",
        "ours",
        Action.ADMIN,
        Family.V1_INDEX,
        summary,
    )


V1: tuple[Endpoint, ...] = (
    Endpoint(
        "v1.ping",
        ("GET", "HEAD"),
        "/v1/_ping",
        "registry v1, status",
        Action.NONE,
        Family.V1_REGISTRY,
        "Says that this is a registry, and of which version",
    ),
    _image("json.get", "GET HEAD", "json", Action.PULL, "Serves the json, byte for byte"),
    _image("json.put", "PUT", "json", Action.PUSH, "Describes an image: the first step of a push"),
    _image("layer.get", "GET HEAD", "layer", Action.PULL, "Sends to S3, which serves the layer"),
    _image("layer.put", "PUT", "layer", Action.PUSH, "Takes the layer: the second step"),
    _image("checksum.put", "PUT", "checksum", Action.PUSH, "Seals the image: the third step"),
    _image("ancestry.get", "GET HEAD", "ancestry", Action.PULL, "Lists an image and its parents"),
    _image("files.get", "GET HEAD", "files", Action.PULL, "Lists the files of the layer"),
    _image("diff.get", "GET HEAD", "diff", Action.PULL, "Compares the layer with those below it"),
    _image("layer.claim", "POST", "layer/claim", Action.PUSH, "Begins a layer sent in parts"),
    _image("layer.parts", "POST", "layer/parts", Action.PUSH, "Gives URLs for more parts"),
    _image("layer.finish", "POST", "layer/finish", Action.PUSH, "Joins the parts to the layer"),
    _tags("tags.get", "GET HEAD", "tags", Action.PULL, "Maps tags to image ids"),
    _tags("tag.get", "GET HEAD", "tags/{tag}", Action.PULL, "The image id of a tag"),
    _tags("tag.put", "PUT", "tags/{tag}", Action.PUSH, "Points a tag to an image"),
    _tags("tag.json", "GET HEAD", "tags/{tag}/json", Action.PULL, "Which client set a tag"),
    _tags("repository.json", "GET HEAD", "json", Action.PULL, "The same, of the tag latest"),
    _tags("tags.delete", "DELETE", "tags", Action.ADMIN, "Removes the repository with all tags"),
    _tags("properties.get", "GET HEAD", "properties", Action.PULL, "Says whether it is public"),
    _tags("properties.put", "PUT", "properties", Action.ADMIN, "Shows it to the public, hides it"),
    _tags("tag.delete", "DELETE", "tags/{tag}", Action.DELETE, "Removes a tag"),
    _index("repository.put", "PUT", "", Action.PUSH, "Registers a repository, gives a token"),
    _index("images.put", "PUT", "images", Action.PUSH, "Ends a push: merges the image list"),
    _index("images.get", "GET HEAD", "images", Action.PULL, "Lists images, gives a read token"),
    _index("images.delete", "DELETE", "images", Action.DELETE, "Does nothing, as it always did"),
    _index("repository.delete", "DELETE", "", Action.ADMIN, "Removes a repository"),
    _index("auth", "PUT", "auth", Action.NONE, "Says whether a token is good here"),
    _grants("grants.get", "GET HEAD", "grants", "Lists who else may read or write"),
    _grants("grant.put", "PUT", "grants/{username}", "Lets somebody read or write"),
    _grants("grant.delete", "DELETE", "grants/{username}", "Takes a grant back"),
    Endpoint(
        "v1.users.post",
        ("POST",),
        "/v1/users",
        "hub v1, users",
        Action.NONE,
        Family.V1_INDEX,
        "Makes an account, where the registry lets people",
    ),
    Endpoint(
        "v1.user.put",
        ("PUT",),
        "/v1/users/{username}",
        "hub v1, users",
        Action.SIGNED_IN,
        Family.V1_INDEX,
        "Changes an account's password or e-mail address",
    ),
    Endpoint(
        "v1.search",
        ("GET", "HEAD"),
        "/v1/search",
        "hub v1, search",
        Action.NONE,
        Family.V1_INDEX,
        "Finds repositories by the words of their names and descriptions",
    ),
    Endpoint(
        "v1.users.get",
        ("GET", "HEAD"),
        "/v1/users",
        "hub v1, users",
        Action.SIGNED_IN,
        Family.V1_INDEX,
        "Checks a login",
    ),
)

ROOT: tuple[Endpoint, ...] = (
    Endpoint(
        "root.ping",
        ("GET", "HEAD"),
        "/_ping",
        "registry v1",
        Action.NONE,
        Family.ROOT,
        "As /v1/_ping",
    ),
    Endpoint(
        "root.health", ("GET", "HEAD"), "/", "ours", Action.NONE, Family.ROOT, "Names the service"
    ),
)

ENDPOINTS: tuple[Endpoint, ...] = (*V2, *UPLOADER, *V1, *ROOT)
BY_NAME: Mapping[str, Endpoint] = {endpoint.name: endpoint for endpoint in ENDPOINTS}

ALL_METHODS = ("GET", "HEAD", "PUT", "POST", "PATCH", "DELETE")


@dataclass(frozen=True)
class Match:
    """What a method and a path came to; with no endpoint, ``allowed`` tells 405 from 404."""

    endpoint: Endpoint | None
    params: Mapping[str, str]
    allowed: tuple[str, ...] = ()


def match(method: str, path: str, table: tuple[Endpoint, ...] = ENDPOINTS) -> Match:
    """Find the endpoint of a decoded path; one slash at its end does not count.

    Where several fit, as `.../a/images` could be the repository `a/images`, the one that leaves
    the least to the repository is meant: a literal goes before a variable, as in API Gateway.
    """
    trimmed = path[:-1] if path.endswith("/") and path != "/" else path
    fitting: list[Match] = []
    allowed: list[str] = []
    for endpoint in table:
        found = endpoint.pattern.fullmatch(trimmed)
        if not found:
            continue
        if method in endpoint.methods:
            fitting.append(Match(endpoint, found.groupdict()))
        allowed.extend(endpoint.methods)
    if fitting:
        return min(fitting, key=lambda each: len(each.params.get("repository", "")))
    return Match(None, {}, tuple(dict.fromkeys(allowed)))


def url_for(name: str, **params: str) -> str:
    """The path of an endpoint, relative to the host, percent-encoded."""
    values = {
        key: quote(value, safe="/:" if key == "repository" else ":")
        for key, value in params.items()
    }
    path = BY_NAME[name].path.format(**values)
    return f"{path}/" if name in ("v2.base", "v2.upload.start") else path


def native_paths(endpoint: Endpoint) -> tuple[str, ...]:
    """The Chalice routes of a v1 endpoint: two where a repository has two spellings."""
    if "{repository}" not in endpoint.path:
        return (endpoint.path,)
    return (
        endpoint.path.replace("{repository}", "{first}"),
        endpoint.path.replace("{repository}", "{first}/{second}"),
    )


def family_of_path(path: str) -> Family:
    """Whose shape an answer takes when no endpoint matched."""
    return Family.V1_REGISTRY if path.startswith("/v1/") or path == "/v1" else Family.V2
