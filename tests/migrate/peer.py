"""A scripted HTTP peer: it plays Docker Hub and ECR, and registries that mean us ill."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.migrate.filling import digest_of, small_image

OCI = "application/vnd.oci.image.manifest.v1+json"


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True)
class Says:
    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


Script = Callable[[Asked], Says]


@dataclass
class Peer:
    """Where it listens, and all that it was asked."""

    host: str
    asked: list[Asked] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    def logins(self) -> set[str]:
        return {a.headers["authorization"] for a in self.asked if "authorization" in a.headers}


@contextmanager
def peer(script: Callable[[Peer], Script]) -> Iterator[Peer]:
    """Serve what the script answers to each request."""
    found = Peer("")

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None: ...

        def _serve(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length", "0")))
            asked = Asked(self.command, self.path, headers, body)
            found.asked.append(asked)
            says = answer(asked)
            self.send_response(says.status)
            for name, value in says.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(says.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(says.body)

        do_GET = do_HEAD = do_POST = do_PUT = _serve  # noqa: N815

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        # Who has read enough hangs up.
        def handle_error(self, *_: Any) -> None: ...

    server = Server(("127.0.0.1", 0), Handler)
    found.host = f"127.0.0.1:{server.server_address[1]}"
    answer = script(found)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def one_image(seed: str) -> Callable[[Asked], Says]:
    """Answers for a small image under any repository and tag; its referrers are unknown."""
    blobs, manifest = small_image(seed)
    digest = digest_of(manifest)
    bodies = {digest_of(blob): blob for blob in blobs}

    def answer(asked: Asked) -> Says:
        name = asked.path.rpartition("/")[2]
        if "/manifests/" in asked.path and (":" not in name or name == digest):
            headers = {"Content-Type": OCI, "Docker-Content-Digest": digest}
            return Says(200, manifest, headers)
        if "/blobs/" in asked.path and name in bodies:
            return Says(200, bodies[name], {"Content-Type": "application/octet-stream"})
        if asked.path == "/v2/":
            return Says(200, b"{}")
        return Says(404, b'{"errors":[{"code":"NAME_UNKNOWN","message":"no such thing"}]}')

    return answer
