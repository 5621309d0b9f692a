"""A blob of known size that can be read anywhere: cut beforehand, its parts sent in parallel.

The plan is a function of the size alone, so that whoever repeats a push finds the same parts.
It has no tail: what is too small for S3 goes into the part before it.
Memory: one part for each thread of the pool, at most 8 MiB + 5 MiB (16 MiB from 8 GB on).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, Executor, Future, wait
from dataclasses import dataclass
from typing import IO, Protocol

from chalicelib.domain import limits
from roadstead.uploader.session import RENEW_AFTER_S, PartUrls
from roadstead.uploader.storage import PartStorage

# What a function of 30 s reads back to prove it, with time to spare; above it S3 has to prove.
PARTS_UP_TO_BYTES = 1024 * limits.MIB

Etags = Mapping[int, str]


class Readable(Protocol):
    """The bytes of one blob."""

    @property
    def size_bytes(self) -> int: ...

    def read_at(self, offset_bytes: int, size_bytes: int) -> bytes:
        """These bytes, all of them. Safe for several threads."""

    def opened(self) -> IO[bytes]:
        """All bytes from the first, in order."""


@dataclass(frozen=True)
class PlannedPart:
    """Part ``number`` (from 1) of a blob."""

    number: int
    offset_bytes: int
    size_bytes: int


def plan_parts(size_bytes: int) -> tuple[PlannedPart, ...]:
    """Cut a blob of at least ``MIN_PART_BYTES``.

    >>> [part.size_bytes >> 20 for part in plan_parts(20 << 20)]
    [8, 12]
    """
    parts: list[PlannedPart] = []
    offset = 0
    while offset < size_bytes:
        number = len(parts) + 1
        size = limits.part_bytes(number)
        if size_bytes - offset - size < limits.MIN_PART_BYTES:
            size = size_bytes - offset
        parts.append(PlannedPart(number, offset, size))
        offset += size
    return tuple(parts)


def send_parts(
    urls: PartUrls,
    storage: PartStorage,
    plan: Sequence[PlannedPart],
    source: Readable,
    known: Etags,
    pool: Executor,
    on_stored: Callable[[PlannedPart, str], None],
) -> list[list[object]]:
    """Send the parts that are not known to be stored; the answer reports all of them, in order.

    ``on_stored`` is called from the pool's threads. After a failure no further part is begun.
    Raises: StorageFailed, UploadRefused, whatever the source raises.
    """
    etags = dict(known)

    def send(part: PlannedPart) -> None:
        data = source.read_at(part.offset_bytes, part.size_bytes)
        etags[part.number] = urls.put(storage, part.number, data)
        on_stored(part, etags[part.number])

    sending = {pool.submit(send, part): part for part in plan if part.number not in known}
    try:
        _wait(sending, urls)
    except BaseException:
        running = [each for each in sending if not each.cancel()]
        wait(running)
        raise
    return [[part.number, etags[part.number], part.size_bytes] for part in plan]


def _wait(sending: Mapping[Future[None], PlannedPart], urls: PartUrls) -> None:
    pending = set(sending)
    while pending:
        done, pending = wait(pending, timeout=RENEW_AFTER_S, return_when=FIRST_EXCEPTION)
        for each in done:
            each.result()
        if pending:
            urls.keep_alive(min(sending[each].number for each in pending))
