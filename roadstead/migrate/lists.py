"""What a v2 registry lists: repositories, tags, referrers, page by page and not for ever.

Spec: Docker Registry v2, "Catalog" and "Pagination"; OCI Distribution 1.1, end-8 and end-12.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin, urlsplit

from roadstead.client.errors import RegistryRefused, TransferError
from roadstead.client.http import Answer, RegistryClient
from roadstead.client.image import Descriptor, read_descriptor
from roadstead.client.sources.registry import pull_scope

CATALOG_SCOPE = "registry:catalog:*"
# ECR and distribution refuse to be asked for more than a thousand.
PAGE_ENTRIES = 1000
MAX_PAGE_BYTES = 8 * 1024 * 1024
MAX_PAGES = 10_000
MAX_NAMES = 500_000
# A page may be empty (what the login may not see was taken out), but not one after another.
MAX_EMPTY_PAGES = 50
_NEXT = re.compile(r'<([^>]*)>[^,<]*;\s*rel="?next"?', re.IGNORECASE)
# What a registry says that has never heard of the catalog, or of referrers, or will not tell us.
REFUSED = (400, 401, 403, 404, 405, 501)


def catalog(client: RegistryClient) -> Iterator[str]:
    """All repositories that the registry shows us. Raises: TransferError."""
    try:
        yield from _names(
            client, "/v2/_catalog", "repositories", [CATALOG_SCOPE], "the list of repositories"
        )
    except RegistryRefused as refusal:
        if refusal.status not in REFUSED:
            raise
        raise TransferError(
            f"{refusal}. Name the repositories instead: "
            "roadstead migrate SOURCE TARGET REPOSITORY [REPOSITORY ...]"
        ) from None


def tags(client: RegistryClient, repository: str) -> list[str]:
    """All tags of a repository, in the registry's order. Raises: TransferError."""
    path, what = f"/v2/{repository}/tags/list", f"the tags of {repository}"
    return list(_names(client, path, "tags", [pull_scope(repository)], what))


def referrers(client: RegistryClient, repository: str, digest: str) -> list[Descriptor] | None:
    """What says that it belongs to a manifest; None where the registry cannot tell.

    Raises: TransferError.
    """
    what = f"what refers to {digest}"
    path = f"/v2/{repository}/referrers/{digest}"
    found: dict[str, Descriptor] = {}
    try:
        for answer in _pages(client, path, [pull_scope(repository)], what):
            entries = _document(client, answer, what).get("manifests") or ()
            for entry in entries if isinstance(entries, list) else ():
                descriptor = read_descriptor(entry, what)
                found.setdefault(descriptor.digest, descriptor)
            if len(found) > MAX_NAMES:
                raise _endless(client, what)
    except RegistryRefused as refusal:
        if refusal.status not in REFUSED:
            raise
        return None
    return list(found.values())


def _names(
    client: RegistryClient, path: str, key: str, scopes: list[str], what: str
) -> Iterator[str]:
    seen: set[str] = set()
    empty = 0
    for answer in _sized_pages(client, path, scopes, what):
        names = _document(client, answer, what).get(key) or []
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise TransferError(f"{what}: {client.host.name} answered something that is no list")
        fresh = [name for name in dict.fromkeys(names) if name not in seen]
        empty = 0 if fresh else empty + 1
        seen.update(fresh)
        if empty > MAX_EMPTY_PAGES or len(seen) > MAX_NAMES:
            raise _endless(client, what)
        yield from fresh


def _sized_pages(
    client: RegistryClient, path: str, scopes: list[str], what: str
) -> Iterator[Answer]:
    pages = _pages(client, f"{path}?n={PAGE_ENTRIES}", scopes, what)
    try:
        first = next(pages)
    except RegistryRefused as refusal:
        # Some want smaller pages, each its own: then it is for them to say how large.
        if refusal.status != 400:
            raise
        pages = _pages(client, path, scopes, what)
        first = next(pages)
    yield first
    yield from pages


def _pages(client: RegistryClient, path: str, scopes: list[str], what: str) -> Iterator[Answer]:
    at, been = path, {path}
    for _ in range(MAX_PAGES):
        answer = client.read(at, limit_bytes=MAX_PAGE_BYTES, scopes=scopes, what=what)
        yield answer
        following = next_page(client, at, answer.headers.get("Link", ""))
        if following is None:
            return
        if following in been:
            raise _endless(client, what)
        been.add(following)
        at = following
    raise _endless(client, what)


def next_page(client: RegistryClient, at: str, link: str) -> str | None:
    """The path of the page that a Link header names. Raises: TransferError: on another host."""
    found = _NEXT.search(link)
    if found is None:
        return None
    parts = urlsplit(urljoin(client.host.url + at, found[1]))
    if parts.netloc != client.host.name:
        raise TransferError(
            f"{client.host.name} sends to {parts.netloc[:200]!r} for its next page: not followed"
        )
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _document(client: RegistryClient, answer: Answer, what: str) -> dict[str, Any]:
    try:
        found = json.loads(answer.body)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise TransferError(f"{what}: {client.host.name} answered something that is no registry's")
    return found


def _endless(client: RegistryClient, what: str) -> TransferError:
    return TransferError(f"{what}: {client.host.name} gives page after page and no end; stopped")
