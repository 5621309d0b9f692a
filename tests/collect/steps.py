"""Actors that take turns: between two calls to a store, whoever the seed says comes next."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


class Killed(Exception):
    """Nothing that anybody handles: the process is gone."""


@dataclass
class Actor:
    """Somebody who acts in a thread of their own, when it is their turn: more often the faster."""

    name: str
    act: Callable[[], None]
    dies_at: int = 0
    pace: int = 1
    steps: int = 0
    failure: BaseException | None = None
    is_done: bool = False
    turn: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))


class Schedule:
    """Runs actors to their ends, one step at a time, in an order that the seed decides."""

    def __init__(self, chosen: random.Random) -> None:
        self._random = chosen
        self._back = threading.Semaphore(0)
        self._here = threading.local()
        self.trace: list[str] = []

    def step(self, what: str) -> None:
        """Called before each call to a store; outside of ``run`` nobody waits."""
        actor: Actor | None = getattr(self._here, "actor", None)
        if actor is None:
            return
        self._back.release()
        actor.turn.acquire()
        actor.steps += 1
        self.trace.append(f"{actor.name}: {what}")
        if actor.steps == actor.dies_at:
            raise Killed(what)

    def run(self, actors: list[Actor]) -> None:
        """All of them to their ends. Raises: what any of them raised but ``Killed``."""
        threads = [threading.Thread(target=self._follow, args=(actor,)) for actor in actors]
        for thread in threads:
            thread.start()
        left = list(actors)
        while left:
            actor = self._random.choices(left, [each.pace for each in left])[0]
            actor.turn.release()
            self._back.acquire()
            if actor.is_done:
                left.remove(actor)
        for thread in threads:
            thread.join()
        for actor in actors:
            if actor.failure is not None:
                raise AssertionError(f"{actor.name}: {actor.failure!r}") from actor.failure

    def _follow(self, actor: Actor) -> None:
        actor.turn.acquire()
        self._here.actor = actor
        try:
            actor.act()
        except Killed:
            pass
        except BaseException as error:
            actor.failure = error
        finally:
            self._here.actor = None
            actor.is_done = True
            self._back.release()


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
