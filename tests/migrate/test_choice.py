"""Which repositories and tags come, and under which names."""

from __future__ import annotations

import threading

import pytest

from roadstead.client.errors import TransferError
from roadstead.migrate.choice import Choice, Naming, parse_mapping
from roadstead.migrate.places import Kind, parse_source, parse_target
from roadstead.migrate.sharing import Sharing

TAKEN = [
    ([], [], "a/b", "1", True),
    (["a/*"], [], "a/b", "1", True),
    (["a/*"], [], "b/a", "1", False),
    (["a/*", "b/a:1"], [], "b/a", "1", True),
    (["a/*", "b/a:1"], [], "b/a", "2", False),
    ([":v1.*"], [], "b/a", "v1.2", True),
    ([":v1.*"], [], "b/a", "v2", False),
    ([], ["a/b"], "a/b", "1", False),
    ([], ["*:*-rc*"], "a/b", "1-rc2", False),
    ([], ["*:*-rc*"], "a/b", "1", True),
    (["a/*"], ["a/b:1"], "a/b", "1", False),
]


@pytest.mark.parametrize(("only", "excepted", "name", "tag", "taken"), TAKEN)
def test_a_tag_is_taken_when_it_fits(
    only: list[str], excepted: list[str], name: str, tag: str, taken: bool
) -> None:
    choice = Choice.of(only, excepted)
    assert choice.takes(name, tag) is taken
    assert choice.takes_repository(name) or not taken


NAMED = [
    (Naming(), "a/b", "a/b"),
    (Naming(), "alpine", "library/alpine"),
    (Naming("crew"), "a/b", "crew/a/b"),
    (Naming("crew", "a"), "a/b", "crew/b"),
    (Naming("crew", "a"), "ab/c", "crew/ab/c"),
    (Naming("crew"), "library/alpine", "crew/alpine"),
    (Naming("crew"), "library/a/b", "crew/library/a/b"),
    (Naming("crew", "", {"a/b": "x"}), "a/b", "crew/x"),
    (Naming("crew", "a", {"a/b": "x"}), "a/b", "crew/x"),
    (Naming("", "", {"a/": "x/", "a/b/": "y/"}), "a/b/c", "y/c"),
    (Naming("", "", {"A/B": "a/b"}), "A/B", "a/b"),
    (Naming("crew", two_components=True), "a/b", "crew/b"),
    (Naming(two_components=True), "a/b", "a/b"),
]


@pytest.mark.parametrize(("naming", "source", "target"), NAMED)
def test_a_repository_has_its_name_here(naming: Naming, source: str, target: str) -> None:
    assert naming.target(source) == target


UNNAMED = [
    (Naming("crew"), "Team/App", "--map 'Team/App=team/app'"),
    (Naming("crew"), "a//b", "no name of a repository"),
    (Naming("crew"), "../v2", "no name of a repository"),
    (Naming("crew"), "a?b", "no name of a repository"),
    (Naming("crew"), "a\r\nHost: b", "no name of a repository"),
    (Naming("Crew"), "a/b", "can be no name here"),
    (Naming("crew"), "a" * 300, "can be no name here"),
    (Naming("crew/sub", two_components=True), "a/b", "can be no v1 name"),
]


@pytest.mark.parametrize(("naming", "source", "sentence"), UNNAMED)
def test_a_name_that_cannot_be_is_refused_with_the_way_out(
    naming: Naming, source: str, sentence: str
) -> None:
    with pytest.raises(TransferError) as refused:
        naming.target(source)
    assert sentence in str(refused.value)


@pytest.mark.parametrize("text", ["a", "=b", "a=", "a/=b", "a=b/"])
def test_a_mapping_has_two_sides_of_one_kind(text: str) -> None:
    with pytest.raises(TransferError):
        parse_mapping([text])


SOURCES = [
    ("docker://docker.io", Kind.DOCKER, "https://registry-1.docker.io", "", True),
    ("hub://acme", Kind.HUB, "https://registry-1.docker.io", "acme", True),
    ("docker://localhost:5000/a/b/", Kind.DOCKER, "http://localhost:5000", "a/b", False),
    ("docker://http://localhost:5000", Kind.DOCKER, "http://localhost:5000", "", False),
    (
        "ecr://123456789012.dkr.ecr.eu-west-1.amazonaws.com/x",
        Kind.ECR,
        "https://123456789012.dkr.ecr.eu-west-1.amazonaws.com",
        "x",
        False,
    ),
    ("v1://old.example.com", Kind.V1, "https://old.example.com", "", False),
]


@pytest.mark.parametrize(("text", "kind", "url", "prefix", "is_counted"), SOURCES)
def test_a_source_is_read(text: str, kind: Kind, url: str, prefix: str, is_counted: bool) -> None:
    hub = {"hub_api": "https://hub.docker.com", "hub_registry": "https://registry-1.docker.io"}
    place = parse_source(text, insecure=False, **hub)
    found = (place.kind, place.host.url, place.prefix, place.is_counted)
    assert found == (kind, url, prefix, is_counted)


def test_a_target_is_read() -> None:
    host, team = parse_target("registry.example.com/crew/sub/", insecure=False)
    assert (host.url, team) == ("https://registry.example.com", "crew/sub")


def test_who_asks_for_a_blob_under_way_waits_for_it_and_takes_over_from_who_gives_up() -> None:
    sharing, first, second, third = Sharing(), object(), object(), object()
    assert sharing.holder_of("sha256:a", first) is None
    assert sharing.holder_of("sha256:a", first) is None
    found: list[str | None] = []
    waiting = threading.Thread(target=lambda: found.append(sharing.holder_of("sha256:a", second)))
    waiting.start()
    sharing.give_up(first)
    waiting.join(10)
    assert found == [None]
    after = threading.Thread(target=lambda: found.append(sharing.holder_of("sha256:a", third)))
    after.start()
    sharing.arrived("sha256:a", "crew/app")
    after.join(10)
    assert found == [None, "crew/app"]
