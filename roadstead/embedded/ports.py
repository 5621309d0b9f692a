"""Choose a block of ports on the loopback that nobody else uses.

    base+0 S3   +1 master   +2 volume   +3 filer   +4 admin   +5 DynamoDB   +7 held by us
    base+10000 ... base+10004: SeaweedFS's gRPC twins (its own rule: HTTP port + 10000)

The blocks lie below 32768, where Linux starts to hand out ports for outgoing connections.
The last port is bound (never listened on) by this process for as long as the stack runs:
so two stacks cannot pick the same block, whoever starts first and whichever user they run as.
"""

import random
import socket
from collections.abc import Iterable
from typing import Final

from roadstead.embedded.errors import EmbeddedStackError

LOOPBACK: Final = "127.0.0.1"
GRPC_OFFSET: Final = 10000
_FIRST_BASE: Final = 12000
_LAST_BASE: Final = 22760
_BLOCK: Final = 8
_HELD: Final = 7
_ATTEMPTS: Final = 200


class PortBlock:
    """A block of ports, held until it is released."""

    def __init__(self, base: int, held: socket.socket) -> None:
        self.base = base
        self.s3, self.master, self.volume, self.filer, self.admin = range(base, base + 5)
        self.dynamodb = base + 5
        self._held = held

    def release(self) -> None:
        self._held.close()


def choose_ports(preferred_base: int | None) -> PortBlock:
    """Hold a free block, the preferred one if it is free, so that URLs survive a restart.

    Raises: EmbeddedStackError
    """
    random_bases = (
        random.randrange(_FIRST_BASE, _LAST_BASE, _BLOCK)  # noqa: S311 - not a secret
        for _ in range(_ATTEMPTS)
    )
    for base in [preferred_base] if preferred_base is not None else []:
        block = _try_block(base)
        if block is not None:
            return block
    for base in random_bases:
        block = _try_block(base)
        if block is not None:
            return block
    raise EmbeddedStackError(
        f"No free block of ports was found between {_FIRST_BASE} and {_LAST_BASE}. "
        "Stop some programs that listen there."
    )


def _try_block(base: int) -> PortBlock | None:
    if not _FIRST_BASE <= base < _LAST_BASE:
        return None
    held = socket.socket()
    try:
        held.bind((LOOPBACK, base + _HELD))
    except OSError:
        held.close()
        return None
    if _all_free([*range(base, base + 6), *range(base + GRPC_OFFSET, base + GRPC_OFFSET + 5)]):
        return PortBlock(base, held)
    held.close()
    return None


def _all_free(ports: Iterable[int]) -> bool:
    for port in ports:
        with socket.socket() as probe:
            # The servers set it too; without it a port in TIME_WAIT would look taken.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                return False
    return True
