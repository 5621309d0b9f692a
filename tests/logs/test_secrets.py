"""Whatever is sent, no secret is in any line, and each line is one JSON object."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.hashing import ResumableHashing
from chalicelib.api.blueprints import register_all
from chalicelib.domain.access import Mode
from chalicelib.ports import Unavailable
from chalicelib.service.world import World
from chalicelib.web.edge import RegistryApp
from chalicelib.web.lines import MAX_MESSAGE_CHARS
from roadstead.gateway.asgi import Gateway
from roadstead.gateway.downloads import Downloads
from roadstead.gateway.events import HttpRequest, HttpResponse, LambdaFront
from tests.conformance.bodies import CONFIG, LAYER, OCI, image
from tests.conformance.cases import of
from tests.logs.heard import Heard, heard
from tests.support.registry import serving
from tests.support.stack import Stack
from tests.support.world import Registry, SettableClock, basic, json_of, memory_world

R = "acme/app"
IMAGE_ID = "a" * 64
PASSWORD = "Hunter2-and-more"
# No client can make this up by chance, and no rule of names takes it.
MARK = "S3CR3T"
LONGEST_LINE = 8 * MAX_MESSAGE_CHARS
SIGNED = re.compile(r"X-Amz-(?:Signature|Security-Token)=([^&\"\s]+)")


def check(log: Heard, secrets: set[str]) -> None:
    for line in log.lines:
        assert line["kind"] in ("request", "message", "stream")
    assert all(len(line) < LONGEST_LINE for line in log.text.splitlines())
    assert "\x1b" not in log.text
    found = [secret for secret in secrets if secret in log.text]
    assert found == [], log.text[:3000]


# --- hostile texts ------------------------------------------------------------------------------

HOSTILE = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        [
            '\n{"kind":"request"}\n',
            "\r\nSet-Cookie: x",
            "\x1b[2J\x1b[31m",
            "\u2028\u2029\u0085",
            "\ud800",
            "\x00",
            "é" * 200,
            "%0a%0d%1b",
            "/../../",
            "'\"><script>",
            "${jndi:ldap://x}",
            "%s%n%d",
            "x" * 1_000_000,
        ]
    ),
)
PATHS = (
    f"/v2/{R}/manifests/{{}}",
    f"/v2/{R}/blobs/{{}}",
    f"/v2/{R}/blobs/uploads/{{}}",
    f"/v2/{R}/_roadstead/uploads/{{}}/claim",
    f"/v2/{R}/tags/list",
    "/v2/token",
    "/v2/_roadstead/tokens/{}",
    "/v1/images/{}/json",
    f"/v1/images/{IMAGE_ID}/layer",
    f"/v1/repositories/{R}/tags/{{}}",
    f"/v1/repositories/{R}/images",
    "/v1/users",
    "/v1/users/{}",
    "/v1/search",
    "/_up/v2/acme/app/blobs/uploads/{}",
    "/{}",
)
METHODS = ("GET", "HEAD", "PUT", "POST", "PATCH", "DELETE")
HEADERS = (
    "authorization",
    "cookie",
    "range",
    "content-range",
    "content-type",
    "accept",
    "user-agent",
    "host",
    "x-docker-token",
    "x-docker-checksum-payload",
    "x-forwarded-proto",
    "x-roadstead-edge",
)
SCHEMES = ("{}", "Basic {}", "Bearer {}", 'Token signature={},repository="acme/app",access=read')
QUERY = "_up={0}&digest={0}&last={0}&n={0}&mount={0}&from={0}&q={0}&account={0}&X-Amz-Signature={0}"


class Broken:
    """A store whose every verb fails in words that hold what it was asked."""

    def __init__(self, kind: type[Exception], text: str) -> None:
        self._kind, self._text = kind, text

    def __getattr__(self, name: str) -> Any:
        def verb(*asked: object, **_: object) -> object:
            raise self._kind(self._text, *asked) from ValueError(self._text)

        return verb


@pytest.fixture(params=Mode, ids=["open", "accounts"], scope="module")
def mode(request: pytest.FixtureRequest) -> Mode:
    found: Mode = request.param
    return found


def hostile_request(method: str, path: str, scheme: str, text: str) -> HttpRequest:
    """One request whose every place holds the text, each with the mark."""
    marked = MARK + text
    url = path.format(quote(marked[:4000].encode("utf-8", "surrogatepass"), safe=""))
    query = QUERY.format(quote(marked[:4000].encode("utf-8", "surrogatepass"), safe=""))
    flat = marked.encode("utf-8", "surrogatepass")
    values = dict.fromkeys(HEADERS, marked)
    if scheme.startswith("Basic"):
        values["authorization"] = "Basic " + base64.b64encode(b"alice:" + flat).decode()
    else:
        values["authorization"] = scheme.format(marked)
    return HttpRequest(method, url, query, list(values.items()), flat)


@pytest.fixture(scope="module")
def fronts(mode: Mode) -> dict[str, LambdaFront]:
    registry = Registry(memory_world(mode))
    registry.add_user("alice", PASSWORD, administrator=True)
    kinds = {"loud": RuntimeError, "away": lambda *_: Unavailable(f"GET /k?X-Amz-Signature={MARK}")}
    broken = {
        name: Registry(
            memory_world(mode, metadata=(b := Broken(kind, MARK)), accounts=b, search=b, blobs=b)  # type: ignore[arg-type]
        ).front
        for name, kind in kinds.items()
    }
    return {"well": registry.front, **broken}


@given(
    method=st.sampled_from(METHODS),
    path=st.sampled_from(PATHS),
    scheme=st.sampled_from(SCHEMES),
    state=st.sampled_from(["well", "loud", "away"]),
    text=HOSTILE,
)
def test_no_text_of_a_request_reaches_a_line(
    fronts: dict[str, LambdaFront], method: str, path: str, scheme: str, state: str, text: str
) -> None:
    sent = hostile_request(method, path, scheme, text)
    with heard() as log:
        fronts[state].call(sent)
    coded = base64.b64encode(b"alice:" + MARK.encode()).decode()[:16]
    check(log, {MARK, coded})


# --- what the registry gives out ------------------------------------------------------------------


class Story:
    """A user's way through everything that gives out a secret; each secret is remembered."""

    def __init__(self, registry: Registry) -> None:
        self.registry, self.secrets = registry, {PASSWORD, basic("alice", PASSWORD)}
        self.secrets |= {CONFIG.decode("latin-1"), LAYER.decode("latin-1")}

    def send(self, method: str, url: str, body: bytes = b"", **headers: str) -> HttpResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        named.setdefault("authorization", basic("alice", PASSWORD))
        answer = self.registry.send(method, url, body, named)
        told = answer.body.decode("latin-1") + json.dumps(list(answer.headers))
        self.secrets |= set(SIGNED.findall(told))
        return answer

    def document(self, method: str, url: str, body: object, **headers: str) -> Any:
        return json_of(self.send(method, url, json.dumps(body).encode(), **headers))

    def push(self) -> None:
        for body in (CONFIG, LAYER):
            self.send("POST", f"/v2/{R}/blobs/uploads/?digest={of(body)}", body)
        self.send("PUT", f"/v2/{R}/manifests/1", image(), content_type=OCI)

    def tokens(self, mode: Mode) -> None:
        if mode is Mode.OPEN:
            return
        url = f"/v2/token?service=Roadstead&scope=repository:{R}:pull,push&offline_token=true"
        given = json_of(self.send("GET", url))
        made = self.document(
            "POST", "/v2/_roadstead/tokens", {"label": "ci", "scopes": ["repository:*:*"]}
        )
        self.secrets |= {given["token"], given["refresh_token"], made["secret"]}
        form = {"content_type": "application/x-www-form-urlencoded", "authorization": ""}
        refresh = (
            f"grant_type=refresh_token&service=Roadstead&refresh_token={given['refresh_token']}"
        )
        self.send("POST", "/v2/token", refresh.encode(), **form)
        self.send("GET", f"/v2/{R}/tags/list", authorization=f"Bearer {given['token']}")
        self.send("GET", f"/v2/{R}/tags/list", authorization=f"Bearer {given['token']}x")
        self.send("GET", f"/v2/{R}/tags/list", authorization=basic("alice", made["secret"]))

    def uploads(self) -> None:
        place = self.send("POST", f"/v2/{R}/blobs/uploads/").header("location") or ""
        upload_id = place.rsplit("/", 1)[-1]
        claimed = self.document(
            "POST", f"/v2/{R}/_roadstead/uploads/{upload_id}/claim", {"length_bytes": 20_000_000}
        )
        self.secrets.add(claimed["claim"])
        parts = f"/v2/{R}/_roadstead/uploads/{upload_id}/parts"
        self.document("POST", parts, {"claim": claimed["claim"], "first": 2})
        self.send("PATCH", place, b"bytes")
        self.send("GET", f"/v2/{R}/blobs/{of(LAYER)}")

    def v1(self) -> None:
        answer = self.send("PUT", f"/v1/repositories/{R}/", b"[]", x_docker_token="true")
        token = answer.header("x-docker-token") or ""
        self.secrets |= set(re.findall(r"signature=([^,]+)", token))
        body = json.dumps({"id": IMAGE_ID}).encode()
        for method, url, sent in (
            ("PUT", f"/v1/images/{IMAGE_ID}/json", body),
            ("PUT", f"/v1/images/{IMAGE_ID}/layer", LAYER),
            ("GET", f"/v1/images/{IMAGE_ID}/layer", b""),
        ):
            self.send(method, url, sent, authorization=f"Token {token}")
        self.document("POST", "/v1/users", {"username": "bob", "password": PASSWORD, "email": "x"})


def s3_world(stack: Stack, mode: Mode, team: str) -> World:
    """On real servers, so that presigned URLs are real ones; a team keeps it apart."""
    clock = SettableClock()
    return memory_world(mode, blobs=stack.blobs(), clock=clock)


def test_no_secret_that_is_given_out_is_in_a_line(stack: Stack, mode: Mode, team: str) -> None:
    story = Story(Registry(s3_world(stack, mode, team)))
    if mode is Mode.ACCOUNTS:
        story.registry.add_user("alice", PASSWORD, administrator=True)
        story.registry.add_user("acme", PASSWORD)
    with heard() as log:
        story.push()
        story.tokens(mode)
        story.uploads()
        story.v1()
    assert sum(len(secret) == 64 for secret in story.secrets) >= 2, "signatures were seen"
    assert len(log.requests) > 10
    check(log, story.secrets)


# --- the gateway ----------------------------------------------------------------------------------


@contextlib.contextmanager
def gateway(world: World) -> Iterator[str]:
    app = register_all(RegistryApp("roadstead"), lambda: world)
    made = Gateway(LambdaFront(app), ResumableHashing(), None, downloads=Downloads.THROUGH)
    with serving(made) as host:
        yield host


def ask(host: str, method: str, url: str, body: bytes = b"") -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(host, timeout=30)
    try:
        connection.request(method, url, body, {"authorization": basic("alice", PASSWORD)})
        answer = connection.getresponse()
        answer.read()
        return answer
    finally:
        connection.close()


def test_the_gateways_lines_tell_bytes_and_no_secret(stack: Stack, mode: Mode, team: str) -> None:
    data = (b"roadstead" * 1_000_000)[:6_000_000]
    world = s3_world(stack, mode, team)
    registry = Registry(world)
    registry.add_user("alice", PASSWORD, administrator=True)
    with gateway(world) as host, heard() as log:
        place = ask(host, "POST", f"/v2/{R}/blobs/uploads/").headers["location"]
        assert ask(host, "PATCH", f"{place}?_up={MARK}", data).status == 202
        assert ask(host, "PUT", f"{place}?digest={of(data)}").status == 201
        assert ask(host, "GET", f"/v2/{R}/blobs/{of(data)}").status == 200
        assert ask(host, "POST", f"/v2/{R}/manifests/{MARK}", b"").status == 405
    check(log, {MARK, PASSWORD, basic("alice", PASSWORD)})
    assert "X-Amz" not in log.text
    streams = [
        (line["endpoint"], line["status"], line.get("bytes_in"), line.get("bytes_out"))
        for line in log.lines
        if line["kind"] == "stream"
    ]
    assert streams == [
        ("v2.upload.append", 202, len(data), None),
        ("v2.blob.get", 200, None, len(data)),
    ]
    pushed = [line["bytes_pushed"] for line in log.requests if line.get("bytes_pushed")]
    assert pushed == [len(data)]
