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

from chalicelib.domain.access import Actor, Mode
from chalicelib.domain.names import parse_repository_name
from chalicelib.domain.retention import RetentionRule
from chalicelib.domain.tag_rules import TagRule
from chalicelib.domain.usage import Account, Measured, Seen, day_of, totals
from chalicelib.domain.webhooks import Answer, Delivery, Event, EventKind, Lane, Outcome
from chalicelib.service import accounts, hub, retention, tags, teams, webhooks
from chalicelib.service.world import World
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
TEAM = "checkout"

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
        ruled(ours.world)
        share(ours.world, skopeo, shelf["two-platforms"])
        top = from_image(shelf["five"], "page").top.id
        found = pages(subject, image.only.config.digest, top, index_digest(registry))
        hook_id = told(ours.world)
        found["page.webhook.get"] = url_for("page.webhook.get", team=TEAM, hook_id=hook_id)
        yield Filled(registry, found)


def told(world: World) -> str:
    """A webhook of the team with one delivery of each outcome; a receiver answers with a trap."""
    anna, store = Actor(NAME, is_administrator=True), world.webhooks
    assert store is not None
    asked = {"url": "https://ci.example.test/hooks/checkout?key=0123456789", "label": "CI"}
    hook = webhooks.create(world, anna, TEAM, asked)
    lane, now_s = Lane(TEAM, hook.hook_id, f"{TEAM}/till"), world.clock.now_s()
    answers = {
        Outcome.PENDING: Answer(now_s, None, "no answer within 10 seconds", 10_002),
        Outcome.DELIVERED: Answer(now_s, 200, "", 87, '{"ok": true}'),
        Outcome.GIVEN_UP: Answer(now_s, 500, "", 12, HOSTILE),
    }
    for number, (outcome, answer) in enumerate(answers.items()):
        facts = {"tags": ["latest"], "actor": NAME}
        place, at_ms = f"{TEAM}/till", (now_s - number * 60) * 1000
        event = Event(f"evt_{number}", EventKind.PUSH, TEAM, place, at_ms, f"{at_ms:015d}.w", facts)
        store.put_delivery(Delivery(hook.hook_id, event))
        assert store.claim_lane(lane, "c", now_s=now_s, until_s=now_s + 9)
        after = Delivery(hook.hook_id, event, number + 1, now_s + 600, outcome, answer)
        store.settle_delivery(lane, "c", after, keep_until_s=now_s + 86_400)
    return hook.hook_id


def ruled(world: World) -> None:
    """Tags that stay and tags that go, by the shop's rules."""
    name = parse_repository_name(APP)
    tags.set_rules(world, name, (TagRule("2.*", protected=True, immutable=True),))
    kept = (RetentionRule("1.*", keep_newest=1), RetentionRule(None, older_than_days=30))
    retention.set_rules(world, name, kept)


def share(world: World, skopeo: Skopeo, image: Image) -> None:
    """A team with a quota and an end, two members and an image; and a month of its owner's use."""
    anna, bert = Actor(NAME, is_administrator=True), Actor("bert")
    quota = {"size_bytes": 200_000, "pulls_a_day": 500, "repositories": 20}
    teams.create(world, anna, {"name": TEAM, "expires_in_s": 40 * 86_400, "quota": quota})
    invited = teams.invite(world, anna, TEAM, {"role": "writer"})
    teams.join(world, bert, TEAM, {"code": invited.code})
    skopeo.push(image, f"{TEAM}/till", "latest")
    now_s = world.clock.now_s()
    lines = [
        Measured(
            "0" * 32,
            number,
            (now_s - number * 86_400) * 1000,
            Account(NAME, day_of(now_s - number * 86_400), APP),
            {
                "requests": 900,
                "pulls": 40 + (number * 37) % 60,
                "bytes_pulled": 10**8 * (1 + (number * 13) % 9),
                "pushes": 1 + number % 4,
                "bytes_pushed": 10**6 * (number % 7),
                "stored_byte_hours": 24 * 10**7 * (30 - number),
            },
        )
        for number in range(30)
        if number % 9 != 5
    ]
    seen = Seen().with_numbers(line.number for line in lines)
    world.usage.count("0" * 32, Seen(), seen, totals(lines), seen_until_s=now_s + 86_400)


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
        "page.expiry.get": url_for("page.expiry.get", **r),
        "page.tag_expiry.get": url_for("page.tag_expiry.get", tag="latest", **r),
        "page.teams.get": url_for("page.teams.get"),
        "page.team.get": url_for("page.team.get", team=TEAM),
        "page.team.repositories": url_for("page.team.repositories", team=TEAM),
        "page.members.get": url_for("page.members.get", team=TEAM),
        "page.team_tokens.get": url_for("page.team_tokens.get", team=TEAM),
        "page.rules.get": url_for("page.rules.get", **r),
        "page.webhooks.get": url_for("page.webhooks.get", team=TEAM),
        "page.repository_webhooks": url_for("page.repository_webhooks", **r),
        "page.going": url_for("page.going", **r),
        "page.remove.get": url_for("page.remove.get", **r),
        "page.usage": url_for("page.usage"),
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
