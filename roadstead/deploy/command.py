"""`roadstead deploy`, `destroy` and `status`: their words on the command line."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from roadstead.deploy.aws import Aws, DeployError

COMMANDS = frozenset({"deploy", "destroy", "status"})
DEFAULT_PACKAGE = Path("build/package")


def add_commands(commands: Any) -> None:
    """Add ours to the subcommands of `roadstead`."""
    deploy = commands.add_parser("deploy", help="bring a stage to AWS, or up to date")
    deploy.add_argument(
        "--dry-run", action="store_true", help="show the change sets and change nothing"
    )
    deploy.add_argument(
        "--parameter",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="of a template (docs/deploying.md); what is not given stays as it is",
    )
    deploy.add_argument("--package", type=Path, default=DEFAULT_PACKAGE, help="from `make package`")
    deploy.add_argument(
        "--no-explain",
        action="store_true",
        help="without Lambda@Edge, which puts refusals of API Gateway and S3 into words",
    )
    deploy.add_argument(
        "--expires",
        metavar="WHEN",
        help="the stage removes itself then: 2h, 7d, 1w, or 2027-01-31T12:00:00Z; never: it stays",
    )
    deploy.add_argument(
        "--confirm", metavar="STACK", help="with --expires, of a stage that was made to stay"
    )
    destroy = commands.add_parser("destroy", help="take a stage's application from AWS")
    destroy.add_argument("--data", action="store_true", help="the data stack as well")
    destroy.add_argument("--confirm", metavar="STACK", help="the data stack's name, once more")
    status = commands.add_parser("status", help="say how a stage is")
    for command in (deploy, destroy, status):
        command.add_argument("--stage", required=True, help="as dev, or prod")
        command.add_argument("--region", help="otherwise what the aws command takes")
        command.add_argument("--profile", help="of the aws command")


def run(asked: argparse.Namespace) -> int:
    """Run one of them; 1 for a stage that is not well. Raises: DeployError."""
    from chalicelib.adapters.clock import SystemClock  # noqa: PLC0415
    from roadstead.deploy import ending, stacks, stage  # noqa: PLC0415

    options = [("--region", asked.region), ("--profile", asked.profile)]
    aws = Aws(tuple(word for pair in options if pair[1] for word in pair), _say)
    names = stacks.Names(asked.stage)
    now = datetime.fromtimestamp(SystemClock().now_s(), UTC)
    if asked.command == "deploy":
        if asked.confirm and not asked.expires:
            raise DeployError("--confirm is for --expires alone. Nothing was changed.")
        package, given = stacks.Package(asked.package), pairs(asked.parameter)
        package.sort(given)  # what is wrong there is said before AWS is asked anything
        ends = ending.wanted(aws, names, asked.expires, asked.confirm, now)
        names = stacks.Names(asked.stage, ends)
        explains = not asked.no_explain
        if asked.dry_run:
            stage.dry_run(aws, names, package, given, explains=explains)
        else:
            stage.deploy(aws, names, package, given, now, explains=explains)
    elif asked.command == "destroy":
        stage.destroy(aws, names, data=asked.data, confirmed=asked.confirm)
    elif not stage.status(aws, names, now):
        return 1
    return 0


def pairs(given: Iterable[str]) -> dict[str, str]:
    """NAME=VALUE, by name. Raises: DeployError."""
    found = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals or not name:
            raise DeployError(f"--parameter wants NAME=VALUE, not {each!r}.")
        if name in found:
            raise DeployError(f"--parameter {name} is given twice.")
        found[name] = value
    return found


def _say(line: str) -> None:
    print(line, flush=True)
