"""Sources that are broken, or mean us ill; and what a person gets wrong."""

from __future__ import annotations

import base64
import json
import re
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from tests.clients.registry import Registry, free_port
from tests.migrate.filling import Filled, digest_of, put_small, small_image
from tests.migrate.peer import OCI, Asked, Peer, Says, Script, one_image, peer
from tests.uploader.conftest import Command
from tests.uploader.driving import interrupted

PASSWORD = "not-to-be-seen"
LOGIN = "Basic " + base64.b64encode(f"anna:{PASSWORD}".encode()).decode()
NOTHING = digest_of(b"")
TAGS = Says(200, b'{"name": "team/app", "tags": ["1"]}')


def catalog_of(*names: str, link: str = "") -> Says:
    headers = {"Link": f'<{link}>; rel="next"'} if link else {}
    return Says(200, json.dumps({"repositories": list(names)}).encode(), headers)


def scripted(paths: dict[str, Says | Callable[[Asked], Says]], seed: str = "hostile") -> Script:
    """A registry of one image, with these paths instead."""
    image = one_image(seed)

    def answer(asked: Asked) -> Says:
        path = urlsplit(asked.path).path
        for pattern, says in paths.items():
            if re.fullmatch(pattern, path):
                return says if isinstance(says, Says) else says(asked)
        return TAGS if path.endswith("/tags/list") else image(asked)

    return answer


def migrate(
    roadstead: Command, there: Peer, ours: Registry, team: str, *more: str
) -> tuple[int, str]:
    """The status, and all that was said."""
    words = ("migrate", *more, f"docker://{there.host}", f"{ours.host}/{team}")
    status, out, err = roadstead.outcome(*words)
    return status, out + err


ENDLESS: list[tuple[str, Callable[[Peer], Script]]] = [
    (
        "the same page again",
        lambda _: scripted({"/v2/_catalog": catalog_of("team/app", link="/v2/_catalog?n=1000")}),
    ),
    (
        "empty pages for ever",
        lambda there: scripted({"/v2/_catalog": lambda _: catalog_of(link=numbered(there))}),
    ),
    (
        "the same names on ever new pages",
        lambda there: scripted({"/v2/_catalog": lambda _: catalog_of("a/b", link=numbered(there))}),
    ),
]


def numbered(there: Peer) -> str:
    return f"/v2/_catalog?last={len(there.asked)}"


@pytest.mark.parametrize(("_", "script"), ENDLESS, ids=[name for name, _ in ENDLESS])
def test_a_list_without_an_end_is_left(
    _: str, script: Callable[[Peer], Script], ours: Registry, team: str, roadstead: Command
) -> None:
    with peer(script) as there:
        status, said = migrate(roadstead, there, ours, team)
        asked = len(there.asked)
    assert status == 1
    assert "gives page after page and no end; stopped" in said
    assert asked < 200


def test_a_page_that_is_too_large_is_not_read(
    ours: Registry, team: str, roadstead: Command
) -> None:
    script = scripted({"/v2/_catalog": Says(200, b" " * (9 << 20))})
    with peer(lambda _: script) as there:
        status, said = migrate(roadstead, there, ours, team)
    assert status == 1
    assert "sends more than 8388608 bytes: not read" in said


def test_a_next_page_on_another_host_is_not_followed(
    ours: Registry, team: str, roadstead: Command
) -> None:
    with peer(lambda _: one_image("x")) as other:
        paths = {"/v2/_catalog": catalog_of("a/b", link=f"{other.url}/v2/_catalog?n=1")}
        with peer(lambda _: scripted(paths)) as there:
            status, said = migrate(roadstead, there, ours, team)
        assert other.asked == []
    assert status == 1
    assert f"sends to '{other.host}' for its next page: not followed" in said


def test_a_login_does_not_go_where_a_blob_or_a_manifest_is_redirected_to(
    ours: Registry, team: str, roadstead: Command
) -> None:
    image = one_image("redirected")

    def closed(asked: Asked) -> Says | None:
        if asked.headers.get("authorization") == LOGIN:
            return None
        return Says(401, b"", {"WWW-Authenticate": 'Basic realm="here"'})

    def script(other: Peer) -> Script:
        def answer(asked: Asked) -> Says:
            moved = "/blobs/" in asked.path or "/manifests/sha256:" in asked.path
            if (refused := closed(asked)) is not None:
                return refused
            if moved and asked.method == "GET":
                return Says(307, b"", {"Location": f"{other.url}{asked.path}"})
            if asked.path.startswith("/v2/_catalog"):
                return catalog_of("team/app")
            return TAGS if "/tags/list" in asked.path else image(asked)

        return answer

    with peer(lambda _: image) as other, peer(lambda _: script(other)) as there:
        words = ("migrate", "--source-user", "anna", "--source-password-stdin")
        source, target = f"docker://{there.host}", f"{ours.host}/{team}"
        status, out, err = roadstead.outcome(*words, source, target, stdin=PASSWORD)
        assert (other.logins(), there.logins()) == (set(), {LOGIN})
        assert other.asked
    assert status == 0, err
    assert PASSWORD not in out + err
    assert Filled(ours.host).tags(f"{team}/team/app") == ["1"]


def lying_manifest(asked: Asked) -> Says:
    _, manifest = small_image("hostile")
    headers = {"Content-Type": OCI, "Docker-Content-Digest": digest_of(manifest)}
    return Says(200, small_image("another")[1], headers)


def lying_blob(asked: Asked) -> Says:
    body = small_image("hostile")[0][1]
    return Says(200, body[:-1] + b"?", {"Content-Type": "application/octet-stream"})


LIES: list[tuple[str, Callable[[Asked], Says], str]] = [
    ("/v2/team/app/manifests/.*", lying_manifest, "has other bytes than its name says"),
    ("/v2/team/app/blobs/.*", lying_blob, "DIGEST_INVALID"),
]


@pytest.mark.parametrize(("path", "lie", "sentence"), LIES, ids=["manifest", "blob"])
def test_bytes_that_are_not_their_digests_do_not_come(
    path: str,
    lie: Callable[[Asked], Says],
    sentence: str,
    ours: Registry,
    team: str,
    roadstead: Command,
) -> None:
    # Blobs of its own: what the registry has already, it does not ask the source for.
    paths: dict[str, Says | Callable[[Asked], Says]] = {
        "/v2/_catalog": catalog_of("team/app"),
        path: lie,
    }
    with peer(lambda _: scripted(paths)) as there:
        status, said = migrate(roadstead, there, ours, team)
    assert status == 1
    assert "team/app:1: " in said
    assert sentence in said
    assert Filled(ours.host).tags(f"{team}/team/app") == []


@pytest.mark.parametrize("status", [401, 403, 404, 405])
def test_who_may_not_have_the_list_names_the_repositories(
    status: int, ours: Registry, team: str, roadstead: Command
) -> None:
    challenge = {"WWW-Authenticate": 'Basic realm="here"'} if status == 401 else {}
    refused = Says(status, b"404 page not found\n", challenge)
    with peer(lambda _: scripted({"/v2/_catalog": refused}, team)) as there:
        failed, said = migrate(roadstead, there, ours, team)
        assert failed == 1
        # A 401 may as well want a login, and the sentence says how to give one.
        wanted = "asks for a login" if status == 401 else "Name the repositories instead:"
        assert wanted in said
        source, target = f"docker://{there.host}", f"{ours.host}/{team}"
        roadstead.run("migrate", source, target, "team/app")
    assert Filled(ours.host).tags(f"{team}/team/app") == ["1"]


def test_names_that_cannot_be_here_are_said_with_the_way_out(
    ours: Registry, team: str, roadstead: Command
) -> None:
    paths = {"/v2/_catalog": catalog_of("Team/App", "good/app", "UPPER/ok")}
    with peer(lambda _: scripted(paths, team)) as there:
        status, said = migrate(roadstead, there, ours, team, "--map", "UPPER/=lower/")
    assert status == 1
    assert "--map 'Team/App=team/app'" in said
    target = Filled(ours.host)
    assert [target.tags(f"{team}/{name}") for name in ("good/app", "lower/ok")] == [["1"], ["1"]]


def test_two_repositories_do_not_become_one(ours: Registry, team: str, roadstead: Command) -> None:
    paths = {"/v2/_catalog": catalog_of("a/app", "b/app")}
    with peer(lambda _: scripted(paths, team)) as there:
        words = ("--map", "a/=x/", "--map", "b/=x/")
        status, said = migrate(roadstead, there, ours, team, *words)
    assert status == 1
    assert f"a/app becomes {team}/x/app as well; give one of them another name" in said


def test_a_manifest_of_schema_1_is_refused_with_what_to_do(
    ours: Registry, team: str, roadstead: Command
) -> None:
    kind = "application/vnd.docker.distribution.manifest.v1+prettyjws"
    old = Says(200, b'{"schemaVersion": 1}', {"Content-Type": kind})
    paths: dict[str, Says | Callable[[Asked], Says]] = {
        "/v2/_catalog": catalog_of("team/app"),
        "/v2/team/app/manifests/.*": old,
    }
    with peer(lambda _: scripted(paths)) as there:
        status, said = migrate(roadstead, there, ours, team)
    assert status == 1
    assert "team/app:1: this is a manifest of the old schema 1" in said


def test_a_foreign_layer_stays_where_its_manifest_says_that_it_is(
    ours: Registry, team: str, roadstead: Command
) -> None:
    config = json.dumps({"os": "windows", "architecture": "amd64", "team": team}).encode()
    foreign = {
        "mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "digest": digest_of(b"never seen"),
        "size": 10,
        "urls": ["https://192.0.2.1/layer"],
    }
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    manifest = {
        "schemaVersion": 2,
        "mediaType": kind,
        "config": {
            "mediaType": "application/vnd.docker.container.image.v1+json",
            "digest": digest_of(config),
            "size": len(config),
        },
        "layers": [foreign],
    }
    raw = json.dumps(manifest).encode()
    headers = {"Content-Type": kind, "Docker-Content-Digest": digest_of(raw)}
    paths: dict[str, Says | Callable[[Asked], Says]] = {
        "/v2/_catalog": catalog_of("team/app"),
        "/v2/team/app/manifests/.*": Says(200, raw, headers),
        f"/v2/team/app/blobs/{digest_of(config)}": Says(200, config),
    }
    with peer(lambda _: scripted(paths)) as there:
        status, said = migrate(roadstead, there, ours, team)
    assert status == 0, said
    assert Filled(ours.host).manifest(f"{team}/team/app", "1") == raw


def test_verifying_finds_a_tag_that_has_moved_meanwhile(
    ours: Registry, team: str, roadstead: Command
) -> None:
    image, other = one_image(team), digest_of(b"another")
    heads: list[int] = []

    def answer(asked: Asked) -> Says:
        if asked.method == "HEAD" and asked.path.endswith("/manifests/1"):
            heads.append(1)
            if len(heads) > 1:
                return Says(200, b"", {"Content-Type": OCI, "Docker-Content-Digest": other})
        if asked.path.startswith("/v2/_catalog"):
            return catalog_of("team/app")
        return TAGS if "/tags/list" in asked.path else image(asked)

    with peer(lambda _: answer) as there:
        status, said = migrate(roadstead, there, ours, team, "--verify")
    assert status == 1
    assert f"team/app:1: not the same: {other} at the source" in said


WRONG = [
    (("docker://127.0.0.1:1", "127.0.0.1:2"), "does not answer"),
    (("ftp://host", "127.0.0.1:2"), "is no source: it is docker://HOST[/PREFIX]"),
    (("docker://", "127.0.0.1:2"), "is no source"),
    (("v1://127.0.0.1:1/prefix", "127.0.0.1:2"), "a v1 source is a host"),
    (("--map", "a", "docker://127.0.0.1:1", "127.0.0.1:2"), "it looks like OLD=NEW"),
    (("docker://http://registry.example.com", "127.0.0.1:2"), "or say --insecure"),
    (
        ("--source-password-stdin", "docker://127.0.0.1:1", "127.0.0.1:2"),
        "--source-password-stdin needs --source-user NAME",
    ),
]


@pytest.mark.parametrize(("words", "sentence"), WRONG)
def test_what_is_asked_wrongly_is_said(
    words: tuple[str, ...], sentence: str, roadstead: Command
) -> None:
    status, out, err = roadstead.outcome("migrate", *words)
    assert (status, out) == (1, "")
    assert sentence in err
    assert "Traceback" not in err


def test_what_is_no_registry_is_said(ours: Registry, roadstead: Command) -> None:
    with peer(lambda _: lambda __: Says(200, b"<html>")) as there:
        status, _, err = roadstead.outcome("migrate", f"docker://{there.host}", ours.host)
    assert status == 1
    assert "answered something that is no registry's" in err
    closed = f"127.0.0.1:{free_port()}"
    status, _, err = roadstead.outcome("migrate", f"docker://{ours.host}", closed)
    assert (status, "does not answer" in err) == (1, True)


def test_who_may_not_push_is_told_for_each_image(
    ours: Registry, ours_with_accounts: Registry, team: str, roadstead: Command
) -> None:
    put_small(Filled(ours.host), f"{team}/app", "1", team)
    source, target = f"docker://{ours.host}/{team}", f"{ours_with_accounts.host}/{team}"
    words = ("migrate", "--user", "clients", "--password-stdin", source, target)
    status, out, err = roadstead.outcome(*words, stdin="clients-password")
    assert status == 1
    assert f"{team}/app:1: " in out
    assert "Traceback" not in err
    status, out, err = roadstead.outcome(*words, stdin="wrong-password")
    assert (status, out) == (1, "")
    assert "does not accept the login of clients" in err


NUMBERED = json.dumps(
    {"schemaVersion": 2, "config": {"mediaType": "a/b", "digest": NOTHING, "size": 0}, "layers": 5}
).encode()
TRICKS = [
    ("layers that are a number", NUMBERED, "could not be understood"),
    ("an entry that is none", b'{"schemaVersion": 2, "config": "x"}', "an entry is no descriptor"),
    ("a list", b"[]", "is not JSON"),
    ("depth", b"[" * 100_000, "could not be understood"),
]


@pytest.mark.parametrize(("_", "raw", "sentence"), TRICKS, ids=[trick[0] for trick in TRICKS])
def test_a_manifest_that_is_none_fails_alone(
    _: str, raw: bytes, sentence: str, ours: Registry, team: str, roadstead: Command
) -> None:
    headers = {"Content-Type": OCI, "Docker-Content-Digest": digest_of(raw)}
    paths: dict[str, Says | Callable[[Asked], Says]] = {
        "/v2/_catalog": catalog_of("bad/app", "good/app"),
        "/v2/bad/app/manifests/.*": Says(200, raw, headers),
    }
    with peer(lambda _: scripted(paths, team)) as there:
        status, said = migrate(roadstead, there, ours, team)
    assert status == 1
    assert "bad/app:1: " in said
    assert sentence in said
    assert Filled(ours.host).tags(f"{team}/good/app") == ["1"]


def test_what_a_source_says_does_not_steer_the_terminal(
    ours: Registry, team: str, roadstead: Command
) -> None:
    refusal = {"errors": [{"code": "\x1b[31mX", "message": "\x1b]0;title\x07no"}]}
    paths: dict[str, Says | Callable[[Asked], Says]] = {
        "/v2/_catalog": catalog_of("a/app", "b/\x1b[2Japp", "c/app"),
        "/v2/a/app/tags/list": Says(200, json.dumps({"tags": ["\x1b[2J", "1"]}).encode()),
        "/v2/c/app/tags/list": Says(400, json.dumps(refusal).encode()),
    }
    with peer(lambda _: scripted(paths, team)) as there:
        status, said = migrate(roadstead, there, ours, team)
    assert status == 1
    assert "failures      3" in said
    assert "\x1b" not in said
    assert "\x07" not in said
    assert Filled(ours.host).tags(f"{team}/a/app") == ["1"]


def test_stopped_by_the_keyboard_it_says_how_far_it_came(
    ours: Registry, team: str, roadstead: Command
) -> None:
    gone = threading.Event()

    def held(asked: Asked) -> Says:
        gone.set()
        time.sleep(3)
        return TAGS

    paths: dict[str, Says | Callable[[Asked], Says]] = {
        "/v2/_catalog": catalog_of("a/app"),
        "/v2/a/app/tags/list": held,
    }
    with peer(lambda _: scripted(paths)) as there:
        words = ("migrate", f"docker://{there.host}", f"{ours.host}/{team}")
        process = roadstead.start(*words)
        out, err = interrupted(process, gone, within_s=30)
    assert process.returncode == 130
    assert "tags          0 brought" in out
    assert "stopped; repeat the command to go on from here" in err
