"""What each verb of `roadstead webhook` asks the registry for, and what it prints."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from urllib.parse import quote

from roadstead.client.errors import TransferError
from roadstead.client.names import Host, parse_host
from roadstead.team.commands import TEAMS, Ask, Document, perform, split_team, table


def run(asked: argparse.Namespace) -> int:
    """Run a verb, and print what it came to. Raises: TransferError."""
    host, ask = plan(asked)
    return perform(asked, host, ask, "webhooks", SAID[asked.verb])


def plan(asked: argparse.Namespace) -> tuple[Host, Ask]:
    """Where a verb goes and what it asks. Raises: TransferError."""
    if asked.verb == "create":
        return _create(asked)
    host, name = split_team(asked.team, insecure=asked.insecure)
    place = f"{TEAMS}/{name}/webhooks"
    if asked.verb == "list":
        return host, Ask("GET", place, 200)
    place = f"{place}/{quote(asked.hook_id, safe='')}"
    return host, ASKED[asked.verb](place, asked)


def _create(asked: argparse.Namespace) -> tuple[Host, Ask]:
    scheme, separator, rest = asked.team.rpartition("://")
    host, _, path = rest.partition("/")
    name = path.partition("/")[0]
    if not name:
        raise TransferError(f"{asked.team!r} is no team; it looks like HOST/TEAM or HOST/TEAM/NAME")
    document: Document = {"url": asked.url}
    if path != name:
        document["repository"] = path
    if asked.kinds is not None:
        document["kinds"] = [word.strip() for word in asked.kinds.split(",")]
    if asked.label is not None:
        document["label"] = asked.label
    where = parse_host(f"{scheme}{separator}{host}", insecure=asked.insecure)
    return where, Ask("POST", f"{TEAMS}/{quote(name, safe='')}/webhooks", 201, document)


ASKED: Mapping[str, Callable[[str, argparse.Namespace], Ask]] = {
    "show": lambda place, _: Ask("GET", place, 200),
    "deliveries": lambda place, _: Ask("GET", f"{place}?n=100", 200),
    "pause": lambda place, _: Ask("PUT", place, 200, {"paused": True}),
    "resume": lambda place, _: Ask("PUT", place, 200, {"paused": False}),
    "delete": lambda place, _: Ask("DELETE", place, 204),
    "ping": lambda place, _: Ask("POST", f"{place}/ping", 202),
    "repeat": lambda place, asked: Ask(
        "POST", f"{place}/deliveries/{quote(asked.event_id, safe='')}/repeat", 202
    ),
}


# --- what is printed ----------------------------------------------------------------------------


def _plain(text: object) -> str:
    """A text without what moves a terminal: labels and answers are written by strangers."""
    return "".join(sign if sign.isprintable() else "?" for sign in str(text))


def _listed(document: Document) -> list[str]:
    rows = [
        (
            hook["id"],
            "paused" if hook["paused"] else "on",
            hook["repository"] or "(the team)",
            ",".join(hook["kinds"]),
            _plain(hook["label"]),
            _plain(hook["url"]),
        )
        for hook in document["webhooks"]
    ]
    return table([("ID", "STATE", "OF", "KINDS", "LABEL", "URL"), *rows])


def _shown(hook: Document) -> list[str]:
    return [
        f"webhook     {hook['id']}",
        f"url         {_plain(hook['url'])}",
        f"of          {hook['repository'] or 'the team'}",
        f"kinds       {', '.join(hook['kinds'])}",
        f"label       {_plain(hook['label'])}".rstrip(),
        f"state       {'paused' if hook['paused'] else 'on'}",
        f"made        {hook['created_at']} by {hook['created_by']}",
    ]


def _made(hook: Document) -> list[str]:
    return [
        *_shown(hook),
        f"secret      {hook['secret']}",
        "It is shown this once: what the webhook is told is signed with it.",
    ]


def _deliveries(document: Document) -> list[str]:
    rows = [
        (
            each["happened_at"],
            each["kind"],
            each["repository"] or "",
            each["outcome"],
            str(each["attempts"]),
            _answer(each["answer"]),
            each["event"],
        )
        for each in document["deliveries"]
    ]
    head = ("HAPPENED", "KIND", "REPOSITORY", "OUTCOME", "TRIES", "LAST ANSWER", "EVENT")
    return table([head, *rows])


def _answer(answer: Document | None) -> str:
    if answer is None:
        return "-"
    said = answer["status"] if answer["status"] is not None else answer["problem"]
    return f"{_plain(said)} ({answer['took_ms']} ms)"


SAID: Mapping[str, Callable[[Document], list[str]]] = {
    "create": _made,
    "list": _listed,
    "show": lambda found: [*_shown(found), "", *_deliveries(found)],
    "deliveries": _deliveries,
    "pause": _shown,
    "resume": _shown,
    "delete": lambda _: ["Removed."],
    "ping": lambda made: [f"{made['event']} is on its way."],
    "repeat": lambda again: [f"{again['event']} is on its way."],
}
