"""Runs a case against a registry, in process or over a socket, and holds every answer to the
rules that no case needs to repeat."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from chalicelib.domain.access import OPEN_TEAM, Mode
from chalicelib.domain.edge import read_token
from chalicelib.domain.errors import ErrorCode
from chalicelib.domain.names import parse_repository_name
from chalicelib.domain.records import Repository
from chalicelib.ports import Conflict
from chalicelib.service import verify
from chalicelib.service.world import World
from chalicelib.web.endpoints import Family, family_of_path, match
from roadstead.gateway.events import HttpResponse
from tests.conformance.cases import VERIFY, Case, Form, Step
from tests.support.world import Registry, basic, memory_world

# Who there is in a registry with accounts; a login that is not here is a name and a password.
PASSWORDS = {
    "alice": "alice-secret",
    "bob": "bob-secret",
    "root": "root-secret",
    "a.b": "dotted-secret",
}
ADMINISTRATORS = frozenset({"root"})

Send = Callable[[str, str, bytes, dict[str, str]], HttpResponse]


class PlainPasswords:
    """Passwords without argon2: a case has its own world, and hashing would take its time."""

    def hash(self, password: str) -> str:
        return f"plain {password}"

    def matches(self, encoded: str, password: str) -> bool:
        return encoded == f"plain {password}"

    def nobody(self) -> str:
        return "nobody"


def world_of(case: Case, **ports: Any) -> World:
    """A fresh world, with the accounts and the public repositories that the case asks for.

    Its stores are in memory, but for those of ``ports``.
    """
    world = memory_world(
        case.mode,
        passwords=PlainPasswords(),
        signup=case.signup,
        sparse_manifests=case.sparse,
        challenge=case.challenge,
        **case.settings,
        **ports,
    )
    for name in case.public:
        repository = Repository(parse_repository_name(name), 0, is_public=True)
        world.metadata.put_repository(world.team_of(repository.name), repository)
    if case.mode is Mode.ACCOUNTS:
        registry = Registry(world)
        for name, password in PASSWORDS.items():
            registry.add_user(name, password, administrator=name in ADMINISTRATORS)
    return world


@dataclass(frozen=True)
class Seen:
    """What a step reached: for the tests that every endpoint and every error is."""

    endpoint: str | None
    status: int
    codes: frozenset[ErrorCode]


@dataclass
class Run:
    """One case on one world; ``send`` is how a request gets there.

    Among what is ``saved`` is ``{origin}``: how the registry is called by whoever asks it.
    """

    world: World
    send: Send
    saved: dict[str, str] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)

    def play(self, case: Case) -> list[Seen]:
        for number, step in enumerate(case.steps, 1):
            try:
                self.step(step)
            except AssertionError as error:
                error.add_note(f"in step {number} of {case.name!r} ({case.spec}): {step}")
                raise
        return self.seen

    def step(self, step: Step) -> None:
        self.world.clock.at_s += step.wait_s  # type: ignore[attr-defined]
        url, headers = self.fill(step.url), self.fill(dict(step.headers))
        if isinstance(step.body, Form):
            body: bytes | str = urlencode(self.fill(dict(step.body.fields)))
        else:
            body = step.body if isinstance(step.body, bytes) else json.dumps(self.fill(step.body))
        data = body if isinstance(body, bytes) else body.encode()
        if step.login:
            name, _, password = self.fill(step.login).partition(":")
            headers["Authorization"] = basic(name, password or PASSWORDS[name])
        if ":" in url.partition("/")[0]:  # absolute: S3's, not ours
            self.at_s3(step, url, data, headers)
            return
        if step.method == VERIFY:
            found = verify.run(self.world, OPEN_TEAM, url, time_left_s=lambda: 900.0)
            assert found.name == step.answer_json, found
            return
        if url.startswith("/_up/"):
            self.at_edge(step, url, data)
            return
        response = self.send(step.method, url, data, headers)
        path = unquote(urlsplit(url).path)
        found = match(step.method, path)
        check_rules(step, response, found.endpoint.family if found.endpoint else _unmatched(path))
        self.check(step, response)
        codes = codes_of(response)
        name = found.endpoint.name if found.endpoint else None
        self.seen.append(Seen(name, response.status, codes))
        for key, place in step.save.items():
            self.saved[key] = value_at(response, place)

    def at_s3(self, step: Step, url: str, data: bytes, headers: Mapping[str, str]) -> None:
        answer = self.world.blobs.fetch(url, step.method, data, headers)  # type: ignore[attr-defined]
        pairs = list(answer.headers.items())
        response = HttpResponse(answer.status, pairs, answer.body)
        self.check(step, response)
        for key, place in step.save.items():
            self.saved[key] = value_at(response, place)

    def fill(self, value: Any) -> Any:
        """The value with its ``{names}`` replaced by what was saved under them."""
        if isinstance(value, str):
            return re.sub(r"\{(\w+)\}", lambda found: self.saved[found[1]], value)
        if isinstance(value, dict):
            return {key: self.fill(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.fill(inner) for inner in value]
        return value

    def at_edge(self, step: Step, url: str, data: bytes) -> None:
        """A PUT that the edge leads to the bucket; none of ours hears of it."""
        assert put_by_edge(self.world, url, data) == step.status

    def check(self, step: Step, response: HttpResponse) -> None:
        """Hold an answer against what its step expects."""
        assert response.status == step.status, (response.status, response.body[:500])
        if step.code is not None and step.method != "HEAD":
            assert step.code in codes_of(response), response.body[:500]
        for name, wanted in step.answers.items():
            value = response.header(name)
            if wanted is ...:
                assert value is not None, f"{name} is missing"
            else:
                assert value == self.fill(wanted), (name, value)
        if step.answer_body is not None:
            assert response.body == step.answer_body
        for text in step.shows:
            assert self.fill(text) in response.body.decode(), text
        if step.answer_json is not ...:
            assert json.loads(response.body) == self.fill(step.answer_json)


def put_by_edge(world: World, url: str, data: bytes) -> int:
    """What the edge does with a PUT of known digest, and the status that the client sees."""
    place = read_token(world.edge_key or b"", url, now_s=world.clock.now_s())
    if place is None:
        return 403
    hex_digest = parse_qs(urlsplit(url).query)["digest"][0].removeprefix("sha256:")
    try:
        world.blobs.put(f"{place}/{hex_digest}", data, sha256_hex=hex_digest)
    except Conflict:
        return 400
    return 201


def codes_of(response: HttpResponse) -> frozenset[ErrorCode]:
    """The rows of the error table that an answer can come from; v1 ones go by their sentence."""
    if response.status < 400 or not response.body:
        return frozenset()
    if (response.header("Content-Type") or "").startswith("text/html"):
        found = re.search(r'<p data-code="(\w+)">(.*)</p>', response.body.decode())
        item = {"code": found[1], "message": _lowered(unescape(found[2]))} if found else None
        document: Any = {"errors": [item] if item else []}
    else:
        document = json.loads(response.body)
    if isinstance(document, dict) and "errors" in document:
        codes = {entry["code"] for entry in document["errors"]}
        texts = {entry["message"] for entry in document["errors"]}
        rows = [
            row for row in ErrorCode if row.value.code in codes and row.status == response.status
        ]
        # Rows that share code and status are told apart by their sentences.
        said = [row for row in rows if row.value.message in texts]
        return frozenset(said or rows)
    text = document["error"] if isinstance(document, dict) else document
    return frozenset(row for row in ErrorCode if text.startswith(row.value.message))


def _lowered(sentence: str) -> str:
    # A page begins its sentence with a capital.
    known = {row.value.message for row in ErrorCode}
    small = sentence[:1].lower() + sentence[1:]
    return small if small in known else sentence


def _unmatched(path: str) -> Family | None:
    family = family_of_path(path)
    return family if family is not Family.V2 else None


def check_rules(step: Step, response: HttpResponse, family: Family | None) -> None:
    """What holds for every answer of every endpoint."""
    if step.method == "HEAD":
        assert response.body == b""
    challenge = response.header("WWW-Authenticate")
    if response.status == 299:
        assert response.header("X-Roadstead-Challenge"), "a 401 says how to identify"
    if response.status == 401:
        assert challenge, "a 401 says how to identify"
    elif family is Family.V2:
        assert challenge is None
    if family is Family.V2 and response.status != 413:
        assert response.header("Docker-Distribution-Api-Version") == "registry/2.0"
    if family in (Family.V1_REGISTRY, Family.V1_INDEX):
        assert response.header("X-Docker-Registry-Version"), "docker before 1.0 wants it"
    if family is Family.PAGE:
        check_page(response)
        return
    if step.method == "PATCH":
        assert not 300 <= response.status < 400, "podman and skopeo lose data by it"
    made = response.status in (201, 202) and step.method != "DELETE"
    if made and family in (Family.V2, Family.UPLOADER):
        location = response.header("Location") or ""
        assert location.startswith(("/v2/", "/_up/v2/")), "oras wants the same host"
    # The end of a v1 layer that is resumed: docker takes only an empty 416 for it.
    bare = family is Family.V1_REGISTRY and response.status == 416
    if response.status >= 400 and step.method != "HEAD" and not bare:
        check_error(response, family)


def check_page(response: HttpResponse) -> None:
    """What every answer of the page has: nothing of elsewhere, no script, no frame, no guess."""
    policy = response.header("Content-Security-Policy") or ""
    assert policy.startswith("default-src 'none'; style-src 'self'")
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert response.header("X-Content-Type-Options") == "nosniff"
    assert response.header("X-Frame-Options") == "DENY"
    text = response.body.decode()
    assert not any(word in text for word in ("<script", " style=", "Traceback"))
    for address in re.findall(r'(?:href|src|action)="([^"]*)', text):
        assert re.match(r"/(?!/)|#", address), address


def check_error(response: HttpResponse, family: Family | None) -> None:
    """The shape of an error: the family's, with sentences, and nothing of what lies behind."""
    assert response.header("Content-Type") == "application/json"
    document = json.loads(response.body)
    if family in (Family.V1_REGISTRY, Family.V1_INDEX):
        if isinstance(document, dict):
            assert document.keys() == {"error"}
            assert isinstance(document["error"], str)
        return
    assert document.keys() == {"errors"}
    assert document["errors"]
    for entry in document["errors"]:
        assert entry.keys() <= {"code", "message", "detail"}
        assert re.fullmatch(r"[A-Z0-9_]+", entry["code"])
        assert entry["message"]
    text = response.body.decode()
    assert not any(word in text for word in ("Traceback", "memory://", "chalicelib"))


def value_at(response: HttpResponse, place: str) -> str:
    """``header:Name``, or ``json:key.0.key``."""
    kind, _, path = place.partition(":")
    if kind == "cookie":
        return (response.header("Set-Cookie") or "").partition(";")[0]
    if kind == "html":
        found_text = re.search(path, response.body.decode())
        assert found_text is not None, path
        return unescape(found_text[1])
    if kind == "header":
        value = response.header(path)
        assert value is not None, f"{path} is missing"
        return value
    found: Any = json.loads(response.body)
    for key in path.split(".") if path else ():
        found = found[int(key)] if isinstance(found, list) else found[key]
    return str(found)


def in_process(case: Case) -> Run:
    """The case on a world of its own, through the app that Lambda calls."""
    world = world_of(case)
    return Run(world, Registry(world).send, {"origin": "http://registry.test"})


def over_socket(world: World, host: str) -> Run:
    """The case through a gateway that serves this world."""

    def send(method: str, url: str, body: bytes, headers: dict[str, str]) -> HttpResponse:
        connection = http.client.HTTPConnection(host, timeout=60)
        try:
            chunked = headers.get("Transfer-Encoding") == "chunked"
            connection.request(method, url, body or None, headers, encode_chunked=chunked)
            answer = connection.getresponse()
            data = answer.read()
            return HttpResponse(answer.status, answer.getheaders(), data)
        finally:
            connection.close()

    return Run(world, send, {"origin": f"http://{host}"})
