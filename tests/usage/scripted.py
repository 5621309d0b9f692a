"""A script of requests, written down as they are sent: what each of them is to be counted as."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from chalicelib.domain.access import Mode
from chalicelib.domain.usage import Used, day_of
from chalicelib.ports import Unavailable
from chalicelib.service.world import World
from chalicelib.usage_ports import UsageStore
from roadstead.gateway.events import HttpResponse
from tests.conformance.bodies import CONFIG, LAYER, OCI, image
from tests.conformance.cases import of
from tests.conformance.runner import PlainPasswords
from tests.logs.heard import heard
from tests.support.world import Registry, memory_world
from tests.usage.delivery import Killed

DAY_S = 24 * 3600
PASSWORD = "a-long-password"
IMAGE_ID = "a" * 64
RAW = image()
# What a client can count for itself. The rest depends on how the registry works inside.
COUNTED = (
    "requests",
    "refused",
    "pulls",
    "pushes",
    "bytes_in",
    "bytes_out",
    "bytes_pulled",
    "bytes_pushed",
    "downloads",
)
Key = tuple[str, str, str]


class Troubled:
    """A store in which something can go wrong, once: it is away, or the function dies after it."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.away, self.dies_after = "", ""

    def __getattr__(self, name: str) -> Any:
        verb = getattr(self._store, name)
        if name == self.away:
            self.away = ""
            raise Unavailable("the store is away")
        if name != self.dies_after:
            return verb
        self.dies_after = ""

        def dying(*args: Any, **kwargs: Any) -> Any:
            verb(*args, **kwargs)
            raise Killed

        return dying


@dataclass
class Script:
    """Sends requests, and adds up what they were. ``lines`` are what the registry has written.

    A repository belongs to the team of its namespace; "alice" alone is the team's own account, ""
    the registry's.
    """

    world: World
    registry: Registry = field(init=False)
    day: int = 0
    expected: dict[Key, Counter[str]] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.registry = Registry(self.world)

    @property
    def now_s(self) -> int:
        return self.world.clock.now_s() + self.day * DAY_S

    def send(
        self,
        account: str,
        method: str,
        url: str,
        body: bytes = b"",
        *,
        by: str | None = None,
        status: int = 200,
        headers: dict[str, str] | None = None,
        **counts: int,
    ) -> HttpResponse:
        login = (by, PASSWORD) if by else None
        with heard() as log:
            answer = self.registry.send(method, url, body, headers, login=login)
        assert answer.status == status, (method, url, answer.status, answer.body)
        self._keep(log.text)
        found = {"requests": 1, "bytes_in": len(body), "bytes_out": len(answer.body), **counts}
        found["refused"] = int(status >= 400)
        team, _, rest = account.partition("/")
        key = team, day_of(self.now_s), account if rest else ""
        self.expected.setdefault(key, Counter()).update(found)
        return answer

    def die(self, troubled: Troubled, verb: str, *request: Any, by: str) -> None:
        """A request in which the function dies; its client hears nothing, and there is no line."""
        troubled.dies_after = verb
        with heard() as log:
            try:
                self.registry.send(*request, login=(by, PASSWORD))
            except Killed:
                assert log.text == ""
                return
        raise AssertionError("nobody died")

    def _keep(self, text: str) -> None:
        """The lines, as if they had been written on the script's day."""
        for line in text.splitlines():
            document = json.loads(line)
            document["at_ms"] = self.now_s * 1000
            self.lines.append(json.dumps(document))

    def wanted(self, team: str) -> list[Used]:
        """What a report of the team is to say, by day and repository."""
        return [
            Used(day, repository, {name: n for name, n in counts.items() if n})
            for (owner, day, repository), counts in sorted(self.expected.items())
            if owner == team
        ]


def played(store: Any, usage: UsageStore) -> Script:
    """The script's days in a registry on these stores, whose lines nobody has counted yet."""
    troubled = Troubled(store)
    world = memory_world(
        Mode.ACCOUNTS,
        metadata=troubled,
        accounts=store,
        search=store,
        usage=usage,
        passwords=PlainPasswords(),
    )
    script = Script(world)
    scripted_day(script, troubled)
    return script


def scripted_day(script: Script, troubled: Troubled) -> None:
    """Two days of three people: everything that is counted, and what is not."""
    for name in ("alice", "bob", "root"):
        script.registry.add_user(name, PASSWORD, administrator=name == "root")
    pushed_through_v2(script, troubled)
    pulled_through_v2(script)
    script.day = 1
    pushed_through_v1(script)
    pulled_through_v1(script)
    strangers(script)
    deleted(script)


def pushed_through_v2(script: Script, troubled: Troubled) -> None:
    send, app = script.send, "alice/app"
    start, tag = f"/v2/{app}/blobs/uploads/", f"/v2/{app}/manifests/1"
    send("", "GET", "/v2/", status=401)
    send("", "GET", "/v2/", by="alice")
    send("alice", "HEAD", f"/v2/{app}/blobs/{of(LAYER)}", by="alice", status=404)
    send(
        app,
        "POST",
        f"{start}?digest={of(CONFIG)}",
        CONFIG,
        by="alice",
        status=201,
        bytes_pushed=len(CONFIG),
    )
    place = send(app, "POST", start, by="alice", status=202).header("location") or ""
    send(app, "PATCH", place, LAYER[:5], by="alice", status=202)
    send(app, "PATCH", place, LAYER[5:], by="alice", status=202)
    closing = f"{place}?digest={of(LAYER)}"
    send(app, "PUT", closing, by="alice", status=201, bytes_pushed=len(LAYER))
    oci = {"content-type": OCI}
    # The store is away: refused, and sent again. Then the function dies after its commit, and the
    # client, which has heard nothing, sends it once more: that is one push.
    troubled.away = "put_manifest"
    send("alice", "PUT", tag, RAW, by="alice", status=503, headers=oci)
    script.die(troubled, "put_manifest", "PUT", tag, RAW, oci, by="alice")
    push = {"pushes": 1, "bytes_pushed": len(RAW)}
    send(app, "PUT", tag, RAW, by="alice", status=201, headers=oci, **push)
    # A client that sends it again has pushed twice; by its digest alone it is no push.
    send(app, "PUT", tag, RAW, by="alice", status=201, headers=oci, **push)
    by_digest = f"/v2/{app}/manifests/{of(RAW)}"
    send(app, "PUT", by_digest, RAW, by="alice", status=201, headers=oci, bytes_pushed=len(RAW))
    mount = f"/v2/alice/copy/blobs/uploads/?mount={of(LAYER)}&from={app}"
    send("alice/copy", "POST", mount, by="alice", status=201)


def pulled_through_v2(script: Script) -> None:
    send, app = script.send, "alice/app"
    blob = f"/v2/{app}/blobs/{of(LAYER)}"
    for by in ("alice", "root"):
        send(app, "HEAD", f"/v2/{app}/manifests/1", by=by)
        send(app, "GET", f"/v2/{app}/manifests/1", by=by, pulls=1)
        send(app, "HEAD", blob, by=by, status=307)
        got = {"downloads": 1, "bytes_pulled": len(LAYER)}
        send(app, "GET", blob, by=by, status=307, **got)
        part = {"downloads": 1, "bytes_pulled": 3}
        send(app, "GET", blob, by=by, status=307, headers={"range": "bytes=2-4"}, **part)
    send(app, "GET", f"/v2/{app}/tags/list", by="alice")
    send("alice", "GET", f"/v2/{app}/manifests/none", by="alice", status=404)
    send("", "GET", "/v2/_catalog", by="alice")


def pushed_through_v1(script: Script) -> None:
    send, old = script.send, "alice/old"
    index = f"/v1/repositories/{old}"
    listed = json.dumps([{"id": IMAGE_ID}]).encode()
    asked = {"x-docker-token": "true"}
    answer = send(old, "PUT", f"{index}/", listed, by="alice", headers=asked)
    token = {"authorization": answer.header("x-docker-token") or ""}
    image_url = f"/v1/images/{IMAGE_ID}"
    raw = json.dumps({"id": IMAGE_ID}).encode()
    send("alice", "GET", f"{image_url}/json", headers=token, status=404)
    send(old, "PUT", f"{image_url}/json", raw, headers=token)
    send(old, "PUT", f"{image_url}/layer", LAYER, headers=token, bytes_pushed=len(LAYER))
    checksum = {**token, "x-docker-checksum-payload": payload_checksum(raw)}
    send(old, "PUT", f"{image_url}/checksum", headers=checksum)
    send(old, "PUT", f"{index}/tags/latest", json.dumps(IMAGE_ID).encode(), headers=token)
    send(old, "PUT", f"{index}/images", listed, by="alice", status=204, pushes=1)


def payload_checksum(raw: bytes) -> str:
    return "sha256:" + hashlib.sha256(raw + b"\n" + LAYER).hexdigest()


def pulled_through_v1(script: Script) -> None:
    send, old = script.send, "alice/old"
    index, image_url = f"/v1/repositories/{old}", f"/v1/images/{IMAGE_ID}"
    asked = {"x-docker-token": "true"}
    answer = send(old, "GET", f"{index}/images", by="alice", headers=asked, pulls=1)
    token = {"authorization": answer.header("x-docker-token") or ""}
    send(old, "GET", f"{index}/tags", headers=token)
    send(old, "GET", f"{image_url}/ancestry", headers=token)
    send(old, "GET", f"{image_url}/json", headers=token)
    got = {"downloads": 1, "bytes_pulled": len(LAYER)}
    send(old, "GET", f"{image_url}/layer", headers=token, status=302, **got)
    behind = {**token, "range": f"bytes={len(LAYER)}-{len(LAYER)}"}
    send("alice", "GET", f"{image_url}/layer", headers=behind, status=416)


def strangers(script: Script) -> None:
    """Who is not let in runs up no bill of the team whose name was called."""
    send = script.send
    send("", "GET", "/v2/alice/app/manifests/1", status=401)
    send("", "GET", "/v2/alice/app/manifests/1", by="bob", status=403)
    send("", "PUT", "/v2/alice/app/manifests/1", RAW, by="bob", status=403)
    send("", "GET", "/v2/carol/nothing/manifests/1", status=401)
    send("", "GET", "/v2/no/such/endpoint", by="bob", status=404)
    send("", "GET", "/v1/_ping")
    send("bob/app", "POST", "/v2/bob/app/blobs/uploads/", by="bob", status=202)


def deleted(script: Script) -> None:
    send = script.send
    send("alice/app", "DELETE", "/v2/alice/app/manifests/1", by="alice", status=202)
    send("alice", "DELETE", "/v2/alice/app/manifests/1", by="alice", status=404)
    send("alice", "GET", "/v2/alice/app/manifests/1", by="alice", status=404)
    send("alice/old", "DELETE", "/v1/repositories/alice/old/", by="alice")
