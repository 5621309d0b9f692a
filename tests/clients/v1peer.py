"""A v1 registry of a hundred lines, so that the v1 client can be tried where no other is.

It is strict where Docker 1.12 is exact, keeps every request for a test to read, and redirects
layers to a second path as a registry with a storage back end does.
"""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .registry import Registry
from .v1images import payload_sum

TOKEN = 'Token signature=ABC,repository="clients/app",access=write'


@dataclass
class State:
    json: dict[str, bytes] = field(default_factory=dict)
    layers: dict[str, bytes] = field(default_factory=dict)
    complete: set[str] = field(default_factory=set)
    tags: dict[str, str] = field(default_factory=dict)
    seen: list[tuple[str, str, list[tuple[str, str]]]] = field(default_factory=list)

    def headers(self, method: str, path: str) -> list[list[tuple[str, str]]]:
        """Headers, in order, of each request that was this."""
        return [sent for verb, at, sent in self.seen if verb == method and re.fullmatch(path, at)]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: State

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def note(self) -> None:
        self.state.seen.append((self.command, self.path, list(self.headers.items())))

    def token(self) -> dict[str, str]:
        return {"X_Docker_Token": TOKEN, "X_Docker_Endpoints": self.headers["Host"]}

    def body(self) -> bytes:
        if self.headers["Transfer-Encoding"] != "chunked":
            return self.rfile.read(int(self.headers["Content-Length"]))
        read = bytearray()
        while size := int(self.rfile.readline(), 16):
            read += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return bytes(read)

    def do_PUT(self) -> None:
        self.note()
        body, parts = self.body(), self.path.split("/")
        if parts[2] == "images":
            self.put_image(parts[3], parts[4], body)
        elif parts[-1] == "images":
            self.answer(204 if body == b"[]" else 400)
        elif parts[-2] == "tags":
            self.state.tags[parts[-1]] = json.loads(body)
            self.answer(200, b"true")
        else:
            self.answer(200, b'""', **self.token())

    def put_image(self, image_id: str, what: str, body: bytes) -> None:
        state = self.state
        if what == "json" and image_id in state.complete:
            return self.answer(409, b'{"error": "Image already exists"}')
        if what == "json":
            state.json[image_id] = body
        elif what == "layer":
            state.layers[image_id] = body
        else:
            proved = payload_sum(state.json[image_id], state.layers[image_id])
            if self.headers["X-Docker-Checksum-Payload"] != proved:
                return self.answer(400, b'{"error": "Checksum mismatch"}')
            state.complete.add(image_id)
        return self.answer(200, b"true")

    def do_GET(self) -> None:
        self.note()
        state, parts = self.state, self.path.split("/")
        if self.path == "/v1/_ping":
            self.answer(200, b"{}", X_Docker_Registry_Version="0.9.1")
        elif parts[1] == "storage":
            self.get_stored(state.layers[parts[2]])
        elif parts[-1] == "images":
            self.answer(200, b"[]", **self.token())
        elif parts[-2] == "tags":
            self.answer(200, json.dumps(state.tags[parts[-1]]).encode())
        elif parts[3] not in state.complete:
            self.answer(404, b'{"error": "Image not found"}')
        elif parts[4] == "json":
            layer = state.layers[parts[3]]
            total = payload_sum(state.json[parts[3]], layer)
            sums = {"X_Docker_Checksum_Payload": total, "X_Docker_Size": str(len(layer))}
            self.answer(200, state.json[parts[3]], **sums)
        elif parts[4] == "ancestry":
            self.answer(200, json.dumps(self.ancestry(parts[3])).encode())
        else:
            self.answer(302, Location=f"/storage/{parts[3]}")

    def ancestry(self, image_id: str) -> list[str]:
        found = [image_id]
        while parent := json.loads(self.state.json[found[-1]]).get("parent"):
            found.append(parent)
        return found

    def get_stored(self, layer: bytes) -> None:
        """As S3: the end of a range may lie behind the last byte."""
        wanted = self.headers["Range"]
        if wanted is None:
            return self.answer(200, layer, Accept_Ranges="bytes")
        start = int(wanted.removeprefix("bytes=").split("-")[0])
        if start >= len(layer):
            return self.answer(416)
        return self.answer(206, layer[start:], Accept_Ranges="bytes")


@contextmanager
def running_peer() -> Iterator[tuple[Registry, State]]:
    state = State()
    handler = type("Handler", (_Handler,), {"state": state})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    host = f"127.0.0.1:{server.server_port}"
    try:
        yield Registry(host, f"http://{host}", "clients", "clients-password"), state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
