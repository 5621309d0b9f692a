"""A front before a registry that gets one thing wrong, as fronts of this world do.

It hands requests on whole and answers back whole. With ``edge`` it also gives out `/_up`
addresses and stores what comes there, as the distribution does. ``spoils`` change a request's
answer on its way back, or answer in place of the registry.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import http.client
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

KEY = b"edge" * 8
DROPPED = ("connection", "transfer-encoding", "keep-alive", "server")


@dataclass(frozen=True)
class Asked:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    def parameter(self, name: str) -> str:
        return parse_qs(urlsplit(self.target).query).get(name, [""])[0]


@dataclass(frozen=True)
class Answered:
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def without(self, name: str) -> Answered:
        kept = {key: value for key, value in self.headers.items() if key != name}
        return replace(self, headers=kept)

    def having(self, **headers: str) -> Answered:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return replace(self, headers={**self.headers, **named})


Upstream = Callable[[Asked], Answered]
# Given the request and the way to the registry: the answer that the client gets.
Spoil = Callable[[Asked, Upstream], Answered]


def fetch(host: str, asked: Asked) -> Answered:
    connection = http.client.HTTPConnection(host, timeout=60)
    try:
        connection.putrequest(asked.method, asked.target, skip_host=True, skip_accept_encoding=True)
        for name, value in asked.headers.items():
            if name not in DROPPED and name != "content-length":
                connection.putheader(name, value)
        connection.putheader("content-length", str(len(asked.body)))
        connection.endheaders(asked.body)
        answer = connection.getresponse()
        body = answer.read()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return Answered(answer.status, headers, body)
    finally:
        connection.close()


def signature(path: str, expires: str, place: str) -> str:
    text = f"upload\n{path}\n{expires}\n{place}".encode()
    return hmac.new(KEY, text, "sha256").hexdigest()


def edge(asked: Asked, upstream: Upstream, *, checks: bool = True, proves: bool = True) -> Answered:
    """What the distribution does with uploads; without ``checks`` or ``proves`` it is careless."""
    path = asked.path
    if path.startswith("/_up/"):
        real = path.removeprefix("/_up")
        expires, place, mark = [*asked.parameter("_up").split("."), "", "", ""][:3]
        good = hmac.compare_digest(signature(real, expires, place), mark)
        if checks and not (good and expires.isdigit() and int(expires) > time.time()):
            return Answered(403, {"content-type": "application/json"}, DENIED)
        digest = asked.parameter("digest")
        if asked.method == "PUT" and asked.body and digest:
            made = f"sha256:{hashlib.sha256(asked.body).hexdigest()}"
            if proves and made != digest:
                return Answered(400, {"content-type": "application/xml"}, b"<Error/>")
            # Whole, by the API: what it proves is that the bytes have some digest.
            start = real.rpartition("/")[0] + f"/?digest={made}"
            answer = upstream(replace(asked, method="POST", target=start))
            return answer.having(docker_content_digest=digest)
        query = f"?digest={digest}" if digest else ""
        return upstream(replace(asked, target=real + query))
    answer = upstream(asked)
    location = answer.headers.get("location", "")
    if asked.method == "POST" and answer.status == 202 and location.startswith("/v2/"):
        expires = str(int(time.time()) + 3600)
        token = f"{expires}.acme-edge.{signature(location, expires, 'acme-edge')}"
        return answer.having(location=f"/_up{location}?_up={token}")
    return answer


DENIED = b'{"errors":[{"code":"DENIED","message":"this address is not valid"}]}'


class _Front(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, upstream: str, spoils: Sequence[Spoil]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream, self.spoils = upstream, spoils

    def answer(self, asked: Asked, left: Sequence[Spoil]) -> Answered:
        if not left:
            return fetch(self.upstream, asked)
        return left[0](asked, lambda inner: self.answer(inner, left[1:]))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    server: _Front

    def forward(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, self.path, headers, self._body())
        answer = self.server.answer(asked, self.server.spoils)
        self.send_response_only(answer.status)
        for name, value in answer.headers.items():
            if name not in DROPPED and (name != "content-length" or self.command == "HEAD"):
                self.send_header(name, value)
        if self.command != "HEAD":
            self.send_header("content-length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = forward  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def front(upstream: str, *spoils: Spoil, certificate: Path | None = None) -> Iterator[str]:
    """The front's own ``host:port``; the first spoil is the one that clients meet."""
    server = _Front(upstream, spoils)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    options = {"poll_interval": 0.05}
    thread = threading.Thread(target=server.serve_forever, kwargs=options, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def coded(body: bytes) -> bytes:
    return base64.b64encode(body)
