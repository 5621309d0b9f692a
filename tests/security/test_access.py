"""Every endpoint and every actor: who gets through, who is asked, who is told no.

The expectation goes by the endpoint's action; an endpoint that differs has a row of its own. What
counts is the status alone: 401, 403, or ``ok`` for anything else, because whoever gets through may
still name what is not there.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode

import pytest

from chalicelib.domain.access import OF_NO_REPOSITORY, Action, Mode
from chalicelib.domain.accounts import SignUp
from chalicelib.domain.limits import BEARER_TTL_S, V1_TOKEN_TTL_S
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.records import GrantRecord, Repository
from chalicelib.service.world import World
from chalicelib.web.endpoints import ENDPOINTS, Endpoint, Family, url_for
from tests.conformance.bodies import LAYER, OCI, image, pushed
from tests.conformance.cases import login, of
from tests.conformance.runner import PlainPasswords, Run
from tests.security.browsing import PASSWORD, in_browser
from tests.support.world import Registry, basic, memory_world

PRIVATE, OTHER, PUBLIC = "alice/private", "alice/other", "alice/public"
USERS = ("alice", "bob", "carol", "dave", "root")
IMAGE_ID = "a" * 64

# The columns are actions; `pull public` is the action pull on a public repository, `image` an
# action on a v1 image, whose path names no repository, so that only a token says which it is.
TABLE = """
actor                       none  identified  signed in  catalog  pull  pull public  push  delete  admin  image pull  image push
anonymous                   ok    401         401        401      401   ok           401   401     401    401         401
other user                  ok    ok          ok         ok       403   ok           403   403     403    401         401
user who may read           ok    ok          ok         ok       ok    ok           403   403     403    401         401
user who may write          ok    ok          ok         ok       ok    ok           ok    ok      403    401         401
owner                       ok    ok          ok         ok       ok    ok           ok    ok      ok     401         401
administrator               ok    ok          ok         ok       ok    ok           ok    ok      ok     401         401
wrong password              401   401         401        401      401   401          401   401     401    401         401
unknown user                401   401         401        401      401   401          401   401     401    401         401
unknown scheme              401   401         401        401      401   401          401   401     401    401         401
expired token               401   401         401        401      401   401          401   401     401    401         401
forged token                401   401         401        401      401   401          401   401     401    401         401
read token                  ok    ok          403        403      ok    403          403   403     403    ok          403
write token                 ok    ok          403        403      ok    403          ok    403     403    ok          ok
delete token                ok    ok          403        403      ok    403          403   ok      ok     ok          403
token of another repository ok    ok          403        403      403   403          403   403     403    ok          ok
token of another user       ok    ok          403        403      403   403          403   403     403    ok          ok
bearer                      ok    ok          403        401      ok    401          ok    ok      403    ok          ok
bearer of nobody            ok    ok          401        401      401   ok           401   401     401    ok          401
bearer that was refused     ok    ok          403        401      403   401          403   403     403    403         403
forged bearer               401   401         401        401      401   401          401   401     401    401         401
expired bearer              401   401         401        401      401   401          401   401     401    401         401
API token                   ok    ok          403        ok       ok    403          ok    ok      ok     401         401
API token that reads        ok    ok          403        ok       ok    ok           403   403     403    401         401
revoked API token           401   401         401        401      401   401          401   401     401    401         401
"""  # noqa: E501

# Endpoints that need no permission, each named: a new one must be put here by somebody.
FOR_EVERYBODY = {
    "v1.ping",
    "root.ping",
    "root.health",
    "v1.search",
    "v1.users.post",
    "v1.auth",
    "v2.token.get",
    "v2.token.post",
    "page.home",
    "page.asset",
    "page.sign_in.get",
    "page.sign_in.post",
    "page.sign_out",
}

TOKENS = ("read token", "write token", "delete token")
BEARERS = ("bearer", "bearer of nobody", "bearer that was refused")
API_TOKENS = ("API token", "API token that reads")
FOREIGN_TOKENS = ("token of another repository", "token of another user")
KNOWN_USERS = (
    "other user",
    "user who may read",
    "user who may write",
    "owner",
    "administrator",
)

# The page reads sessions and nothing else: to it, whoever has a login of another kind is nobody.
SIGNING_IN = {
    "other user",
    "user who may read",
    "user who may write",
    "owner",
    "administrator",
}

# What an endpoint answers otherwise than its action has it.
EXCEPTIONS: dict[str, dict[str, str]] = {
    # A token is given no further token.
    "v2.token.get": dict.fromkeys((*TOKENS, *FOREIGN_TOKENS, *BEARERS), "401"),
    # It says whether a token is good for the repository.
    "v1.auth": {
        **dict.fromkeys(("anonymous", *KNOWN_USERS, *API_TOKENS), "401"),
        **dict.fromkeys((*FOREIGN_TOKENS, *BEARERS[1:]), "403"),
    },
    # It is alice's usage that is asked for.
    "v2.usage": dict.fromkeys(KNOWN_USERS[:3], "403"),
    "v2.usage.teams": dict.fromkeys(KNOWN_USERS[:4], "403"),
    # An account is its owner's, and the administrators'.
    "v1.user.put": dict.fromkeys(KNOWN_USERS[:3], "403"),
}

PARAMS = {
    "reference": "latest",
    "digest": of(LAYER),
    "upload_id": "0" * 32,
    "image_id": IMAGE_ID,
    "tag": "latest",
    "username": "alice",
    "token_id": "0" * 16,
    # Of teams `test_teams.py` asks; here it is one that is not there.
    "team": "nothing",
    "hook_id": "0" * 16,
    "event_id": "evt_0",
    "asset": "style.css",
}

UPLOADER = {"claim": "x", "first": 1, "offset_bytes": 0, "stored": []}
BODIES: dict[str, bytes] = {
    "v2.manifest.put": image(),
    "v2.upload.append": LAYER,
    "v2.upload.close": LAYER,
    "uploader.whole": json.dumps({"digest": of(LAYER), "size_bytes": 1}).encode(),
    "uploader.parts": json.dumps(UPLOADER).encode(),
    "uploader.advance": json.dumps(UPLOADER).encode(),
    "v2.tag_rules.put": b'{"rules": []}',
    "v2.retention.put": b'{"rules": []}',
    "v2.api_tokens.post": json.dumps(
        {"label": "ci", "scopes": [f"repository:{PRIVATE}:pull"]}
    ).encode(),
    "v1.image.json.put": json.dumps({"id": IMAGE_ID}).encode(),
    "v1.image.layer.put": LAYER,
    "v1.tag.put": json.dumps(IMAGE_ID).encode(),
    "v1.repository.put": b"[]",
    "v1.images.put": b"[]",
    "v1.properties.put": b'{"access": "public"}',
    "v1.grant.put": b'{"access": "read"}',
    "v1.user.put": b'{"email": "new@example.test"}',
    "v1.users.post": json.dumps(
        {"username": "erin", "password": PASSWORD, "email": "erin@example.test"}
    ).encode(),
}
QUERIES = {"v2.usage": "?team=alice"}
HEADERS = {
    "v2.manifest.put": {"Content-Type": OCI},
    "v1.image.checksum.put": {"X-Docker-Checksum-Payload": "sha256:" + "0" * 64},
}


def rows() -> dict[str, dict[str, str]]:
    """The table: actor -> column -> expectation."""
    head, *lines = TABLE.strip().splitlines()
    columns = [part.strip() for part in head.split("  ") if part.strip()]
    starts = [head.index(f"  {column}") + 2 if at else 0 for at, column in enumerate(columns)]
    cells = [
        [line[a:b].strip() for a, b in zip(starts, [*starts[1:], None], strict=True)]
        for line in lines
    ]
    return {row[0]: dict(zip(columns[1:], row[1:], strict=True)) for row in cells}


ROWS = rows()


def column_of(endpoint: Endpoint, repository: str) -> str:
    """Which column of the table an endpoint goes by."""
    by_repository = endpoint.action not in OF_NO_REPOSITORY
    if by_repository and "{repository}" not in endpoint.path:
        return f"image {endpoint.action.value}"
    if endpoint.action is Action.PULL and repository == PUBLIC:
        return "pull public"
    return endpoint.action.value


def expected(endpoint: Endpoint, actor: str, repository: str) -> str:
    if endpoint.family is Family.PAGE and actor not in SIGNING_IN:
        actor = "anonymous"
    exception = EXCEPTIONS.get(endpoint.name, {}).get(actor)
    return exception or ROWS[actor][column_of(endpoint, repository)]


@dataclass
class Scene:
    """A registry with accounts: alice's three repositories, and what she has granted."""

    world: World
    registry: Registry

    def token(
        self, method: str, repository: str, tail: str, name: str, listed: bytes = b"[]"
    ) -> dict[str, str]:
        """A v1 token, got as a client gets it."""
        answer = self.registry.send(
            method,
            f"/v1/repositories/{repository}{tail}",
            listed if method == "PUT" else b"",
            {"X-Docker-Token": "true"},
            login=(name, PASSWORD),
        )
        token = answer.header("X-Docker-Token")
        assert token, (answer.status, answer.body)
        return {"Authorization": token}


def scene() -> Scene:
    world = memory_world(Mode.ACCOUNTS, passwords=PlainPasswords(), signup=SignUp.OPEN)
    registry = Registry(world)
    for name in USERS:
        registry.add_user(name, PASSWORD, administrator=name == "root")
    public = Repository(RepositoryName(PUBLIC), 0, is_public=True)
    world.metadata.put_repository("alice", public)
    run = Run(world, registry.send)
    for name in (PRIVATE, PUBLIC, OTHER):
        for step in login(f"alice:{PASSWORD}", pushed(name, "latest")):
            run.step(step)
    for name in (PRIVATE, PUBLIC):
        for user, access in (("carol", "read"), ("dave", "write")):
            world.accounts.put_grant("alice", GrantRecord(RepositoryName(name), user, access))
    return Scene(world, registry)


def expired(place: Scene) -> dict[str, str]:
    token = place.token("PUT", PRIVATE, "/", "alice")
    place.world.clock.at_s += V1_TOKEN_TTL_S  # type: ignore[attr-defined]
    return token


def forged(place: Scene) -> dict[str, str]:
    token = place.token("PUT", OTHER, "/", "alice")["Authorization"]
    return {"Authorization": token.replace(OTHER, PRIVATE)}


def bearer(*scopes: str, by: str | None = None) -> Callable[[Scene], dict[str, str]]:
    """A Bearer token, got as a client gets it."""

    def asked_for(place: Scene) -> dict[str, str]:
        query = urlencode([("scope", scope) for scope in scopes])
        login = (by, PASSWORD) if by else None
        answer = place.registry.send("GET", f"/v2/token?{query}", login=login)
        return {"Authorization": f"Bearer {json.loads(answer.body)['token']}"}

    return asked_for


def expired_bearer(place: Scene) -> dict[str, str]:
    token = bearer(f"repository:{PRIVATE}:*", by="alice")(place)
    place.world.clock.at_s += BEARER_TTL_S  # type: ignore[attr-defined]
    return token


def forged_bearer(place: Scene) -> dict[str, str]:
    """The claims of a token for everything, under the signature of one for nothing."""
    header, claims, _ = bearer(f"repository:{PRIVATE}:*", by="alice")(place)["Authorization"].split(
        "."
    )
    signature = bearer(by="alice")(place)["Authorization"].split(".")[2]
    return {"Authorization": f"{header}.{claims}.{signature}"}


def api_token(scope: str, *, revoked: bool = False) -> Callable[[Scene], dict[str, str]]:
    """The owner by an API token of theirs."""

    def made(place: Scene) -> dict[str, str]:
        body = json.dumps({"label": "ci", "scopes": [scope]}).encode()
        url = url_for("v2.api_tokens.post")
        answer = place.registry.send("POST", url, body, login=("alice", PASSWORD))
        token = json.loads(answer.body)
        if revoked:
            url = url_for("v2.api_token.delete", token_id=token["id"])
            assert place.registry.send("DELETE", url, login=("alice", PASSWORD)).status == 204
        return {"Authorization": basic("alice", token["secret"])}

    return made


def password(name: str, text: str = PASSWORD) -> Callable[[Scene], dict[str, str]]:
    return lambda _: {"Authorization": basic(name, text)}


ACTORS: dict[str, Callable[[Scene], dict[str, str]]] = {
    "anonymous": lambda _: {},
    "other user": password("bob"),
    "user who may read": password("carol"),
    "user who may write": password("dave"),
    "owner": password("alice"),
    "administrator": password("root"),
    "wrong password": password("alice", "not-the-password"),
    "unknown user": password("nobody"),
    "unknown scheme": lambda _: {"Authorization": "Negotiate abc"},
    "expired token": expired,
    "forged token": forged,
    "read token": lambda place: place.token("GET", PRIVATE, "/images", "alice"),
    "write token": lambda place: place.token("PUT", PRIVATE, "/", "alice"),
    "delete token": lambda place: place.token("DELETE", PRIVATE, "/", "alice"),
    "token of another repository": lambda place: place.token("PUT", OTHER, "/", "alice"),
    "token of another user": lambda place: place.token("PUT", "bob/app", "/", "bob"),
    "bearer": bearer(f"repository:{PRIVATE}:*", by="alice"),
    "bearer of nobody": bearer(f"repository:{PUBLIC}:pull"),
    "bearer that was refused": bearer(f"repository:{PRIVATE}:*", by="bob"),
    "forged bearer": forged_bearer,
    "expired bearer": expired_bearer,
    "API token": api_token(f"repository:{PRIVATE}:*"),
    "API token that reads": api_token("repository:alice/*:pull"),
    "revoked API token": api_token(f"repository:{PRIVATE}:*", revoked=True),
}


def asked(endpoint: Endpoint, actor: str, repository: str) -> tuple[str, str]:
    """What a plausible request of this actor gets: ``401``, ``403`` or ``ok``; and the body."""
    place = scene()
    headers = {**HEADERS.get(endpoint.name, {}), **ACTORS[actor](place)}
    body = BODIES.get(endpoint.name, b"")
    if endpoint.family is Family.PAGE:
        headers, body = in_browser(place.world, endpoint, headers)
    params = {**PARAMS, "repository": repository}
    wanted = {key: params[key] for key in endpoint.pattern.groupindex}
    method = endpoint.methods[0]
    url = url_for(endpoint.name, **wanted) + QUERIES.get(endpoint.name, "")
    answer = place.registry.send(method, url, body, headers)
    assert answer.status < 500, answer.body
    status = str(answer.status)
    if endpoint.family is Family.PAGE and "/ui/sign-in" in (answer.header("Location") or ""):
        status = "401"
    return (status if status in ("401", "403") else "ok"), answer.body.decode()


def test_the_table_has_a_row_for_every_actor_and_a_column_for_every_action() -> None:
    assert set(ROWS) == set(ACTORS)
    columns = {column_of(endpoint, name) for endpoint in ENDPOINTS for name in (PRIVATE, PUBLIC)}
    for actor, row in ROWS.items():
        assert columns <= set(row), actor
        assert set(row.values()) <= {"ok", "401", "403"}, actor
    assert {action.value for action in Action} <= set(ROWS["anonymous"])


def test_what_needs_no_permission_is_named() -> None:
    assert {e.name for e in ENDPOINTS if e.action is Action.NONE} == FOR_EVERYBODY
    assert set(EXCEPTIONS) <= {endpoint.name for endpoint in ENDPOINTS}


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
def test_each_actor_gets_what_the_table_says(endpoint: Endpoint) -> None:
    for repository in (PRIVATE, PUBLIC) if endpoint.action is Action.PULL else (PRIVATE,):
        got = {actor: asked(endpoint, actor, repository)[0] for actor in ACTORS}
        wanted = {actor: expected(endpoint, actor, repository) for actor in ACTORS}
        assert got == wanted, repository


@pytest.mark.parametrize("actor", FOREIGN_TOKENS)
def test_an_image_that_a_repository_does_not_list_is_not_there_for_its_token(actor: str) -> None:
    place = scene()
    listed = json.dumps([{"id": IMAGE_ID}]).encode()
    owner = place.token("PUT", PRIVATE, "/", "alice", listed)
    described = json.dumps({"id": IMAGE_ID}).encode()
    url = url_for("v1.image.json.put", image_id=IMAGE_ID)
    assert place.registry.send("PUT", url, described, owner).status == 200
    assert place.registry.send("GET", url, b"", owner).status == 400, "it is being uploaded"

    assert place.registry.send("GET", url, b"", ACTORS[actor](place)).status == 404
    assert place.registry.send("PUT", url, described, ACTORS[actor](place)).status == 400


@pytest.mark.parametrize("actor", TOKENS)
def test_a_token_never_changes_the_account_that_it_was_given_to(actor: str) -> None:
    place = scene()
    body, headers = json.dumps({"password": "another-long-one"}).encode(), ACTORS[actor](place)
    assert place.registry.send("PUT", "/v1/users/alice", body, headers).status == 403
    place.world.logins.forget()
    assert place.registry.send("GET", "/v1/users", login=("alice", PASSWORD)).status == 200


def test_a_token_of_a_public_repository_does_not_list_its_team() -> None:
    place = scene()
    anonymous = place.registry.send(
        "GET", f"/v1/repositories/{PUBLIC}/images", b"", {"X-Docker-Token": "true"}
    )
    token = anonymous.header("X-Docker-Token")
    assert token, anonymous.body
    answer = place.registry.send("GET", "/v2/_catalog", b"", {"Authorization": token})
    assert answer.status == 403
    assert PRIVATE.encode() not in answer.body


def test_in_an_open_registry_nobody_is_asked() -> None:
    for endpoint in ENDPOINTS:
        registry = Registry(memory_world(Mode.OPEN))
        params = {**PARAMS, "repository": PRIVATE}
        wanted = {key: params[key] for key in endpoint.pattern.groupindex}
        headers = {"Authorization": "Basic !!!", **HEADERS.get(endpoint.name, {})}
        body = BODIES.get(endpoint.name, b"")
        answer = registry.send(endpoint.methods[0], url_for(endpoint.name, **wanted), body, headers)
        assert answer.status != 401, endpoint.name
        is_form = endpoint.family is Family.PAGE and endpoint.methods == ("POST",)
        refuses = endpoint.name in ("v1.users.post", "v1.user.put") or is_form
        assert answer.status != 403 or refuses, endpoint.name
