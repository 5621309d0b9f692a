"""Whole pushes as lists of requests, so that a test can break off and repeat at any of them."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable

from tests.gateway.client import MANIFEST, digest_of, fetch, manifest_of, payload, pull
from tests.gateway.places import Place
from tests.gateway.v1 import checksum_of, image_id_of, json_of, layer_path, read_json
from tests.gateway.wire import Answer, send

Step = Callable[[], Answer]
STREAMED = 4_510_000
PART = 5_400_000


class Push(ABC):
    """One push; ``steps`` are to be done in order, and ``check`` may be asked at any time."""

    blobs: tuple[bytes, ...] = ()

    def __init__(self, place: Place, repository: str) -> None:
        self.place = place
        self.repository = repository
        self.locations: dict[str, str] = {}

    @abstractmethod
    def steps(self) -> list[Step]: ...

    # --- v2 -----------------------------------------------------------------------------------

    def path(self, tail: str) -> str:
        return f"/v2/{self.repository}/{tail}"

    def start(self, key: str) -> Step:
        def step() -> Answer:
            answer = send(self.place.host, "POST", self.path("blobs/uploads/"))
            if answer.status == 202:
                self.locations[key] = answer.location
            return answer

        return step

    def patch(self, key: str, data: bytes) -> Step:
        return lambda: send(self.place.host, "PATCH", self.locations[key], data, in_chunks=True)

    def close(self, key: str, whole: bytes, body: bytes = b"") -> Step:
        def step() -> Answer:
            target = f"{self.locations[key]}?digest={digest_of(whole)}"
            return send(self.place.host, "PUT", target, body)

        return step

    def post(self, data: bytes) -> Step:
        target = self.path(f"blobs/uploads/?digest={digest_of(data)}")
        return lambda: send(self.place.host, "POST", target, data)

    def tag(self) -> Step:
        manifest, headers = manifest_of(*self.blobs), {"Content-Type": MANIFEST}
        target = self.path("manifests/latest")
        return lambda: send(self.place.host, "PUT", target, manifest, headers)

    def check(self, *, whole: bool = False) -> None:
        """Hold what is visible against what was pushed: all of it, or nothing of it."""
        for data in self.blobs:
            found = pull(self.place, self.repository, digest_of(data))
            assert found == data or (found is None and not whole)
        answer = send(self.place.host, "GET", self.path("manifests/latest"))
        listed = send(self.place.host, "GET", self.path("tags/list"))
        if answer.status == 404 and not whole:
            assert listed.status in (200, 404)
            assert b"latest" not in listed.body
            return
        assert (answer.status, answer.body) == (200, manifest_of(*self.blobs))
        assert json.loads(listed.body)["tags"] == ["latest"]
        for data in self.blobs:
            assert pull(self.place, self.repository, digest_of(data)) == data


class InlinePush(Push):
    """Both dialects and the single POST, small; one blob in two PATCHes."""

    blobs = (b"{}", payload(3000), payload(4000))

    def steps(self) -> list[Step]:
        config, first, second = self.blobs
        return [
            self.post(config),
            self.start("a"),
            self.patch("a", first[:1000]),
            self.patch("a", first[1000:]),
            self.close("a", first),
            self.start("b"),
            self.close("b", second, second),
            self.tag(),
        ]


class StreamedPatch(Push):
    """Dialect A: the stream on top of a tail."""

    blobs = (b"{}", payload(1000 + PART))

    def steps(self) -> list[Step]:
        config, data = self.blobs
        return [
            self.post(config),
            self.start("a"),
            self.patch("a", data[:1000]),
            self.patch("a", data[1000:]),
            self.close("a", data),
            self.tag(),
        ]


class MixedPatches(Push):
    """A streamed part, an inline tail on top of it, and an inline end that makes the next part."""

    blobs = (b"{}", payload(PART + 1_000_000 + 4_400_000))

    def steps(self) -> list[Step]:
        config, data = self.blobs
        return [
            self.post(config),
            self.start("a"),
            self.patch("a", data[:PART]),
            self.patch("a", data[PART : PART + 1_000_000]),
            self.close("a", data, data[PART + 1_000_000 :]),
            self.tag(),
        ]


class StreamedPut(Push):
    """Dialect B."""

    blobs = (b"{}", payload(PART))

    def steps(self) -> list[Step]:
        config, data = self.blobs
        return [self.post(config), self.start("a"), self.close("a", data, data), self.tag()]


class StreamedPost(Push):
    """All in one request."""

    blobs = (b"{}", payload(STREAMED, 1))

    def steps(self) -> list[Step]:
        return [self.post(data) for data in self.blobs] + [self.tag()]


class V1Push(Push):
    """Two images, the second with a streamed layer, in the order of Docker 1.12."""

    layers = (b"layer", payload(STREAMED, 2))

    def steps(self) -> list[Step]:
        index = json.dumps([{"id": image_id_of(1)}, {"id": image_id_of(2)}]).encode()
        tag = json.dumps(image_id_of(2)).encode()
        return [
            self.put(self.v1("/"), index),
            *self.image(1, None),
            *self.image(2, 1),
            self.put(self.v1("/tags/latest"), tag),
            self.put(self.v1("/images"), index),
        ]

    def v1(self, tail: str) -> str:
        return f"/v1/repositories/{self.repository}{tail}"

    def put(self, target: str, body: bytes) -> Step:
        return lambda: send(self.place.host, "PUT", target, body)

    def image(self, number: int, parent: int | None) -> list[Step]:
        image_id, layer = image_id_of(number), self.layers[number - 1]
        raw = self.json(number)
        headers = {"X-Docker-Checksum-Payload": checksum_of(raw, layer)}
        return [
            self.put(f"/v1/images/{image_id}/json", raw),
            lambda: send(self.place.host, "PUT", layer_path(image_id), layer, in_chunks=True),
            lambda: send(self.place.host, "PUT", f"/v1/images/{image_id}/checksum", b"", headers),
        ]

    def json(self, number: int) -> bytes:
        return json_of(number, 1 if number == 2 else None)

    def check(self, *, whole: bool = False) -> None:
        readable = {number: self.is_whole(number) for number in (1, 2)}
        assert not whole or all(readable.values())
        answer = send(self.place.host, "GET", self.v1("/tags"))
        tags = json.loads(answer.body) if answer.status == 200 else {}
        assert not whole or tags == {"latest": image_id_of(2)}
        assert tags in ({}, {"latest": image_id_of(2)})
        assert not tags or all(readable.values()), "a tag on an image that is not whole"

    def is_whole(self, number: int) -> bool:
        """Whether the image can be read; what can be read must be what was pushed."""
        image_id = image_id_of(number)
        answer, layer = read_json(self.place, image_id), None
        redirect = send(self.place.host, "GET", layer_path(image_id))
        ancestry = send(self.place.host, "GET", f"/v1/images/{image_id}/ancestry")
        if answer.status != 200:
            assert {answer.status, redirect.status, ancestry.status} <= {400, 404}
            return False
        status, layer = fetch(redirect.location)
        assert (status, layer) == (200, self.layers[number - 1])
        assert answer.body == self.json(number)
        assert json.loads(ancestry.body) == [image_id_of(n) for n in range(number, 0, -1)]
        return True
