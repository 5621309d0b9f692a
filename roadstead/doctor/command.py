"""`roadstead doctor` on the command line."""

from __future__ import annotations

import argparse
import getpass
import sys
from typing import Any

from roadstead.client.login import Login
from roadstead.client.names import parse_host
from roadstead.doctor.bytes import LARGE_BYTES
from roadstead.doctor.checks import examine
from roadstead.doctor.findings import Finding, Verdict, any_wrong, as_json, rendered
from roadstead.doctor.patient import Patient

HELP = """\
Pushes and pulls under a name of its own, and deletes it again. Needs no AWS credentials.
A line a check: ok; WRONG, with what was seen, what it should be and what to do; or not looked at,
with the reason. The status is 1 when anything is wrong.
"""


def add_command(commands: Any) -> None:
    """Add ours to the subcommands of `roadstead`."""
    raw = argparse.RawDescriptionHelpFormatter
    doctor = commands.add_parser(
        "doctor", help="check a deployment from outside", description=HELP, formatter_class=raw
    )
    doctor.add_argument("url", metavar="URL", help="as https://registry.example.com")
    doctor.add_argument("--user", help="who may push; asks for the password")
    doctor.add_argument("--password-stdin", action="store_true", help="read it from stdin")
    doctor.add_argument("--repository", default="", help="to push to; otherwise a new one")
    doctor.add_argument("--api-url", default="", help="of the API behind the front, to try it")
    doctor.add_argument("--large", action="store_true", help="send 5 GB as well")
    doctor.add_argument("--json", action="store_true", help="one document in place of the lines")
    doctor.add_argument("--insecure", action="store_true", help="plain HTTP to another machine")


def run(asked: argparse.Namespace) -> int:
    """The status: 0 when nothing is wrong. Raises: Failure."""
    host = parse_host(asked.url, insecure=asked.insecure)
    large_bytes = LARGE_BYTES if asked.large else 0
    patient = Patient(host, _login(asked), asked.repository, asked.api_url, large_bytes)

    def tell(finding: Finding) -> None:
        if not asked.json:
            print(rendered([finding]), flush=True)

    try:
        findings = examine(patient, tell)
    finally:
        patient.close()
    if asked.json:
        print(as_json(host.url, findings))
    else:
        counted = [sum(found.verdict is verdict for found in findings) for verdict in Verdict]
        words = [
            f"{number} {verdict.value}" for number, verdict in zip(counted, Verdict, strict=True)
        ]
        print(", ".join(words))
    return 1 if any_wrong(findings) else 0


def _login(asked: argparse.Namespace) -> Login | None:
    if not asked.user:
        return None
    if asked.password_stdin:
        return Login(asked.user, sys.stdin.readline().rstrip("\r\n"))
    return Login(asked.user, getpass.getpass(f"Password of {asked.user}: "))
