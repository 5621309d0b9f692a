"""Every endpoint and every actor around a team: its members, its machines, strangers, other teams.

The expectation goes by what the endpoint asks for; ``404`` is what somebody is told of a team that
they are not in, of any that is not there as well. ``ok`` is anything but 401, 403 and that.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode

import pytest

from chalicelib.domain.access import OF_NO_REPOSITORY, Action, Mode
from chalicelib.domain.accounts import SignUp
from chalicelib.domain.errors import ErrorCode
from chalicelib.service.world import World
from chalicelib.web.endpoints import ENDPOINTS, TEAMS, Endpoint, Family, url_for
from chalicelib.web.rows_page import TEAM_PAGES
from tests.conformance.bodies import LAYER, pushed
from tests.conformance.cases import login, of
from tests.conformance.runner import PlainPasswords, Run
from tests.security.browsing import PASSWORD, in_browser
from tests.security.test_access import (
    BODIES,
    EXCEPTIONS,
    HEADERS,
    IMAGE_ID,
    PARAMS,
)
from tests.support.world import Registry, basic, memory_world

CREW, RIVAL, APP = "crew", "rival", "crew/app"
LIFE_S = 1000
SEES, OWNS = "sees a team", "changes a team"
USERS = ("olga", "wim", "rita", "gone", "rob", "bob", "root")

# `sees a team` is for all its members, `changes a team` for its owners; the rest are actions.
TABLE = """
actor                        none  identified  signed in  catalog  pull  push  delete  admin  sees a team  changes a team
anonymous                    ok    401         401        401      401   401   401     401    401          401
stranger                     ok    ok          ok         ok       403   403   403     403    404          404
owner                        ok    ok          ok         ok       ok    ok    ok      ok     ok           ok
writer                       ok    ok          ok         ok       ok    ok    ok      403    ok           403
reader                       ok    ok          ok         ok       ok    403   403     403    ok           403
removed member               ok    ok          ok         ok       403   403   403     403    404          404
owner of another team        ok    ok          ok         ok       403   403   403     403    404          404
administrator                ok    ok          ok         ok       ok    ok    ok      ok     ok           ok
owner's bearer               ok    ok          403        401      ok    ok    ok      403    403          403
reader's bearer              ok    ok          403        401      ok    403   403     403    403          403
removed member's bearer      401   401         401        401      401   401   401     401    401          401
demoted writer's bearer      401   401         401        401      401   401   401     401    401          401
removed member's v1 token    401   401         401        401      401   401   401     401    401          401
machine                      ok    ok          403        ok       ok    ok    403     403    403          403
machine that owns            ok    ok          403        ok       ok    ok    ok      ok     403          403
machine of another team      ok    ok          403        ok       403   403   403     403    403          403
revoked machine              401   401         401        401      401   401   401     401    401          401
machine by another name      401   401         401        401      401   401   401     401    401          401
API token of the owner       ok    ok          403        ok       ok    403   403     403    403          403
owner of an expired team     ok    ok          ok         ok       403   403   403     403    404          404
machine of an expired team   401   401         401        401      401   401   401     401    401          401
"""  # noqa: E501

OF_MEMBERS = {
    "v2.team.get",
    "v2.team.members",
    "page.team.get",
    "page.team.repositories",
    "page.members.get",
}
OF_SELVES = {
    "v2.teams.get",
    "v2.teams.post",
    "v2.team.join",
    "page.teams.get",
    "page.teams.post",
    "page.join.post",
}
# To the page, whoever has not signed in with a password is nobody.
SIGNING_IN = {
    "stranger",
    "owner",
    "writer",
    "reader",
    "removed member",
    "owner of another team",
    "administrator",
    "owner of an expired team",
}

PARAMS_HERE = {**PARAMS, "repository": APP, "team": CREW, "username": "olga"}
BODIES_HERE: dict[str, bytes] = {
    **BODIES,
    "v2.teams.post": b'{"name": "fresh"}',
    "v2.team.put": b'{"expires_tags_by_name": true}',
    "v2.team.invite": b'{"role": "reader"}',
    "v2.team.join": b'{"code": "0"}',
    "v2.team.member.put": b'{"role": "reader"}',
    "v2.team.tokens.post": b'{"label": "x", "scopes": ["repository:crew/app:pull"]}',
    "v2.team.webhooks.post": b'{"url": "https://hooks.example.com/"}',
    "v2.team.webhook.put": b'{"paused": true}',
    "v2.expiry.put": b'{"expires_in_s": 60}',
    "v2.tag.expiry.put": b'{"expires_in_s": 60}',
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


@dataclass
class Scene:
    """Olga's team with a writer, a reader and somebody who is removed; and Rob's beside it."""

    world: World
    registry: Registry

    def ask(self, who: str, method: str, url: str, asked: object, **headers: str) -> dict[str, str]:
        """A request that has to succeed; the answer's document."""
        body = json.dumps(asked).encode()
        answer = self.registry.send(method, url, body, headers, login=(who, PASSWORD))
        assert answer.status < 300, (url, answer.status, answer.body)
        document = json.loads(answer.body or b"{}")
        return document if isinstance(document, dict) else {}

    def admit(self, user: str, role: str) -> None:
        code = self.ask("olga", "POST", url_for("v2.team.invite", team=CREW), {"role": role})
        self.ask(user, "POST", url_for("v2.team.join", team=CREW), {"code": code["code"]})

    def remove(self, user: str) -> None:
        url = url_for("v2.team.member.delete", team=CREW, username=user)
        self.ask("olga", "DELETE", url, {})

    def bearer(self, user: str) -> dict[str, str]:
        query = urlencode({"scope": f"repository:{APP}:*"})
        token = self.ask(user, "GET", f"/v2/token?{query}", {})["token"]
        return {"Authorization": f"Bearer {token}"}

    def machine(self, owner: str, team: str, scope: str) -> tuple[str, str]:
        """The secret and the id of a machine token."""
        url = url_for("v2.team.tokens.post", team=team)
        made = self.ask(owner, "POST", url, {"label": "ci", "scopes": [scope]})
        return made["secret"], made["id"]

    def later(self, seconds: int) -> None:
        self.world.clock.at_s += seconds  # type: ignore[attr-defined]


def scene() -> Scene:
    world = memory_world(Mode.ACCOUNTS, passwords=PlainPasswords(), signup=SignUp.OPEN)
    registry = Registry(world)
    for name in USERS:
        registry.add_user(name, PASSWORD, administrator=name == "root")
    place = Scene(world, registry)
    for owner, team in (("olga", CREW), ("rob", RIVAL)):
        place.ask(owner, "POST", url_for("v2.teams.post"), {"name": team, "expires_in_s": LIFE_S})
    for user, role in (("wim", "writer"), ("rita", "reader"), ("gone", "writer")):
        place.admit(user, role)
    run = Run(world, registry.send)
    for step in login(f"olga:{PASSWORD}", pushed(APP, "latest")):
        run.step(step)
    return place


Credentials = Callable[[Scene], dict[str, str]]


def password(name: str) -> Credentials:
    return lambda _: {"Authorization": basic(name, PASSWORD)}


def removed(place: Scene) -> dict[str, str]:
    place.remove("gone")
    return {"Authorization": basic("gone", PASSWORD)}


def removed_bearer(place: Scene) -> dict[str, str]:
    token = place.bearer("gone")
    place.remove("gone")
    return token


def demoted_bearer(place: Scene) -> dict[str, str]:
    token = place.bearer("gone")
    url = url_for("v2.team.member.put", team=CREW, username="gone")
    place.ask("olga", "PUT", url, {"role": "reader"})
    return token


def removed_v1(place: Scene) -> dict[str, str]:
    answer = place.registry.send(
        "PUT",
        f"/v1/repositories/{APP}/",
        b"[]",
        {"X-Docker-Token": "true"},
        login=("gone", PASSWORD),
    )
    place.remove("gone")
    return {"Authorization": answer.header("X-Docker-Token") or ""}


def machine(scope: str, *, owner: str = "olga", team: str = CREW, name: str = "") -> Credentials:
    def made(place: Scene) -> dict[str, str]:
        secret, _ = place.machine(owner, team, scope)
        return {"Authorization": basic(name or team, secret)}

    return made


def revoked_machine(place: Scene) -> dict[str, str]:
    secret, token_id = place.machine("olga", CREW, "repository:crew/*:*")
    url = url_for("v2.team.token.delete", team=CREW, token_id=token_id)
    place.ask("olga", "DELETE", url, {})
    return {"Authorization": basic(CREW, secret)}


def of_expired_team(who: Credentials) -> Credentials:
    def later(place: Scene) -> dict[str, str]:
        credentials = who(place)
        place.later(LIFE_S)
        return credentials

    return later


def api_token(place: Scene) -> dict[str, str]:
    asked = {"label": "x", "scopes": ["repository:crew/*:pull"]}
    made = place.ask("olga", "POST", url_for("v2.api_tokens.post"), asked)
    return {"Authorization": basic("olga", made["secret"])}


ACTORS: dict[str, Credentials] = {
    "anonymous": lambda _: {},
    "stranger": password("bob"),
    "owner": password("olga"),
    "writer": password("wim"),
    "reader": password("rita"),
    "removed member": removed,
    "owner of another team": password("rob"),
    "administrator": password("root"),
    "owner's bearer": lambda place: place.bearer("olga"),
    "reader's bearer": lambda place: place.bearer("rita"),
    "removed member's bearer": removed_bearer,
    "demoted writer's bearer": demoted_bearer,
    "removed member's v1 token": removed_v1,
    "machine": machine("repository:crew/app:push"),
    "machine that owns": machine("repository:crew/app:*"),
    "machine of another team": machine("repository:rival/app:*", owner="rob", team=RIVAL),
    "revoked machine": revoked_machine,
    "machine by another name": machine("repository:crew/app:*", name="olga"),
    "API token of the owner": api_token,
    "owner of an expired team": of_expired_team(password("olga")),
    "machine of an expired team": of_expired_team(machine("repository:crew/app:*")),
}


def column_of(endpoint: Endpoint) -> str:
    """Which column of the table an endpoint goes by."""
    if endpoint not in (*TEAMS, *TEAM_PAGES) or endpoint.name in OF_SELVES:
        return endpoint.action.value
    return SEES if endpoint.name in OF_MEMBERS else OWNS


# v1 image requests name no repository, and what differs from its action differs for tokens of any
# kind: `test_access.py` has them.
ASKED = [
    endpoint
    for endpoint in ENDPOINTS
    if (endpoint.action in OF_NO_REPOSITORY or "{repository}" in endpoint.path)
    and endpoint.name not in EXCEPTIONS
]


def got(endpoint: Endpoint, actor: str) -> str:
    """What a plausible request of this actor gets, in the words of the table."""
    place = scene()
    headers = {**HEADERS.get(endpoint.name, {}), **ACTORS[actor](place)}
    wanted = {key: PARAMS_HERE[key] for key in endpoint.pattern.groupindex}
    body = BODIES_HERE.get(endpoint.name, b"")
    if endpoint.family is Family.PAGE:
        headers, body = in_browser(place.world, endpoint, headers)
    answer = place.registry.send(
        endpoint.methods[0], url_for(endpoint.name, **wanted), body, headers
    )
    assert answer.status < 500, answer.body
    text = answer.body.decode("latin-1").lower()
    if answer.status == 404 and f"{ErrorCode.TEAM_UNKNOWN.value.message}".lower() in text:
        return "404"
    if endpoint.family is Family.PAGE and "/ui/sign-in" in (answer.header("Location") or ""):
        return "401"
    return str(answer.status) if answer.status in (401, 403) else "ok"


def test_the_table_has_a_row_for_every_actor_and_a_column_for_every_endpoint() -> None:
    assert set(ROWS) == set(ACTORS)
    columns = {column_of(endpoint) for endpoint in ASKED}
    for actor, row in ROWS.items():
        assert columns == set(row), actor
    assert {action.value for action in Action} <= set(ROWS["anonymous"])
    assert {endpoint.name for endpoint in (*TEAMS, *TEAM_PAGES)} >= OF_MEMBERS | OF_SELVES


@pytest.mark.parametrize("endpoint", ASKED, ids=lambda endpoint: endpoint.name)
def test_each_actor_gets_what_the_table_says(endpoint: Endpoint) -> None:
    is_page = endpoint.family is Family.PAGE
    nobody = {actor for actor in ROWS if is_page and actor not in SIGNING_IN}
    wanted = {
        actor: ROWS["anonymous" if actor in nobody else actor][column_of(endpoint)]
        for actor in ROWS
    }
    assert {actor: got(endpoint, actor) for actor in ACTORS} == wanted


def test_nobody_of_another_team_is_told_of_a_blob_by_its_digest() -> None:
    place = scene()
    for actor in ("stranger", "owner of another team", "machine of another team"):
        headers = ACTORS[actor](place)
        for team in ("rival", "bob"):
            mount = f"/v2/{team}/app/blobs/uploads/?mount={of(LAYER)}&from={APP}"
            for url in (mount, mount.partition("&")[0]):
                answer = place.registry.send("POST", url, b"", headers)
                assert answer.status in (202, 403), (actor, url, answer.status)
                assert answer.header("Docker-Content-Digest") is None


def test_an_image_id_means_nothing_to_another_team() -> None:
    place = scene()
    listed = json.dumps([{"id": IMAGE_ID}]).encode()
    tokens = {}
    for user, name in (("olga", APP), ("rob", "rival/app")):
        answer = place.registry.send(
            "PUT",
            f"/v1/repositories/{name}/",
            listed if user == "olga" else b"[]",
            {"X-Docker-Token": "true"},
            login=(user, PASSWORD),
        )
        tokens[user] = {"Authorization": answer.header("X-Docker-Token") or ""}
    url = url_for("v1.image.json.put", image_id=IMAGE_ID)
    described = json.dumps({"id": IMAGE_ID}).encode()
    assert place.registry.send("PUT", url, described, tokens["olga"]).status == 200
    assert place.registry.send("GET", url, b"", tokens["rob"]).status == 404


def test_a_machine_lists_no_image_of_a_repository_that_its_scopes_leave_out() -> None:
    place = scene()
    listed = json.dumps([{"id": IMAGE_ID}]).encode()
    asking = {"X-Docker-Token": "true"}
    own = ("olga", PASSWORD)
    secret_repository = "/v1/repositories/crew/secret/"
    begun = place.registry.send("PUT", secret_repository, listed, asking, login=own)
    token = {"Authorization": begun.header("X-Docker-Token") or ""}
    url = url_for("v1.image.json.put", image_id=IMAGE_ID)
    described = json.dumps({"id": IMAGE_ID}).encode()
    assert place.registry.send("PUT", url, described, token).status == 200

    secret, _ = place.machine("olga", CREW, "repository:crew/app:*")
    for tail, status in (("", 200), ("images", 204)):
        where = f"/v1/repositories/{APP}/{tail}"
        answer = place.registry.send("PUT", where, listed, asking, login=(CREW, secret))
        assert answer.status == status
        token = {"Authorization": answer.header("X-Docker-Token") or ""}
        again = place.registry.send("PUT", f"/v1/repositories/{APP}/images", listed, token)
        assert again.status == 204
        assert place.registry.send("GET", url, b"", token).status == 404
