"""The collector among clients, in as many random orders of their calls as is asked for.

    python -m tests.collect.interleavings 10000 [first seed]

A story: a registry is filled, much of it is deleted, and passes of the collector suspect what is
left. When the suspicions are old enough the collector runs beside clients who push, pull and delete
the same few things; between any two calls to a store somebody else may have a turn, and hours may
go by; the collector may be killed. Then: all that is shown is whole, and who looked or sent before
they pushed was not refused. At last the collector runs alone, and leaves nothing that nobody needs.
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from chalicelib.adapters.memory import MemoryBlobs, MemoryMetadata
from chalicelib.domain.access import Mode
from chalicelib.domain.retention import RetentionRule
from chalicelib.ports import Conflict
from chalicelib.service import retention
from chalicelib.service.collect import collect
from chalicelib.service.sweep import DAY_S, Removed, Run
from tests.collect.audit import Leftovers, missing
from tests.collect.clients import REPOSITORIES, Client
from tests.collect.steps import Actor, Schedule, Stepping
from tests.conformance.runner import PlainPasswords
from tests.support.world import SettableClock, memory_world

# Reading a manifest that fits into no row takes longer than all else: few stories have one.
PUSHES = (
    ("push_image", "push_image", "push_index", "push_referrer", "push_v1", "leave_a_blob") * 8
) + ("push_large",)
READS = ("read", "read_v1")
DELETIONS = ("delete_tag", "delete_manifest", "delete_repository")
RULES = (
    (RetentionRule(None, None, 1),),
    (RetentionRule("*", 1), RetentionRule(None, None, 1)),
    (RetentionRule("x", None, 1), RetentionRule(None, None, 2)),
)
# After so many passes with a day between them nothing may be left: a link is suspected, deleted;
# its blob is suspected, deleted; an object has to be seen by two passes; v1 images are between.
QUIET_PASSES = 8


@dataclass
class Story:
    """One seed's."""

    seed: int
    chosen: random.Random = field(init=False)
    clock: SettableClock = field(default_factory=SettableClock)
    store: MemoryMetadata = field(init=False)
    seen: Counter[str] = field(default_factory=Counter)
    pushed: dict[Any, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.chosen = random.Random(self.seed)
        self.store = MemoryMetadata(self.clock)
        self.schedule = Schedule(self.chosen)
        self.blobs = MemoryBlobs(self.clock)
        metadata = Stepping(self.store, self.schedule)
        self.world = memory_world(
            Mode.OPEN,
            clock=self.clock,
            metadata=metadata,
            search=metadata,
            accounts=metadata,
            blobs=Stepping(self.blobs, self.schedule),
            passwords=PlainPasswords(),
        )
        self.run = Run(self.world, metadata, self.world.blobs, report=self._note)  # type: ignore[arg-type]

    def _note(self, removed: Removed) -> None:
        self.seen[removed.thing.kind.value] += 1

    # --- before -------------------------------------------------------------------------------

    def fill(self) -> None:
        client = Client(self.world, self.chosen, may_be_refused=True)
        for _ in range(self.chosen.randrange(2, 6)):
            getattr(client, self.chosen.choice(PUSHES))()
            getattr(client, self.chosen.choice(READS))()
        for name in dict.fromkeys(REPOSITORIES):
            if self.chosen.random() < 0.3 and self.store.find_repository("open", name):
                rules = self.chosen.choice(RULES)
                retention.set_rules(self.world, name, rules)
        for _ in range(self.chosen.randrange(1, 5)):
            getattr(client, self.chosen.choice((*READS, *DELETIONS[:2] * 3, *DELETIONS)))()
        for _ in range(self.chosen.randrange(0, 5)):
            self.passing()
            self.clock.at_s += self.chosen.choice((2 * 3600, DAY_S + 10, DAY_S + 10))

    def passing(self) -> None:
        """A pass from beginning to end, alone."""
        for _ in range(20):
            if collect(self.run):
                return
        raise AssertionError("a pass has no end")

    # --- at once ------------------------------------------------------------------------------

    def meet(self) -> None:
        deletes = self.chosen.random() < 0.4
        actors = []
        for number in range(self.chosen.randrange(1, 4)):
            chosen = random.Random(self.chosen.random())
            client = Client(self.world, chosen, deletes, self.pushed)
            acts = [self._act(client, deletes) for _ in range(self.chosen.randrange(1, 3))]
            actors.append(Actor(f"client {number}", lambda acts=acts: [act() for act in acts]))  # type: ignore[misc]
        for number in range(self.chosen.choice((1, 1, 2))):
            dies_at = self.chosen.randrange(1, 60) if self.chosen.random() < 0.4 else 0
            actors.append(Actor(f"collector {number}", self._collect, dies_at))
        for actor in actors:
            actor.pace = self.chosen.choice((1, 3, 9))
        self.schedule.run(actors)
        if not deletes:
            for name, digest in self.pushed:
                found = self.store.find_manifest("open", name, digest)
                assert found, f"{name}@{digest} was pushed and is gone"

    def _act(self, client: Client, deletes: bool) -> Any:
        kinds = PUSHES + READS * 10 + (DELETIONS * 8 if deletes else ())
        return getattr(client, self.chosen.choice(kinds))

    def _collect(self) -> None:
        for _ in range(3):
            try:
                collect(self.run)
            except Conflict:
                self.seen["another run was under way"] += 1
            # At most six hours in all: a request may take long, but not a day.
            self.clock.at_s += 3700

    # --- afterwards ---------------------------------------------------------------------------

    def check_whole(self) -> None:
        lost = missing(self.store, self.blobs)
        assert not lost, f"seed {self.seed}: {lost}"

    def check_clean(self) -> None:
        for _ in range(QUIET_PASSES):
            self.clock.at_s += DAY_S + 10
            self.passing()
            self.check_whole()
        left = Leftovers(self.store, self.blobs).all()
        assert not left, f"seed {self.seed}: {left}"

    def tell(self) -> Counter[str]:
        """Raises: AssertionError, with the seed."""
        self.fill()
        self.check_whole()
        try:
            self.meet()
        except AssertionError as error:
            raise AssertionError(f"seed {self.seed}: {error}") from error
        self.check_whole()
        self.check_clean()
        return self.seen


def tell_all(count: int, first: int = 0) -> Counter[str]:
    """Stories of so many seeds; what the collector took away, counted."""
    seen: Counter[str] = Counter()
    for seed in range(first, first + count):
        seen += Story(seed).tell()
    return seen


def main(arguments: list[str]) -> None:
    count = int(arguments[0]) if arguments else 1000
    first = int(arguments[1]) if len(arguments) > 1 else 0
    begun = time.monotonic()
    seen = tell_all(count, first)
    print(f"{count} stories from seed {first} on: nothing needed was lost, nothing else was left")
    print(
        "the collector took away:", ", ".join(f"{n} x {what}" for what, n in sorted(seen.items()))
    )
    print(f"{time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
