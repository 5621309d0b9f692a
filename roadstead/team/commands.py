"""What each verb of `roadstead team` asks the registry for, and what it prints."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from roadstead.client.cli import login_for
from roadstead.client.errors import RegistryRefused, TransferError
from roadstead.client.http import RegistryClient
from roadstead.client.names import Host, parse_host, parse_image

UNAUTHORIZED = 401
TEAMS = "/v2/_roadstead/teams"
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 24 * 3600, "w": 7 * 24 * 3600}
_DURATION = re.compile(r"([0-9]{1,9})([smhdw])", re.ASCII)
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,63}", re.ASCII)
Document = dict[str, Any]


@dataclass(frozen=True)
class Ask:
    """One request; ``wanted`` is the status of its success."""

    method: str
    path: str
    wanted: int
    document: Mapping[str, object] | None = None


def run(asked: argparse.Namespace) -> int:
    """Run a verb, and print what it came to. Raises: TransferError."""
    host, ask = plan(asked)
    return perform(asked, host, ask, "teams", SAID[asked.verb])


def perform(
    asked: argparse.Namespace,
    host: Host,
    ask: Ask,
    what: str,
    said: Callable[[Document], list[str]],
) -> int:
    """Send a request as the account itself, and print what it came to. Raises: TransferError."""
    login = login_for(asked, host)
    if login is None or not login.password:
        raise TransferError(
            f"{what} of {host.name} want a password: say --user NAME, or docker login {host.name}"
        )
    client = RegistryClient(host, login)
    try:
        # As the account itself, whatever the registry's challenge: a token changes no team.
        answer = client.send(
            ask.method,
            ask.path,
            body=None if ask.document is None else json.dumps(ask.document).encode(),
            headers={"Authorization": login.basic},
            wanted=(ask.wanted,),
            what=f"{asked.command} {asked.verb}",
        )
    except RegistryRefused as refusal:
        if refusal.status != UNAUTHORIZED:
            raise
        raise TransferError(f"{host.name} does not accept the login of {login.name}") from None
    finally:
        client.close()
    document = json.loads(answer.body) if answer.body else {}
    lines = [json.dumps(document)] if asked.json else said(document)
    print("\n".join(lines), flush=True)
    return 0


def plan(asked: argparse.Namespace) -> tuple[Host, Ask]:
    """Where a verb goes and what it asks. Raises: TransferError."""
    if asked.verb == "list":
        return parse_host(asked.host, insecure=asked.insecure), Ask("GET", TEAMS, 200)
    if asked.verb in ("extend", "pin"):
        return _end_of(asked)
    host, name = split_team(asked.team, insecure=asked.insecure)
    return host, ASKED[asked.verb](f"{TEAMS}/{name}", name, asked)


def split_team(text: str, *, insecure: bool) -> tuple[Host, str]:
    before, slash, name = text.rpartition("/")
    if not slash or not _NAME.fullmatch(name):
        raise TransferError(f"{text!r} is no team; it looks like HOST/TEAM")
    return parse_host(before, insecure=insecure), name


def _end_of(asked: argparse.Namespace) -> tuple[Host, Ask]:
    end: Document = {"expires_at": None} if asked.verb == "pin" else parse_end(asked.end)
    scheme, separator, rest = asked.what.rpartition("://")
    if rest.count("/") == 1:
        host, name = split_team(asked.what, insecure=asked.insecure)
        return host, Ask("PUT", f"{TEAMS}/{name}", 200, end)
    image = parse_image(asked.what, insecure=asked.insecure)
    has_tag = ":" in rest.rpartition("/")[2]
    if ":" in image.reference:
        raise TransferError(
            f"{scheme}{separator}{rest}: a digest has no end of its own; name a tag"
        )
    tail = f"tags/{image.reference}/expiry" if has_tag else "expiry"
    return image.host, Ask("PUT", f"/v2/{image.repository}/_roadstead/{tail}", 200, end)


def parse_end(text: str) -> Document:
    """``7d`` or a time, as the registry reads it. Raises: TransferError."""
    found = _DURATION.fullmatch(text)
    if found:
        return {"expires_in_s": int(found[1]) * _UNITS_S[found[2]]}
    if "T" in text:
        return {"expires_at": text}
    raise TransferError(
        f"{text!r} is no end; it looks like 90m, 2h, 7d, 1w, or 2027-01-31T12:00:00Z"
    )


def _create(path: str, name: str, asked: argparse.Namespace) -> Ask:
    document: Document = {"name": name, "quota": _quota(asked)}
    if asked.expires:
        document |= parse_end(asked.expires)
    if asked.tags_expire:
        document["expires_tags_by_name"] = True
    return Ask("POST", TEAMS, 201, document)


def _quota(asked: argparse.Namespace) -> Document:
    words = {word: getattr(asked, word) for word in ("size_bytes", "repositories", "pulls_a_day")}
    return {word: _number(word, text) for word, text in words.items() if text is not None}


def _number(word: str, text: str) -> int | None:
    if text == "none":
        return None
    if not (text.isascii() and text.isdigit()):
        raise TransferError(f"--{word.replace('_', '-')} takes a whole number, or `none`")
    return int(text)


def _put_quota(path: str, name: str, asked: argparse.Namespace) -> Ask:
    quota = _quota(asked)
    if not quota:
        raise TransferError("say --size-bytes, --repositories or --pulls-a-day")
    return Ask("PUT", path, 200, {"quota": quota})


def _token(path: str, name: str, asked: argparse.Namespace) -> Ask:
    scopes = [f"repository:{name}/{scope.removeprefix(f'{name}/')}" for scope in asked.scopes]
    document = {"label": asked.label, "scopes": scopes, "expires_in_days": asked.days}
    return Ask("POST", f"{path}/tokens", 201, document)


ASKED: Mapping[str, Callable[[str, str, argparse.Namespace], Ask]] = {
    "create": _create,
    "quota": _put_quota,
    "token": _token,
    "show": lambda path, name, asked: Ask("GET", path, 200),
    "delete": lambda path, name, asked: Ask("DELETE", path, 202),
    "members": lambda path, name, asked: Ask("GET", f"{path}/members", 200),
    "invite": lambda path, name, asked: Ask(
        "POST", f"{path}/invitations", 201, {"role": asked.role}
    ),
    "join": lambda path, name, asked: Ask("POST", f"{path}/members", 201, {"code": asked.code}),
    "role": lambda path, name, asked: Ask(
        "PUT", f"{path}/members/{asked.username}", 200, {"role": asked.role}
    ),
    "remove": lambda path, name, asked: Ask("DELETE", f"{path}/members/{asked.username}", 204),
    "tokens": lambda path, name, asked: Ask("GET", f"{path}/tokens", 200),
    "revoke": lambda path, name, asked: Ask("DELETE", f"{path}/tokens/{asked.token_id}", 204),
}


# --- what is printed ----------------------------------------------------------------------------


def _shown(team: Document) -> list[str]:
    quota, used = team["quota"], team.get("usage") or {}
    lines = [
        f"team          {team['name']}",
        f"your role     {team['role'] or 'none (administrator)'}",
        f"expires       {team['expires_at'] or 'never'}",
        f"bytes         {_of(used.get('size_bytes'), quota['size_bytes'])}",
        f"repositories  {_of(used.get('repositories'), quota['repositories'])}",
        f"pulls today   {_of(used.get('pulls_today'), quota['pulls_a_day'])}",
        f"tags like :2h {'expire by name' if team['expires_tags_by_name'] else 'are any tags'}",
    ]
    return [*lines, *(f"WARNING       {warning}" for warning in team.get("warnings", ()))]


def _of(used: int | None, limit: int | None) -> str:
    bound = "without bound" if limit is None else f"at most {limit}"
    return bound if used is None else f"{used} ({bound})"


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def _listed(document: Document) -> list[str]:
    rows = [(t["name"], t["role"], t["expires_at"] or "never") for t in document["teams"]]
    return table([("TEAM", "ROLE", "EXPIRES"), *rows])


def _members(document: Document) -> list[str]:
    rows = [(m["username"], m["role"], m["joined_at"]) for m in document["members"]]
    return table([("NAME", "ROLE", "SINCE"), *rows])


def _tokens(document: Document) -> list[str]:
    rows = [
        (t["id"], t["label"], t["expires_at"] or "never", " ".join(t["scopes"]))
        for t in document["tokens"]
    ]
    return table([("ID", "LABEL", "EXPIRES", "SCOPES"), *rows])


def _made_token(token: Document) -> list[str]:
    return [
        f"user      {token['username']}",
        f"password  {token['secret']}",
        "It is shown this once. docker login takes the two.",
    ]


SAID: Mapping[str, Callable[[Document], list[str]]] = {
    "create": _shown,
    "show": _shown,
    "quota": _shown,
    "list": _listed,
    "members": _members,
    "tokens": _tokens,
    "token": _made_token,
    "invite": lambda made: [f"{made['code']}  ({made['role']}, until {made['expires_at']})"],
    "join": lambda member: [f"You are in, as {member['role']}."],
    "role": lambda member: [f"{member['username']} is {member['role']} now."],
    "remove": lambda _: ["Out. Tokens that were got by it end within thirty seconds."],
    "revoke": lambda _: ["Revoked."],
    "delete": lambda _: ["Ended. Its name is free when the collector has removed what it held."],
    "extend": lambda end: [f"expires {end['expires_at']}"],
    "pin": lambda end: [f"expires {end['expires_at'] or 'never'}"],
}
