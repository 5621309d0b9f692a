"""Request bodies as they arrive: read a little, read the rest, or wait until it is over.

uvicorn stops reading from the socket while nobody asks for more, so whoever is slow here slows
the client, and nothing piles up.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

DRAIN_BYTES = 64 * 1024 * 1024
DRAIN_S = 10.0


class ClientGoneError(Exception):
    """The client hung up before its body was whole."""


class Intake:
    """The body of one request; ``waits`` says that the client sends it only when it is asked."""

    def __init__(self, receive: Receive, *, waits: bool = False) -> None:
        self._receive = receive
        self._waits = waits
        self.ended = False
        self.seen_bytes = 0

    async def piece(self) -> bytes:
        """The next bytes; empty only at the end.

        Raises: ClientGoneError.
        """
        while not self.ended:
            self._waits = False
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self.ended = True
                raise ClientGoneError
            self.ended = not message.get("more_body", False)
            data: bytes = message.get("body", b"")
            if data:
                self.seen_bytes += len(data)
                return data
        return b""

    async def up_to(self, limit_bytes: int) -> bytearray:
        """The body until it ends or exceeds the limit, by at most one piece."""
        held = bytearray()
        while len(held) <= limit_bytes:
            data = await self.piece()
            if not data:
                break
            held += data
        return held

    async def gone(self) -> None:
        """Wait until the client hangs up or has its whole answer; for when the body has ended."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def drain(self) -> None:
        """Read what the client still sends after it was refused, within bounds.

        A socket closed on unread bytes is reset, and the reset can overtake the refusal: the
        client would see a broken pipe in place of the sentence that says what to do.
        """
        seen = 0
        if self._waits:
            return
        try:
            async with asyncio.timeout(DRAIN_S):
                while seen < DRAIN_BYTES and (data := await self.piece()):
                    seen += len(data)
        except (ClientGoneError, TimeoutError):
            return
