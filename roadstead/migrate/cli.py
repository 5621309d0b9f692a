"""`roadstead migrate` on the command line."""

from __future__ import annotations

import argparse
from typing import Any

from roadstead.migrate.places import HUB_API, HUB_REGISTRY

HELP = """\
Brings everything of another registry across: repositories, tags, all platforms, signatures and
SBOMs, byte for byte, so that every digest stays. SOURCE is one of
  docker://HOST[/PREFIX]    any registry that speaks v2; with PREFIX what is below it
  ecr://ACCOUNT.dkr.ecr.REGION.amazonaws.com[/PREFIX]
  hub://NAMESPACE           a user or an organization of Docker Hub
  v1://HOST                 a registry that speaks v1: image ids and checksums stay
Without REPOSITORY all that the source lists. What is there already is not sent again: repeat the
command after a failure, or later for what is new. Nothing is deleted at either side.
The logins are those of `docker login`; the status is 1 when anything has failed.
"""


def add_command(commands: Any) -> None:
    """Add ours to the subcommands of `roadstead`."""
    raw = argparse.RawDescriptionHelpFormatter
    migrate = commands.add_parser(
        "migrate",
        help="bring everything of another registry across",
        description=HELP,
        formatter_class=raw,
    )
    migrate.add_argument("source", metavar="SOURCE")
    migrate.add_argument("target", metavar="HOST[/TEAM]")
    migrate.add_argument("repositories", metavar="REPOSITORY", nargs="*")
    _add_choice(migrate)
    _add_logins(migrate)
    migrate.add_argument("--dry-run", action="store_true", help="say what would come, send nothing")
    migrate.add_argument(
        "--verify", action="store_true", help="compare every tag of both sides afterwards"
    )
    migrate.add_argument("--jobs", type=_jobs, default=4, metavar="N", help="repositories at once")
    migrate.add_argument(
        "--wait-hours", type=float, default=24, metavar="N", help="for pull limits, in all"
    )
    migrate.add_argument("--quiet", action="store_true", help="print the report alone")
    migrate.add_argument(
        "--insecure", action="store_true", help="speak plain HTTP to hosts that are not this one"
    )
    # Where Docker Hub is, for those who reach it by a name of their own.
    migrate.add_argument("--hub-api", default=HUB_API, help=argparse.SUPPRESS)
    migrate.add_argument("--hub-registry", default=HUB_REGISTRY, help=argparse.SUPPRESS)


def _add_choice(migrate: argparse.ArgumentParser) -> None:
    pattern = "[REPOSITORY][:TAG]"
    for word, name, about in (
        ("--only", "only", "bring what fits, as in 'team/*' or ':v1.*'; may be repeated"),
        ("--except", "excepted", "leave out what fits; may be repeated"),
    ):
        migrate.add_argument(
            word, dest=name, action="append", default=[], metavar=pattern, help=about
        )
    migrate.add_argument(
        "--map",
        dest="mapped",
        action="append",
        default=[],
        metavar="OLD=NEW",
        help="another name for a repository, or with OLD/=NEW/ for all below; may be repeated",
    )
    migrate.add_argument(
        "--keep", action="store_true", help="leave tags that are there, wherever they point to"
    )


def _add_logins(migrate: argparse.ArgumentParser) -> None:
    migrate.add_argument("--source-user", metavar="NAME", help="log in at the source")
    migrate.add_argument(
        "--source-password-stdin", action="store_true", help="its password is a line of stdin"
    )
    migrate.add_argument("--user", metavar="NAME", help="log in at the target")
    migrate.add_argument(
        "--password-stdin",
        action="store_true",
        help="its password is a line of stdin, after the source's",
    )


def _jobs(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 64:
        raise argparse.ArgumentTypeError("1 to 64")
    return number


def run(asked: argparse.Namespace) -> int:
    """The status: 0 when nothing has failed. Raises: Failure."""
    # Imported here, so that nothing else waits for it.
    from roadstead.migrate.command import run_migration  # noqa: PLC0415

    return run_migration(asked)
