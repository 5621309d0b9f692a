"""A team by its own host, behind the edge: the real functions, the real upload path."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit, urlunsplit

import pytest

from chalicelib.domain.access import Mode
from chalicelib.domain.bearer import Challenge
from roadstead import local
from roadstead.awslimits.exchange import Address
from roadstead.awslimits.home import Plan
from tests.awslimits.places import Place, aws_place
from tests.awslimits.test_registry import BLOB, digest_of, put
from tests.awslimits.wire import Said, ask
from tests.clients.commands import clean_environment, need, run, workspace
from tests.clients.images import Builder, File
from tests.support.stack import Stack

WILDCARD = "*.teams.test"
CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"


@pytest.fixture(scope="module", params=["functions", "gateway"])
def place(stack: Stack, request: pytest.FixtureRequest) -> Iterator[Place]:
    choices = local.Choices(Mode.OPEN, team_hosts=WILDCARD)
    with aws_place(stack, Plan(gateway=request.param == "gateway"), choices) as made:
        yield made


def at(team: str) -> dict[str, str]:
    return {"Host": f"{team}.teams.test"}


def say(place: Place, team: str, method: str, path: str, body: bytes | None = None) -> Said:
    return ask(place.edge, method, path, {**at(team), "Content-Type": MANIFEST}, body)


def push(place: Place, team: str, name: str) -> bytes:
    """A layer and a config through the bucket, then the manifest; what the manifest is."""
    for data in (BLOB, b"{}"):
        began = say(place, team, "POST", f"/v2/{name}/blobs/uploads/", b"")
        assert began.status == 202, began.body
        location = began.headers["Location"]
        assert location.startswith("/_up/v2/")
        target = f"{location}&digest={digest_of(data)}"
        stored = ask(place.edge, "PUT", target, at(team), data)
        assert stored.status == 201, stored.body
        assert say(place, team, "HEAD", stored.headers["Location"]).status in (200, 307)
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "digest": digest_of(b"{}"), "size": 2},
            "layers": [{"mediaType": LAYER, "digest": digest_of(BLOB), "size": len(BLOB)}],
        }
    ).encode()
    done = say(place, team, "PUT", f"/v2/{name}/manifests/latest", manifest)
    assert done.status == 201, done.body
    return manifest


def test_what_is_pushed_by_a_teams_host_is_the_teams(place: Place, team: str) -> None:
    manifest = push(place, team, "app")
    assert say(place, team, "GET", "/v2/app/manifests/latest").body == manifest
    own = ask(place.edge, "GET", f"/v2/{team}/app/manifests/latest", {})
    assert own.body == manifest
    assert say(place, f"{team}x", "GET", "/v2/app/manifests/latest").status == 404
    assert ask(place.edge, "GET", "/v2/app/manifests/latest", {}).status == 404
    named = json.loads(say(place, team, "GET", "/v2/app/tags/list").body)
    assert named == {"name": "app", "tags": ["latest"]}


def test_an_uploads_address_is_signed_for_the_team_and_serves_no_other(
    place: Place, team: str
) -> None:
    """The address names the place in the bucket; the host says nothing there."""
    location = say(place, team, "POST", "/v2/app/blobs/uploads/", b"").headers["Location"]
    assert location.startswith(f"/_up/v2/{team}/app/blobs/uploads/")
    other = location.replace(f"/v2/{team}/app/", "/v2/other/app/")
    assert put(place, other, BLOB).status == 403
    target = f"{location}&digest={digest_of(BLOB)}"
    stored = ask(place.edge, "PUT", target, at("other"), BLOB)
    assert stored.status == 201
    digest = digest_of(BLOB)
    assert say(place, team, "HEAD", f"/v2/app/blobs/{digest}").status in (200, 307)
    assert say(place, "other", "HEAD", f"/v2/app/blobs/{digest}").status == 404


def test_a_chunk_by_a_teams_host_goes_on_where_it_began(place: Place, team: str) -> None:
    began = say(place, team, "POST", "/v2/app/blobs/uploads/", b"").headers["Location"]
    more = ask(place.edge, "PATCH", began, at(team), BLOB)
    assert more.status == 202, more.body
    location = more.headers["Location"]
    sign = "&" if "?" in location else "?"
    done = ask(place.edge, "PUT", f"{location}{sign}digest={digest_of(BLOB)}", at(team), b"")
    assert done.status == 201, done.body
    assert say(place, team, "GET", f"/v2/app/blobs/{digest_of(BLOB)}").status in (200, 307)
    assert ask(place.edge, "HEAD", f"/v2/{team}/app/blobs/{digest_of(BLOB)}").status == 307


SPOOFED = ("X-Forwarded-Host", "X-Host", "X-Original-Host", "X-Roadstead-Edge", "Forwarded")


@pytest.mark.parametrize("name", SPOOFED)
def test_no_header_of_a_viewer_chooses_the_team(place: Place, team: str, name: str) -> None:
    push(place, team, "app")
    host = f"{team}.teams.test"
    value = f"host={host}" if name == "Forwarded" else host
    for own in ({}, at("other")):
        said = ask(place.edge, "GET", "/v2/app/manifests/latest", {**own, name: value})
        assert said.status == 404, said.body
    # And with the right Host a wrong header changes nothing.
    sent = {**at(team), name: value.replace(team, "other")}
    assert ask(place.edge, "GET", "/v2/app/manifests/latest", sent).status == 200


@pytest.mark.parametrize("name", SPOOFED)
def test_behind_the_edge_nobody_is_believed_without_its_word(
    place: Place, team: str, name: str
) -> None:
    push(place, team, "app")
    sent = {name: f"{team}.teams.test"}
    past = ask(place.home.api, "GET", "/api/v2/app/manifests/latest", sent)
    assert past.status == 403, past.body
    if place.home.gateway is not None:
        said = ask(place.home.gateway, "GET", "/v2/app/manifests/latest", sent)
        assert said.status == 404, said.body


def test_who_is_asked_for_a_login_is_asked_by_the_teams_host(stack: Stack) -> None:
    choices = local.Choices(Mode.ACCOUNTS, challenge=Challenge.BEARER, team_hosts=WILDCARD)
    with aws_place(stack, Plan(), choices) as place:
        said = say(place, "crew", "GET", "/v2/crew/app/manifests/latest")
        assert said.status == 401
        challenge = said.headers["WWW-Authenticate"]
        assert challenge == (
            'Bearer realm="http://crew.teams.test/v2/token",service="roadstead",'
            'scope="repository:app:pull"'
        )


class _Proxy(BaseHTTPRequestHandler):
    """Takes the names of teams' hosts to the edge, as DNS would; nothing asks a name server."""

    protocol_version = "HTTP/1.1"
    edge: Address

    def forward(self) -> None:
        said = urlsplit(self.path)
        target = urlunsplit(("", "", said.path, said.query, ""))
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Transfer-Encoding"):
            body = self._chunks()
        own = ("proxy-connection", "transfer-encoding", "content-length")
        kept = {name.lower() for name in self.headers} - set(own)
        headers = {name.title(): ", ".join(self.headers.get_all(name) or ()) for name in kept}
        headers["Host"] = said.netloc
        answer = ask(self.edge, self.command, target, headers, body)
        self.send_response_only(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in ("connection", "transfer-encoding", "content-length"):
                self.send_header(name, value)
        length = str(len(answer.body))
        if self.command == "HEAD":
            length = answer.headers.get("Content-Length", "0")
        self.send_header("Content-Length", length)
        self.end_headers()
        self.wfile.write(answer.body)

    def _chunks(self) -> bytes:
        whole = b""
        while size := int(self.rfile.readline(), 16):
            whole += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return whole

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = forward  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def proxied(edge: Address) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Proxy", (_Proxy,), {"edge": edge}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.clients
def test_skopeo_pushes_and_pulls_by_a_teams_host(place: Place, team: str) -> None:
    need("skopeo")
    with proxied(place.edge) as proxy, workspace() as folder:
        builder = Builder(folder / "image")
        layers = [builder.layer(f"layer {n}", [File(f"f{n}", size=200_000)]) for n in range(2)]
        image = builder.image("two", builder.manifest(layers))
        environment = clean_environment(folder, _CONTAINERS_ROOTLESS_UID="1000")
        environment |= {"HTTP_PROXY": proxy, "NO_PROXY": "localhost,127.0.0.1"}
        copy = ["skopeo", "--insecure-policy", "copy", "--preserve-digests"]
        there = f"docker://{team}.teams.test:80/app:latest"
        run([*copy, "--dest-tls-verify=false", f"oci:{image.folder}:latest", there], environment)
        back = folder / "back"
        run([*copy, "--src-tls-verify=false", there, f"oci:{back}:latest"], environment)
        for digest in image.everything:
            pulled = back / "blobs" / digest.replace(":", "/")
            assert pulled.read_bytes() == image.read(digest), digest
        assert ask(place.edge, "HEAD", f"/v2/{team}/app/manifests/latest").status == 200
