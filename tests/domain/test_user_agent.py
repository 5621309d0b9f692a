"""What a v1 tag shows of its client. Spec: docker-registry's tags."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.user_agent import parse_user_agent

DOCKER = (
    "docker/1.12.6 go/go1.6.4 git-commit/78d1802 kernel/4.4.0-31-generic os/linux arch/amd64 "
    "UpstreamClient(Docker-Client/1.12.6 \\(linux\\))"
)

CASES = {
    DOCKER: {
        "docker_version": "1.12.6",
        "docker_go_version": "go1.6.4",
        "kernel": "4.4.0-31-generic",
        "os": "linux",
        "arch": "amd64",
    },
    "docker/0.9.0 go/go1.2.1 os/Linux arch/AMD64": {
        "docker_version": "0.9.0",
        "docker_go_version": "go1.2.1",
        "os": "linux",
        "arch": "amd64",
    },
    "Docker/1.0": {"docker_version": "1.0"},
    "curl/7.88.1": {},
    "": {},
    "docker": {},
    "docker/": {},
    "/1.0": {},
    "docker/1.0 docker/2.0": {"docker_version": "2.0"},
    "libpod/4.3.1": {},
}


@pytest.mark.parametrize(("text", "fields"), CASES.items(), ids=lambda value: str(value)[:30])
def test_the_known_fields_are_read(text: str, fields: dict[str, str]) -> None:
    assert parse_user_agent(text) == fields


def test_a_huge_header_gives_bounded_fields() -> None:
    fields = parse_user_agent("docker/" + "9" * 100_000)
    assert all(len(value) <= 256 for value in fields.values())


@given(st.text())
def test_any_header_gives_known_fields_only(text: str) -> None:
    known = {"docker_version", "docker_go_version", "arch", "os", "kernel"}
    assert set(parse_user_agent(text)) <= known
