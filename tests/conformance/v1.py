"""v1 images and the steps by which old clients push them."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from chalicelib.domain.access import Mode
from tests.conformance.cases import Case, Step, case, get
from tests.conformance.cases import put as put_created

AGENT = "docker/0.7.2-dev go/go1.2 git-commit/unknown os/linux arch/amd64"
OTHER_AGENT = (
    "docker/1.12.6 go/go1.6.4 kernel/4.4.0 os/linux arch/arm UpstreamClient(Docker-Client)"
)
FACTS = {
    "docker_version": "0.7.2-dev",
    "docker_go_version": "go1.2",
    "os": "linux",
    "arch": "amd64",
    "last_update": 1_800_000_000,
}
OTHER_FACTS = {
    "docker_version": "1.12.6",
    "docker_go_version": "go1.6.4",
    "kernel": "4.4.0",
    "os": "linux",
    "arch": "arm",
    "last_update": 1_800_000_000,
}
NO_FACTS = {
    "last_update": None,
    "docker_version": None,
    "docker_go_version": None,
    "arch": "amd64",
    "os": "linux",
    "kernel": None,
}
ASKING = {"X-Docker-Token": "true"}
REGISTRY_CHALLENGE = {"WWW-Authenticate": "Token"}
INDEX_CHALLENGE = {"WWW-Authenticate": 'Basic realm="auth required",Token'}
CACHED = {
    "Cache-Control": "public, max-age=31536000",
    "Last-Modified": "Thu, 01 Jan 1970 00:00:00 GMT",
    "Expires": ...,
    "Pragma": None,
}


@dataclass(frozen=True)
class Image:
    """An image as a client has it before the push."""

    id: str
    raw: bytes
    layer: bytes

    @property
    def url(self) -> str:
        return f"/v1/images/{self.id}"

    @property
    def checksum(self) -> str:
        """The payload checksum, as docker computes it from 0.10 on."""
        return "sha256:" + hashlib.sha256(self.raw + b"\n" + self.layer).hexdigest()


def image(number: int, parent: Image | None = None, *, short: bool = False, **more: Any) -> Image:
    """An image of this number; ``short`` ids are those of the oldest clients and of tests."""
    layer = more.pop("layer", f"layer {number}, as it came over the wire".encode())
    image_id = f"abc{number:013x}" if short else f"abcdef{number:058x}"
    document = {"id": image_id, **({"parent": parent.id} if parent else {}), **more}
    # In a spelling that no JSON encoder would give back by chance.
    return Image(image_id, json.dumps(document, indent=3, ensure_ascii=False).encode(), layer)


def put(url: str, body: bytes | object = b"", **more: Any) -> Step:
    """PUT, which answers 200 in v1."""
    return put_created(url, body, **{"status": 200, **more})


def delete(url: str, **more: Any) -> Step:
    """DELETE, which answers 200 in v1."""
    return Step("DELETE", url, **{"status": 200, **more})


def describe(one: Image, **more: Any) -> Step:
    return put(f"{one.url}/json", one.raw, **more)


def send_layer(one: Image, **more: Any) -> Step:
    return put(f"{one.url}/layer", one.layer, **more)


def seal(one: Image, **more: Any) -> Step:
    return put(f"{one.url}/checksum", headers={"X-Docker-Checksum-Payload": one.checksum}, **more)


def uploaded(*images: Image) -> tuple[Step, ...]:
    """The three steps of each image."""
    return tuple(step for one in images for step in (describe(one), send_layer(one), seal(one)))


def fetched(one: Image) -> tuple[Step, ...]:
    """The layer, by the redirect that leads to it."""
    return (
        get(f"{one.url}/layer", status=302, save={"location": "header:Location"}),
        get("{location}", answer_body=one.layer),
    )


def tag(repository: str, name: str, one: Image, **more: Any) -> Step:
    return put(f"/v1/repositories/{repository}/tags/{name}", one.id, **more)


def register(repository: str, *images: Image, **more: Any) -> Step:
    """The first step of a push; with a login it gives a ``{token}``."""
    listed = [{"id": one.id} for one in images]
    if "login" in more:
        more = {"headers": ASKING, "save": {"token": "header:X-Docker-Token"}, **more}
    return put(f"/v1/repositories/{repository}/", listed, **more)


def with_header(name: str, value: str, *steps: Step | tuple[Step, ...]) -> tuple[Step, ...]:
    """The same steps with one more header."""
    plain: Iterable[Step] = case("", "", *steps).steps
    return tuple(replace(step, headers={**step.headers, name: value}) for step in plain)


def bearing(token: str, *steps: Step | tuple[Step, ...]) -> tuple[Step, ...]:
    """The same steps with a token: a text, or the ``{name}`` under which it was saved."""
    return with_header("Authorization", token, *steps)


def pushed(
    repository: str, *images: Image, by: str, tags: tuple[str, ...] = ("latest",)
) -> tuple[Step, ...]:
    """A whole push with accounts, as docker does it; the last image is the one with the tags."""
    return (
        register(repository, *images, login=by),
        *bearing("{token}", uploaded(*images), *(tag(repository, t, images[-1]) for t in tags)),
        put(f"/v1/repositories/{repository}/images", [], status=204, login=by, headers=ASKING),
    )


def read_token(repository: str, *, save: str = "token", **more: Any) -> Step:
    """What a pull begins with."""
    url = f"/v1/repositories/{repository}/images"
    return get(url, headers=ASKING, save={save: "header:X-Docker-Token"}, **more)


def numbered(
    number: int, name: str, spec: str, *steps: Step | tuple[Step, ...], **more: Any
) -> Case:
    """A case of the note's list."""
    return case(name, spec, *steps, number=number, **more)


def with_accounts(name: str, *steps: Step | tuple[Step, ...], **more: Any) -> Case:
    """A case of ours in a registry with accounts."""
    return case(name, more.pop("spec", "v1 auth"), *steps, mode=Mode.ACCOUNTS, **more)


def tar_of(*members: tuple[str, bytes], packing: str = "") -> bytes:
    """An archive of regular files with nothing set but their names and contents."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=f"w:{packing}", format=tarfile.GNU_FORMAT) as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            if name in (".", "./"):
                member.type = tarfile.DIRTYPE
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()
