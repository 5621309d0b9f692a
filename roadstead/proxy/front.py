"""The API of a remote registry, asked over HTTP with the client's own headers.

The client talks to us and must go on doing so: a Location or a token realm that names the remote
host comes to name us. One that names somebody else (S3) stays, and the client goes there itself.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

import urllib3
from urllib3.util import SKIP_HEADER

from chalicelib.domain.edge import without_edge
from chalicelib.domain.errors import ErrorCode
from roadstead.client.names import Host
from roadstead.gateway.events import HttpRequest, HttpResponse, refusal
from roadstead.uploader import Blocks

PAUSES_S = (0.3, 1.0, 3.0)
READ_TIMEOUT_S = 90.0
SEND_TIMEOUT_S = 20.0
CONNECTIONS = 32

# RFC 9110, 7.6.1: what is between two neighbours only.
HOP_BY_HOP = frozenset(
    (
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    )
)
NOT_FORWARDED = HOP_BY_HOP | {"host", "content-length", "expect"}
_REALM = re.compile(r'(realm=")([^"]*)(")', re.IGNORECASE)
_LINK = re.compile(r"<([^>]*)>")


class RemoteFront:
    """`Front` over HTTP; safe for many threads. Holds no login: each request brings its own."""

    def __init__(
        self,
        host: Host,
        *,
        pauses_s: Sequence[float] = PAUSES_S,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._host = host
        self._pauses_s = pauses_s
        self._sleep = sleep
        self._pool = urllib3.PoolManager(
            num_pools=2,
            maxsize=CONNECTIONS,
            retries=False,
            timeout=urllib3.Timeout(connect=SEND_TIMEOUT_S, read=READ_TIMEOUT_S),
        )

    def call(self, request: HttpRequest) -> HttpResponse:
        """Pass a request on; never raises. What may be repeated is, while the registry is busy."""
        repeatable = is_repeatable(request)
        for attempt in range(len(self._pauses_s) + 1):
            last = attempt == len(self._pauses_s)
            try:
                answer = self._ask(request)
            except urllib3.exceptions.HTTPError as error:
                # What never got there may be sent again, whatever it is.
                unsent = isinstance(
                    error,
                    urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError,
                )
                if last or not (repeatable or unsent):
                    return self._away(request, error)
            else:
                if last or not repeatable or not (answer.status >= 500 or answer.status == 429):
                    return self._rendered(request, answer)
            self._sleep(self._pauses_s[attempt])
        raise AssertionError("the last attempt returns")

    def _ask(self, request: HttpRequest) -> urllib3.BaseHTTPResponse:
        headers = urllib3.HTTPHeaderDict()
        for name, value in request.headers:
            if name not in NOT_FORWARDED:
                headers.add(name, value)
        for name in ("accept-encoding", "user-agent"):
            if name not in headers:
                headers[name] = SKIP_HEADER
        query = f"?{request.query}" if request.query else ""
        if request.body or request.method in ("POST", "PUT", "PATCH"):
            headers["content-length"] = str(len(request.body))
        return self._pool.request(
            request.method,
            f"{self._host.url}{request.raw_path}{query}",
            body=Blocks(request.body) if request.body else None,  # type: ignore[arg-type]
            headers=headers,
            redirect=False,
            decode_content=False,
        )

    def _rendered(self, request: HttpRequest, answer: urllib3.BaseHTTPResponse) -> HttpResponse:
        ours = request.header("host") or "127.0.0.1"
        pairs = [
            (name, self.renamed(name.lower(), value, ours))
            for name, value in answer.headers.items()
            if name.lower() not in HOP_BY_HOP and name.lower() != "content-length"
        ]
        length = answer.headers.get("Content-Length") if request.method == "HEAD" else None
        if answer.status not in (204, 304):
            pairs.append(("Content-Length", length or str(len(answer.data))))
        return HttpResponse(answer.status, pairs, answer.data)

    def renamed(self, name: str, value: str, ours: str) -> str:
        """The value of a header, with our name in place of the remote host's."""
        if name == "location":
            return without_edge(self._relative(value))
        if name == "link":
            return _LINK.sub(lambda found: f"<{self._relative(found[1])}>", value)
        if name == "www-authenticate":
            return _REALM.sub(lambda m: m[1] + self._through_us(m[2], ours) + m[3], value)
        if name == "x-docker-endpoints":
            names = [part.strip() for part in value.split(",")]
            return ",".join(ours if self._is_remote(each) else each for each in names)
        return value

    def _relative(self, url: str) -> str:
        parts = urlsplit(url)
        if not self._is_remote(parts.netloc):
            return url
        return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def _through_us(self, url: str, ours: str) -> str:
        return f"http://{ours}{self._relative(url)}" if self._relative(url) != url else url

    def _is_remote(self, netloc: str) -> bool:
        default = ":443" if self._host.scheme == "https" else ":80"
        return netloc.lower().removesuffix(default) == self._host.name.lower().removesuffix(default)

    def _away(self, request: HttpRequest, error: Exception) -> HttpResponse:
        message = f"{self._host.name} does not answer ({type(error).__name__}); try again"
        return refusal(request, ErrorCode.UNAVAILABLE, message, headers={"Retry-After": "2"})


def is_repeatable(request: HttpRequest) -> bool:
    """Whether a request that may have been served can be sent again without harm."""
    return request.method in ("GET", "HEAD") or "/_roadstead/uploads/" in request.raw_path
