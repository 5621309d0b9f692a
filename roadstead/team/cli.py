"""`roadstead team ...` on the command line: a table of verbs, each one request to the registry."""

from __future__ import annotations

import argparse
from typing import Any

from chalicelib.domain.teams import Role

TEAM_HELP = """\
A team is written HOST/TEAM, as in registry.example.com/crew.
The login is --user's, or what `docker login HOST` has left; tokens do not change teams.
DURATION is a number and s, m, h, d or w (90m, 7d), or a time like 2027-01-31T12:00:00Z.
"""
TEAM = ("team", "HOST/TEAM")
OF_TEAM = {
    "create": "make a team, and own it",
    "show": "its end, its quota and what it uses",
    "members": "list its members",
    "delete": "end it at once; what it holds is removed by the collector",
    "quota": "change its quota; an owner can lower it",
}


def add_command(commands: Any) -> None:
    """Add `team` to the subcommands of `roadstead`."""
    verbs = add_verbs(commands, "team", "teams: members, tokens, quotas, ends", TEAM_HELP)
    parsers = {verb: add_verb(verbs, verb, TEAM, about=about) for verb, about in OF_TEAM.items()}
    add_verb(verbs, "list", ("host", "HOST"), about="list the teams that you are in")
    _add_members(verbs)
    _add_tokens(verbs)
    _add_ends(verbs)
    for verb in ("create", "quota"):
        _add_quota(parsers[verb])
    parsers["create"].add_argument("--expires", metavar="DURATION", help="when it ends")
    parsers["create"].add_argument(
        "--tags-expire", action="store_true", help="let tags like :2h expire by their name"
    )


def add_verbs(commands: Any, name: str, about: str, description: str) -> Any:
    """A subcommand that has verbs of its own."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = commands.add_parser(name, help=about, description=description, formatter_class=raw)
    return parser.add_subparsers(dest="verb", required=True)


def _add_members(verbs: Any) -> None:
    roles = [role.value for role in Role]
    invite = add_verb(verbs, "invite", TEAM, about="make an invitation for one account, shown once")
    invite.add_argument("role", choices=roles)
    join = add_verb(verbs, "join", TEAM, about="become a member by an invitation")
    join.add_argument("code", metavar="CODE")
    role = add_verb(verbs, "role", TEAM, about="give a member another role")
    role.add_argument("username", metavar="NAME")
    role.add_argument("role", choices=roles)
    remove = add_verb(verbs, "remove", TEAM, about="take a member out, or yourself")
    remove.add_argument("username", metavar="NAME")


def _add_tokens(verbs: Any) -> None:
    token = add_verb(verbs, "token", TEAM, about="make a machine token, shown once")
    token.add_argument("label", metavar="LABEL")
    token.add_argument(
        "scopes", nargs="+", metavar="SCOPE", help="as in app:pull,push or *:pull, of this team"
    )
    token.add_argument("--days", type=int, help="how long it lives; without it, until revoked")
    add_verb(verbs, "tokens", TEAM, about="list its machine tokens")
    revoke = add_verb(verbs, "revoke", TEAM, about="end a machine token")
    revoke.add_argument("token_id", metavar="ID")


def _add_ends(verbs: Any) -> None:
    what = ("what", "HOST/TEAM[/NAME[:TAG]]")
    extend = add_verb(verbs, "extend", what, about="give a team, a repository or a tag another end")
    extend.add_argument("end", metavar="DURATION")
    add_verb(verbs, "pin", what, about="take the end of a team, a repository or a tag away")


def _add_quota(parser: argparse.ArgumentParser) -> None:
    for word, about in (
        ("size-bytes", "bytes of all its blobs"),
        ("repositories", "repositories"),
        ("pulls-a-day", "pulls of manifests on a day (UTC)"),
    ):
        parser.add_argument(f"--{word}", metavar="N", help=f"{about}; `none` is without bound")


def add_verb(
    verbs: Any, verb: str, *places: tuple[str, str], about: str
) -> argparse.ArgumentParser:
    """A verb with the options of a login."""
    parser: argparse.ArgumentParser = verbs.add_parser(verb, help=about)
    for name, shown in places:
        parser.add_argument(name, metavar=shown)
    parser.add_argument("--user", metavar="NAME", help="log in; the password is asked for")
    parser.add_argument("--password-stdin", action="store_true", help="read it from stdin")
    parser.add_argument("--json", action="store_true", help="print the registry's own answer")
    parser.add_argument(
        "--insecure", action="store_true", help="speak plain HTTP to a host that is not this one"
    )
    return parser
