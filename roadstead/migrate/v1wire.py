"""A v1 registry as a client sees it: an index that gives tokens, images, tags.

    GET  search?q=&n=&page=                            names, where the registry has a search
    GET  repositories/NAME/images   X-Docker-Token     a token to read
    PUT  repositories/NAME/         X-Docker-Token     a token to write, and a list of images
    GET  repositories/NAME/tags; images/ID/{ancestry,json,layer}
    PUT  images/ID/{json,layer,checksum}; repositories/NAME/tags/TAG; repositories/NAME/images

Spec: Docker Registry API v1; Docker Hub and Index API v1.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from urllib3 import BaseHTTPResponse

from chalicelib.domain.errors import RegistryError
from chalicelib.domain.image import check_image_id
from roadstead.client.errors import RegistryRefused, TransferError
from roadstead.client.http import Answer, RegistryClient
from roadstead.client.login import Login
from roadstead.uploader import ApiAnswer

JSON = {"Content-Type": "application/json"}
SEARCHED_ENTRIES = 100
MAX_PAGES = 1000
MAX_DOCUMENT_BYTES = 8 * 1024 * 1024
# What a registry answers that has no search, or that will not show us what is there.
REFUSED = (400, 401, 403, 404, 405, 501)


@dataclass(frozen=True)
class V1Repository:
    """A repository and a token for it; the token goes to the registry's own host alone."""

    client: RegistryClient
    name: str
    authorization: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": self.authorization} if self.authorization else {}

    def get(self, path: str, what: str) -> Answer:
        """Raises: TransferError."""
        return self.client.read(
            f"/v1/{path}", limit_bytes=MAX_DOCUMENT_BYTES, headers=self.headers, what=what
        )

    def tags(self) -> dict[str, str]:
        """Tags and the ids that they point to. Raises: TransferError."""
        what = f"the tags of {self.name}"
        found = read_json(self.client, self.get(f"repositories/{self.name}/tags", what), what)
        if not isinstance(found, dict):
            raise TransferError(f"{what}: {self.client.host.name} answered something else")
        return {str(tag): _image_id(image_id, what) for tag, image_id in found.items()}

    def ancestry(self, image_id: str) -> list[str]:
        """An image and what it is built on, root first. Raises: TransferError."""
        what = f"the ancestry of {image_id}"
        found = read_json(self.client, self.get(f"images/{image_id}/ancestry", what), what)
        if not isinstance(found, list) or not found or found[0] != image_id:
            raise TransferError(f"{what}: {self.client.host.name} answered something else")
        return [_image_id(each, what) for each in reversed(found)]

    def json(self, image_id: str) -> tuple[bytes, str]:
        """An image's json, byte for byte, and the checksum that the registry claims, or ""."""
        answer = self.get(f"images/{image_id}/json", f"the json of {image_id}")
        claimed = answer.headers.get("X-Docker-Checksum-Payload") or answer.headers.get(
            "X-Docker-Payload-Checksum", ""
        )
        return answer.body, claimed

    def has(self, image_id: str) -> bytes | None:
        """The json of an image that is whole here; None when it is not. Raises: TransferError."""
        answer = self.client.send(
            "GET",
            f"/v1/images/{image_id}/json",
            headers=self.headers,
            wanted=(200, 400, 403, 404),
            what=f"asking for {image_id}",
        )
        return answer.body if answer.status == 200 else None

    def layer(self, image_id: str) -> BaseHTTPResponse:
        """Raises: TransferError."""
        path = f"/v1/images/{image_id}/layer"
        return self.client.open(path, scopes=(), headers=self.headers, what=f"layer {image_id}")

    def put(self, path: str, body: bytes, headers: Mapping[str, str], what: str) -> None:
        """Raises: TransferError."""
        sent = {**self.headers, **headers}
        answer = self.client.send(
            "PUT", f"/v1/{path}", body=body, headers=sent, wanted=range(100, 600), what=what
        )
        if answer.status not in (200, 201, 204):
            raise refused(what, self.client, answer.status, answer.body)

    def post(self, path: str, document: Mapping[str, object]) -> ApiAnswer:
        """As `RegistryApi` has it."""
        answer = self.client.send(
            "POST",
            path,
            body=json.dumps(document).encode(),
            headers={**JSON, **self.headers},
            wanted=range(100, 600),
        )
        return ApiAnswer(answer.status, list(answer.headers.items()), answer.body)


def search(client: RegistryClient, login: Login | None) -> Iterator[str]:
    """All names that the registry's search gives. Raises: TransferError."""
    headers = {"Authorization": login.basic} if login else {}
    seen: set[str] = set()
    what = "the search of a v1 registry"
    try:
        for page in range(1, MAX_PAGES + 1):
            path = f"/v1/search?q=&n={SEARCHED_ENTRIES}&page={page}"
            answer = client.read(path, limit_bytes=MAX_DOCUMENT_BYTES, headers=headers, what=what)
            document = read_json(client, answer, what)
            results = document.get("results") if isinstance(document, dict) else None
            names = [str(each.get("name")) for each in results or () if isinstance(each, dict)]
            fresh = [name for name in dict.fromkeys(names) if name not in seen]
            seen.update(fresh)
            yield from fresh
            # Old registries answer all at once, to every page.
            if not fresh or page >= int(document.get("num_pages") or 1):
                return
    except (RegistryRefused, ValueError, TypeError) as refusal:
        if isinstance(refusal, RegistryRefused) and refusal.status not in REFUSED:
            raise
        raise TransferError(
            f"{refusal}. Name the repositories instead: "
            "roadstead migrate v1://HOST TARGET REPOSITORY [REPOSITORY ...]"
        ) from None


def reading(client: RegistryClient, login: Login | None, name: str) -> V1Repository:
    """A repository and the permission to read it. Raises: TransferError."""
    answer = client.send(
        "GET",
        f"/v1/repositories/{name}/images",
        headers=_asking(login),
        wanted=range(100, 600),
        what=f"the images of {name}",
    )
    # A registry without an index has tags and no list of images.
    if answer.status not in (200, 404):
        raise refused(f"the images of {name}", client, answer.status, answer.body)
    return _granted(client, name, login, answer)


def writing(
    client: RegistryClient, login: Login | None, name: str, images: Sequence[Mapping[str, str]]
) -> V1Repository:
    """Register a repository with images; the answer may push them. Raises: TransferError."""
    answer = client.send(
        "PUT",
        f"/v1/repositories/{name}/",
        body=json.dumps(list(images)).encode(),
        headers={**JSON, **_asking(login)},
        wanted=range(100, 600),
        what=f"registering {name}",
    )
    if answer.status not in (200, 201):
        raise refused(f"registering {name}", client, answer.status, answer.body)
    return _granted(client, name, login, answer)


def _asking(login: Login | None) -> dict[str, str]:
    basic = {"Authorization": login.basic} if login else {}
    return {"X-Docker-Token": "true", **basic}


def _granted(
    client: RegistryClient, name: str, login: Login | None, answer: Answer
) -> V1Repository:
    places = answer.headers.get("X-Docker-Endpoints", "")
    hosts = [place.strip() for place in places.split(",") if place.strip()]
    if hosts and client.host.name not in hosts:
        raise TransferError(
            f"{client.host.name} sends to {hosts[0][:200]!r} for its images: not followed; "
            "name that host, if it is the one you mean"
        )
    granted = answer.headers.get("X-Docker-Token", "")
    if granted not in ("", "true"):
        return V1Repository(client, name, f"Token {granted.removeprefix('Token ')}")
    return V1Repository(client, name, login.basic if login else "")


def refused(what: str, client: RegistryClient, status: int, body: bytes) -> RegistryRefused:
    """A v1 refusal with its sentence."""
    try:
        found: Any = json.loads(body)
    except ValueError:
        found = None
    words = found.get("error", "") if isinstance(found, dict) else ""
    shown = {"message": words, "code": "v1"}
    shaped = json.dumps({"errors": [shown]}).encode() if isinstance(words, str) and words else body
    return RegistryRefused(what, client.host.name, status, shaped)


def read_json(client: RegistryClient, answer: Answer, what: str) -> Any:
    """Raises: TransferError."""
    try:
        return json.loads(answer.body)
    except ValueError:
        raise TransferError(f"{what}: {client.host.name} answered no JSON") from None


def _image_id(value: object, what: str) -> str:
    try:
        return check_image_id(str(value))
    except RegistryError:
        raise TransferError(f"{what}: {str(value)[:80]!r} is no image id") from None
