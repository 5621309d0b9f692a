"""Every v1 access by every way of having it, and what ends it: time, a password, a deletion.

``test_access.py`` has every endpoint; here are the three kinds of a token, who is given them, and
whether they open what they should on an image that is there.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from chalicelib.domain.access import Mode
from chalicelib.domain.limits import V1_ANONYMOUS_TOKEN_TTL_S, V1_TOKEN_TTL_S
from chalicelib.domain.names import parse_repository_name
from chalicelib.domain.records import GrantRecord
from chalicelib.domain.tokens import V1_ACCESS
from chalicelib.service.world import World
from roadstead.gateway.events import HttpResponse
from tests.conformance.cases import Step, get, login
from tests.conformance.runner import PlainPasswords, Run
from tests.conformance.v1 import ASKING, describe, image, pushed, put, tag
from tests.support.world import Registry, json_of, memory_world

APP, PUBLIC = "alice/app", "alice/public"
PASSWORD = "a-long-password"
OWNER = f"alice:{PASSWORD}"
USERS = ("alice", "bob", "reader", "writer", "root")
ONE, NEXT, SHOWN = image(1), image(2), image(3)

# What asks for each token.
ASKS = {
    "read": ("GET", "images"),
    "write": ("PUT", "images"),
    "delete": ("DELETE", ""),
}

# Which of the tokens somebody is given; 401 and 403 are what they hear instead.
GIVEN = """
who            read  write  delete  read of the public
anonymous      401   401    401     ok
bob            403   403    403     ok
reader         ok    403    403     ok
writer         ok    ok     403     ok
alice          ok    ok     ok      ok
root           ok    ok     ok      ok
alice:wrong    401   401    401     401
nobody         401   401    401     401
"""

# What a token opens, by the access that it says; `image` is one that the repository lists.
OPENS = """
access  read image  read tags  auth  write image  write tag  delete tag  delete repository
read    200         200        200   403          403        403         403
write   200         200        200   200          200        403         403
delete  200         200        200   403          403        200         200
"""
DOES: dict[str, Step] = {
    "read image": get(f"{ONE.url}/json"),
    "read the public image": get(f"{SHOWN.url}/json"),
    "read tags": get(f"/v1/repositories/{APP}/tags"),
    "auth": put(f"/v1/repositories/{APP}/auth"),
    "write image": describe(NEXT),
    "write tag": tag(APP, "again", ONE),
    "delete tag": Step("DELETE", f"/v1/repositories/{APP}/tags/latest"),
    "delete repository": Step("DELETE", f"/v1/repositories/{APP}/"),
}


def table(text: str) -> list[tuple[str, str, str]]:
    """Row, column and cell of a table whose cells are parted by two spaces."""
    head, *lines = (
        [part.strip() for part in line.split("  ") if part.strip()]
        for line in text.strip().splitlines()
    )
    return [
        (row[0], column, cell)
        for row in lines
        for column, cell in zip(head[1:], row[1:], strict=True)
    ]


@dataclass
class Scene:
    """alice's private and her public repository, each with an image; two are granted the first."""

    world: World = field(
        default_factory=lambda: memory_world(Mode.ACCOUNTS, passwords=PlainPasswords())
    )

    def __post_init__(self) -> None:
        self.registry = Registry(self.world)
        for name in USERS:
            self.registry.add_user(name, PASSWORD, administrator=name == "root")
        run = Run(self.world, self.registry.send)
        for name, one in ((APP, ONE), (PUBLIC, SHOWN)):
            # The next image is listed and not there: a push that has just begun.
            listed = put(f"/v1/repositories/{name}/images", [{"id": NEXT.id}], status=204)
            for step in (*pushed(name, one, by=OWNER), *login(OWNER, listed)):
                run.step(step)
        shown = b'{"access": "public"}'
        url = f"/v1/repositories/{PUBLIC}/properties"
        assert self.send("PUT", url, "alice", shown).status == 200
        for user, access in (("reader", "read"), ("writer", "write")):
            grant = GrantRecord(parse_repository_name(APP), user, access)
            self.world.accounts.put_grant("alice", grant)

    def send(self, method: str, url: str, who: str, body: bytes = b"") -> HttpResponse:
        name, _, password = who.partition(":")
        login = None if name == "anonymous" else (name, password or PASSWORD)
        return self.registry.send(method, url, body, ASKING, login=login)

    def ask(self, who: str, access: str, repository: str = APP) -> HttpResponse:
        method, tail = ASKS[access]
        body = b"[]" if method == "PUT" else b""
        return self.send(method, f"/v1/repositories/{repository}/{tail}", who, body)

    def token(self, who: str, access: str, repository: str = APP) -> str:
        answer = self.ask(who, access, repository)
        token = answer.header("X-Docker-Token")
        assert token is not None, answer
        return token

    def use(self, token: str, what: str = "read image") -> int:
        step = DOES[what]
        body = step.body if isinstance(step.body, bytes) else f'"{step.body}"'.encode()
        answer = self.registry.send(step.method, step.url, body, {"Authorization": token})
        if answer.status >= 400:
            assert json_of(answer).keys() == {"error"}
        return answer.status

    def pass_time(self, seconds: int) -> None:
        self.world.clock.at_s += seconds  # type: ignore[attr-defined]


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.mark.parametrize(("who", "access", "outcome"), table(GIVEN), ids=str)
def test_a_token_is_given_to_whoever_may_do_what_it_says(
    scene: Scene, who: str, access: str, outcome: str
) -> None:
    repository = PUBLIC if access.endswith("public") else APP
    answer = scene.ask(who, access.partition(" ")[0], repository)

    token = answer.header("X-Docker-Token")
    assert (str(answer.status) if answer.status >= 400 else "ok") == outcome
    assert (token is not None) == (outcome == "ok")
    if token is not None:
        assert f'repository="{repository}",access={access.partition(" ")[0]}' in token
        assert answer.header("WWW-Authenticate") == token


@pytest.mark.parametrize(("access", "what", "status"), table(OPENS), ids=str)
def test_a_token_opens_what_its_access_says(
    scene: Scene, access: str, what: str, status: str
) -> None:
    assert scene.use(scene.token("alice", access), what) == int(status)


def test_both_tables_have_every_access() -> None:
    assert {row for row, _, _ in table(OPENS)} == set(V1_ACCESS) == set(ASKS)


@pytest.mark.parametrize("access", V1_ACCESS)
def test_a_token_of_another_repository_opens_nothing_here(scene: Scene, access: str) -> None:
    token = scene.token("alice", access, PUBLIC)
    for what in ("read tags", "auth", "write tag", "delete tag", "delete repository"):
        assert scene.use(token, what) == 403, what


@pytest.mark.parametrize("access", V1_ACCESS)
def test_a_token_ends_after_twelve_hours(scene: Scene, access: str) -> None:
    token = scene.token("alice", access)
    scene.pass_time(V1_TOKEN_TTL_S - 1)
    assert scene.use(token) == 200
    scene.pass_time(1)
    assert scene.use(token) == 401


def test_a_token_of_nobody_ends_after_an_hour(scene: Scene) -> None:
    token = scene.token("anonymous", "read", PUBLIC)
    scene.pass_time(V1_ANONYMOUS_TOKEN_TTL_S - 1)
    assert scene.use(token, "read the public image") == 200
    scene.pass_time(1)
    assert scene.use(token, "read the public image") == 401


@pytest.mark.parametrize("changed_by", ["alice", "root"])
@pytest.mark.parametrize("access", V1_ACCESS)
def test_a_token_ends_with_the_password_under_which_it_was_given(
    scene: Scene, access: str, changed_by: str
) -> None:
    token, of_writer = scene.token("alice", access), scene.token("writer", "write")
    body = b'{"password": "another-long-one"}'
    assert scene.send("PUT", "/v1/users/alice/", changed_by, body).status == 204

    assert [scene.use(token, what) for what in DOES] == [401] * len(DOES)
    assert scene.use(of_writer) == 200
    assert scene.use(scene.token("alice:another-long-one", access)) == 200


@pytest.mark.parametrize("access", V1_ACCESS)
@pytest.mark.parametrize("asked", ASKS)
def test_a_token_is_not_renewed_by_itself(scene: Scene, access: str, asked: str) -> None:
    method, tail = ASKS[asked]
    body = b"[]" if method == "PUT" else b""
    headers = {**ASKING, "Authorization": scene.token("alice", access)}
    url = f"/v1/repositories/{APP}/{tail}"
    answer = scene.registry.send(method, url, body, headers)
    assert answer.header("X-Docker-Token") is None


def test_a_new_address_ends_no_token(scene: Scene) -> None:
    token = scene.token("alice", "write")
    assert scene.send("PUT", "/v1/users/alice/", "alice", b'{"email": "a@b.c"}').status == 204
    assert scene.use(token) == 200


def test_a_token_survives_its_repository_and_finds_nothing_there(scene: Scene) -> None:
    token = scene.token("alice", "write")
    assert scene.use(scene.token("alice", "delete"), "delete repository") == 200
    assert scene.use(token, "read tags") == 404
    assert scene.use(token, "read image") == 404
    assert scene.use(token, "write tag") == 404


def test_a_grant_that_is_withdrawn_gives_no_further_token(scene: Scene) -> None:
    url = f"/v1/repositories/{APP}/grants/writer"
    assert scene.send("DELETE", url, "alice").status == 200
    assert [scene.ask("writer", access).status for access in V1_ACCESS] == [403] * 3
