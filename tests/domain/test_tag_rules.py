"""Patterns, and the rules that go by them."""

from __future__ import annotations

import fnmatch
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.errors import RegistryError
from chalicelib.domain.globs import fits
from chalicelib.domain.names import TagName
from chalicelib.domain.tag_rules import (
    TagRule,
    dump_rules,
    is_immutable,
    is_protected,
    load_rules,
    parse_rules,
)

FITS = [
    ("v1", "v1", True),
    ("v1", "v10", False),
    ("v1", "V1", False),
    ("*", "", True),
    ("*", "anything", True),
    ("v*", "v", True),
    ("v*", "av", False),
    ("*-rc", "1.0-rc", True),
    ("*-rc", "-rc", True),
    ("v*.*", "v1.2", True),
    ("v*.*", "v1", False),
    ("a*a", "a", False),
    ("a*a", "aa", True),
    ("**", "x", True),
    ("v?", "v1", False),
    ("[v]", "v", False),
    ("1.0", "1x0", False),
]


@pytest.mark.parametrize(("pattern", "text", "wanted"), FITS, ids=str)
def test_a_star_stands_for_anything_and_all_else_for_itself(
    pattern: str, text: str, wanted: bool
) -> None:
    assert fits(pattern, text) is wanted


@given(st.text("ab*", max_size=8), st.text("ab", max_size=10))
def test_patterns_mean_what_they_mean_to_a_shell(pattern: str, text: str) -> None:
    assert fits(pattern, text) is bool(re.fullmatch(fnmatch.translate(pattern), text))


def test_many_stars_cost_no_more_than_the_text_is_long() -> None:
    assert not fits("a*" * 5000 + "b", "a" * 20_000)


def test_a_tag_obeys_every_rule_that_names_it() -> None:
    rules = (TagRule("v*", immutable=True), TagRule("*1", protected=True))
    assert [is_immutable(rules, TagName(name)) for name in ("v1", "v2", "x1")] == [
        True,
        True,
        False,
    ]
    assert [is_protected(rules, TagName(name)) for name in ("v1", "v2", "x1")] == [
        True,
        False,
        True,
    ]
    assert not is_immutable((), TagName("v1"))


RULES = st.lists(
    st.builds(
        TagRule,
        pattern=st.from_regex(r"[A-Za-z0-9_*][A-Za-z0-9._*-]{0,20}", fullmatch=True),
        immutable=st.just(True),
        protected=st.booleans(),
    ),
    max_size=50,
)


@given(RULES)
def test_rules_come_back_from_the_wire_and_from_the_store(rules: list[TagRule]) -> None:
    assert parse_rules({"rules": [vars(rule) for rule in rules]}) == tuple(rules)
    assert load_rules(dump_rules(rules)) == tuple(rules)


@given(st.recursive(st.none() | st.booleans() | st.text(), st.lists))
def test_anything_else_is_refused(document: object) -> None:
    with pytest.raises(RegistryError):
        parse_rules(document)
