"""What happens to webhooks while a deliverer is between two of its calls."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chalicelib.service.deliver import handle
from chalicelib.webhook_ports import Wake
from tests.webhooks.scene import TEAM, Reaper, Scene
from tests.webhooks.test_crashes import settle_down


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
