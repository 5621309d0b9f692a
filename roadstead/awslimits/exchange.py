"""One request to a server on loopback, its body and its answer's passed on as they come.

Nothing is held: a slow reader slows the sender, both ways.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

import h11

PIECE_BYTES = 256 * 1024
RawHeaders = list[tuple[bytes, bytes]]


class OriginError(Exception):
    """The other side cannot be reached, broke off, or took too long."""


@dataclass(frozen=True)
class Address:
    """Where a server listens."""

    host: str
    port: int

    @property
    def netloc(self) -> str:
        return f"{self.host}:{self.port}"


class Pieces(Protocol):
    """A body that comes in pieces: ``roadstead.gateway.intake.Intake``, or one around it."""

    async def piece(self) -> bytes:
        """The next bytes; empty only at the end. What it raises ends the request unfinished."""


class Exchange:
    """A request under way, and then its answer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._http = h11.Connection(h11.CLIENT)
        self._sending: asyncio.Task[None] | None = None
        self.status = 0
        self.headers: RawHeaders = []

    async def send(
        self, method: str, target: bytes, headers: RawHeaders, body: Pieces | None
    ) -> None:
        """Send it and wait for the head of the answer, which may come before the body is out.

        Raises: OriginError, and what the body raises.
        """
        head = h11.Request(method=method.encode(), target=target, headers=headers)
        await self._write(self._http.send(head))
        self._sending = asyncio.ensure_future(self._send_body(body))
        event = await self._event()
        while isinstance(event, h11.InformationalResponse):
            event = await self._event()
        if not isinstance(event, h11.Response):
            raise await self._why_none()
        self.status, self.headers = event.status_code, list(event.headers)

    async def _why_none(self) -> Exception:
        """Why there is no answer: the body's own fault goes before the origin's."""
        sending = self._sending
        if sending is not None and sending.done() and not sending.cancelled():
            failure = sending.exception()
            if isinstance(failure, Exception):
                return failure
        return OriginError("it hung up without an answer")

    async def _send_body(self, body: Pieces | None) -> None:
        try:
            while body is not None and (data := await body.piece()):
                await self._write(self._http.send(h11.Data(data=data)))
            await self._write(self._http.send(h11.EndOfMessage()))
        except (ConnectionError, h11.LocalProtocolError):
            # The answer, if there is one, says why nothing more was taken.
            return
        except Exception:
            # Half a body must not look like a whole one.
            self._writer.transport.abort()
            raise

    async def _write(self, data: bytes | None) -> None:
        if data:
            self._writer.write(data)
            await self._writer.drain()

    async def _event(self) -> object:
        while True:
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError as error:
                raise await self._why_none() from error
            if event is not h11.NEED_DATA:
                return event
            try:
                data = await self._reader.read(PIECE_BYTES)
            except OSError:
                data = b""
            self._http.receive_data(data)

    async def body(self) -> AsyncIterator[bytes]:
        """The answer's body. Raises: OriginError when it breaks off."""
        while True:
            event = await self._event()
            if isinstance(event, h11.Data):
                yield bytes(event.data)
            else:
                return

    async def close(self) -> None:
        if self._sending is not None:
            self._sending.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await self._sending
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()


async def connect(address: Address) -> Exchange:
    """Raises: OriginError."""
    try:
        reader, writer = await asyncio.open_connection(
            address.host, address.port, limit=PIECE_BYTES
        )
    except OSError as error:
        raise OriginError(f"{address.netloc} cannot be reached") from error
    return Exchange(reader, writer)
