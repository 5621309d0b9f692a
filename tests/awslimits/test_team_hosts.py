"""Teams by their own hosts, behind the distribution: the edge's functions and addresses as well."""

from __future__ import annotations

import base64
import json
import re
import socket
import socketserver
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from chalicelib.domain.access import Mode
from chalicelib.domain.bearer import Challenge
from chalicelib.service import accounts
from roadstead import local
from roadstead.awslimits.exchange import Address
from roadstead.awslimits.home import Plan
from tests.awslimits.places import Place, aws_place
from tests.awslimits.test_registry import digest_of
from tests.awslimits.wire import Said, ask
from tests.clients.commands import clean_environment, need, run, workspace
from tests.clients.images import Builder, File
from tests.support.stack import Stack

TEAMS = "*.teams.test"
PASSWORD = "a long password"
MIB = 1024 * 1024
LAYER, CONFIG = b"layer" * 3000, b"{}"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"


class Crew:
    """A team of a test's own, one of its people, and a stranger."""

    def __init__(self, place: Place, name: str) -> None:
        self.place, self.name = place, name
        self.host = f"{name}.teams.test"
        self.user = f"u{name}"
        for user in (self.user, f"s{name}"):
            accounts.create(place.home.world, user, PASSWORD)
        body = json.dumps({"name": name}).encode()
        said = self.ask("POST", "/v2/_roadstead/teams", body, host=place.host)
        assert said.status == 201, said.body

    def login(self, user: str | None = None) -> dict[str, str]:
        pair = base64.b64encode(f"{user or self.user}:{PASSWORD}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}

    def ask(
        self,
        method: str,
        target: str,
        body: Any = None,
        *,
        host: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Said:
        sent = {**self.login(), "Accept": "*/*", **(headers or {})}

        return at(self.place.edge, host or self.host, method, target, sent, body)

    def push(self, name: str, data: bytes) -> Said:
        """Dialect B: one PUT of known length, which goes to S3."""
        begun = self.ask("POST", f"/v2/{name}/blobs/uploads/", b"")
        assert begun.status == 202, begun.body
        location = begun.headers["Location"]
        assert location.startswith(f"/_up/v2/{self.name}/")
        return self.ask("PUT", f"{location}&digest={digest_of(data)}", data)

    def push_image(self, name: str) -> bytes:
        for data in (LAYER, CONFIG):
            said = self.push(name, data)
            assert said.status == 201, said.body
            assert said.headers["Docker-Content-Digest"] == digest_of(data)
            assert self.ask("HEAD", said.headers["Location"]).status in (200, 307)
        manifest = image()
        said = self.ask(
            "PUT",
            f"/v2/{name}/manifests/latest",
            manifest,
            headers={"Content-Type": MANIFEST_TYPE},
        )
        assert said.status == 201, said.body
        return manifest


def image() -> bytes:
    def described(kind: str, data: bytes) -> dict[str, Any]:
        return {"mediaType": kind, "digest": digest_of(data), "size": len(data)}

    config = described("application/vnd.oci.image.config.v1+json", CONFIG)
    layer = described("application/vnd.oci.image.layer.v1.tar", LAYER)
    document = {"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": config, "layers": [layer]}
    return json.dumps(document).encode()


def at(
    address: Address, host: str, method: str, target: str, headers: Mapping[str, str], body: Any
) -> Said:
    return ask(address, method, target, headers, body, host=host)


@pytest.fixture(scope="module", params=list(Challenge), ids=lambda each: each.value)
def place(stack: Stack, request: pytest.FixtureRequest) -> Iterator[Place]:
    choices = local.Choices(Mode.ACCOUNTS, challenge=request.param, team_hosts=TEAMS)
    with aws_place(stack, choices=choices) as made:
        yield made


@pytest.fixture(scope="module")
def beside_gateway(stack: Stack) -> Iterator[Place]:
    choices = local.Choices(Mode.ACCOUNTS, team_hosts=TEAMS)
    with aws_place(stack, Plan(gateway=True), choices) as made:
        yield made


def crew_of(place: Place, team: str) -> Crew:
    return Crew(place, re.sub("[^a-z0-9]", "", team)[-16:])


@pytest.fixture
def crew(place: Place, team: str) -> Crew:
    return crew_of(place, team)


def test_a_team_pushes_and_pulls_by_its_host_and_it_lies_below_its_path(crew: Crew) -> None:
    manifest = crew.push_image("app")
    for host, name in (
        (crew.host, "app"),
        (crew.host, f"{crew.name}/app"),
        (crew.place.host, f"{crew.name}/app"),
    ):
        assert crew.ask("GET", f"/v2/{name}/manifests/latest", host=host).body == manifest
        got = crew.ask("GET", f"/v2/{name}/blobs/{digest_of(LAYER)}", host=host)
        assert got.status == 307
    assert crew.ask("GET", "/v2/app/manifests/latest", host=crew.place.host).status in (403, 404)
    listed = crew.ask("GET", "/v2/_catalog")
    assert json.loads(listed.body) == {"repositories": ["app"]}


@pytest.mark.parametrize("name", ["app", "library/app", "{crew}/app"])
def test_who_has_no_login_is_asked_for_one_that_opens_what_was_asked_for(
    crew: Crew, name: str
) -> None:
    """Each spelling is the same repository here, and the challenge has the short one."""
    manifest = crew.push_image("app")
    target = f"/v2/{name.format(crew=crew.name)}/manifests/latest"
    said = at(crew.place.edge, crew.host, "GET", target, {"Accept": "*/*"}, None)
    assert said.status == 401
    challenge = said.headers["WWW-Authenticate"]
    if challenge.startswith("Basic"):
        return
    found = re.fullmatch(r'Bearer realm="http://([^/]+)(/[^"]*)",(.*)', challenge)
    assert found is not None
    assert found[1] == crew.host
    scope = dict(re.findall(r'([a-z]+)="([^"]*)"', found[3]))["scope"]
    token = crew.ask("GET", f"{found[2]}?service=roadstead&scope={scope}")
    assert scope == "repository:app:pull"
    bearer = {"Authorization": f"Bearer {json.loads(token.body)['token']}"}
    assert crew.ask("GET", target, headers=bearer).body == manifest


SPOOFS = [
    {"X-Forwarded-Host": "{host}"},
    {"X-Forwarded-Host": "{host}", "X-Roadstead-Edge": "guessed"},
    {"X-Forwarded-Host": "{host}, {host}"},
    {"X-Roadstead-Host": "{host}", "Forwarded": "host={host}", "X-Original-Host": "{host}"},
]


@pytest.mark.parametrize("headers", SPOOFS)
def test_a_header_from_outside_names_no_team(crew: Crew, headers: dict[str, str]) -> None:
    crew.push_image("app")
    spoofed = {name: value.format(host=crew.host) for name, value in headers.items()}
    for host in (crew.place.host, "other.teams.test"):
        said = crew.ask("GET", "/v2/app/manifests/latest", host=host, headers=spoofed)
        assert said.status in (403, 404), host
        begun = crew.ask("POST", "/v2/app/blobs/uploads/", b"", host=host, headers=spoofed)
        assert begun.status in (403, 404), host
    # And at the team's own host it takes nobody away from it.
    spoofed["X-Forwarded-Host"] = "other.teams.test"
    assert crew.ask("GET", "/v2/app/manifests/latest", headers=spoofed).status == 200


def test_who_goes_past_the_edge_names_no_team_either(crew: Crew) -> None:
    crew.push_image("app")
    sent = {**crew.login(), "Accept": "*/*", "X-Forwarded-Host": crew.host}
    for host in (crew.host, crew.place.home.api.netloc):
        said = at(crew.place.home.api, host, "GET", "/api/v2/app/manifests/latest", sent, None)
        assert said.status == 403
        assert b"name" not in said.body or crew.name.encode() not in said.body


def test_an_uploads_address_is_of_one_team_whichever_host_it_is_used_at(crew: Crew) -> None:
    """It is signed with the whole name: another host does not make it another team's."""
    location = crew.ask("POST", "/v2/app/blobs/uploads/", b"").headers["Location"]
    target = f"{location}&digest={digest_of(LAYER)}"
    assert crew.ask("PUT", target, LAYER, host="other.teams.test").status == 201
    assert crew.ask("HEAD", f"/v2/app/blobs/{digest_of(LAYER)}").status in (200, 307)
    forged = target.replace(f"/_up/v2/{crew.name}/app/", "/_up/v2/app/")
    assert crew.ask("PUT", forged, LAYER).status == 403


def test_a_stranger_gets_nothing_at_a_teams_host(crew: Crew) -> None:
    crew.push_image("app")
    stranger = crew.login(f"s{crew.name}")
    for method, target in (
        ("GET", "/v2/app/manifests/latest"),
        ("POST", "/v2/app/blobs/uploads/"),
    ):
        said = crew.ask(method, target, b"" if method == "POST" else None, headers=stranger)
        assert said.status in (403, 404)


def test_what_only_a_gateway_can_take_goes_to_the_team_as_well(
    beside_gateway: Place, team: str
) -> None:
    crew = crew_of(beside_gateway, team)
    data = b"z" * (6 * MIB)
    # Dialect A, from the address of the edge on; and everything in one POST.
    begun = crew.ask("POST", "/v2/app/blobs/uploads/", b"")
    patched = crew.ask("PATCH", begun.headers["Location"], iter([data[:MIB], data[MIB:]]))
    assert patched.status == 202, patched.body
    closed = crew.ask("PUT", f"{patched.headers['Location']}?digest={digest_of(data)}", b"")
    assert closed.status == 201, closed.body
    other = b"y" * (6 * MIB)
    whole = crew.ask("POST", f"/v2/app/blobs/uploads/?digest={digest_of(other)}", other)
    assert whole.status == 201, whole.body
    for each in (data, other):
        path = f"/v2/{crew.name}/app/blobs/{digest_of(each)}"
        assert crew.ask("HEAD", path, host=beside_gateway.host).status in (200, 307)
    # Directly, without the edge's word, the header is nobody's.
    gateway = beside_gateway.home.gateway
    assert gateway is not None
    sent = {**crew.login(), "Accept": "*/*", "X-Forwarded-Host": crew.host}
    said = at(gateway, gateway.netloc, "HEAD", f"/v2/app/blobs/{digest_of(data)}", sent, None)
    assert said.status in (403, 404)


# --- a real client ----------------------------------------------------------------------------


class _Proxy(socketserver.BaseRequestHandler):
    """A proxy that resolves every name to the distribution: there is no DNS for a test's names."""

    edge: Address

    def handle(self) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            piece = self.request.recv(65536)
            if not piece:
                return
            head += piece
        line, _, rest = head.partition(b"\r\n")
        method, target, version = line.split(b" ")
        if method == b"CONNECT":
            self.request.sendall(
                b"HTTP/1.1 502 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )
            return
        path = b"/" + target.split(b"/", 3)[3]
        fields, _, body = rest.partition(b"\r\n\r\n")
        kept = [f for f in fields.split(b"\r\n") if not f.lower().startswith(b"connection:")]
        kept.append(b"Connection: close")
        with socket.create_connection((self.edge.host, self.edge.port)) as upstream:
            first = b" ".join((method, path, version))
            upstream.sendall(b"\r\n".join((first, *kept)) + b"\r\n\r\n" + body)
            sender = threading.Thread(target=self._send_on, args=(upstream,), daemon=True)
            sender.start()
            while answer := upstream.recv(65536):
                self.request.sendall(answer)
            self.request.shutdown(socket.SHUT_RDWR)
            sender.join()

    def _send_on(self, upstream: socket.socket) -> None:
        try:
            while data := self.request.recv(65536):
                upstream.sendall(data)
        except OSError:
            return


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


@contextmanager
def proxy_to(edge: Address) -> Iterator[str]:
    server = _Server(("127.0.0.1", 0), type("Proxy", (_Proxy,), {"edge": edge}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.clients
def test_skopeo_pushes_to_a_teams_host_and_pulls_from_it(crew: Crew) -> None:
    need("skopeo")
    with workspace() as folder, proxy_to(crew.place.edge) as proxy:
        builder = Builder(folder / "image")
        layers = [builder.layer(f"layer {n}", [File(f"file{n}", size=200_000)]) for n in range(3)]
        made = builder.image("three", builder.manifest(layers))
        environment = clean_environment(
            folder, _CONTAINERS_ROOTLESS_UID="1000", HTTP_PROXY=proxy, HTTPS_PROXY=proxy
        )
        environment.pop("NO_PROXY")
        copy: list[str | Path] = ["skopeo", "--insecure-policy", "copy", "--preserve-digests"]
        there, creds = f"docker://{crew.host}/app:latest", f"{crew.user}:{PASSWORD}"
        push = ["--dest-tls-verify=false", "--dest-creds", creds]
        run([*copy, *push, f"oci:{made.folder}:latest", there], environment)
        back = folder / "back"
        pull = ["--src-tls-verify=false", "--src-creds", creds]
        run([*copy, *pull, there, f"oci:{back}:latest"], environment)
        for digest in made.everything:
            pulled = back / "blobs" / digest.replace(":", "/")
            assert pulled.read_bytes() == made.read(digest), digest
    listed = crew.ask("GET", f"/v2/{crew.name}/app/tags/list", host=crew.place.host)
    assert json.loads(listed.body)["tags"] == ["latest"]
