"""PUTs on lines that are slow, and what S3 says."""

from __future__ import annotations

import time

import pytest

from roadstead.uploader import PartStorage, StorageFailed
from tests.support.onewire import HANG_UP, Said, one_wire
from tests.uploader.lambdaonly import QuietHandler, serving

BLOCK_BYTES = 256 * 1024


def test_a_part_may_take_longer_than_a_block_may() -> None:
    """16 MiB through a reader that takes a block each 40 ms; each block has 1.5 s."""

    class Slow(QuietHandler):
        def serve(self) -> None:
            left = int(self.headers["Content-Length"])
            while left:
                left -= len(self.rfile.read(min(left, BLOCK_BYTES)))
                time.sleep(0.04)
            self.answer(200, [("ETag", '"e"'), ("Content-Length", "0")], b"")

        do_PUT = serve  # noqa: N815

    with serving(Slow) as url:
        storage = PartStorage(send_timeout_s=1.5, pauses_s=())
        assert storage.put(f"{url}/part", bytearray(16 << 20)) == '"e"'


# status, body -> tries, has_expired, is_mismatch
ANSWERS = {
    (503, b"<Error><Code>SlowDown</Code></Error>"): (3, False, False),
    (429, b""): (3, False, False),
    (400, b"<Error><Code>RequestTimeout</Code></Error>"): (3, False, False),
    (400, b"<Error><Code>ExpiredToken</Code></Error>"): (1, True, False),
    (403, b"<Error><Code>AccessDenied</Code></Error>"): (1, True, False),
    (400, b"<Error><Code>BadDigest</Code></Error>"): (1, False, True),
    (400, b"<Error><Code>XAmzContentChecksumMismatch</Code></Error>"): (1, False, True),
    (404, b"<Error><Code>NoSuchUpload</Code></Error>"): (1, False, False),
    (400, b"what"): (1, False, False),
}


@pytest.mark.parametrize(("status", "body"), ANSWERS)
def test_what_s3_says_is_understood(status: int, body: bytes) -> None:
    tries = []

    class Handler(QuietHandler):
        def do_PUT(self) -> None:  # noqa: N802
            tries.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.answer(status, [("Content-Length", str(len(body)))], body)

    storage = PartStorage(pauses_s=(0.0, 0.0))
    with serving(Handler) as url, pytest.raises(StorageFailed) as caught:
        storage.put(f"{url}/part?X-Amz-Signature=secret", b"data")
    failure = caught.value
    assert (len(tries), failure.has_expired, failure.is_mismatch) == ANSWERS[(status, body)]
    assert set(tries) == {b"data"}
    assert "secret" not in str(failure)


@pytest.mark.parametrize("first", [HANG_UP, 500, 503, 429])
def test_what_is_read_again_is_asked_for_again(first: int) -> None:
    """The tail of an upload: its next chunk failed when S3 hung up on a kept connection."""
    with one_wire(Said(200, b"tail")) as server:
        storage = PartStorage(pauses_s=(0.0,))
        server.script.append(Said(first))
        assert storage.get(f"http://{server.host}/tail") == b"tail"
        server.script.extend([Said(first), Said(first)])
        with pytest.raises(StorageFailed) as caught:
            storage.get(f"http://{server.host}/tail?X-Amz-Signature=secret")
        assert caught.value.status == first
        assert "secret" not in str(caught.value)


def test_what_s3_does_not_give_is_asked_for_once() -> None:
    with one_wire(Said(404)) as server:
        with pytest.raises(StorageFailed, match="404"):
            PartStorage(pauses_s=(0.0,)).get(f"http://{server.host}/tail")
        assert len(server.connections) == 1
