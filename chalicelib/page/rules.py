"""The page of a repository's rules: which tags never move or go, and what the collector takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TypeVar

from chalicelib.domain.errors import RegistryError
from chalicelib.domain.retention import RetentionRule, dump_retention, parse_retention
from chalicelib.domain.tag_rules import TagRule, dump_rules, parse_rules
from chalicelib.page.paper import link, moved, page
from chalicelib.page.repositories import Show, Take, record_of
from chalicelib.service import retention, tags
from chalicelib.web.messages import Response
from chalicelib.web.pipeline import Call

R = TypeVar("R", TagRule, RetentionRule)

_GONE = "That rule is not there any more; somebody has changed the rules meanwhile."


def show_rules(call: Call) -> Response:
    return _rules(call)


def _rules(call: Call, problem: str = "", status: int = 200) -> Response:
    record = record_of(call)
    return page(
        call,
        "rules.html",
        status=status,
        tag_rules=[(rule, dump_rules([rule])) for rule in record.tag_rules],
        retention=[(rule, dump_retention([rule])) for rule in record.retention],
        problem=problem,
    )


def take_rules(call: Call, form: Mapping[str, str]) -> Response:
    """One rule more, or the one less that the form holds as a text."""
    kind = form.get("of", "")
    try:
        if kind == "tags":
            _change_tags(call, form)
        else:
            _change_retention(call, form)
    except RegistryError as error:
        if error.status not in (400, 503):
            raise
        return _rules(call, error.message, error.status)
    except LookupError:
        return _rules(call, _GONE, 409)
    return moved(link("page.rules.get", repository=call.name.shown))


def _change_tags(call: Call, form: Mapping[str, str]) -> None:
    known = record_of(call).tag_rules
    if "remove" in form:
        left = _without(known, form["remove"], dump_rules)
        tags.set_rules(call.world, call.name, left)
        return
    new = {
        "pattern": form.get("pattern", "").strip(),
        "immutable": "immutable" in form,
        "protected": "protected" in form,
    }
    document = {"rules": [*(asdict(rule) for rule in known), new]}
    tags.set_rules(call.world, call.name, parse_rules(document))


def _change_retention(call: Call, form: Mapping[str, str]) -> None:
    known = record_of(call).retention
    if "remove" in form:
        kept = _without(known, form["remove"], dump_retention)
        retention.set_rules(call.world, call.name, kept)
        return
    new: dict[str, object] = {
        name: _number(text)
        for name in ("keep_newest", "older_than_days")
        if (text := form.get(name, "").strip())
    }
    pattern = form.get("pattern", "").strip()
    new |= {"untagged": True} if form.get("of") == "untagged" else {"tags": pattern}
    document = {"rules": [*(rule.shown() for rule in known), new]}
    retention.set_rules(call.world, call.name, parse_retention(document))


def _number(text: str) -> object:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text


def _without(known: tuple[R, ...], text: str, dumped: Callable[[list[R]], str]) -> tuple[R, ...]:
    """The rules but for one. Raises: LookupError: it is none of them."""
    left = tuple(rule for rule in known if dumped([rule]) != text)
    if left == known:
        raise LookupError(text)
    return left


SHOWS: Mapping[str, Show] = {"page.rules.get": show_rules}
TAKES: Mapping[str, Take] = {"page.rules.post": take_rules}
