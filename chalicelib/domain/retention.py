"""What a repository's owner lets the collector take away.

    rule      ::= tag rule | untagged rule
    tag rule  ::= {"tags": pattern, "keep_newest": n, "older_than_days": n}   at least one number
    untagged  ::= {"untagged": true, "older_than_days": n}

A tag goes when a rule names it and spares it by neither of its numbers: it is not among the newest
of those that the rule names, and was set longer ago than the days. A protected tag (see
``tag_rules``) never goes, and still counts among the newest.
A manifest goes by an untagged rule when nothing needs it: no tag, no index that stays, no subject
that stays; and it was pushed longer ago than the days.
Without rules nothing goes that somebody has pushed: what has a digest can be pulled by it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.globs import fits
from chalicelib.domain.tag_rules import TagRule, is_protected

if TYPE_CHECKING:
    from chalicelib.domain.records import Tag

MAX_RULES = 20
MAX_KEPT = 100_000
MAX_DAYS = 36_500
DAY_S = 24 * 3600

_PATTERN = re.compile(r"[A-Za-z0-9_*][A-Za-z0-9._*-]{0,127}", re.ASCII)


@dataclass(frozen=True)
class RetentionRule:
    """One rule; ``tags`` is the pattern of the tags that it names, None for untagged manifests."""

    tags: str | None
    keep_newest: int | None = None
    older_than_days: int | None = None

    def shown(self) -> dict[str, object]:
        """The rule as an owner writes it."""
        what: dict[str, object] = {"untagged": True} if self.tags is None else {"tags": self.tags}
        numbers = {"keep_newest": self.keep_newest, "older_than_days": self.older_than_days}
        return {**what, **{name: value for name, value in numbers.items() if value is not None}}


def outgoing_tags(
    rules: Sequence[RetentionRule],
    tag_rules: Sequence[TagRule],
    tags: Sequence[Tag],
    now_s: int,
) -> list[tuple[Tag, str]]:
    """The tags that go, each with why."""
    going: dict[str, tuple[Tag, str]] = {}
    for rule in rules:
        if rule.tags is None:
            continue
        pattern = rule.tags
        named = [tag for tag in tags if fits(pattern, tag.name.value)]
        named.sort(key=lambda tag: (-tag.updated_at_s, tag.name.value))
        for tag in named[rule.keep_newest or 0 :]:
            is_old = _is_old(tag.updated_at_s, rule.older_than_days, now_s)
            if is_old and not is_protected(tag_rules, tag.name):
                going.setdefault(tag.name.value, (tag, _why(rule)))
    return list(going.values())


def untagged_days(rules: Sequence[RetentionRule]) -> int | None:
    """After how many days an untagged manifest goes; None: never."""
    days = [rule.older_than_days or 1 for rule in rules if rule.tags is None]
    return min(days) if days else None


def is_untagged_long(pushed_at_s: int | None, days: int | None, now_s: int) -> bool:
    """Whether a manifest that nothing needs goes; never where nobody knows when it came."""
    return days is not None and pushed_at_s is not None and _is_old(pushed_at_s, days, now_s)


def _is_old(at_s: int, days: int | None, now_s: int) -> bool:
    return days is None or now_s - at_s > days * DAY_S


def _why(rule: RetentionRule) -> str:
    parts = [f"rule for {rule.tags}:"]
    if rule.keep_newest is not None:
        parts.append(f"not among the newest {rule.keep_newest}")
    if rule.keep_newest is not None and rule.older_than_days is not None:
        parts.append("and")
    if rule.older_than_days is not None:
        parts.append(f"older than {rule.older_than_days} days")
    return " ".join(parts)


def parse_retention(document: object) -> tuple[RetentionRule, ...]:
    """Read what an owner sends: ``{"rules": [...]}``.

    Raises: RegistryError(BAD_REQUEST), with what is wrong.
    """
    listed = document.get("rules") if isinstance(document, dict) else None
    if not isinstance(listed, list) or len(listed) > MAX_RULES:
        raise _bad(f"`rules` must be a list of at most {MAX_RULES} rules")
    return tuple(_rule(entry) for entry in listed)


def _rule(entry: object) -> RetentionRule:
    if not isinstance(entry, dict):
        raise _bad("a rule is an object")
    known = {"tags", "untagged", "keep_newest", "older_than_days"}
    if entry.keys() - known or ("tags" in entry) == ("untagged" in entry):
        raise _bad("a rule has `tags` or `untagged`, and then `keep_newest`, `older_than_days`")
    days = _number(entry, "older_than_days", MAX_DAYS)
    if "untagged" in entry:
        if entry["untagged"] is not True or days is None or "keep_newest" in entry:
            raise _bad("a rule for untagged manifests is `untagged`: true and `older_than_days`")
        return RetentionRule(None, None, days)
    pattern, kept = entry["tags"], _number(entry, "keep_newest", MAX_KEPT)
    if not isinstance(pattern, str) or not _PATTERN.fullmatch(pattern):
        raise _bad("`tags` must be a tag's name, in which * stands for any characters")
    if kept is None and days is None:
        raise _bad("a rule for tags has `keep_newest` or `older_than_days`, or both")
    return RetentionRule(pattern, kept, days)


def _number(entry: dict[str, object], name: str, most: int) -> int | None:
    value = entry.get(name)
    if value is None and name not in entry:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise _bad(f"`{name}` must be a whole number from 1 to {most}")
    return value


def _bad(message: str) -> RegistryError:
    return RegistryError(ErrorCode.BAD_REQUEST, f"retention: {message}")


def dump_retention(rules: Sequence[RetentionRule]) -> str:
    """The rules as one text, the same for the same rules; for a store, and to compare."""
    return json.dumps([asdict(rule) for rule in rules], separators=(",", ":"))


def load_retention(text: str) -> tuple[RetentionRule, ...]:
    """What ``dump_retention`` wrote."""
    return tuple(RetentionRule(**entry) for entry in json.loads(text))
