"""How often each hot operation asks its stores, against the budgets of the architecture.

The ports are counted as the use cases call them; that one verb is one request to DynamoDB or S3
is what the contract tests of the adapters count.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from chalicelib.adapters.memory.blobs import MemoryBlobs
from chalicelib.adapters.memory.metadata import MemoryMetadata
from chalicelib.domain.access import Mode
from chalicelib.domain.edge import without_edge
from roadstead.gateway.events import HttpResponse
from tests.conformance.bodies import (
    DOCKER,
    LAYER,
    OCI,
    OCI_INDEX,
    OTHER,
    descriptor,
    image,
    index,
    pushed,
)
from tests.conformance.cases import blob, case, of
from tests.conformance.runner import PlainPasswords, Run, put_by_edge
from tests.support.world import EDGE_KEY, EDGE_WORD, Registry, SettableClock, memory_world

R = "acme/app"
IMAGE_ID = "a" * 64
V1_JSON = json.dumps({"id": IMAGE_ID}).encode()
CHECKSUM = "sha256:" + hashlib.sha256(V1_JSON + b"\n" + LAYER).hexdigest()
# Made here and not by the store: they cost nothing.
FREE = frozenset({"presign_get", "presign_part", "presign_put"})


class Counting:
    """A port that counts its verbs and does what the port behind it does."""

    def __init__(self, port: Any, calls: Counter[str]) -> None:
        self._port = port
        self._calls = calls

    def __getattr__(self, name: str) -> Any:
        verb = getattr(self._port, name)

        def counted(*args: Any, **kwargs: Any) -> Any:
            self._calls[name] += 1
            return verb(*args, **kwargs)

        return counted


class Counted:
    """A registry with an image in it, pushed through v2 and through v1, whose ports are counted."""

    def __init__(self, mode: Mode = Mode.OPEN, **settings: Any) -> None:
        self.metadata: Counter[str] = Counter()
        self.blobs: Counter[str] = Counter()
        clock, store = SettableClock(), MemoryMetadata()
        counted = Counting(store, self.metadata)
        world = memory_world(
            mode,
            clock=clock,
            metadata=counted,
            accounts=counted,
            search=counted,
            blobs=Counting(MemoryBlobs(clock), self.blobs),
            passwords=PlainPasswords(),
            **settings,
        )
        self.registry = Registry(world)
        self.headers = {"X-Roadstead-Edge": EDGE_WORD} if "edge_word" in settings else {}
        self.location = ""

    def send(
        self, method: str, url: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> HttpResponse:
        return self.registry.send(method, url, body, {**self.headers, **(headers or {})})

    def fill(self) -> None:
        Run(self.registry.world, self.send).play(case("given", "", pushed(R, "v1"), blob(R, OTHER)))
        for tail, body, headers in (
            ("json", V1_JSON, {}),
            ("layer", LAYER, {}),
            ("checksum", b"", {"X-Docker-Checksum-Payload": CHECKSUM}),
        ):
            url = f"/v1/images/{IMAGE_ID}/{tail}"
            assert self.send("PUT", url, body, headers).status == 200
        started = self.send("POST", f"/v2/{R}/blobs/uploads/")
        self.location = without_edge(started.header("Location") or "")
        self.forget()

    def forget(self) -> None:
        self.metadata.clear()
        self.blobs.clear()

    def s3(self) -> int:
        return sum(count for verb, count in self.blobs.items() if verb not in FREE)


@pytest.fixture
def place() -> Counted:
    counted = Counted()
    counted.fill()
    return counted


SIGNED = image(OCI, subject=descriptor(image(), OCI), artifactType="a/b")
LIST = index(OCI_INDEX, (image(), OCI))
PUT_IMAGE = {"Content-Type": OCI}
# Method, URL, body, headers; then the verbs of the metadata store, and the calls to S3.
BUDGETS: dict[str, tuple[tuple[Any, ...], dict[str, int], int]] = {
    "manifest GET by tag": (("GET", f"/v2/{R}/manifests/v1"), {"survey_pull": 1}, 0),
    "manifest HEAD by tag": (("HEAD", f"/v2/{R}/manifests/v1"), {"survey_pull": 1}, 0),
    "manifest GET by digest": (
        ("GET", f"/v2/{R}/manifests/{of(image())}"),
        {"survey_pull": 1},
        0,
    ),
    "manifest HEAD by digest": (
        ("HEAD", f"/v2/{R}/manifests/{of(image())}"),
        {"survey_pull": 1},
        0,
    ),
    "blob GET": (("GET", f"/v2/{R}/blobs/{of(LAYER)}"), {"find_link": 1}, 0),
    "blob HEAD": (("HEAD", f"/v2/{R}/blobs/{of(LAYER)}"), {"find_link": 1}, 0),
    "blob HEAD of what is not there": (
        ("HEAD", f"/v2/{R}/blobs/{of(b'nothing')}"),
        {"find_link": 1},
        0,
    ),
    "v1 image json": (("GET", f"/v1/images/{IMAGE_ID}/json"), {"find_images": 1}, 0),
    "v1 ancestry": (("GET", f"/v1/images/{IMAGE_ID}/ancestry"), {"find_images": 1}, 0),
    "v1 layer GET": (("GET", f"/v1/images/{IMAGE_ID}/layer"), {"find_images": 1}, 0),
    "v1 ping": (("GET", "/v1/_ping"), {}, 0),
    "root ping": (("GET", "/_ping"), {}, 0),
    "v2 base": (("GET", "/v2/"), {}, 0),
    "tags page": (("GET", f"/v2/{R}/tags/list?n=10"), {"list_tags": 1}, 0),
    "catalog page": (("GET", "/v2/_catalog?n=10"), {"list_repositories": 1}, 0),
    "start an upload": (("POST", f"/v2/{R}/blobs/uploads/"), {"open_upload": 1}, 0),
    "manifest PUT by tag": (
        ("PUT", f"/v2/{R}/manifests/v2", image(), PUT_IMAGE),
        {"survey_push": 1, "put_manifest": 1},
        0,
    ),
    "manifest PUT by digest": (
        ("PUT", f"/v2/{R}/manifests/{of(image(OCI, OTHER))}", image(OCI, OTHER), PUT_IMAGE),
        {"survey_push": 1, "put_manifest": 1},
        0,
    ),
    "manifest PUT of what lacks a blob": (
        ("PUT", f"/v2/{R}/manifests/v2", image(OCI, b"nothing"), PUT_IMAGE),
        {"survey_push": 1},
        0,
    ),
    "a blob in one POST": (
        ("POST", f"/v2/{R}/blobs/uploads/?digest={of(b'new')}", b"new"),
        {"find_blob": 1, "put_blob": 1},
        1,
    ),
    "a blob that the team has, in one POST": (
        ("POST", f"/v2/acme/b/blobs/uploads/?digest={of(LAYER)}", LAYER),
        {"find_blob": 1, "put_blob": 1},
        0,
    ),
    "a mount": (
        ("POST", f"/v2/acme/b/blobs/uploads/?mount={of(LAYER)}&from={R}"),
        {"find_link": 1, "put_blob": 1},
        0,
    ),
    "a chunk": (
        ("PATCH", "{location}", LAYER),
        {"claim_upload": 1, "save_upload": 1},
        1,
    ),
    "a closing PUT with the whole blob": (
        ("PUT", f"{{location}}?digest={of(b'new')}", b"new"),
        {"claim_upload": 1, "find_blob": 1, "put_blob": 1},
        1,
    ),
    "the status of an upload": (("GET", "{location}"), {"find_upload": 1}, 0),
    "a page of referrers": (
        ("GET", f"/v2/{R}/referrers/{of(image())}?n=10"),
        {"list_referrers": 1},
        0,
    ),
    "a page of referrers of one type": (
        ("GET", f"/v2/{R}/referrers/{of(image())}?artifactType=a/b"),
        {"list_referrers": 1},
        0,
    ),
    "a page of a tag's history": (
        ("GET", f"/v2/{R}/_roadstead/tags/v1/history"),
        {"list_history": 1},
        0,
    ),
    "tag rules": (("GET", f"/v2/{R}/_roadstead/tags/rules"), {"find_repository": 1}, 0),
    "a token": (("GET", f"/v2/token?scope=repository:{R}:pull"), {}, 0),
    "manifest PUT with tags along and a subject": (
        (
            "PUT",
            f"/v2/{R}/manifests/{of(SIGNED)}?tag=a&tag=b",
            SIGNED,
            PUT_IMAGE,
        ),
        {"survey_push": 1, "put_manifest": 1},
        0,
    ),
    "index PUT": (
        ("PUT", f"/v2/{R}/manifests/list", LIST, {"Content-Type": OCI_INDEX}),
        {"survey_push": 1, "put_manifest": 1},
        0,
    ),
    "manifest GET by a client that takes it": (
        ("GET", f"/v2/{R}/manifests/v1", b"", {"Accept": OCI}),
        {"survey_pull": 1},
        0,
    ),
    "manifest GET in another form, the first time": (
        ("GET", f"/v2/{R}/manifests/v1", b"", {"Accept": DOCKER}),
        {"survey_pull": 1, "find_bridged": 1, "put_bridged": 1},
        0,
    ),
    "a mount without from": (
        ("POST", f"/v2/acme/b/blobs/uploads/?mount={of(LAYER)}"),
        {"find_blob": 1, "put_blob": 1},
        0,
    ),
    "an endpoint that does not exist": (("GET", "/v2/a/b"), {}, 0),
    "a name that is none": (("GET", "/v2/A/manifests/v1"), {}, 0),
    "a manifest that is not JSON": (("PUT", f"/v2/{R}/manifests/v1", b"{", PUT_IMAGE), {}, 0),
}


@pytest.mark.parametrize(("request_parts", "reads", "s3"), BUDGETS.values(), ids=BUDGETS)
def test_an_operation_keeps_its_budget(
    request_parts: tuple[Any, ...], reads: dict[str, int], s3: int, place: Counted
) -> None:
    method, url, *rest = request_parts
    answer = place.registry.send(method, url.replace("{location}", place.location), *rest)
    assert answer.status < 500, answer.body
    assert dict(place.metadata) == reads
    assert place.s3() == s3, place.blobs


@pytest.fixture
def behind() -> Counted:
    """The same behind the edge, which has taken something for the repository before."""
    counted = Counted(edge_word=EDGE_WORD, edge_key=EDGE_KEY)
    counted.fill()
    return counted


# What the edge has taken beforehand, and then as in ``BUDGETS``.
LAYERS = tuple(b"layer %d" % number for number in range(100))
BEHIND: dict[str, tuple[tuple[bytes, ...], tuple[Any, ...], dict[str, int], int]] = {
    "start an upload": (
        (),
        ("POST", f"/v2/{R}/blobs/uploads/"),
        {"find_edge_word": 1, "open_upload": 1},
        0,
    ),
    "start the first upload of a repository": (
        (),
        ("POST", "/v2/acme/new/blobs/uploads/"),
        {"find_edge_word": 1, "give_edge_word": 1, "open_upload": 1},
        0,
    ),
    "the status of an upload": (
        (),
        ("GET", "{location}"),
        {"find_upload": 1, "find_edge_word": 1},
        0,
    ),
    "a blob that has its row": ((), ("HEAD", f"/v2/{R}/blobs/{of(LAYER)}"), {"find_link": 1}, 0),
    "a blob that the edge has taken": (
        (b"taken",),
        ("HEAD", f"/v2/{R}/blobs/{of(b'taken')}"),
        {"find_link": 1, "find_edge_word": 1, "find_blobs": 1, "adopt_blobs": 1},
        1,
    ),
    "a blob that nobody has": (
        (),
        ("HEAD", f"/v2/{R}/blobs/{of(b'nothing')}"),
        {"find_link": 1, "find_edge_word": 1},
        1,
    ),
    "a blob of a repository that nothing was brought": (
        (),
        ("HEAD", f"/v2/acme/new/blobs/{of(b'nothing')}"),
        {"find_link": 1, "find_edge_word": 1},
        0,
    ),
    "manifest PUT whose blobs have their rows": (
        (),
        ("PUT", f"/v2/{R}/manifests/v2", image(), PUT_IMAGE),
        {"survey_push": 1, "put_manifest": 1},
        0,
    ),
    "manifest PUT of a hundred fresh layers": (
        LAYERS,
        ("PUT", f"/v2/{R}/manifests/v2", image(OCI, *LAYERS), PUT_IMAGE),
        {
            "survey_push": 1,
            "find_edge_word": 1,
            "find_blobs": 1,
            "adopt_blobs": 1,
            "put_manifest": 1,
        },
        100,
    ),
    "a mount of what the edge has taken": (
        (b"taken",),
        ("POST", f"/v2/acme/b/blobs/uploads/?mount={of(b'taken')}&from={R}"),
        {"find_link": 1, "find_edge_word": 1, "find_blobs": 1, "adopt_blobs": 1, "put_blob": 1},
        1,
    ),
    "manifest GET by tag": ((), ("GET", f"/v2/{R}/manifests/v1"), {"survey_pull": 1}, 0),
}


@pytest.mark.parametrize(("taken", "request_parts", "reads", "s3"), BEHIND.values(), ids=BEHIND)
def test_an_operation_behind_the_edge_keeps_its_budget(
    taken: tuple[bytes, ...],
    request_parts: tuple[Any, ...],
    reads: dict[str, int],
    s3: int,
    behind: Counted,
) -> None:
    for data in taken:
        location = behind.send("POST", f"/v2/{R}/blobs/uploads/").header("Location")
        url = f"{location}&digest={of(data)}"
        assert put_by_edge(behind.registry.world, url, data) == 201
    behind.forget()
    method, url, *rest = request_parts
    answer = behind.send(method, url.replace("{location}", behind.location), *rest)
    assert answer.status < 500, answer.body
    assert dict(behind.metadata) == reads
    assert behind.s3() == s3, behind.blobs


def login(place: Counted) -> None:
    place.registry.add_user("acme", "a-long-password")
    place.registry.world.logins.forget()
    place.forget()


WITH_ACCOUNTS: dict[str, tuple[Callable[[Counted], None], int]] = {
    "a ping": (lambda place: _get(place, "/v1/_ping", None), 0),
    "an anonymous base": (lambda place: _get(place, "/v2/", None), 0),
    "a first login": (lambda place: _get(place, "/v2/", "acme"), 1),
    "a login of a moment ago": (lambda place: _twice(place, "/v2/", "acme"), 1),
    "a token's pull": (lambda place: _by_token(place, f"/v2/{R}/manifests/v1"), 1 + 1 + 1),
    "a token's second pull": (lambda place: _by_token(place, f"/v2/{R}/manifests/v1", 2), 4),
    "a token of nobody": (lambda place: _get(place, "/v2/token?scope=repository:a/b:x", None), 0),
    "an owner's blob": (lambda place: _get(place, f"/v2/{R}/blobs/{of(LAYER)}", "acme"), 2),
}


def _get(place: Counted, url: str, name: str | None) -> None:
    place.registry.send("GET", url, login=(name, "a-long-password") if name else None)


def _by_token(place: Counted, url: str, times: int = 1) -> None:
    """A login for a token, a look at the account that the token is of, and the pulls."""
    scope = f"repository:{R}:pull"
    answer = place.registry.send(
        "GET", f"/v2/token?scope={scope}", login=("acme", "a-long-password")
    )
    headers = {"Authorization": f"Bearer {json.loads(answer.body)['token']}"}
    for _ in range(times):
        assert place.registry.send("GET", url, b"", headers).status < 500


def _twice(place: Counted, url: str, name: str) -> None:
    _get(place, url, name)
    _get(place, url, name)


@pytest.mark.parametrize(("ask", "reads"), WITH_ACCOUNTS.values(), ids=WITH_ACCOUNTS)
def test_with_accounts_a_login_costs_one_read_a_minute(
    ask: Callable[[Counted], None], reads: int
) -> None:
    place = Counted(Mode.ACCOUNTS)
    login(place)
    ask(place)
    assert sum(place.metadata.values()) == reads, place.metadata


def test_the_counting_counts() -> None:
    calls: Counter[str] = Counter()
    counted = Counting(MemoryMetadata(), calls)
    counted.find_tag("t", "n", "x")
    counted.find_tag("t", "n", "x")
    assert calls == {"find_tag": 2}
