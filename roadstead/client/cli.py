"""`roadstead push`, `pull` and `proxy` on the command line. None of them reads an AWS variable."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from pathlib import Path

from roadstead.client.errors import TransferError
from roadstead.client.login import Login, find_login
from roadstead.client.names import Host

PUSH_HELP = """\
SOURCE is one of
  oci:DIR[:REF]               an OCI layout folder
  docker-archive:FILE[:REF]   what `docker save` wrote (a bare FILE.tar as well)
  docker://HOST/NAME:TAG      another registry
Large layers go in parts straight to S3. Repeat a broken push: what has arrived is not sent again.
The login is --user's, or what `docker login HOST` has left, or none.
"""
PULL_HELP = """\
DEST is oci:DIR[:REF] (or a bare folder), or docker-archive:FILE.tar, which `docker load` takes.
What is there already is not fetched again; a blob that breaks off goes on where it broke.
"""
PROXY_HELP = """\
Serves on loopback only. Every client pushes and pulls through it:
  docker push 127.0.0.1:5000/team/image:tag
Large layers go in parts straight to S3. The proxy has no login of its own; it passes on yours
(docker login 127.0.0.1:5000).
"""


def add_parsers(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add this module's commands to the root parser's."""
    raw = argparse.RawDescriptionHelpFormatter
    push = commands.add_parser(
        "push", help="push an image, large layers too", description=PUSH_HELP, formatter_class=raw
    )
    push.add_argument("source", metavar="SOURCE")
    push.add_argument("target", metavar="HOST/NAME:TAG")
    push.add_argument(
        "--expires", metavar="2h", help="when the tag ends: 30m, 2h, 7d, a time in UTC, or never"
    )
    pull = commands.add_parser(
        "pull", help="pull an image to disk", description=PULL_HELP, formatter_class=raw
    )
    pull.add_argument("source", metavar="HOST/NAME:TAG")
    pull.add_argument("target", metavar="DEST")
    for command in (push, pull):
        _add_common(command)
    proxy = commands.add_parser(
        "proxy", help="let any client push here", description=PROXY_HELP, formatter_class=raw
    )
    proxy.add_argument("--to", required=True, metavar="URL", help="the registry behind it")
    proxy.add_argument("--port", type=int, default=5000, help="0 takes a free one")
    proxy.add_argument(
        "--insecure", action="store_true", help="speak plain HTTP to a host that is not this one"
    )


def _add_common(command: argparse.ArgumentParser) -> None:
    command.add_argument("--user", metavar="NAME", help="log in; the password is asked for")
    command.add_argument(
        "--password-stdin", action="store_true", help="read the password from stdin"
    )
    command.add_argument("--quiet", action="store_true", help="print the digest alone")
    command.add_argument(
        "--insecure", action="store_true", help="speak plain HTTP to hosts that are not this one"
    )


def run(asked: argparse.Namespace) -> None:
    """Run a command of this module. Raises: TransferError."""
    if asked.command == "push":
        from roadstead.client.commands import run_push  # noqa: PLC0415

        run_push(asked)
    elif asked.command == "pull":
        from roadstead.client.commands import run_pull  # noqa: PLC0415

        run_pull(asked)
    else:
        from roadstead.proxy.run import run_proxy  # noqa: PLC0415

        run_proxy(asked.to, asked.port, insecure=asked.insecure)


def login_for(asked: argparse.Namespace, host: Host) -> Login | None:
    """The login that was asked for, or the one that docker keeps. Raises: TransferError."""
    if asked.user is None:
        if asked.password_stdin:
            raise TransferError("--password-stdin needs --user NAME")
        return find_login(docker_config(), host.name)
    if asked.password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        password = getpass.getpass(f"Password of {asked.user} at {host.name}: ")
    else:
        raise TransferError("the password cannot be asked for here; say --password-stdin")
    return Login(asked.user, password)


def docker_config() -> Path:
    """Where docker keeps its logins."""
    folder = os.environ.get("DOCKER_CONFIG")
    return (Path(folder) if folder else Path.home() / ".docker") / "config.json"


def cache_folder() -> Path:
    """Where a broken push leaves what the next try needs."""
    folder = os.environ.get("XDG_CACHE_HOME")
    return (Path(folder) if folder else Path.home() / ".cache") / "roadstead"
