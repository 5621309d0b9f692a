"""A loopback forwarder between client and registry: it sees requests, and can cut an answer.

Where the registry redirects to another loopback address (a store's), the forwarder puts itself
before that one too, so that the bytes of a blob pass here whoever sends them.
"""

import re
import socket
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace

from .registry import Registry

REQUEST = re.compile(rb"(?:^|\r\n)([A-Z]{3,7}) (\S+) HTTP/1\.1\r\n")
RANGE = re.compile(rb"\r\n[Rr]ange: (\S+)")
HOST = re.compile(rb"(\r\n[Hh]ost: )([^\r\n]+)")
ELSEWHERE = re.compile(rb"(\r\n[Ll]ocation: http://)((?:127\.0\.0\.1|localhost):\d+)")


@dataclass
class _Door:
    """One listening port of ours, and the address that it stands for."""

    target: str
    keeps_host: bool
    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.listener.getsockname()[1]}"

    def connect(self) -> socket.socket:
        name, _, port = self.target.rpartition(":")
        return socket.create_connection((name, int(port)))


@dataclass
class Middle:
    """What passed, and what is to be cut: once, an answer that grows over `cut_at` bytes."""

    cut_at: int | None = None
    requests: list[tuple[str, str]] = field(default_factory=list)
    ranges: list[str] = field(default_factory=list)
    sent: int = 0
    cuts: int = 0
    _doors: list[_Door] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def asked(self, method: str, pattern: str = "") -> list[str]:
        return [path for verb, path in self.requests if verb == method and re.search(pattern, path)]

    def stand_before(self, target: str, *, keeps_host: bool) -> str:
        """Our own address that leads to `target`, opened when it is first needed."""
        with self._lock:
            for door in self._doors:
                if target in {door.target, door.host}:
                    return door.host
            door = _Door(target, keeps_host)
            self._doors.append(door)
            self._spawn(self._accept, door)
            return door.host

    def close(self) -> None:
        for door in self._doors:
            with suppress(OSError):
                door.listener.shutdown(socket.SHUT_RDWR)
            door.listener.close()
        for thread in list(self._threads):
            thread.join(10)

    def _spawn(self, work: object, *arguments: object) -> threading.Thread:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]
        with self._lock:
            self._threads.append(thread)
        thread.start()
        return thread

    def _accept(self, door: _Door) -> None:
        with suppress(OSError):
            while True:
                client, _ = door.listener.accept()
                self._spawn(self._serve, door, client)

    def _serve(self, door: _Door, client: socket.socket) -> None:
        with client, door.connect() as server:
            back = self._spawn(self._down, server, client)
            self._up(door, client, server)
            back.join()

    def _up(self, door: _Door, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(1 << 16):
                with self._lock:
                    self.sent += len(data)
                    found = REQUEST.findall(data)
                    self.requests += [(verb.decode(), path.decode()) for verb, path in found]
                    self.ranges += [value.decode() for value in RANGE.findall(data)]
                if not door.keeps_host and REQUEST.match(data):
                    data = HOST.sub(rb"\g<1>" + door.target.encode(), data, count=1)
                server.sendall(data)
        with suppress(OSError):
            server.shutdown(socket.SHUT_WR)

    def _down(self, server: socket.socket, client: socket.socket) -> None:
        passed = 0
        with suppress(OSError):
            while data := server.recv(1 << 16):
                passed += len(data)
                if self._cut(passed):
                    break
                if data.startswith(b"HTTP/1.1 30"):
                    data = ELSEWHERE.sub(self._redirected, data, count=1)
                client.sendall(data)
        for end in (client, server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _redirected(self, found: re.Match[bytes]) -> bytes:
        here = self.stand_before(found[2].decode(), keeps_host=False)
        return found[1] + here.encode()

    def _cut(self, passed: int) -> bool:
        with self._lock:
            if self.cut_at is None or passed < self.cut_at:
                return False
            self.cut_at = None
            self.cuts += 1
            return True


@contextmanager
def between(registry: Registry) -> Iterator[tuple[Registry, Middle]]:
    """The same registry at another port, and what passes through that port."""
    middle = Middle()
    try:
        # The registry hears the name by which it was called: its own URLs then lead back here.
        host = middle.stand_before(urllib.parse.urlsplit(registry.url).netloc, keeps_host=True)
        yield replace(registry, host=host, url=f"http://{host}"), middle
    finally:
        middle.close()
