"""What a pass of the collector has seen of the whole table, in eight bytes a thing.

Two things of ten million meet in one number with a chance of one in four hundred thousand; what
is taken for something that is needed is left lying, and nothing worse.
"""

from __future__ import annotations

import hashlib
import struct
from array import array
from dataclasses import dataclass, field

_HEAD = struct.Struct(">II")


def number(*words: str) -> int:
    """A thing as a number: what it is, its team, its name."""
    text = "\n".join(words).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")


@dataclass
class Marks:
    """``needed`` is what was seen; ``orphans`` are objects that nothing named, ``before`` those
    of the pass before: only what nothing names in two passes is deleted."""

    needed: set[int] = field(default_factory=set)
    orphans: set[int] = field(default_factory=set)
    before: set[int] = field(default_factory=set)

    def see(self, *words: str) -> None:
        self.needed.add(number(*words))

    def has(self, *words: str) -> bool:
        return number(*words) in self.needed

    def dump(self) -> bytes:
        """As bytes that ``load`` reads."""
        parts = [array("Q", sorted(each)) for each in (self.needed, self.orphans, self.before)]
        head = _HEAD.pack(len(parts[0]), len(parts[1]))
        return head + b"".join(part.tobytes() for part in parts)

    @classmethod
    def load(cls, data: bytes) -> Marks:
        first, second = _HEAD.unpack_from(data)
        numbers = array("Q")
        numbers.frombytes(data[_HEAD.size :])
        return cls(
            set(numbers[:first]),
            set(numbers[first : first + second]),
            set(numbers[first + second :]),
        )
