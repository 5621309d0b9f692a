"""401 answers: which challenge a registry sets, and what is sent to meet it.

    WWW-Authenticate ::= challenge ("," challenge)*
    challenge        ::= scheme SP name "=" quoted ("," name "=" quoted)*
    Basic            ->  the login itself
    Bearer           ->  a token from ``realm``, asked for with ``service`` and ``scope``

Spec: Docker Registry v2, "Token Authentication Specification" and "OAuth2".
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import urllib3

from roadstead.client.errors import RegistryRefused, TokensAway, TransferError, is_passing
from roadstead.client.login import Login
from roadstead.client.names import Host, is_loopback

CLIENT_ID = "roadstead"
# A pair belongs to the scheme before it; a word of its own is the next scheme.
_PIECE = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))|([^\s,="]+)')


@dataclass(frozen=True)
class Challenge:
    """One challenge; ``scheme`` in lower case."""

    scheme: str
    fields: dict[str, str] = field(default_factory=dict)


def read_challenges(headers: Iterable[str]) -> list[Challenge]:
    """The challenges of all ``WWW-Authenticate`` headers: one each as registries send them, or
    several with commas between, as what stands in front of a registry joins them. Spec: RFC 9110.
    """
    found = []
    for text in headers:
        told: list[Challenge] = []
        for piece in _PIECE.finditer(text):
            if piece[4] is not None:
                told.append(Challenge(piece[4].lower()))
            elif told:
                told[-1].fields[piece[1].lower()] = piece[2] if piece[2] is not None else piece[3]
        found += told or [Challenge("")]
    return found


def answer_challenges(
    pool: urllib3.PoolManager,
    host: Host,
    challenges: Sequence[Challenge],
    login: Login | None,
    scopes: Sequence[str],
) -> str:
    """The value of ``Authorization`` that meets one of the challenges.

    Raises: TransferError: none can be met.
    """
    by_scheme = {challenge.scheme: challenge for challenge in challenges}
    if bearer := by_scheme.get("bearer"):
        return "Bearer " + fetch_token(pool, host, bearer, login, scopes)
    if "basic" in by_scheme:
        if login is None:
            raise TransferError(
                f"{host.name} asks for a login: say --user NAME, or run `docker login {host.name}`"
            )
        return login.basic
    names = ", ".join(by_scheme) or "nothing"
    raise TransferError(f"{host.name} refuses, and offers {names} to log in with: not understood")


def fetch_token(
    pool: urllib3.PoolManager,
    host: Host,
    challenge: Challenge,
    login: Login | None,
    scopes: Sequence[str],
) -> str:
    """A token from the realm that the registry names.

    Raises: TransferError; TokensAway: it may be there the next time.
    """
    realm = challenge.fields.get("realm", "")
    _check_realm(host, realm)
    wanted = list(dict.fromkeys([*challenge.fields.get("scope", "").split(), *scopes]))
    try:
        answer = _asked(pool, realm, challenge.fields.get("service", ""), login, wanted)
    except urllib3.exceptions.HTTPError as error:
        place = urlsplit(realm).netloc
        raise TokensAway(
            f"{place}, where {host.name} sends for tokens, did not answer: {type(error).__name__}"
        ) from None
    if answer.status != 200:
        who = f"the login of {login.name or 'a token'}" if login else "no login was sent"
        what = f"{host.name} does not accept {who}" if login and answer.status == 401 else who
        refusal = RegistryRefused(what, urlsplit(realm).netloc, answer.status, answer.data)
        if is_passing(answer.status):
            raise TokensAway(str(refusal), answer.status, answer.headers)
        raise refusal
    return _token_of(host, answer.data)


def _asked(
    pool: urllib3.PoolManager, realm: str, service: str, login: Login | None, wanted: Sequence[str]
) -> urllib3.BaseHTTPResponse:
    if login is not None and login.identity_token:
        fields = {
            "grant_type": "refresh_token",
            "refresh_token": login.identity_token,
            "service": service,
            "client_id": CLIENT_ID,
            "scope": " ".join(wanted),
        }
        return pool.request("POST", realm, fields=fields, encode_multipart=False, redirect=False)
    query = [("service", service)] if service else []
    query += [("scope", scope) for scope in wanted]
    joined = f"{realm}{'&' if '?' in realm else '?'}{urlencode(query)}" if query else realm
    headers = {"Authorization": login.basic} if login else {}
    return pool.request("GET", joined, headers=headers, redirect=False)


def _check_realm(host: Host, realm: str) -> None:
    try:
        parts = urlsplit(realm)
    except ValueError:
        parts = urlsplit("")
    plain = parts.scheme == "http"
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise TransferError(f"{host.name} sends for tokens to {realm[:200]!r}, which is no URL")
    if plain and host.scheme == "https" and not is_loopback(parts.netloc):
        raise TransferError(
            f"{host.name} sends for tokens to {parts.netloc} over plain HTTP; "
            "your password is not sent there"
        )


def _token_of(host: Host, body: bytes) -> str:
    try:
        found: Any = json.loads(body)
        token = found.get("token") or found.get("access_token")
    except (ValueError, AttributeError):
        token = None
    if not isinstance(token, str) or not token:
        raise TransferError(f"{host.name}'s token service answered something that is no token")
    return token
