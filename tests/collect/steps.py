"""Actors that take turns: between two calls to a store, whoever the seed says comes next."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from greenlet import getcurrent, greenlet


class Killed(Exception):
    """Nothing that anybody handles: the process is gone."""


@dataclass
class Actor:
    """Somebody who acts when it is their turn, more often the faster they are.

    ``dies_at`` is the step at which they are killed; 0: never.
    """

    name: str
    act: Callable[[], object]
    dies_at: int = 0
    pace: int = 1
    steps: int = 0
    failure: Exception | None = None


@dataclass
class Schedule:
    """Runs actors to their ends, one step at a time, in an order that the seed decides."""

    chosen: random.Random
    trace: list[str] = field(default_factory=list)
    _running: dict[Any, Actor] = field(default_factory=dict)

    def step(self, what: str) -> None:
        """Called before each call to a store; outside of ``run`` nobody waits."""
        here = getcurrent()
        actor = self._running.get(here)
        if actor is None:
            return
        here.parent.switch()
        actor.steps += 1
        self.trace.append(f"{actor.name}: {what}")
        if actor.steps == actor.dies_at:
            raise Killed(what)

    def run(self, actors: list[Actor]) -> None:
        """All of them to their ends. Raises: AssertionError: what any raised but ``Killed``."""
        self._running = {greenlet(lambda actor=actor: _follow(actor)): actor for actor in actors}
        left = dict(self._running)
        while left:
            turn = self.chosen.choices(list(left), [each.pace for each in left.values()])[0]
            turn.switch()
            if turn.dead:
                del left[turn]
        self._running = {}
        for actor in actors:
            if actor.failure is not None:
                raise AssertionError(f"{actor.name}: {actor.failure!r}") from actor.failure


def _follow(actor: Actor) -> None:
    try:
        actor.act()
    except Killed:
        return
    except Exception as error:
        actor.failure = error


class Stepping:
    """A port whose calls are steps; signing a URL is none."""

    def __init__(self, port: Any, schedule: Schedule) -> None:
        self._port = port
        self._schedule = schedule

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if name.startswith(("presign_", "_")):
            return found

        def call(*given: Any, **named: Any) -> Any:
            self._schedule.step(name)
            return found(*given, **named)

        return call
