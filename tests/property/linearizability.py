"""Whether what concurrent clients saw can be explained by one order of their operations.

    history   ::= operations, each with the moments of its call and of its answer
    moments   ::= whole numbers that grow with every call and every answer of any client

A history is linearizable when its operations can be put in one order such that an operation that
was answered before another was called stands before it, and each answer is the one that the
sequential object gives in this order. Searched as Wing and Gong do, and as Lowe speeds it up: a set
of operations that are done, with the state that they lead to, is looked at only once.

Spec: Herlihy and Wing, "Linearizability" (1990); Wing and Gong, "Testing and verifying concurrent
objects" (1993); Lowe, "Testing for linearizability" (2017).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

S = TypeVar("S", bound=Hashable)
A = TypeVar("A")


@dataclass(frozen=True)
class Operation(Generic[A]):
    """``what`` was asked, and answered, between two moments.

    ``answered_at`` is None for one whose answer never came, or does not say whether it happened:
    it may take effect at any time after its call, or never.
    """

    what: A
    called_at: int
    answered_at: int | None


@dataclass(frozen=True)
class Verdict(Generic[A]):
    """``order`` explains the history; of one that is not linearizable, as much of it as can be."""

    is_linearizable: bool
    order: tuple[Operation[A], ...]
    looked_at: int


# The states that an operation can lead to from a state, with the answer that it had; none where
# the object would have answered otherwise.
Step = Callable[[S, A], Iterable[S]]


def _nothing(state: S, what: A) -> Iterable[S]:
    return ()


def check(
    operations: Sequence[Operation[A]],
    begin: S,
    step: Step[S, A],
    underway: Step[S, A] = _nothing,
    *,
    most: int = 2_000_000,
) -> Verdict[A]:
    """Look for an order that explains the operations.

    ``underway`` gives the states that an operation may lead to before it takes its full effect, for
    an object that does not promise that all of it happens at once; it may do so again and again.
    Raises: TooLong after ``most`` states: nothing is known of the history then.
    """
    return _Search(operations, step, underway, most).run(begin)


class TooLong(Exception):
    """The search was given up."""


class _Search(Generic[S, A]):
    """Operations are bits of an int: a set of them is one number."""

    def __init__(
        self,
        operations: Sequence[Operation[A]],
        step: Step[S, A],
        underway: Step[S, A],
        most: int,
    ) -> None:
        self._operations = sorted(operations, key=lambda one: one.called_at)
        self._step, self._underway, self._most = step, underway, most
        self._certain = sum(
            1 << n for n, one in enumerate(self._operations) if one.answered_at is not None
        )
        # What has been reached, and from where by which operation.
        self._from: dict[tuple[int, S], tuple[tuple[int, S] | None, int | None]] = {}

    def run(self, begin: S) -> Verdict[A]:
        best = (0, begin)
        self._from[best] = None, None
        left = [best]
        while left:
            at = left.pop()
            if at[0] & self._certain == self._certain:
                return Verdict(True, self._order(at), len(self._from))
            if at[0].bit_count() > best[0].bit_count():
                best = at
            for number, following in self._following(*at):
                if following not in self._from:
                    self._from[following] = at, number
                    left.append(following)
            if len(self._from) > self._most:
                raise TooLong(f"{len(self._operations)} operations")
        return Verdict(False, self._order(best), len(self._from))

    def _following(self, done: int, state: S) -> Iterable[tuple[int | None, tuple[int, S]]]:
        for number in self._enabled(done):
            what = self._operations[number].what
            for after in self._underway(state, what):
                yield None, (done, after)
            for after in self._step(state, what):
                yield number, (done | 1 << number, after)

    def _enabled(self, done: int) -> list[int]:
        """What may come next: the operations that were called before any other was answered."""
        left = [n for n in range(len(self._operations)) if not done >> n & 1]
        ends = (self._operations[n].answered_at for n in left)
        first_end = min((end for end in ends if end is not None), default=math.inf)
        return [n for n in left if self._operations[n].called_at <= first_end]

    def _order(self, at: tuple[int, S]) -> tuple[Operation[A], ...]:
        numbers, place = list[int](), at
        while True:
            before, number = self._from[place]
            if number is not None:
                numbers.append(number)
            if before is None:
                return tuple(self._operations[n] for n in reversed(numbers))
            place = before
