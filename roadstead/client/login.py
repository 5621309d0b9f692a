"""Whose login is sent: the one of the command line, docker's own file, or none.

Docker keeps logins in ``config.json``: ``auths`` by host, where ``auth`` is base64 of
``name:password`` and ``identitytoken`` a token to be exchanged; or, with ``credHelpers`` or
``credsStore``, in a program ``docker-credential-NAME`` that is asked by ``get``. What other
programs write there, docker reads as well: ``username`` and ``password`` in place of ``auth``.
Spec: Docker CLI, "Credential stores" and "Credential helper protocol".
"""

from __future__ import annotations

import base64
import binascii
import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from roadstead.client.errors import TransferError

HELPER_TIMEOUT_S = 30
_DOCKER_HUB_KEY = "https://index.docker.io/v1/"


@dataclass(frozen=True)
class Login:
    """``identity_token`` stands in place of a password where a registry gave one to docker."""

    name: str
    password: str = field(repr=False)
    identity_token: str = field(repr=False, default="")

    @property
    def basic(self) -> str:
        return "Basic " + base64.b64encode(f"{self.name}:{self.password}".encode()).decode()


def find_login(config: Path, host_name: str) -> Login | None:
    """The login that ``docker login`` has left for a host; None when there is none.

    Raises: TransferError: the file or the helper cannot be read.
    """
    try:
        document = json.loads(config.read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise TransferError(f"{config} cannot be read ({type(error).__name__})") from None
    if not isinstance(document, dict):
        return None
    helpers = _table(document, "credHelpers")
    own = helpers.get(host_name) or helpers.get(_server(host_name))
    helper = own or document.get("credsStore")
    if isinstance(helper, str) and helper:
        found = _ask_helper(helper, _server(host_name))
        if found is not None:
            return found
    auths = _table(document, "auths")
    for key in (host_name, _server(host_name), *(key for key in auths if _named(key) == host_name)):
        if isinstance(entry := auths.get(key), dict):
            return _read_entry(config, host_name, entry)
    return None


def _named(key: str) -> str:
    """The host of a key that may be a URL, as older versions of docker wrote them.

    >>> _named("https://h:5000/v1/")
    'h:5000'
    """
    return key.removeprefix("https://").removeprefix("http://").partition("/")[0]


def _server(host_name: str) -> str:
    return _DOCKER_HUB_KEY if host_name == "registry-1.docker.io" else host_name


def _table(document: dict[str, Any], key: str) -> dict[str, Any]:
    found = document.get(key)
    return found if isinstance(found, dict) else {}


def _read_entry(config: Path, host_name: str, entry: dict[str, Any]) -> Login | None:
    token = str(entry.get("identitytoken") or "")
    text = entry.get("auth")
    if not text:
        name, password = str(entry.get("username") or ""), str(entry.get("password") or "")
        return Login(name, password, token) if token or (name and password) else None
    try:
        name, _, password = base64.b64decode(str(text), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        raise TransferError(f"the login for {host_name} in {config} is damaged") from None
    return Login(name, password, token)


def _ask_helper(helper: str, server: str) -> Login | None:
    program = f"docker-credential-{helper}"
    if "/" in helper:
        raise TransferError(f"{program} is no name of a credential helper")
    try:
        answer = subprocess.run(
            [program, "get"],
            input=server.encode(),
            capture_output=True,
            timeout=HELPER_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TransferError(f"{program} did not answer ({type(error).__name__})") from None
    if answer.returncode != 0:
        return None
    try:
        found = json.loads(answer.stdout)
        name, secret = str(found["Username"]), str(found["Secret"])
    except (ValueError, KeyError, TypeError):
        raise TransferError(f"{program} answered something that is no login") from None
    return Login(name, "", secret) if name == "<token>" else Login(name, secret)
