"""Names. Spec: OCI Distribution 1.1, "Pulling manifests"; Docker Registry v1, tags."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.digest import parse_digest
from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.names import (
    TagName,
    parse_reference,
    parse_repository_name,
    parse_tag,
)
from tests.support import strategies
from tests.support.refusals import refusal_of

# The specification's own expressions, not ours.
SPEC_NAME = re.compile(
    r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*", re.ASCII
)
SPEC_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}", re.ASCII)

# As the client writes it, its one true name, and as we show it.
NAMES = [
    ("busybox", "library/busybox", "busybox"),
    ("library/busybox", "library/busybox", "busybox"),
    ("library/team/app", "library/team/app", "library/team/app"),
    ("acme/app", "acme/app", "acme/app"),
    ("0", "library/0", "0"),
    ("a/b/c/d/e/f", "a/b/c/d/e/f", "a/b/c/d/e/f"),
    ("a.b/c_d/e__f/g-h/i--j/k---l", "a.b/c_d/e__f/g-h/i--j/k---l", "a.b/c_d/e__f/g-h/i--j/k---l"),
    ("blobs/uploads", "blobs/uploads", "blobs/uploads"),
    ("manifests", "library/manifests", "manifests"),
    ("a" * 255, "library/" + "a" * 255, "a" * 255),
    ("a" * 127 + "/" + "b" * 127, "a" * 127 + "/" + "b" * 127, "a" * 127 + "/" + "b" * 127),
    ("library", "library/library", "library"),
]

BAD_NAMES = [
    "",
    "/",
    "/a",
    "a/",
    "a//b",
    "A",
    "acme/App",
    "a..b",
    "a._b",
    "a___b",
    "a.",
    ".a",
    "-a",
    "a-",
    "_a",
    "a_",
    "a/-b",
    "a b",
    "a\n",
    "a/b\n",
    "\u00e4",
    "a\u0661",
    "a:b",
    "a@b",
    "..",
    "a/../b",
    "a\x00b",
    "a%2fb",
    "a" * 256,
    "a/" * 127 + "bb",
    "_catalog",
    "\ud800",
]

TAGS = ["latest", "v1.0", "_", "0", "A-b.C_d", "a" * 128, "list", "1.0-rc.1", "__", "a.."]
BAD_TAGS = [
    "",
    ".",
    "..",
    ".a",
    "-a",
    "a" * 129,
    "a b",
    "a/b",
    "a\n",
    "a:b",
    "a+b",
    "\u00e9",
    "\u0661",
    "a\x00",
    "\ud800",
]


@pytest.mark.parametrize(("text", "path", "shown"), NAMES, ids=lambda value: value[:20])
def test_a_name_has_one_true_form_and_one_shown(text: str, path: str, shown: str) -> None:
    name = parse_repository_name(text)
    assert (name.path, name.shown, str(name)) == (path, shown, path)
    assert name.namespace == path.partition("/")[0]


def test_both_spellings_of_library_are_one_repository() -> None:
    assert parse_repository_name("busybox") == parse_repository_name("library/busybox")


@pytest.mark.parametrize("text", BAD_NAMES, ids=ascii)
def test_a_name_outside_the_grammar_is_refused(text: str) -> None:
    error = refusal_of(parse_repository_name, text)
    assert error.code is ErrorCode.NAME_INVALID
    assert error.status == 400


def test_a_refusal_does_not_repeat_a_huge_name() -> None:
    error = refusal_of(parse_repository_name, "a" * 1_000_000)
    assert len(str(error.items[0].detail)) < 1000


@pytest.mark.parametrize("text", TAGS, ids=lambda text: text[:20])
def test_a_tag_keeps_its_text(text: str) -> None:
    assert str(parse_tag(text)) == text


@pytest.mark.parametrize("text", BAD_TAGS, ids=ascii)
def test_a_tag_outside_the_grammar_is_refused(text: str) -> None:
    assert refusal_of(parse_tag, text).code is ErrorCode.TAG_INVALID


def test_a_reference_with_a_colon_is_a_digest_and_any_other_a_tag() -> None:
    text = "sha256:" + "0" * 64
    assert parse_reference(text) == parse_digest(text)
    assert parse_reference("latest") == TagName("latest")
    assert refusal_of(parse_reference, "a:b").code is ErrorCode.DIGEST_INVALID
    assert refusal_of(parse_reference, "a b").code is ErrorCode.TAG_INVALID


@given(st.one_of(strategies.repositories(), st.text(max_size=40), st.text("a0._-/", max_size=12)))
def test_a_name_is_taken_exactly_when_the_specification_takes_it(text: str) -> None:
    wanted = len(text) <= 255 and SPEC_NAME.fullmatch(text) is not None
    try:
        name = parse_repository_name(text)
    except RegistryError:
        assert not wanted
    else:
        assert wanted
        assert parse_repository_name(name.path) == name
        assert parse_repository_name(name.shown) == name


@given(st.one_of(strategies.tags(), st.text(max_size=140), st.text("aZ0._-", max_size=5)))
def test_a_tag_is_taken_exactly_when_the_specification_takes_it(text: str) -> None:
    try:
        parse_tag(text)
    except RegistryError:
        assert not SPEC_TAG.fullmatch(text)
    else:
        assert SPEC_TAG.fullmatch(text)
