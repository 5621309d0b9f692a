"""A door in front of a real S3 server: it passes on, counts, and misbehaves on request.

Presigned URLs are signed for the door's own name, and the Host header goes through as it came,
so that the server behind checks the signature that the client was given.
"""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from tests.uploader.lambdaonly import Door, QuietHandler, serving

BLOCK_BYTES = 1 << 20
ERROR = b"<Error><Code>SlowDown</Code></Error>"


@contextmanager
def s3_door(behind_url: str) -> Iterator[Door]:
    """A word of the script besides Door's: ``expired`` (403, as a URL that has run out), ``cut``
    (half of the answer, then the end), ``stall`` (the same, but the end never comes), ``spoil``
    (one bit of the answer is another)."""
    door, behind = Door(), urlsplit(behind_url).netloc

    class Handler(QuietHandler):
        def serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            door.headers.extend(self.headers.keys())
            door.ranges.append(self.headers.get("Range", ""))
            word = door.next_word(f"{self.command} {self.path}")
            if word in ("drop", "busy", "expired"):
                self._swallow(length)
                if word == "drop":
                    return self.hang_up()
                status = 503 if word == "busy" else 403
                return self.answer(status, [("Content-Length", str(len(ERROR)))], ERROR)
            return self._pass(length, word)

        def _swallow(self, length: int) -> None:
            while length > 0 and (data := self.rfile.read(min(length, BLOCK_BYTES))):
                length -= len(data)

        def _pass(self, length: int, word: str) -> None:
            connection = http.client.HTTPConnection(behind, timeout=60)
            try:
                connection.putrequest(
                    self.command, self.path, skip_host=True, skip_accept_encoding=True
                )
                for name, value in self.headers.items():
                    connection.putheader(name, value)
                connection.endheaders()
                while length > 0 and (data := self.rfile.read(min(length, BLOCK_BYTES))):
                    connection.send(data)
                    length -= len(data)
                if length > 0:
                    return self.hang_up()
                answer = connection.getresponse()
                if word == "unheard":
                    answer.read()
                    return self.hang_up()
                self._answer(answer, word)
            finally:
                connection.close()

        def _answer(self, answer: http.client.HTTPResponse, word: str) -> None:
            pairs = [(n, v) for n, v in answer.getheaders() if n.lower() != "transfer-encoding"]
            if answer.getheader("Content-Length") is None and self.command != "HEAD":
                body = answer.read()
                return self.answer(
                    answer.status, [*pairs, ("Content-Length", str(len(body)))], body
                )
            self.send_response(answer.status)
            for name, value in pairs:
                self.send_header(name, value)
            self.end_headers()
            left = int(answer.getheader("Content-Length") or 0) if self.command != "HEAD" else 0
            if word == "cut":
                self.wfile.write(answer.read(left // 2))
                return self.hang_up()
            if word == "stall":
                self.wfile.write(answer.read(left // 2))
                self.rfile.read(1)  # until the client is gone
                return self.hang_up()
            while left > 0 and (data := answer.read(min(left, BLOCK_BYTES))):
                self.wfile.write(bytes([data[0] ^ 1]) + data[1:] if word == "spoil" else data)
                left -= len(data)
            return None

        do_GET = do_HEAD = do_PUT = serve  # noqa: N815

    with serving(Handler) as door.url:
        yield door
