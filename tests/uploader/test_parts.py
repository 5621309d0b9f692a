"""How a blob of known size is cut, and how names are read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain import limits
from chalicelib.domain.names import parse_repository_name
from chalicelib.domain.upload import Part, Progress, UploadSession, check_progress
from roadstead.client.errors import TransferError
from roadstead.client.names import is_loopback, parse_host, parse_image
from roadstead.uploader.planned import plan_parts


@given(st.integers(limits.MIN_PART_BYTES, 40 * 1024 * limits.MIB))
def test_a_plan_is_one_that_the_registry_takes(size_bytes: int) -> None:
    plan = plan_parts(size_bytes)
    at = 0
    for part in plan:
        assert part.offset_bytes == at
        at += part.size_bytes
    assert at == size_bytes
    name = parse_repository_name("a/b")
    parts = tuple(Part(part.number, '"e"', part.size_bytes) for part in plan)
    check_progress(UploadSession("u", "a", name, 0), Progress(size_bytes, "m", parts, None, None))


LOOPBACK = {
    "localhost": True,
    "localhost:5000": True,
    "127.0.0.1": True,
    "127.9.9.9:80": True,
    "[::1]:5000": True,
    "[::1]": True,
    "lab.localhost:1": True,
    "10.0.0.1:5000": False,
    "localhost.example.com": False,
    "127.0.0.1.example.com": False,
    "registry.example.com": False,
}


@pytest.mark.parametrize("name", LOOPBACK)
def test_this_machine_is_told_from_others(name: str) -> None:
    assert is_loopback(name) is LOOPBACK[name]


IMAGES = {
    "localhost:5000/app": ("http://localhost:5000", "app", "latest"),
    "127.0.0.1:5000/team/app:v1": ("http://127.0.0.1:5000", "team/app", "v1"),
    "registry.example.com/team/app": ("https://registry.example.com", "team/app", "latest"),
    "https://localhost:5000/a/b:c": ("https://localhost:5000", "a/b", "c"),
    "http://127.0.0.1/a/b:c": ("http://127.0.0.1", "a/b", "c"),
    "docker.io/alpine": ("https://registry-1.docker.io", "library/alpine", "latest"),
    "docker.io/me/app": ("https://registry-1.docker.io", "me/app", "latest"),
    "h.test/a@sha256:" + "0" * 64: ("https://h.test", "a", "sha256:" + "0" * 64),
    "h.test/a:v1@sha256:" + "0" * 64: ("https://h.test", "a", "sha256:" + "0" * 64),
}


@pytest.mark.parametrize("text", IMAGES)
def test_a_name_is_read(text: str) -> None:
    image = parse_image(text)
    assert (image.host.url, image.repository, image.reference) == IMAGES[text]


@pytest.mark.parametrize(
    "text",
    ["", "app", "team/app", "h.test/", "h.test/A", "h.test/a@x", "ftp://h.test/a",
     "h.test:x/a", "h.test/a/../b", "h.test/a:b:c"],
)  # fmt: skip
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(TransferError):
        parse_image(text)


def test_plain_http_is_spoken_to_others_only_when_asked() -> None:
    with pytest.raises(TransferError, match="say --insecure"):
        parse_host("http://registry.example.com")
    assert parse_host("registry.example.com", insecure=True).scheme == "http"
    assert parse_host("https://registry.example.com", insecure=True).scheme == "https"
