"""A world for webhooks in memory: stores, a queue that does its worst, receivers, and a reaper."""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from chalicelib.adapters.memory import MemoryMetadata
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.records import Repository
from chalicelib.domain.teams import Member, Role, Team
from chalicelib.domain.webhooks import Answer, Event, EventKind, Lane, Webhook
from chalicelib.service.deliver import Work
from chalicelib.service.wakes import Listeners, look, tell
from chalicelib.webhook_ports import Wake
from tests.contracts.values import NOW_S
from tests.support.world import SettableClock

TEAM = "acme"


class Killed(BaseException):
    """The process has died: nothing that it still does has an effect."""


@dataclass
class Reaper:
    """Lets a process die before or after one of its calls; ``calls`` counts them."""

    kill_at: int | None = None
    after: bool = False
    calls: int = 0
    is_dead: bool = False

    def watch(self, real: Any) -> Any:
        return _Watched(real, self)

    def call(self, act: Callable[[], Any]) -> Any:
        if self.is_dead:
            raise Killed
        self.calls += 1
        dies = self.calls == self.kill_at
        if dies and not self.after:
            self.is_dead = True
            raise Killed
        made = act()
        if dies:
            self.is_dead = True
            raise Killed
        return made


class _Watched:
    def __init__(self, real: Any, reaper: Reaper) -> None:
        self._real, self._reaper = real, reaper

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._real, name)
        return lambda *given, **named: self._reaper.call(lambda: method(*given, **named))


@dataclass
class Sent:
    wake: Wake
    due_s: int


class WorstQueue:
    """Hands messages over in any order, some twice; ``loses`` is how often one is lost."""

    def __init__(self, clock: SettableClock, dice: random.Random, loses: float = 0.0) -> None:
        self._clock, self._dice, self.loses = clock, dice, loses
        self.messages: list[Sent] = []

    def send(self, wakes: Sequence[Wake], *, delay_s: int = 0) -> None:
        assert 0 <= delay_s <= 900
        due_s = self._clock.now_s() + delay_s
        for wake in wakes:
            if self._dice.random() >= self.loses:
                self.messages.append(Sent(Wake.parse(wake.text()), due_s))

    def due(self) -> list[Sent]:
        return [sent for sent in self.messages if sent.due_s <= self._clock.now_s()]


Verdict = Callable[[str, Mapping[str, str], bytes], Answer]


@dataclass
class Receivers:
    """Poster: ``mood`` says what each URL answers; what arrived stands in ``seen``, by URL."""

    clock: SettableClock
    mood: Callable[[str], int | None]
    seen: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        status = self.mood(url)
        if status != -1:
            # -1: it was not even reached. A status of None: it took it, and its answer was lost.
            self.seen[url].append({"id": headers["webhook-id"], **json.loads(body)})
        if status in (None, -1):
            self.clock.at_s += 10
        return Answer(self.clock.now_s(), None if status in (None, -1) else status, "", 1)


class CountedWords:
    def __init__(self) -> None:
        self._number = 0

    def fresh(self) -> str:
        self._number += 1
        return f"word-{self._number}"


class Scene:
    """Everything together; a run of the deliverer is begun with a reaper of its own."""

    def __init__(
        self,
        seed: int = 0,
        *,
        loses: float = 0.0,
        store: Any = None,
        clock: SettableClock | None = None,
    ) -> None:
        self.dice = random.Random(seed)
        self.clock = clock or SettableClock(NOW_S)
        # Another store has a table of its own.
        self.store: Any = store or MemoryMetadata(self.clock)
        self.store.create_team(Team(TEAM, NOW_S, "life"), Member(TEAM, "ann", Role.OWNER, NOW_S))
        for repository in ("acme/app", "acme/app2"):
            record = Repository(RepositoryName(repository), NOW_S)
            self.store.put_repository(TEAM, record)
        self.queue = WorstQueue(self.clock, self.dice, loses)
        self.receivers = Receivers(self.clock, lambda url: 200)
        self.words = CountedWords()
        # What has happened, the lines that the meter has not read, and what was pulled.
        self.noted: list[Event] = []
        self.lines: list[dict[str, Any]] = []
        self.pulled: set[tuple[str, str]] = set()
        self._lines = 0

    def add_hook(self, hook_id: str, repository: str | None = None, **changes: Any) -> Webhook:
        hook = Webhook(
            TEAM,
            hook_id,
            f"https://{hook_id}.example/",
            frozenset(EventKind),
            b"k" * 32,
            NOW_S,
            "ann",
            repository,
            life=self._life(repository),
        )
        self.store.put_hook(replace(hook, **changes), most=20)
        return self.hook(hook_id)

    def _life(self, repository: str | None) -> str | None:
        if repository is None:
            return "life"
        record = self.store.find_repository(TEAM, RepositoryName(repository))
        assert record is not None
        return record.life

    def hook(self, hook_id: str) -> Webhook:
        hook: Webhook | None = self.store.find_hook(TEAM, hook_id)
        assert hook is not None
        return hook

    # --- what requests do -----------------------------------------------------------------

    def happens(self, repository: str, kind: EventKind = EventKind.PUSH) -> Event:
        """A transaction commits an event, and its request writes a line."""
        number = len(self.noted) + 1
        at_ms = self.clock.now_ms()
        event = Event(f"evt_{number}", kind, TEAM, repository, at_ms, "", {"n": number})
        assert self.store.note_event(event, event.event_id)
        self.noted.append(event)
        self._writes_line(repository)
        return event

    def pull(self, repository: str, digest: str) -> None:
        """Somebody pulls a manifest: only the line tells of it."""
        self.pulled.add((repository, digest))
        self._writes_line(repository, digest=digest, action="pull", name="manifest", pulls=1)

    def _writes_line(self, repository: str, **fields: Any) -> None:
        self._lines += 1
        line = {
            "kind": "request",
            "process": "a1" * 16,
            "number": self._lines,
            "at_ms": self.clock.now_ms(),
            "status": 200,
            "hooked": True,
            "team": TEAM,
            "repository": repository,
        }
        self.lines.append(line | fields)

    # --- who reads the lines --------------------------------------------------------------

    def meter(self, reaper: Reaper) -> None:
        """The meter reads what has been written; unless it dies, it need not read that again."""
        listeners = Listeners(reaper.watch(self.store), reaper.watch(self.queue))
        lines = list(self.lines)
        try:
            tell(listeners, lines)
        except Killed:
            return
        del self.lines[: len(lines)]

    def wake(self, repository: str) -> None:
        """As the meter does for the line of a request."""
        self.queue.send([Wake(TEAM, repository)])

    def hourly(self, reaper: Reaper | None = None) -> None:
        watch = (reaper or Reaper()).watch
        with suppress(Killed):
            look(Listeners(watch(self.store), watch(self.queue)), now_s=self.clock.now_s())

    def work(self, reaper: Reaper) -> Work:
        watch = reaper.watch
        return Work(
            watch(self.store),
            watch(self.store),
            watch(self.queue),
            watch(self.receivers),
            self.clock,
            self.words,
        )

    def told(self, hook: Webhook) -> list[str]:
        """Ids of what its receiver has seen, each where it was seen first."""
        return list(dict.fromkeys(each["id"] for each in self.receivers.seen[hook.url]))

    def wanted(self, hook: Webhook) -> list[Event]:
        return [each for each in self.noted if replace(hook, is_paused=False).wants(each)]

    def lane(self, hook: Webhook, repository: str) -> Lane:
        return Lane(TEAM, hook.hook_id, repository)
