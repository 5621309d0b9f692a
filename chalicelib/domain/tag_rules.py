"""What a repository's owner says of its tags: which never move, and which are not deleted.

    rule     ::= {"pattern": pattern, "immutable": bool, "protected": bool}
    pattern  ::= 1*128( tag character | "*" )        "*" stands for any characters, or none

A tag obeys every rule whose pattern is its whole name. An immutable tag is pushed once; the same
manifest may be pushed to it again. A protected tag, and a manifest that one points to, cannot be
deleted. An immutable tag that is not protected can be deleted and then pushed anew.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.globs import fits
from chalicelib.domain.names import TagName

MAX_RULES = 50

_PATTERN = re.compile(r"[A-Za-z0-9_*][A-Za-z0-9._*-]{0,127}", re.ASCII)


@dataclass(frozen=True)
class TagRule:
    """One rule, for the tags that its pattern names."""

    pattern: str
    immutable: bool = False
    protected: bool = False

    def names(self, tag: TagName) -> bool:
        """Whether the pattern is this tag's name."""
        return fits(self.pattern, tag.value)


def is_immutable(rules: Sequence[TagRule], tag: TagName) -> bool:
    return any(rule.immutable and rule.names(tag) for rule in rules)


def is_protected(rules: Sequence[TagRule], tag: TagName) -> bool:
    return any(rule.protected and rule.names(tag) for rule in rules)


def parse_rules(document: object) -> tuple[TagRule, ...]:
    """Read what an owner sends: ``{"rules": [...]}``; what is not said of a rule is false.

    Raises: RegistryError(BAD_REQUEST), with what is wrong.
    """
    listed = document.get("rules") if isinstance(document, dict) else None
    if not isinstance(listed, list) or len(listed) > MAX_RULES:
        raise _bad(f"`rules` must be a list of at most {MAX_RULES} rules")
    return tuple(_rule(entry) for entry in listed)


def _rule(entry: object) -> TagRule:
    if not isinstance(entry, dict) or entry.keys() - {"pattern", "immutable", "protected"}:
        raise _bad("a rule has `pattern`, `immutable` and `protected`, and nothing else")
    pattern = entry.get("pattern")
    if not isinstance(pattern, str) or not _PATTERN.fullmatch(pattern):
        raise _bad("`pattern` must be a tag's name, in which * stands for any characters")
    immutable, protected = entry.get("immutable", False), entry.get("protected", False)
    if not isinstance(immutable, bool) or not isinstance(protected, bool):
        raise _bad("`immutable` and `protected` must be true or false")
    if not (immutable or protected):
        raise _bad("a rule must be `immutable` or `protected`, or both")
    return TagRule(pattern, immutable, protected)


def _bad(message: str) -> RegistryError:
    return RegistryError(ErrorCode.BAD_REQUEST, f"tag rules: {message}")


def dump_rules(rules: Sequence[TagRule]) -> str:
    """The rules as one text, the same for the same rules; for a store, and to compare."""
    return json.dumps([asdict(rule) for rule in rules], separators=(",", ":"))


def load_rules(text: str) -> tuple[TagRule, ...]:
    """What ``dump_rules`` wrote."""
    return tuple(TagRule(**entry) for entry in json.loads(text))
