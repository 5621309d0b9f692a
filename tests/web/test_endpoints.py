"""The endpoint table, forwards and backwards: a path finds its endpoint, an endpoint its path."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.names import RepositoryName
from chalicelib.domain.upload import upload_path
from chalicelib.web.endpoints import (
    ALL_METHODS,
    BY_NAME,
    ENDPOINTS,
    V1,
    Endpoint,
    Family,
    family_of_path,
    match,
    native_paths,
    url_for,
)
from tests.support import strategies

V1_WORDS = {word for endpoint in V1 for word in re.findall(r"[a-z_]+", endpoint.path)}
V1_FAMILIES = (Family.V1_REGISTRY, Family.V1_INDEX)

# In v1 a repository is one or two words, and one that is called like a part of a path is taken
# for that part by every server: `GET /v1/repositories/tags/images`.
v1_repositories = st.lists(
    strategies.components(path_words=False).filter(lambda word: word not in V1_WORDS),
    min_size=1,
    max_size=2,
).map("/".join)

PARAMS = {
    "reference": st.one_of(strategies.tags(), strategies.digests()),
    "digest": strategies.digests(),
    "upload_id": strategies.upload_ids(),
    "image_id": strategies.image_ids(),
    "tag": strategies.tags().filter(lambda tag: tag not in V1_WORDS),
}
# Variables that have no strategy of their own are words: users, for example.
A_WORD = strategies.components(path_words=False)


def params_of(endpoint: Endpoint) -> st.SearchStrategy[dict[str, str]]:
    repositories = v1_repositories if endpoint.family in V1_FAMILIES else strategies.repositories()
    return st.fixed_dictionaries(
        {
            name: repositories if name == "repository" else PARAMS.get(name, A_WORD)
            for name in endpoint.pattern.groupindex
        }
    )


calls = st.sampled_from(ENDPOINTS).flatmap(
    lambda endpoint: st.tuples(
        st.just(endpoint), st.sampled_from(endpoint.methods), params_of(endpoint)
    )
)


@given(calls)
def test_a_url_leads_back_to_its_endpoint(call: tuple[Endpoint, str, dict[str, str]]) -> None:
    endpoint, method, params = call
    found = match(method, unquote(url_for(endpoint.name, **params)))
    assert (found.endpoint, dict(found.params)) == (endpoint, params)


@given(calls)
def test_a_slash_at_the_end_does_not_count(call: tuple[Endpoint, str, dict[str, str]]) -> None:
    endpoint, method, params = call
    path = unquote(url_for(endpoint.name, **params)).rstrip("/")
    assert match(method, f"{path}/").endpoint == match(method, path or "/").endpoint == endpoint


@given(st.sampled_from([*ALL_METHODS, "OPTIONS", "TRACE"]), st.text(max_size=60))
def test_any_path_finds_an_endpoint_or_none(method: str, path: str) -> None:
    found = match(method, path)
    assert found.endpoint is None or method in found.endpoint.methods


@given(strategies.repositories().filter(lambda name: "/" in name), strategies.upload_ids())
def test_the_path_of_a_session_is_the_tables(name: str, upload_id: str) -> None:
    path = upload_path(RepositoryName(name), upload_id)
    found = match("PATCH", path)
    assert found.endpoint is BY_NAME["v2.upload.append"]
    assert found.params["upload_id"] == upload_id


FOUND = [
    ("GET", "/v2", "v2.base", {}),
    ("GET", "/v2/", "v2.base", {}),
    ("GET", "/", "root.health", {}),
    ("GET", "/v2/_catalog", "v2.catalog", {}),
    ("POST", "/v2/a/blobs/uploads", "v2.upload.start", {"repository": "a"}),
    (
        "POST",
        "/v2/blobs/uploads/blobs/uploads/",
        "v2.upload.start",
        {"repository": "blobs/uploads"},
    ),
    ("GET", "/v2/a/blobs/uploads", "v2.blob.get", {"repository": "a", "digest": "uploads"}),
    ("GET", "/v2/a/manifests/manifests/b", "v2.manifest.get", None),
    ("GET", "/v2/a/manifests/tags/list", "v2.tags", {"repository": "a/manifests"}),
    ("GET", "/v2/a/tags/list/manifests/list", "v2.manifest.get", None),
    ("PUT", "/v1/repositories/a/images", "v1.images.put", {"repository": "a"}),
    ("PUT", "/v1/repositories/a/b/images", "v1.images.put", {"repository": "a/b"}),
    ("PUT", "/v1/repositories/a/b/", "v1.repository.put", {"repository": "a/b"}),
    ("PUT", "/v1/repositories/a/tags/b", "v1.tag.put", {"repository": "a", "tag": "b"}),
    ("GET", "/v1/repositories/a/tags/images", "v1.tag.get", {"repository": "a", "tag": "images"}),
]
NOT_FOUND = [
    ("GET", "/v2x", ()),
    ("GET", "//v2", ()),
    ("GET", "/v2//", ()),
    ("GET", "/V2/", ()),
    ("GET", "/v2/manifests/a", ()),
    ("GET", "/v2/a/manifests", ()),
    ("GET", "/v2/a/manifests/b/c", ()),
    ("GET", "/v1/images", ()),
    ("OPTIONS", "/v2/", ("GET", "HEAD")),
    ("DELETE", "/v1/_ping", ("GET", "HEAD")),
    ("", "", ()),
]


@pytest.mark.parametrize(("method", "path", "name", "params"), FOUND, ids=str)
def test_a_path_finds_the_endpoint_that_is_meant(
    method: str, path: str, name: str, params: dict[str, str] | None
) -> None:
    found = match(method, path)
    assert found.endpoint is BY_NAME[name]
    assert params is None or dict(found.params) == params


@pytest.mark.parametrize(("method", "path", "allowed"), NOT_FOUND, ids=str)
def test_a_path_that_fits_nothing_says_what_would(
    method: str, path: str, allowed: tuple[str, ...]
) -> None:
    found = match(method, path)
    assert found.endpoint is None
    assert found.allowed == allowed


FAMILIES = {
    "/v1/x": Family.V1_REGISTRY,
    "/v1": Family.V1_REGISTRY,
    "/v1/": Family.V1_REGISTRY,
    "/v1x": Family.V2,
    "/v2/x": Family.V2,
    "/": Family.V2,
    "": Family.V2,
    "/ui": Family.PAGE,
    "/ui/x": Family.PAGE,
    "/uix": Family.V2,
}


@pytest.mark.parametrize(("path", "family"), FAMILIES.items(), ids=repr)
def test_an_unknown_path_belongs_to_the_family_of_its_beginning(path: str, family: Family) -> None:
    assert family_of_path(path) is family


def test_a_v1_path_with_a_repository_has_two_routes() -> None:
    assert native_paths(BY_NAME["v1.tags.get"]) == (
        "/v1/repositories/{first}/tags",
        "/v1/repositories/{first}/{second}/tags",
    )
    assert native_paths(BY_NAME["v1.ping"]) == ("/v1/_ping",)
