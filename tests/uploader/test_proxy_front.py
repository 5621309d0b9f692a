"""What the proxy passes on and what it changes: headers, names, faults; against a scripted host."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from roadstead.client.names import Host
from roadstead.gateway.events import HttpRequest
from roadstead.proxy.front import RemoteFront, is_repeatable
from tests.uploader.lambdaonly import QuietHandler, serving

OURS = "127.0.0.1:5000"
REMOTE = Host("registry.example.test", "https")

RENAMED = {
    ("location", "https://registry.example.test/v2/a/blobs/uploads/1?x=2"): (
        "/v2/a/blobs/uploads/1?x=2"
    ),
    ("location", "https://registry.example.test:443/v2/"): "/v2/",
    ("location", "https://REGISTRY.example.test"): "/",
    ("location", "/v2/a/blobs/uploads/1"): "/v2/a/blobs/uploads/1",
    ("location", "https://s3.example.test/bucket/key?sig=1"): (
        "https://s3.example.test/bucket/key?sig=1"
    ),
    ("location", "https://registry.example.test.evil.test/"): (
        "https://registry.example.test.evil.test/"
    ),
    ("link", '<https://registry.example.test/v2/_catalog?last=a>; rel="next"'): (
        '</v2/_catalog?last=a>; rel="next"'
    ),
    ("link", '</v2/a/tags/list?n=1>; rel="next"'): '</v2/a/tags/list?n=1>; rel="next"',
    (
        "www-authenticate",
        'Bearer realm="https://registry.example.test/v2/token",service="s",scope="a"',
    ): f'Bearer realm="http://{OURS}/v2/token",service="s",scope="a"',
    ("www-authenticate", 'Bearer realm="https://auth.example.test/t",service="s"'): (
        'Bearer realm="https://auth.example.test/t",service="s"'
    ),
    ("www-authenticate", 'Basic realm="Roadstead"'): 'Basic realm="Roadstead"',
    ("x-docker-endpoints", "registry.example.test, other.example.test"): (
        f"{OURS},other.example.test"
    ),
    ("docker-content-digest", "https://registry.example.test/x"): "https://registry.example.test/x",
}


@pytest.mark.parametrize(("name", "value"), RENAMED)
def test_a_header_that_names_the_remote_host_comes_to_name_us(name: str, value: str) -> None:
    assert RemoteFront(REMOTE).renamed(name, value, OURS) == RENAMED[(name, value)]


REPEATABLE = {
    ("GET", "/v2/a/manifests/b"): True,
    ("HEAD", "/v2/a/blobs/sha256:0"): True,
    ("POST", "/v2/a/_roadstead/uploads/1/claim"): True,
    ("POST", "/v2/a/blobs/uploads/"): False,
    ("PATCH", "/v2/a/blobs/uploads/1"): False,
    ("PUT", "/v2/a/blobs/uploads/1"): False,
}


@pytest.mark.parametrize(("method", "path"), REPEATABLE)
def test_only_what_may_be_repeated_is(method: str, path: str) -> None:
    assert is_repeatable(HttpRequest(method, path, "", [])) is REPEATABLE[(method, path)]


@contextmanager
def scripted(*statuses: int) -> Iterator[tuple[RemoteFront, list[tuple[str, str, dict[str, str]]]]]:
    """A host that answers these statuses in turn, then 200; 0 hangs up."""
    script, seen = list(statuses), list[tuple[str, str, dict[str, str]]]()

    class Handler(QuietHandler):
        def serve(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            seen.append((self.command, self.path, dict(self.headers.items())))
            status = script.pop(0) if script else 200
            if not status:
                return self.hang_up()
            pairs = [("Content-Length", "5"), ("Connection", "keep-alive"), ("X-Two", "1")]
            return self.answer(status, [*pairs, ("X-Two", "2")], b"hello")

        do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = serve  # noqa: N815

    with serving(Handler) as url:
        host = Host(url.removeprefix("http://"), "http")
        yield RemoteFront(host, pauses_s=(0.0, 0.0), sleep=lambda _: None), seen


def request(method: str, path: str = "/v2/a%2Fb/manifests/c", **headers: str) -> HttpRequest:
    pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return HttpRequest(method, path, "x=%20y&x=2", [("host", OURS), *pairs])


def test_a_request_goes_on_as_it_came_but_for_the_host() -> None:
    with scripted() as (front, seen):
        answer = front.call(
            request("GET", authorization="Basic eA==", accept="a", connection="close", te="x")
        )
    ((method, path, headers),) = seen
    assert (method, path) == ("GET", "/v2/a%2Fb/manifests/c?x=%20y&x=2")
    assert headers["Authorization" if "Authorization" in headers else "authorization"]
    names = {name.lower(): value for name, value in headers.items()}
    assert names.pop("host").startswith("127.0.0.1:")
    assert names == {"authorization": "Basic eA==", "accept": "a"}
    assert (answer.status, answer.body) == (200, b"hello")
    assert [value for name, value in answer.headers if name == "X-Two"] == ["1", "2"]
    assert answer.header("connection") is None


def test_the_length_of_a_head_is_the_bodys_that_was_not_sent() -> None:
    with scripted() as (front, _):
        answer = front.call(request("HEAD"))
    assert (answer.header("content-length"), answer.body) == ("5", b"")


@pytest.mark.parametrize(
    ("method", "statuses", "status", "requests"),
    [
        ("GET", (503, 0), 200, 3),
        ("GET", (429, 500, 502), 502, 3),
        ("GET", (404,), 404, 1),
        ("PUT", (503,), 503, 1),
        ("PATCH", (0,), 503, 1),
        ("GET", (0, 0, 0), 503, 3),
    ],
)
def test_a_host_that_is_busy_is_asked_again_where_that_does_no_harm(
    method: str, statuses: tuple[int, ...], status: int, requests: int
) -> None:
    with scripted(*statuses) as (front, seen):
        assert front.call(request(method)).status == status
    assert len(seen) == requests


def test_a_host_that_is_not_there_is_an_error_of_the_registry() -> None:
    front = RemoteFront(Host("127.0.0.1:1", "http"), pauses_s=(), sleep=lambda _: None)
    answer = front.call(request("PUT"))
    assert (answer.status, answer.header("retry-after")) == (503, "2")
    assert b"127.0.0.1:1 does not answer" in answer.body
    assert b"UNAVAILABLE" in answer.body
