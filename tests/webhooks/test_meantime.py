"""What happens to webhooks while a deliverer is between two of its calls."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chalicelib.domain.webhooks import Webhook
from chalicelib.service.deliver import handle
from chalicelib.webhook_ports import Wake
from tests.contracts.values import NOW_S
from tests.webhooks.scene import TEAM, Reaper, Scene
from tests.webhooks.test_crashes import run_one, settle_down


class Between:
    """The store; before a call of this name something else happens once."""

    def __init__(self, real: Any, name: str, act: Any) -> None:
        self._real, self._name, self._act = real, name, act

    def __getattr__(self, name: str) -> Any:
        if name == self._name and self._act:
            act, self._act = self._act, None
            act()
        return getattr(self._real, name)


def test_a_webhook_made_while_events_are_handed_over_hears_of_what_comes_after_it() -> None:
    scene = Scene()
    old = scene.add_hook("old")

    def meanwhile() -> None:
        scene.add_hook("new")
        scene.happens("acme/app")

    work = scene.work(Reaper())
    work = replace(work, hooks=Between(scene.store, "list_events", meanwhile))
    handle(work, Wake(TEAM, "acme/app"), lambda: 60.0)
    settle_down(scene)
    assert scene.told(old) == ["evt_1"]
    assert scene.told(scene.hook("new")) == ["evt_1"]


def run_until_idle(scene: Scene, until_s: int) -> None:
    """Messages as they come, without the hourly look."""
    while True:
        due = scene.queue.due()
        if due:
            run_one(scene, due[0], Reaper())
        elif not scene.queue.messages or scene.clock.at_s >= until_s:
            return
        else:
            scene.clock.at_s = min(sent.due_s for sent in scene.queue.messages)


def test_what_waits_for_its_next_attempt_has_its_message_after_a_pause() -> None:
    scene = Scene()
    hook = scene.add_hook("all")
    scene.receivers.mood = lambda url: 500
    scene.happens("acme/app")
    scene.wake("acme/app")
    next_at_s = fails_until_a_long_pause(scene, hook)
    scene.store.change_hook(hook, replace(hook, is_paused=True))
    while scene.queue.due():
        run_one(scene, scene.queue.due()[0], Reaper())
    # Its owner has it go on, and the meter wakes all lanes.
    scene.receivers.mood = lambda url: 200
    scene.store.change_hook(replace(hook, is_paused=True), hook)
    scene.queue.send([Wake(TEAM, "")])
    run_until_idle(scene, next_at_s + 10)
    assert first_of(scene, hook) is None
    assert scene.clock.at_s == next_at_s


def fails_until_a_long_pause(scene: Scene, hook: Webhook) -> int:
    """Attempts until the pause before the next is half an hour; answers when that one is."""
    while scene.clock.at_s < NOW_S + 800:
        run_one(scene, scene.queue.due()[0], Reaper())
        if not scene.queue.due():
            scene.clock.at_s = min(sent.due_s for sent in scene.queue.messages)
    next_at_s: int = first_of(scene, hook).next_at_s
    return next_at_s


def first_of(scene: Scene, hook: Webhook) -> Any:
    return scene.store.first_delivery(scene.lane(hook, "acme/app"))


def test_a_repetition_does_not_swallow_the_message_of_what_waits_behind_it() -> None:
    scene = Scene()
    hook = scene.add_hook("all")
    first = scene.happens("acme/app")
    scene.wake("acme/app")
    run_until_idle(scene, NOW_S)
    scene.receivers.mood = lambda url: 500
    scene.happens("acme/app")
    scene.wake("acme/app")
    next_at_s = fails_until_a_long_pause(scene, hook)
    # Its message has come on its way there. Meanwhile the first is told once more, at the second
    # try, and between the two the message comes.
    scene.clock.at_s -= 5
    done = scene.store.find_delivery(TEAM, "all", first.event_id)
    scene.store.repeat_delivery(scene.lane(hook, "acme/app"), done)
    scene.queue.send([Wake(TEAM, "")])
    tries = iter([500, 200, 200])
    scene.receivers.mood = lambda url: next(tries)
    run_until_idle(scene, next_at_s + 10)
    assert first_of(scene, hook) is None
    assert scene.clock.at_s == next_at_s


def test_what_happened_before_a_pause_waits_though_nobody_had_handed_it_over() -> None:
    scene = Scene()
    hook = scene.add_hook("all")
    scene.receivers.mood = lambda url: 410
    scene.happens("acme/app")
    scene.wake("acme/app")
    run_one(scene, scene.queue.due()[0], Reaper())
    scene.happens("acme/app2")
    # The receiver says that it is gone, before the meter has read the line of the second event.
    scene.clock.at_s += 1
    run_until_idle(scene, scene.clock.at_s)
    assert scene.hook("all").is_paused
    scene.clock.at_s += 1
    scene.happens("acme/app2")
    scene.wake("acme/app2")
    run_until_idle(scene, scene.clock.at_s + 100)
    assert scene.told(hook) == ["evt_1"]
    # Its owner has it go on: what happened during the pause is not told, what was before it is.
    scene.receivers.mood = lambda url: 200
    scene.store.change_hook(scene.hook("all"), hook)
    scene.queue.send([Wake(TEAM, "")])
    settle_down(scene)
    assert scene.told(hook) == ["evt_1", "evt_2"]
