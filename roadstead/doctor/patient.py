"""The deployment that is looked at: requests to it, and what checks leave for one another."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

import urllib3

from roadstead.client.challenge import Challenge, fetch_token, read_challenges
from roadstead.client.errors import TransferError
from roadstead.client.login import Login
from roadstead.client.names import Host
from roadstead.doctor.findings import NotLookedAt, Wrong

ANSWER_S = 60
NOBODY, USER, STRANGER = "nobody", "user", "stranger"
BUSY = (429, 503)


@dataclass(frozen=True)
class Reply:
    """An answer as it came: redirects not followed, nothing decoded."""

    method: str
    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    def header(self, name: str) -> str | None:
        return self.headers.get(name)

    def document(self) -> Any:
        """The body as JSON. Raises: Wrong."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise Wrong(f"{self}: {self.text}", "an answer in JSON") from None

    @property
    def text(self) -> str:
        return self.body[:300].decode("utf-8", "replace") or "(no body)"

    @property
    def code(self) -> str:
        """The code of a v2 error, or nothing."""
        try:
            return str(json.loads(self.body)["errors"][0]["code"])
        except (ValueError, KeyError, IndexError, TypeError):
            return ""

    def __str__(self) -> str:
        # Without its query: a presigned URL is its own permission.
        return f"{self.method} {urlsplit(self.url).path} answers {self.status}"


@dataclass
class Patient:
    """One deployment, one login and one run; the names it makes are its own.

    ``large_bytes`` is the size of the one large PUT; 0: none is made.
    """

    host: Host
    login: Login | None = None
    repository: str = ""
    api_url: str = ""
    large_bytes: int = 0
    word: str = field(default_factory=lambda: secrets.token_hex(5))
    replies: list[Reply] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    made_digests: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        if not self.repository:
            namespace = self.login.name if self.login else "doctor"
            self.repository = f"{namespace}/doctor-{self.word}"
        self.tag = f"doctor-{self.word}"
        self._pool = urllib3.PoolManager(
            retries=False, timeout=urllib3.Timeout(connect=10, read=ANSWER_S)
        )
        self._granted: dict[str, str] = {}

    def close(self) -> None:
        self._pool.clear()

    # --- requests -------------------------------------------------------------------------------

    def ask(
        self,
        method: str,
        place: str,
        *,
        who: str = USER,
        body: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        authorization: str | None = None,
    ) -> Reply:
        """One request. ``place`` is a path or a whole URL; another host is never sent a login.

        No Accept is sent unless ``headers`` has one. A body that is no bytes goes in chunks.
        Raises: Wrong: no answer at all.
        """
        url = urljoin(self.host.url + "/", place)
        sent = {"User-Agent": "roadstead-doctor", **(headers or {})}
        if urlsplit(url).netloc == self.host.name:
            authorization = authorization or self._authorization(who)
            if authorization:
                sent["Authorization"] = authorization
        if isinstance(body, bytes) or (body is None and method in ("POST", "PUT", "PATCH")):
            sent.setdefault("Content-Length", str(len(body or b"")))
        try:
            answer = self._pool.request(
                method,
                url,
                body=body,
                headers=sent,
                redirect=False,
                decode_content=False,
            )
        except urllib3.exceptions.HTTPError as error:
            place_name = urlsplit(url).netloc
            raise Wrong(
                f"{method} {urlsplit(url).path} at {place_name}: {_short(error)}", "an answer"
            ) from None
        reply = Reply(method, url, answer.status, answer.headers, answer.data)
        self.replies.append(reply)
        return reply

    def _authorization(self, who: str) -> str | None:
        if who == STRANGER:
            return Login(f"doctor-{self.word}", "wrong-password").basic
        if who == USER:
            return self.login.basic if self.login else self._granted.get("nobody")
        return None

    def take_anonymous_token(self, challenge: Challenge) -> None:
        """Act with what a Bearer challenge gives to nobody. Raises: Wrong."""
        scopes = [f"repository:{self.repository}:pull,push,delete"]
        self._granted["nobody"] = f"Bearer {self.token(challenge, scopes)}"

    def token(self, challenge: Challenge, scopes: list[str]) -> str:
        """Raises: Wrong."""
        try:
            return fetch_token(self._pool, self.host, challenge, self.login, scopes)
        except TransferError as error:
            raise Wrong(str(error), "a token from the realm that the challenge names") from None

    # --- places ---------------------------------------------------------------------------------

    def path(self, tail: str) -> str:
        return f"/v2/{self.repository}/{tail}"

    def begin_upload(self) -> str:
        """Where an upload goes on. Raises: NotLookedAt, Wrong."""
        reply = self.ask("POST", self.path("blobs/uploads/"))
        if reply.status in (401, 403):
            who = self.login.name if self.login else "nobody"
            raise NotLookedAt(f"{who} may not push to {self.repository}: say --user, --repository")
        location = reply.header("Location")
        if reply.status != 202 or not location:
            raise Wrong(f"{reply}: {reply.text}", "202 with a Location")
        return urljoin(self.host.url + "/", location)

    def with_digest(self, place: str, data: bytes) -> str:
        digest = digest_of(data)
        self.made_digests.add(digest)
        return f"{place}{'&' if '?' in place else '?'}digest={digest}"

    def is_visible(self, digest: str) -> bool:
        return self.ask("HEAD", self.path(f"blobs/{digest}")).status in (200, 302, 307)

    def need(self, fact: str) -> Any:
        """What an earlier check has left. Raises: NotLookedAt."""
        if fact not in self.facts:
            raise NotLookedAt(f"an earlier check left no {fact}")
        return self.facts[fact]


def challenges_of(reply: Reply) -> list[Challenge]:
    text = reply.header("WWW-Authenticate")
    return read_challenges([text]) if text else []


def digest_of(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def in_pieces(data: bytes, size_bytes: int = 64 * 1024) -> Iterator[bytes]:
    """A body whose length is not declared."""
    for at in range(0, len(data), size_bytes):
        yield data[at : at + size_bytes]


def _short(error: Exception) -> str:
    reason = getattr(error, "reason", None)
    # urllib3's own texts hold the URL, and its query may be a permission.
    return f"{type(error).__name__}{f' ({type(reason).__name__})' if reason else ''}"
