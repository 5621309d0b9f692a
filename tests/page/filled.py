"""A registry with accounts that real clients have filled: what the browser looks at.

skopeo pushes an image for two platforms and one with hostile labels, oras attaches a signature and
an SBOM, and Docker 1.12's own requests push a v1 image.
"""

from __future__ import annotations

import contextlib
import http.client
import json
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from chalicelib.domain.access import Mode
from chalicelib.domain.names import parse_repository_name
from chalicelib.service import accounts, hub
from chalicelib.web.endpoints import url_for
from tests.clients import v1push
from tests.clients.images import OCI, Builder, File, Image, Shelf
from tests.clients.oras import Oras
from tests.clients.registry import Registry
from tests.clients.skopeo import Skopeo
from tests.clients.v1images import from_image
from tests.support.registry import running_registry

NAME, PASSWORD = "anna", "anna-has-a-password"
APP, OLD, TRAP = "anna/shop", "anna/old-shop", "anna/trap"

# Markup, an end of the page's own quotes, an override of direction, and what cannot be seen.
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)> \u202egnp.exe\u200b {{ 7*7 }}'
LABELS = {
    "org.opencontainers.image.title": "Shop",
    "org.opencontainers.image.source": "https://git.example.test/shop",
    "maintainer": "Anna \u05d0\u05e0\u05d4",
}


@dataclass(frozen=True)
class Filled:
    """Where it listens, and the address of every page of it by its endpoint's name."""

    registry: Registry
    pages: dict[str, str]

    def url(self, path: str) -> str:
        return f"{self.registry.url}{path}"


@contextlib.contextmanager
def filled(folder: Path) -> Iterator[Filled]:
    """The registry for as long as the block runs; ends the test as NOT RUN without its clients."""
    skopeo_folder = folder / "clients"
    skopeo_folder.mkdir()
    with running_registry(Mode.ACCOUNTS) as ours:
        for name in (NAME, "bert"):
            accounts.create(ours.world, name, PASSWORD)
        registry = Registry(ours.host, ours.url, NAME, PASSWORD, NAME)
        skopeo = Skopeo.here(skopeo_folder, registry)
        oras = Oras.here(skopeo_folder, registry)
        shelf = Shelf(folder / "images")
        for tag in ("1.0", "1.1", "latest"):
            skopeo.push(shelf["two-platforms"], APP, tag)
        image = built(folder / "built", LABELS)
        skopeo.push(image, APP, "2.0-rc1")
        skopeo.push(image, APP, "latest")
        skopeo.push(built(folder / "trap", {HOSTILE: HOSTILE, "long": "x" * 1_000_000}), TRAP, "1")
        subject = image.top.digest
        oras.attach(APP, "latest", "application/vnd.dev.cosign.artifact.sig.v1+json", b"signature")
        oras.attach(APP, "latest", "application/spdx+json", b'{"spdxVersion": "SPDX-2.3"}')
        v1push.push(registry, OLD, from_image(shelf["five"], "page"), ["latest", "0.1"])
        described = {"description": f"The shop's image. {HOSTILE}", "access": "public"}
        hub.change_properties(ours.world, parse_repository_name(TRAP), dict(described))
        described["description"] = "The web shop, with its database migrations."
        hub.change_properties(ours.world, parse_repository_name(APP), dict(described))
        accounts.grant(ours.world, parse_repository_name(APP), "bert", "write")
        top = from_image(shelf["five"], "page").top.id
        yield Filled(
            registry, pages(subject, image.only.config.digest, top, index_digest(registry))
        )


def built(folder: Path, labels: dict[str, str]) -> Image:
    """An image with a history that people would recognize."""
    builder = Builder(folder, OCI)
    layers = [
        builder.layer("base", [File("etc/os-release", "ID=example\n"), File("base", size=40_000)]),
        builder.layer("code", [File("srv/shop.py", "print('shop')\n"), File("d", size=9_000)]),
    ]
    history = [
        {"created": "2026-11-20T08:00:00Z", "created_by": "ADD rootfs.tar.xz / # buildkit"},
        {"created": "2026-11-20T08:00:01Z", "created_by": "ENV LANG=C.UTF-8", "empty_layer": True},
        {"created": "2026-11-20T08:00:02Z", "created_by": "COPY shop.py /srv/ # buildkit"},
        {
            "created": "2026-11-20T08:00:03Z",
            "created_by": 'CMD ["python3", "/srv/shop.py"]',
            "empty_layer": True,
        },
    ]
    return builder.image(folder.name, builder.manifest(layers, history, labels=labels))


def pages(subject: str, config: str, image_id: str, index: str) -> dict[str, str]:
    """The address of each page that is looked at, by the name of its endpoint."""
    r = {"repository": APP}
    return {
        "page.home": "/",
        "page.sign_in.get": url_for("page.sign_in.get"),
        "page.tokens.get": url_for("page.tokens.get"),
        "page.password.get": url_for("page.password.get"),
        "page.repository": url_for("page.repository", **r),
        "page.tag": url_for("page.tag", tag="latest", **r),
        "page.manifest": url_for("page.manifest", digest=index, **r),
        "page.config": url_for("page.config", digest=config, **r),
        "page.history": url_for("page.history", tag="latest", **r),
        "page.referrers": url_for("page.referrers", digest=subject, **r),
        "page.images": url_for("page.images", repository=OLD),
        "page.image": url_for("page.image", repository=OLD, image_id=image_id),
        "page.delete.get": url_for("page.delete.get", tag="1.0", **r),
        "page.access.get": url_for("page.access.get", **r),
    }


def index_digest(registry: Registry) -> str:
    """The digest of the index that `1.0` points to: a manifest that names platforms."""
    connection = http.client.HTTPConnection(registry.host, timeout=30)
    login = b64encode(f"{NAME}:{PASSWORD}".encode()).decode()
    headers = {"Authorization": f"Basic {login}", "Accept": f"{OCI.index}, {OCI.manifest}"}
    try:
        connection.request("GET", f"/v2/{APP}/manifests/1.0", headers=headers)
        answer = connection.getresponse()
        json.loads(answer.read())
        return answer.headers["Docker-Content-Digest"]
    finally:
        connection.close()
