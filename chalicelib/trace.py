"""What one request is seen to do, noted while it does it; a line is made of it at its end.

Notes are facts that the registry itself has established: an endpoint of the table, a name that was
parsed, an account that has identified itself. No text of the client's is ever noted as it came.
Outside of a request notes are lost, which costs nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextvars import ContextVar, Token
from dataclasses import dataclass, field
from threading import Lock
from typing import Any, TypeVar


@dataclass
class Trace:
    """The facts of one request; what is not known stays None or 0.

    ``calls`` counts requests to the back end by service and operation. ``bytes_pushed`` is the size
    of the blob that became visible, ``bytes_pulled`` that of the blob whose address was given out:
    these bytes mostly pass the function by. ``bytes_in`` and ``bytes_out`` came through it.
    ``hooked`` says that webhooks are to hear of it, ``digest`` is that of a manifest whose pull
    they may be told of, ``quota`` the one that refused it.
    """

    method: str = ""
    request_id: str = ""
    endpoint: str | None = None
    family: str | None = None
    action: str = "none"
    team: str | None = None
    repository: str | None = None
    actor: str | None = None
    token_id: str | None = None
    error: str | None = None
    wrong_login: int = 0
    status: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    bytes_pushed: int = 0
    bytes_pulled: int = 0
    pulls: int = 0
    pushes: int = 0
    hooked: bool = False
    digest: str | None = None
    quota: str | None = None
    calls: Counter[str] = field(default_factory=Counter)


A = TypeVar("A")
T = TypeVar("T")
# A request may ask S3 on several threads at once.
_COUNTING = Lock()
_CURRENT: ContextVar[Trace | None] = ContextVar("trace", default=None)


def begin(trace: Trace) -> Token[Trace | None]:
    """Note what this thread does from now on; to be undone by ``end``."""
    return _CURRENT.set(trace)


def end(token: Token[Trace | None]) -> None:
    _CURRENT.reset(token)


def note(**facts: Any) -> None:
    """Set fields of the current request's trace."""
    trace = _CURRENT.get()
    if trace is not None:
        for name, value in facts.items():
            setattr(trace, name, value)


def count(**amounts: int) -> None:
    """Add to fields of the current request's trace."""
    trace = _CURRENT.get()
    if trace is not None:
        for name, amount in amounts.items():
            setattr(trace, name, getattr(trace, name) + amount)


def carried(work: Callable[[A], T]) -> Callable[[A], T]:
    """The same work, done on other threads in the name of the request that is current here."""
    trace = _CURRENT.get()

    def carry(argument: A) -> T:
        token = _CURRENT.set(trace)
        try:
            return work(argument)
        finally:
            _CURRENT.reset(token)

    return carry


def hearing(service: str) -> Callable[[str], None]:
    """What an adapter calls with the operation of each request that it sends."""

    def heard(operation: str) -> None:
        trace = _CURRENT.get()
        if trace is not None:
            with _COUNTING:
                trace.calls[f"{service}.{operation}"] += 1

    return heard
