"""The `roadstead` command."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from chalicelib.config import SettingError, check_wildcard
from chalicelib.domain.access import Mode
from chalicelib.domain.accounts import SignUp
from chalicelib.domain.bearer import Challenge
from chalicelib.domain.receivers import Network, parse_networks
from roadstead.client import cli as transfer
from roadstead.client.cli import add_parsers
from roadstead.deploy import command as deployment
from roadstead.doctor import command as doctor
from roadstead.failure import Failure
from roadstead.migrate import cli as migration
from roadstead.team import cli as team
from roadstead.usage import command as usage
from roadstead.webhooks import cli as webhook

T = TypeVar("T")

DEFAULT_DATA = Path(".roadstead")
DEFAULT_PORT = 5000
# As a shell has it of a program that SIGPIPE has ended.
UNREAD = 141


def parser() -> argparse.ArgumentParser:
    """The grammar of the command line."""
    root = argparse.ArgumentParser(prog="roadstead", description="A Docker registry, serverless.")
    commands = root.add_subparsers(dest="command", required=True)
    _add_up(commands)
    add_parsers(commands)
    migration.add_command(commands)
    _add_gateway(commands)
    _add_collect(commands)
    deployment.add_commands(commands)
    doctor.add_command(commands)
    team.add_command(commands)
    webhook.add_command(commands)
    usage.add_command(commands)
    _add_admin(commands)
    return root


def _add_up(commands: Any) -> None:
    up = commands.add_parser("up", help="run a registry here, in the foreground")
    up.add_argument("--port", type=int, default=DEFAULT_PORT)
    up.add_argument("--data", type=Path, default=DEFAULT_DATA, help="the folder that keeps it all")
    up.add_argument("--auth", choices=[mode.value for mode in Mode], default=Mode.OPEN.value)
    up.add_argument(
        "--signup",
        choices=[mode.value for mode in SignUp],
        default=SignUp.CLOSED.value,
        help="who may make an account through the API, with --auth on",
    )
    up.add_argument(
        "--v1-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a host name on which /v2/ answers 404, for daemons that would find v2 first",
    )
    up.add_argument(
        "--challenge",
        choices=[kind.value for kind in Challenge],
        default=Challenge.BASIC.value,
        help="how v2 clients are asked to identify, with --auth on; both ways always work",
    )
    up.add_argument(
        "--sparse-manifests",
        action="store_true",
        help="take manifests whose parts are not all here (off: it catches clients that lose data)",
    )
    _add_downloads(up)
    _add_teams(up)
    up.add_argument(
        "--log",
        action="store_true",
        help="write a line of JSON for each request to stderr; without it only warnings",
    )
    _add_aws_limits(up)


def _add_aws_limits(up: argparse.ArgumentParser) -> None:
    up.add_argument(
        "--aws-limits",
        action="store_true",
        help="serve as on AWS: the edge's functions under node, and the limits of CloudFront, "
        "API Gateway, Lambda and S3 (docs/aws-at-home.md)",
    )
    up.add_argument(
        "--gateway",
        action="store_true",
        help="with --aws-limits: a gateway beside the functions, for uploads that they cannot take",
    )
    up.add_argument(
        "--no-explain",
        action="store_true",
        help="with --aws-limits: without Lambda@Edge, as after `roadstead deploy --no-explain`",
    )


def _add_admin(commands: Any) -> None:
    admin = commands.add_parser("admin", help="administrators").add_subparsers(
        dest="admin", required=True
    )
    create = admin.add_parser("create", help="make an administrator; asks for the password")
    create.add_argument("name")
    create.add_argument("--password-stdin", action="store_true", help="read it from stdin")
    invite = admin.add_parser("invite", help="make an invitation for one account, shown once")
    for command in (create, invite):
        command.add_argument("--data", type=Path, default=DEFAULT_DATA)
        command.add_argument(
            "--aws",
            action="store_true",
            help="in the registry that ROADSTEAD_TABLE, ROADSTEAD_BUCKET and AWS_REGION name, "
            "with AWS rights of your own",
        )


def _add_collect(commands: Any) -> None:
    command = commands.add_parser(
        "collect", help="take away what nothing needs: says what and why; repeat it after a day"
    )
    command.add_argument(
        "--data", type=Path, default=DEFAULT_DATA, help="the folder of a local registry"
    )
    command.add_argument(
        "--aws",
        action="store_true",
        help="the registry that ROADSTEAD_TABLE, ROADSTEAD_BUCKET and AWS_REGION name",
    )
    command.add_argument("--team", help="only this team")
    command.add_argument(
        "--prove",
        action="store_true",
        help="with --team: collect nothing, list what is left of it; the status is 0 if nothing is",
    )
    command.add_argument("--repository", help="only this repository, and not what it shares")
    command.add_argument("--dry-run", action="store_true", help="say it and change nothing")
    command.add_argument("--json", action="store_true", help="a line of JSON for each thing")
    command.add_argument(
        "--at-rest",
        action="store_true",
        help="nobody pushes to this local registry now: take everything at once, without graces; "
        "uploads that have not ended go as well, and who pushes nevertheless may lose blobs",
    )
    command.add_argument(
        "--grace-hours", type=int, default=24, help="how long to leave what nothing needs"
    )


def _add_gateway(commands: Any) -> None:
    gateway = commands.add_parser(
        "gateway", help="run the gateway alone; its settings are in the environment"
    )
    gateway.add_argument("--host", default="127.0.0.1")
    gateway.add_argument("--port", type=int, default=DEFAULT_PORT)
    gateway.add_argument(
        "--grace", type=int, default=10, metavar="SECONDS", help="for uploads, at a stop"
    )
    _add_downloads(gateway)


def _add_downloads(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--downloads",
        choices=["redirect", "through"],
        default="redirect",
        help="whether pulls are sent to the S3 server, or their bytes come through the gateway, "
        "for clients that reach nothing else",
    )


def _add_teams(up: argparse.ArgumentParser) -> None:
    up.add_argument(
        "--team-hosts",
        default="",
        metavar="*.DOMAIN",
        help="with --auth on: crew.DOMAIN/app is crew/app, for the team crew",
    )
    up.add_argument(
        "--tag-expiry",
        action="store_true",
        help="with --auth off: tags like :2h and :7d expire by their name; teams say so themselves",
    )
    up.add_argument(
        "--webhook-networks",
        default=os.environ.get("ROADSTEAD_WEBHOOK_NETWORKS", ""),
        metavar="NETWORK,...",
        help="networks beside the public internet that webhooks may lead to, as 127.0.0.0/8",
    )


def _wildcard(text: str) -> str:
    try:
        return check_wildcard(text, "--team-hosts")
    except SettingError as error:
        raise Failure(str(error)) from error


def _networks(text: str) -> tuple[Network, ...]:
    try:
        return parse_networks(text)
    except ValueError as error:
        raise Failure(f"--webhook-networks: {error}.") from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; a refusal is a sentence on stderr and status 1."""
    asked = parser().parse_args(arguments)
    try:
        status = _run(asked)
        sys.stdout.flush()
        return status
    except BrokenPipeError as error:
        if _nobody_reads():
            return UNREAD
        print(f"roadstead: {error.strerror or error}", file=sys.stderr)
        return 1
    except Failure as error:
        print(f"roadstead: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        if asked.command in ("push", "pull", "migrate"):
            print("roadstead: stopped; repeat the command to go on from here", file=sys.stderr)
            # Threads that wait for the network would hold the process; all they know is on disk.
            os._exit(130)
        return 130


def _nobody_reads() -> bool:
    """Whether our output is closed, as by `| head`; what is left to be written goes nowhere."""
    found = False
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            found = True
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return found


def _run(asked: argparse.Namespace) -> int:
    """The status of a command. Raises: Failure."""
    if asked.command in deployment.COMMANDS:
        return deployment.run(asked)
    if asked.command == "collect":
        from roadstead import collecting  # noqa: PLC0415

        return collecting.run(asked)
    if asked.command == "doctor":
        return doctor.run(asked)
    if asked.command == "webhook":
        from roadstead.webhooks import commands as webhooks  # noqa: PLC0415

        return webhooks.run(asked)
    if asked.command == "team":
        from roadstead.team import commands  # noqa: PLC0415

        return commands.run(asked)
    if asked.command == "usage":
        return usage.run(asked)
    if asked.command == "migrate":
        return _naming_files(migration.run, asked)
    if asked.command == "gateway":
        run_gateway(asked)
    elif asked.command in ("push", "pull", "proxy"):
        _naming_files(transfer.run, asked)
    else:
        run_registry(asked)
    return 0


def _naming_files(run: Callable[[argparse.Namespace], T], asked: argparse.Namespace) -> T:
    try:
        return run(asked)
    except BrokenPipeError:
        raise
    except OSError as error:
        # A full disk, a file that may not be read: nothing of ours is wrong.
        name = f"{error.filename}: " if error.filename else ""
        raise Failure(f"{name}{error.strerror or error}") from error


def _up(asked: argparse.Namespace) -> None:
    # Imported here, so that nothing else waits for botocore.
    from chalicelib.web.logs import configure  # noqa: PLC0415
    from roadstead import up  # noqa: PLC0415
    from roadstead.gateway.downloads import Downloads  # noqa: PLC0415
    from roadstead.local import Choices  # noqa: PLC0415

    choices = Choices(
        Mode(asked.auth),
        SignUp(asked.signup),
        frozenset(name.lower() for name in asked.v1_host),
        Challenge(asked.challenge),
        asked.sparse_manifests,
        Downloads(asked.downloads),
        _wildcard(asked.team_hosts),
        asked.tag_expiry,
        _networks(asked.webhook_networks),
    )
    configure(sys.stderr, requests=asked.log)
    if asked.aws_limits:
        from roadstead.awslimits import command  # noqa: PLC0415

        plan = command.Plan(gateway=asked.gateway, explain=not asked.no_explain)
        command.run(asked.data, asked.port, choices, plan)
    elif asked.gateway:
        raise Failure("--gateway belongs to --aws-limits: without it all goes by a gateway.")
    elif asked.no_explain:
        raise Failure("--no-explain belongs to --aws-limits: without it nothing refuses so.")
    else:
        up.run(asked.data, asked.port, choices)


def run_registry(asked: argparse.Namespace) -> None:
    """The commands for the one who runs the registry. Raises: Failure."""
    # Imported here, so that nothing else waits for botocore.
    from roadstead import admin  # noqa: PLC0415

    if asked.command == "up":
        _up(asked)
    elif asked.admin == "invite":
        print(admin.invite(None if asked.aws else asked.data))
    else:
        password = read_password(from_stdin=asked.password_stdin)
        admin.create_administrator(None if asked.aws else asked.data, asked.name, password)
        print(f"{asked.name} is an administrator now.")


def run_gateway(asked: argparse.Namespace) -> None:
    """Without the embedded servers, which a container does not have. Raises: Failure."""
    from roadstead.gateway import command  # noqa: PLC0415
    from roadstead.gateway.downloads import Downloads  # noqa: PLC0415

    command.run(asked.host, asked.port, asked.grace, Downloads(asked.downloads))


def read_password(*, from_stdin: bool) -> str:
    """A password from the terminal, asked for twice, or the first line of stdin."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    first = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != first:
        raise Failure("The two passwords differ. Nothing was changed.")
    return first


if __name__ == "__main__":
    sys.exit(main())
