"""`roadstead webhook ...` on the command line: a table of verbs, each one request."""

from __future__ import annotations

from typing import Any

from chalicelib.domain.webhooks import EventKind
from roadstead.team.cli import add_verb, add_verbs

WEBHOOK_HELP = """\
A webhook tells an address of yours what happens in a team or in one repository: docs/webhooks.md.
The login is --user's, or what `docker login HOST` has left; tokens do not change webhooks.
"""
OF_WHAT = ("team", "HOST/TEAM")
HOOK = ("hook_id", "ID")
OF_HOOK = {
    "show": "its address, its kinds and its last deliveries",
    "deliveries": "what it was told, or is to be told, the newest first",
    "pause": "tell it nothing for now; what waits stays in its place",
    "resume": "tell it again, beginning with what waits",
    "delete": "remove it, and what is on its way to it",
    "ping": "tell it that somebody has asked for it",
}
KINDS = [kind.value for kind in EventKind if kind is not EventKind.PING]


def add_command(commands: Any) -> None:
    """Add `webhook` to the subcommands of `roadstead`."""
    verbs = add_verbs(
        commands, "webhook", "webhooks: what is told, and what came of it", WEBHOOK_HELP
    )
    what = ("team", "HOST/TEAM[/NAME]")
    create = add_verb(
        verbs, "create", what, ("url", "URL"), about="make one; its secret is shown once"
    )
    create.add_argument(
        "--kinds", metavar="KIND,...", help=f"some of {', '.join(KINDS)}; without it all"
    )
    create.add_argument("--label", help="a word for those who look at it")
    add_verb(verbs, "list", OF_WHAT, about="list those of a team and of its repositories")
    for verb, about in OF_HOOK.items():
        add_verb(verbs, verb, OF_WHAT, HOOK, about=about)
    repeat = add_verb(verbs, "repeat", OF_WHAT, HOOK, about="tell it of an event once more")
    repeat.add_argument("event_id", metavar="EVENT")
