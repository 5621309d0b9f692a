"""HTTP as the Docker 1.12 daemon (Go 1.6) writes it: these headers, in this order, no others.

    Host, User-Agent, Content-Length or Transfer-Encoding, the rest sorted, Accept-Encoding

Sources: Go 1.6 net/http Request.write (order; keys sorted byte by byte), moby 1.12
registry/session.go (AuthTransport: Basic only beside X-Docker-Token, else the last token;
a redirected request gets a Referer and no Authorization).
"""

import http.client
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from .registry import Registry
from .wire import basic

USER_AGENT = (
    "docker/1.12.6 go/go1.6.4 git-commit/78d1802 kernel/4.4.0-59-generic os/linux arch/amd64 "
    "UpstreamClient(Docker-Client/1.12.6 \\(linux\\))"
)
Body = bytes | Iterable[bytes] | None


class V1Error(AssertionError):
    """The daemon would give up here."""


@dataclass
class Session:
    """One push or pull: a user, the last token, the cookies."""

    registry: Registry
    tokens: list[str] = field(default_factory=list)
    cookies: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def index(self) -> str:
        return f"{self.registry.url}/v1/"

    @contextmanager
    def open(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, body: Body = None
    ) -> Iterator[http.client.HTTPResponse]:
        """Send, and for GET follow redirects as Go and `addRequiredHeaders...` do together."""
        wanted = dict(headers or {})
        for _ in range(10):
            parts = urllib.parse.urlsplit(url)
            secure = parts.scheme == "https"
            kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
            connection = kind(parts.netloc, timeout=120)
            try:
                answer = self._exchange(connection, method, parts, wanted, body)
                if method in {"GET", "HEAD"} and answer.status in {301, 302, 303, 307}:
                    wanted = {**(headers or {}), "Referer": url}
                    url = urllib.parse.urljoin(url, answer.headers["Location"])
                    continue
                yield answer
                return
            finally:
                connection.close()
        raise V1Error("stopped after 10 redirects")

    def send(
        self, method: str, url: str, headers: Mapping[str, str] | None = None, body: Body = None
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        with self.open(method, url, headers, body) as answer:
            return answer.status, answer.headers, answer.read()

    def _exchange(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        parts: urllib.parse.SplitResult,
        wanted: Mapping[str, str],
        body: Body,
    ) -> http.client.HTTPResponse:
        path = urllib.parse.urlunsplit(("", "", parts.path, parts.query, ""))
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in self._headers(method, parts.netloc, wanted, body):
            connection.putheader(name, value)
        connection.endheaders()
        # A peer may answer before it has read the body: the answer says why.
        with suppress(BrokenPipeError, ConnectionResetError):
            self._write(connection, body)
        answer = connection.getresponse()
        self._remember(parts.netloc, answer)
        return answer

    def _headers(
        self, method: str, host: str, wanted: Mapping[str, str], body: Body
    ) -> list[tuple[str, str]]:
        first = [("Host", host), ("User-Agent", USER_AGENT)]
        if isinstance(body, bytes) or (body is None and method == "PUT"):
            first.append(("Content-Length", str(len(body or b""))))
        elif body is not None:
            first.append(("Transfer-Encoding", "chunked"))
        rest = {**wanted, **self._authorization(wanted)}
        if kept := self.cookies.get(host):
            rest["Cookie"] = "; ".join(f"{name}={value}" for name, value in kept.items())
        # One X-Docker-Endpoints header for each endpoint, written as one line each.
        listed = [(name, line) for name in sorted(rest) for line in rest[name].split("\n")]
        plain = "Range" in wanted or method == "HEAD"
        return [*first, *listed, *([] if plain else [("Accept-Encoding", "gzip")])]

    def _authorization(self, wanted: Mapping[str, str]) -> dict[str, str]:
        if "Referer" in wanted:
            return {}
        if wanted.get("X-Docker-Token") == "true" and self.registry.credentials:
            return basic(self.registry)
        return {"Authorization": f"Token {','.join(self.tokens)}"} if self.tokens else {}

    @staticmethod
    def _write(connection: http.client.HTTPConnection, body: Body) -> None:
        if isinstance(body, bytes):
            connection.send(body)
        elif body is not None:
            for piece in body:
                connection.send(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            connection.send(b"0\r\n\r\n")

    def _remember(self, host: str, answer: http.client.HTTPResponse) -> None:
        if replaced := answer.headers.get_all("X-Docker-Token"):
            self.tokens = replaced
        for cookie in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = cookie.partition(";")[0].strip().partition("=")
            self.cookies.setdefault(host, {})[name] = value


def endpoints(session: Session, headers: http.client.HTTPMessage) -> list[str]:
    """Where to go on, from one or more X-Docker-Endpoints, each perhaps a list."""
    scheme = urllib.parse.urlsplit(session.index).scheme
    hosts = ",".join(headers.get_all("X-Docker-Endpoints") or []).split(",")
    return [f"{scheme}://{host.strip()}/v1/" for host in hosts if host.strip()]


def ping(session: Session) -> None:
    """Any answer will do for the daemon; ours must say 200 and its version (daemons < 1.0)."""
    status, headers, _ = session.send("GET", f"{session.index}_ping")
    if status != 200 or "X-Docker-Registry-Version" not in headers:
        raise V1Error(f"ping: {status} {headers.items()}")
