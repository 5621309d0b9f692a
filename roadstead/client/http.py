"""Requests to a registry: challenges answered, faults outwaited, redirects in our own hands."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from threading import Lock
from urllib.parse import urljoin, urlsplit

import urllib3
from urllib3 import BaseHTTPResponse

from roadstead.client.challenge import answer_challenges, read_challenges
from roadstead.client.errors import RegistryRefused, TokensAway, TransferError, is_passing
from roadstead.client.login import Login
from roadstead.client.names import Host
from roadstead.uploader import ApiAnswer, Blocks

PAUSES_S = (0.5, 1.0, 2.0, 4.0, 8.0)
MAX_RETRY_AFTER_S = 60.0
REDIRECTS = (301, 302, 303, 307, 308)
MAX_REDIRECTS = 5
# API Gateway gives up after 29 s; a registry elsewhere may take a while to close a large blob.
READ_TIMEOUT_S = 90.0
# For connecting, and for each 16 KiB to leave.
SEND_TIMEOUT_S = 20.0
CONNECTIONS = 16
USER_AGENT = "roadstead"
# What is read of a body that nobody wants, so that its connection can serve again.
MAX_DROPPED_BYTES = 64 * 1024


@dataclass(frozen=True)
class Answer:
    """A registry's whole answer; header names in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Patience:
    """How faults are outwaited: tests wait for nothing, and see how often it was."""

    pauses_s: Sequence[float] = PAUSES_S
    sleep: Callable[[float], None] = time.sleep

    def wait(self, attempt: int, retry_after: str | None) -> None:
        pause_s = self.pauses_s[attempt] * random.uniform(0.8, 1.2)  # noqa: S311 (not a secret)
        if retry_after and retry_after.isdigit():
            pause_s = max(pause_s, min(float(retry_after), MAX_RETRY_AFTER_S))
        self.sleep(pause_s)

    def outwaited(self, headers: Mapping[str, str]) -> bool:
        """Whether a 429 has been waited for, and does not count as a try: here it never is."""
        return False


class RegistryClient:
    """One registry and one login; safe for several threads.

    A login goes to the registry, and to the token service that it names, and nowhere else.
    """

    def __init__(
        self,
        host: Host,
        login: Login | None = None,
        patience: Patience | None = None,
        *,
        is_registry: bool = True,
    ) -> None:
        """Without ``is_registry`` a 401 is an answer like any other."""
        self.host, self._is_registry = host, is_registry
        self._login = login
        self.patience = patience or Patience()
        self._granted: dict[tuple[str, ...], str] = {}
        self._lock = Lock()
        self._pool = urllib3.PoolManager(
            num_pools=8,
            maxsize=CONNECTIONS,
            retries=False,
            timeout=urllib3.Timeout(connect=SEND_TIMEOUT_S, read=READ_TIMEOUT_S),
            headers={"User-Agent": USER_AGENT},
        )

    def close(self) -> None:
        self._pool.clear()

    # --- whole answers ------------------------------------------------------------------------

    def send(
        self,
        method: str,
        path: str,
        *,
        scopes: Sequence[str] = (),
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        wanted: Sequence[int] = (200,),
        what: str = "",
    ) -> Answer:
        """One request to the registry; it is repeated while the registry is busy or away.

        Raises: RegistryRefused: any status but those wanted; TransferError: no answer at all.
        """
        answer = self._patiently(method, path, scopes, body, headers, preload=True)
        found = Answer(answer.status, answer.headers, answer.data)
        if found.status not in wanted:
            step = what or f"{method} {path}"
            raise RegistryRefused(step, self.host.name, found.status, found.body)
        return found

    def read(
        self,
        path: str,
        *,
        limit_bytes: int,
        scopes: Sequence[str] = (),
        headers: Mapping[str, str] | None = None,
        what: str = "",
    ) -> Answer:
        """A document, wherever the registry sends us for it; no byte beyond the limit is read on.

        Raises: RegistryRefused; TransferError: no answer, or more than ``limit_bytes``.
        """
        for attempt in range(len(self.patience.pauses_s) + 1):
            answer = self.open(path, scopes=scopes, headers=headers, what=what)
            body = b""
            try:
                body = _up_to(answer, limit_bytes + 1)
            except urllib3.exceptions.HTTPError as error:
                answer.close()
                if attempt == len(self.patience.pauses_s):
                    raise self._away(error) from None
                self.patience.wait(attempt, None)
                continue
            finally:
                # What is left of a body that is too long is not read to its end.
                if len(body) > limit_bytes:
                    answer.close()
                answer.release_conn()
            if len(body) > limit_bytes:
                name = what or f"GET {path}"
                raise TransferError(
                    f"{name}: {self.host.name} sends more than {limit_bytes} bytes: not read"
                )
            return Answer(answer.status, answer.headers, body)
        raise AssertionError("the last attempt returns or raises")

    def ping(self) -> None:
        """Ask whether a registry is there, and whether it lets us in. Raises: TransferError."""
        try:
            answer = self._once("GET", "/v2/", (), None, None, preload=True)
        except urllib3.exceptions.HTTPError as error:
            raise self._away(error) from None
        except TokensAway:
            return  # a registry is there; whoever asks it for more waits for its tokens
        if answer.status not in (200, 401, 403) and answer.status < 500 and answer.status != 429:
            raise RegistryRefused("this is no v2 registry", self.host.name, answer.status, b"")

    # --- streams ------------------------------------------------------------------------------

    def open(
        self,
        path: str,
        *,
        scopes: Sequence[str],
        headers: Mapping[str, str] | None = None,
        what: str = "",
    ) -> BaseHTTPResponse:
        """A body to be read piece by piece, wherever the registry sends us for it.

        Raises: RegistryRefused, TransferError.
        """
        answer = self._patiently("GET", path, scopes, None, headers, preload=False)
        at = urljoin(self.host.url, path)
        for _ in range(MAX_REDIRECTS):
            if answer.status not in REDIRECTS:
                break
            at = urljoin(at, answer.headers.get("Location", ""))
            let_go(answer)
            answer = self._elsewhere(at, headers)
            if answer.status == 401 and self._is_ours(at):
                let_go(answer)
                answer = self._patiently("GET", at, scopes, None, headers, preload=False)
        if answer.status not in (200, 206):
            refused, body = answer.status, _beginning(answer)
            raise RegistryRefused(what or f"GET {path}", urlsplit(at).netloc, refused, body)
        return answer

    def _elsewhere(self, url: str, headers: Mapping[str, str] | None) -> BaseHTTPResponse:
        # Without Authorization: a presigned URL is its own permission.
        headers = {k: v for k, v in (headers or {}).items() if k.lower() != "authorization"}
        if urlsplit(url).scheme not in ("http", "https"):
            raise TransferError(f"{self.host.name} sends to something that is no URL")
        for attempt in range(len(self.patience.pauses_s) + 1):
            last = attempt == len(self.patience.pauses_s)
            try:
                answer = self._pool.request(
                    "GET", url, headers=self._named(headers), redirect=False, preload_content=False
                )
            except urllib3.exceptions.HTTPError as error:
                if last:
                    name = type(error).__name__
                    raise TransferError(f"{urlsplit(url).netloc} did not answer: {name}") from None
            else:
                if last or not is_passing(answer.status):
                    return answer
                let_go(answer)
            self.patience.wait(attempt, None)
        raise AssertionError("the last attempt returns or raises")

    # --- underneath ---------------------------------------------------------------------------

    def _patiently(
        self,
        method: str,
        path: str,
        scopes: Sequence[str],
        body: bytes | None,
        headers: Mapping[str, str] | None,
        *,
        preload: bool,
    ) -> BaseHTTPResponse:
        ask = partial(self._once, method, path, scopes, body, headers, preload=preload)
        for attempt in range(len(self.patience.pauses_s) + 1):
            last = attempt == len(self.patience.pauses_s)
            retry_after = None
            try:
                answer = self._unlimited(ask)
            except urllib3.exceptions.HTTPError as error:
                if last:
                    raise self._away(error) from None
            except TokensAway as away:
                if last:
                    raise
                retry_after = away.headers.get("Retry-After")
            else:
                if last or not is_passing(answer.status):
                    return answer
                retry_after = answer.headers.get("Retry-After")
                let_go(answer)
            self.patience.wait(attempt, retry_after)
        raise AssertionError("the last attempt returns or raises")

    def _unlimited(self, ask: Callable[[], BaseHTTPResponse]) -> BaseHTTPResponse:
        """One request, after all limits that are waited for."""
        while True:
            try:
                answer = ask()
            except TokensAway as away:
                if away.status != 429 or not self.patience.outwaited(away.headers):
                    raise
            else:
                if answer.status != 429 or not self.patience.outwaited(answer.headers):
                    return answer
                let_go(answer)

    def _once(
        self,
        method: str,
        path: str,
        scopes: Sequence[str],
        body: bytes | None,
        headers: Mapping[str, str] | None,
        *,
        preload: bool,
    ) -> BaseHTTPResponse:
        """One request, and one more with what the challenge asks for.

        A request that brings an Authorization of its own (v1's tokens) has the answer as it is;
        so has one to another host, which could name a token service of its own.
        """
        key = tuple(scopes)
        sent = self._granted.get(key)
        answer = self._request(method, path, body, headers, preload, sent)
        has_own = "Authorization" in (headers or {})
        is_last = has_own or not self._is_registry or not self._is_ours(self._url(path))
        if answer.status != 401 or is_last:
            return answer
        challenges = read_challenges(answer.headers.getlist("WWW-Authenticate"))
        let_go(answer)
        granted = answer_challenges(self._pool, self.host, challenges, self._login, scopes)
        if granted == sent:
            raise self._wrong_login()
        with self._lock:
            self._granted[key] = granted
        answer = self._request(method, path, body, headers, preload, granted)
        if answer.status == 401:
            raise self._wrong_login()
        return answer

    def _request(
        self,
        method: str,
        path: str,
        body: bytes | None,
        headers: Mapping[str, str] | None,
        preload: bool,
        authorization: str | None,
    ) -> BaseHTTPResponse:
        sent = self._named(headers)
        if authorization:
            sent["Authorization"] = authorization
        url = self._url(path)
        if not self._is_ours(url):
            sent.pop("Authorization", None)
        if body is not None or method in ("POST", "PUT", "PATCH"):
            sent["Content-Length"] = str(len(body or b""))
        return self._pool.request(
            method,
            url,
            body=Blocks(body) if body else None,  # type: ignore[arg-type]
            headers=sent,
            redirect=False,
            preload_content=preload,
            decode_content=False,
        )

    def _url(self, path: str) -> str:
        # A Location may be a path or a whole URL.
        return urljoin(self.host.url + "/", path)

    def _is_ours(self, url: str) -> bool:
        """Whether it leads to the registry itself: nothing else is shown its login."""
        parts = urlsplit(url)
        return (parts.scheme, parts.netloc) == (self.host.scheme, self.host.name)

    @staticmethod
    def _named(headers: Mapping[str, str] | None) -> dict[str, str]:
        return {"User-Agent": USER_AGENT, **(headers or {})}

    def _wrong_login(self) -> TransferError:
        who = self._login.name if self._login else "nobody (no login was given)"
        return TransferError(f"{self.host.name} does not accept the login of {who}")

    def _away(self, error: Exception) -> TransferError:
        return TransferError(f"{self.host.url} does not answer: {type(error).__name__}")


def let_go(answer: BaseHTTPResponse) -> None:
    """Have done with an answer: a connection is used again only when its body has been read."""
    try:
        if len(_up_to(answer, MAX_DROPPED_BYTES)) == MAX_DROPPED_BYTES:
            answer.close()
    except urllib3.exceptions.HTTPError:
        answer.close()
    answer.release_conn()


def _beginning(answer: BaseHTTPResponse) -> bytes:
    """What a refusal says, or as much of it as came."""
    body = b""
    try:
        body = _up_to(answer, 4096)
    except urllib3.exceptions.HTTPError:
        answer.close()
    let_go(answer)
    return body


def _up_to(answer: BaseHTTPResponse, size_bytes: int) -> bytes:
    held = bytearray()
    while len(held) < size_bytes and (data := answer.read(size_bytes - len(held))):
        held += data
    return bytes(held)


@dataclass(frozen=True)
class RemoteApi:
    """`RegistryApi` over HTTP, for one repository."""

    client: RegistryClient
    scopes: Sequence[str]

    def post(self, path: str, document: Mapping[str, object]) -> ApiAnswer:
        answer = self.client.send(
            "POST",
            path,
            scopes=self.scopes,
            body=json.dumps(document).encode(),
            headers={"Content-Type": "application/json", "Accept": "application/json"},
            wanted=range(100, 600),
        )
        return ApiAnswer(answer.status, list(answer.headers.items()), answer.body)
