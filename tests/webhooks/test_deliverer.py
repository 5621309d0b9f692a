"""The function and the threads that tell webhooks: what fails comes again, and nothing else."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chalicelib.api.deliverer import deliver
from chalicelib.ports import PortError, Unavailable
from chalicelib.service.deliver import Work
from chalicelib.webhook_ports import Wake
from roadstead.webhooks.delivering import MAX_TAKEN, delivering, queueing, step
from roadstead.webhooks.queue import LocalQueue
from tests.webhooks.scene import TEAM, Reaper, Scene


def records(*bodies: str) -> dict[str, Any]:
    return {
        "Records": [{"messageId": f"m{number}", "body": body} for number, body in enumerate(bodies)]
    }


def failed(answer: dict[str, Any]) -> list[str]:
    assert set(answer) == {"batchItemFailures"}
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


@pytest.fixture
def scene() -> Scene:
    scene = Scene()
    scene.add_hook("all")
    return scene


def plenty() -> int:
    return 180_000


def test_the_messages_of_a_batch_are_handled(scene: Scene) -> None:
    scene.happens("acme/app")
    scene.happens("acme/app2")
    event = records(Wake(TEAM, "acme/app").text(), Wake(TEAM, "acme/app2").text())
    assert failed(deliver(scene.work(Reaper()), event, plenty)) == []
    lanes = records(*[sent.wake.text() for sent in scene.queue.messages])
    assert failed(deliver(scene.work(Reaper()), lanes, plenty)) == []
    assert sorted(scene.told(scene.hook("all"))) == ["evt_1", "evt_2"]


@pytest.mark.parametrize("body", ["", "[]", "null", '{"team": 5}', "x" * 100])
def test_what_is_not_understood_is_passed_over(scene: Scene, body: str) -> None:
    assert failed(deliver(scene.work(Reaper()), records(body), plenty)) == []
    assert failed(deliver(scene.work(Reaper()), {"Records": [{"messageId": "m"}]}, plenty)) == []
    assert failed(deliver(scene.work(Reaper()), {}, plenty)) == []


class Broken:
    """A store that fails for one team."""

    def __init__(self, real: Any, error: Exception) -> None:
        self._real, self._error = real, error

    def list_hooks(self, team: str) -> Any:
        if team == "broken":
            raise self._error
        return self._real.list_hooks(team)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


@pytest.mark.parametrize("error", [Unavailable("x"), PortError("x")])
def test_what_fails_comes_again_alone(scene: Scene, error: Exception) -> None:
    scene.happens("acme/app")
    work = replace(scene.work(Reaper()), hooks=Broken(scene.store, error))
    event = records(Wake("broken", "r").text(), Wake(TEAM, "acme/app").text())
    assert failed(deliver(work, event, plenty)) == ["m0"]
    assert len(scene.queue.messages) == 1


def test_what_has_no_time_left_comes_again(scene: Scene) -> None:
    scene.happens("acme/app")
    body = Wake(TEAM, "acme/app").text()
    assert failed(deliver(scene.work(Reaper()), records(body, body), lambda: 5_000)) == ["m0", "m1"]
    assert scene.queue.messages == []


def test_a_long_lane_goes_on_in_another_message(scene: Scene) -> None:
    for _ in range(50):
        scene.happens("acme/app")
    deliver(scene.work(Reaper()), records(Wake(TEAM, "acme/app").text()), plenty)
    left_ms = [60_000]

    def remaining() -> int:
        left_ms[0] -= 1000
        return left_ms[0]

    (lane,) = scene.queue.messages
    scene.queue.messages.clear()
    assert failed(deliver(scene.work(Reaper()), records(lane.wake.text()), remaining)) == []
    told = scene.told(scene.hook("all"))
    assert 0 < len(told) < 50
    (again,) = scene.queue.messages
    deliver(scene.work(Reaper()), records(again.wake.text()), plenty)
    assert len(scene.told(scene.hook("all"))) == 50


# --- beside `roadstead up` --------------------------------------------------------------------


def local_work(scene: Scene, queue: LocalQueue) -> Work:
    return replace(scene.work(Reaper()), queue=queue)


def work_off(work: Work, queue: LocalQueue) -> None:
    while step(work, queue):
        pass


def test_threads_tell_what_the_function_would(scene: Scene, tmp_path: Path) -> None:
    for _ in range(5):
        scene.happens("acme/app")
    hook = scene.hook("all")
    told = threading.Event()

    def mood(url: str) -> int:
        if len(scene.receivers.seen[url]) == 4:
            told.set()
        return 200

    scene.receivers.mood = mood
    with queueing(tmp_path) as queue, delivering(local_work(scene, queue), queue):
        queue.send([Wake(TEAM, "acme/app")])
        assert told.wait(20)
    assert scene.told(hook) == [f"evt_{number}" for number in range(1, 6)]


def test_a_message_whose_work_fails_stays(scene: Scene, tmp_path: Path) -> None:
    with queueing(tmp_path) as queue:
        work = local_work(scene, queue)
        broken = replace(work, hooks=Broken(scene.store, Unavailable("x")))
        queue.send([Wake("broken", "r")])
        for taken in range(1, MAX_TAKEN + 1):
            assert step(broken, queue)
            queue.begin_anew()
            rows = queue._connection.execute("SELECT taken FROM messages").fetchall()
            assert rows == ([(taken,)] if taken < MAX_TAKEN else [])


def test_an_error_of_ours_does_not_end_the_thread(scene: Scene, tmp_path: Path) -> None:
    with queueing(tmp_path) as queue:
        work = replace(
            local_work(scene, queue), hooks=Broken(scene.store, AssertionError("a mistake"))
        )
        queue.send([Wake("broken", "r")])
        assert step(work, queue)
        queue.send([Wake(TEAM, "r")])
        assert step(work, queue)


def test_a_receiver_that_hangs_does_not_hold_up_the_end(scene: Scene, tmp_path: Path) -> None:
    scene.happens("acme/app")
    hangs, released = threading.Event(), threading.Event()

    def mood(url: str) -> int:
        hangs.set()
        released.wait(20)
        return 200

    scene.receivers.mood = mood
    with queueing(tmp_path) as queue, delivering(local_work(scene, queue), queue):
        queue.send([Wake(TEAM, "acme/app")])
        assert hangs.wait(20)
    assert not released.is_set()
    released.set()
    with queueing(tmp_path) as queue:
        assert queue.take() is not None, "it comes again"
