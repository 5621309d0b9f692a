"""What Docker Hub lists of a namespace: by an API of its own, for its registry has no catalog.

    POST /v2/users/login {username, password}                  ->  {token}; a PAT is a password
    GET  /v2/namespaces/NS/repositories?page_size=100&page=N   ->  {count, next, results: [{name}]}

Spec: Docker Hub API, "Authentication", "Repositories".
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from roadstead.client.errors import RegistryRefused, TransferError
from roadstead.client.http import RegistryClient
from roadstead.client.login import Login
from roadstead.migrate.lists import MAX_PAGE_BYTES

PAGE_ENTRIES = 100
MAX_PAGES = 1000


def repositories(client: RegistryClient, namespace: str, login: Login | None) -> Iterator[str]:
    """All repositories of a namespace, private ones for those who may see them.

    Raises: TransferError.
    """
    headers = {"Authorization": f"Bearer {_token(client, login)}"} if _has_secret(login) else {}
    what = f"the repositories of {namespace}"
    for page in range(1, MAX_PAGES + 1):
        # The number, and not the URL that the answer names: the token goes nowhere else.
        path = f"/v2/namespaces/{quote(namespace, safe='')}/repositories"
        answer = client.read(
            f"{path}?page_size={PAGE_ENTRIES}&page={page}",
            limit_bytes=MAX_PAGE_BYTES,
            headers={"Accept": "application/json", **headers},
            what=what,
        )
        document = _document(client, answer.body)
        entries = document.get("results")
        known = entries if isinstance(entries, list) else []
        names = [entry.get("name") for entry in known if isinstance(entry, dict)]
        yield from (f"{namespace}/{name}" for name in names if isinstance(name, str))
        if not document.get("next") or not names:
            return
    raise TransferError(f"{what}: {client.host.name} gives page after page and no end; stopped")


def _has_secret(login: Login | None) -> bool:
    # An identity token is good for the registry alone.
    return login is not None and bool(login.password)


def _token(client: RegistryClient, login: Login | None) -> str:
    assert login is not None
    body = json.dumps({"username": login.name, "password": login.password}).encode()
    try:
        answer = client.send(
            "POST",
            "/v2/users/login",
            body=body,
            headers={"Content-Type": "application/json"},
            what=f"the login of {login.name}",
        )
    except RegistryRefused as refusal:
        raise TransferError(
            f"{refusal}. With two-factor login, log in with a personal access token"
        ) from None
    token = _document(client, answer.body).get("token")
    if not isinstance(token, str):
        raise TransferError(f"{client.host.name} gave no token for the login of {login.name}")
    return token


def _document(client: RegistryClient, body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise TransferError(f"{client.host.name} answered something that is not Docker Hub's")
    return found
