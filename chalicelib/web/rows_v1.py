"""The rows of v1: registry, index and Hub; and of the root."""

from __future__ import annotations

from chalicelib.domain.access import Action
from chalicelib.web.endpoint import Carries, Endpoint, Family

_IMAGE = "/v1/images/{image_id}"
_REPO = "/v1/repositories/{repository}"


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
    _tags("tag.put", "PUT", "tags/{tag}", Action.PUSH, "Points a tag to an image; expires ends it"),
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
