"""Ports that fail at a call of the test's choice."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from threading import Lock
from typing import Any

from chalicelib.ports import Unavailable


class Fault(Enum):
    """What happens at the chosen call."""

    REFUSED = "the store refuses the call, once; nothing was done"
    UNHEARD = "the store does it, but the answer is lost"
    DEAD = "the process dies before the call: this one and all after it fail"
    DEAD_AFTER = "the process dies after the call: all after it fail"


class Died(Exception):
    """Nothing that anybody handles: the process is gone."""


@dataclass
class Fuse:
    """Counts the calls of all ports that share it, and fails at one, by its number or its name."""

    at: int = 0
    at_name: str = ""
    fault: Fault = Fault.REFUSED
    calls: list[str] = field(default_factory=list)
    _dead: bool = False
    _lock: Lock = field(default_factory=Lock)

    def mend(self) -> None:
        self.at, self.at_name, self._dead = 0, "", False

    @property
    def blown(self) -> str:
        """The call at which it failed."""
        return self.calls[self.at - 1] if 0 < self.at <= len(self.calls) else "none"

    def through(self, name: str, call: Any) -> Any:
        with self._lock:
            if self._dead:
                raise Died(name)
            self.calls.append(name)
            chosen = len(self.calls) == self.at or name == self.at_name
            self._dead = chosen and self.fault in (Fault.DEAD, Fault.DEAD_AFTER)
        if chosen and self.fault is Fault.REFUSED:
            raise Unavailable(f"{name}, by the test")
        if chosen and self.fault is Fault.DEAD:
            raise Died(name)
        answer = call()
        if chosen and self.fault is Fault.UNHEARD:
            raise Unavailable(f"{name}: no answer, by the test")
        if chosen and self.fault is Fault.DEAD_AFTER:
            raise Died(name)
        return answer


class Fused:
    """A port whose calls go through a fuse; signing a URL is no call."""

    def __init__(self, port: Any, fuse: Fuse) -> None:
        self._port = port
        self._fuse = fuse

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if name.startswith(("presign_", "_")):
            return found
        return lambda *given, **named: self._fuse.through(name, lambda: found(*given, **named))
