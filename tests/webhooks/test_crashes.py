"""Webhook delivery through crashes and retries: at least once, in order per repository, counted."""

from __future__ import annotations

import secrets
from collections import Counter
from dataclasses import replace
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.domain.paging import Page
from chalicelib.domain.webhooks import EventKind, Outcome, Webhook
from chalicelib.service.deliver import handle
from chalicelib.webhook_ports import Wake
from tests.contracts.values import NOW_S
from tests.support.examples import times
from tests.support.stack import Stack
from tests.support.world import SettableClock
from tests.webhooks.scene import TEAM, Killed, Reaper, Scene, Sent

REPOSITORIES = ("acme/app", "acme/app2", "")
VISIBILITY_S = 90


def run_one(scene: Scene, sent: Sent, reaper: Reaper, *, repeats: bool = False) -> None:
    """A function takes a message: it is gone when the function has ended well."""
    sent.due_s = scene.clock.now_s() + VISIBILITY_S
    try:
        handle(scene.work(reaper), sent.wake, lambda: 60.0)
    except Killed:
        return
    if not repeats:
        scene.queue.messages.remove(sent)


def settle_down(scene: Scene, limit: int = 3000) -> None:
    """Everybody is well: messages are handled, and the meter's hourly pass finds the rest."""
    scene.queue.loses = 0.0
    scene.receivers.mood = lambda url: 200
    scene.meter(Reaper())
    scene.hourly()
    for _ in range(limit):
        due = scene.queue.due()
        if due:
            run_one(scene, scene.dice.choice(due), Reaper())
        elif scene.queue.messages:
            scene.clock.at_s = min(sent.due_s for sent in scene.queue.messages)
        elif list(scene.store.look_around().waiting):
            scene.clock.at_s += 3600
            scene.hourly()
        else:
            return
    raise AssertionError(f"{len(scene.queue.messages)} messages go round and round")


def assert_told(scene: Scene, hooks: list[Webhook]) -> None:
    """Each has heard of each at least once, in order, and what is kept of it says so."""
    for hook in hooks:
        kept = scene.store.list_deliveries(TEAM, hook.hook_id, Page(1000)).entries
        told, events = scene.told(hook), [each.event for each in kept]
        assert {each.outcome for each in kept} <= {Outcome.DELIVERED}
        pushes = [event.event_id for event in scene.wanted(hook)]
        pulls = {each for each in scene.pulled if hook.repository in (None, each[0])}
        found = [each for each in events if each.kind is EventKind.FIRST_PULL]
        assert Counter((each.repository, each.facts["digest"]) for each in found) == Counter(pulls)
        assert Counter(told) == Counter([*pushes, *(each.event_id for each in found)])
        for repository in REPOSITORIES:
            events_here = [each for each in events if each.repository == repository]
            in_order = [each.event_id for each in sorted(events_here, key=lambda each: each.order)]
            here = set(in_order)
            assert [each for each in told if each in here] == in_order
            # What was committed later has the later order.
            assert [each for each in pushes if each in here] == [
                each for each in in_order if each in set(pushes)
            ]
        assert scene.store.pending_lanes(TEAM, hook.hook_id) == []


# --- killed at every call ---------------------------------------------------------------------


def story(scene: Scene, reaper: Reaper) -> list[Webhook]:
    """Events, and receivers that fail at first; of one process after the other one is killed."""
    hooks = [scene.add_hook("all"), scene.add_hook("one", "acme/app")]
    tries: Counter[str] = Counter()

    def mood(url: str) -> int | None:
        tries[url] += 1
        return {2: 500, 3: None, 5: -1}.get(tries[url], 200)

    scene.receivers.mood = mood
    for repository in ("acme/app", "acme/app2", "acme/app", "", "acme/app"):
        scene.happens(repository)
        scene.pull("acme/app", f"sha256:{'a' * 64}")
    for _ in range(60):
        if scene.lines:
            scene.meter(Reaper() if reaper.is_dead else reaper)
        due = scene.queue.due()
        if not due:
            if not scene.queue.messages:
                break
            scene.clock.at_s = min(sent.due_s for sent in scene.queue.messages)
            continue
        # Who was killed is followed by somebody who lives.
        run_one(scene, due[0], Reaper() if reaper.is_dead else reaper)
    return hooks


def calls_of_the_story() -> int:
    reaper = Reaper()
    story(Scene(), reaper)
    return reaper.calls


CALLS = calls_of_the_story()


def test_the_story_is_long_enough_to_be_killed_in() -> None:
    assert CALLS > 60


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("call", range(1, CALLS + 1))
def test_a_deliverer_killed_at_any_call_loses_nothing(call: int, after: bool) -> None:
    scene, reaper = Scene(call), Reaper(call, after)
    hooks = story(scene, reaper)
    assert reaper.is_dead
    settle_down(scene)
    assert_told(scene, hooks)


@pytest.mark.parametrize("call", range(5, CALLS, 13))
def test_it_is_so_with_dynamodb(stack: Stack, call: int) -> None:
    table, clock = f"roadstead-{secrets.token_hex(6)}", SettableClock(NOW_S)
    scene = Scene(call, store=stack.metadata(clock=clock, table=table), clock=clock)
    hooks = story(scene, Reaper(call, call % 2 == 0))
    settle_down(scene)
    assert_told(scene, hooks)


# --- anything at any time ---------------------------------------------------------------------


@settings(max_examples=times(300), suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32), loses=st.sampled_from([0.0, 0.2, 0.6]))
def test_whatever_happens_everybody_is_told_in_order(seed: int, loses: float) -> None:
    scene = Scene(seed, loses=loses)
    dice = scene.dice
    hooks = [
        scene.add_hook("all"),
        scene.add_hook("one", "acme/app"),
        scene.add_hook("two", "acme/app2"),
    ]
    scene.receivers.mood = lambda url: dice.choice([200, 204, 302, 404, 500, None, -1])
    for _ in range(dice.randrange(20, 120)):
        deed = dice.random()
        due = scene.queue.due()
        reaper = Reaper(dice.choice([None, dice.randrange(1, 15)]), dice.random() < 0.5)
        if deed < 0.1:
            scene.happens(dice.choice(REPOSITORIES))
        elif deed < 0.15:
            digest = f"sha256:{dice.choice('ab') * 64}"
            scene.pull(dice.choice(REPOSITORIES[:2]), digest)
        elif deed < 0.25:
            lines = list(scene.lines)
            scene.meter(reaper)
            # CloudWatch hands the same over again.
            scene.lines = lines if dice.random() < 0.2 else scene.lines
        elif deed < 0.3:
            scene.hourly(reaper)
        elif deed < 0.45 or not due:
            scene.clock.at_s += dice.choice([1, 5, 20, 60, 300])
        else:
            run_one(scene, dice.choice(due), reaper, repeats=dice.random() < 0.1)
    settle_down(scene)
    assert_told(scene, hooks)


def test_two_runs_at_once_keep_the_order_of_a_lane() -> None:
    """While one is at its receiver another one comes, and leaves the lane alone."""
    scene = Scene()
    hook = scene.add_hook("all")
    for _ in range(3):
        scene.happens("acme/app")
    scene.wake("acme/app")
    run_one(scene, scene.queue.messages[0], Reaper())
    (lane,) = scene.queue.messages
    inner: list[int] = []

    def mood(url: str) -> int:
        if not inner:
            inner.append(len(scene.queue.messages))
            handle(scene.work(Reaper()), lane.wake, lambda: 60.0)
            assert len(scene.queue.messages) == inner[0] + 1
        return 200

    scene.receivers.mood = mood
    run_one(scene, lane, Reaper())
    assert scene.told(hook) == ["evt_1", "evt_2", "evt_3"]
    assert len(scene.receivers.seen[hook.url]) == 3
    settle_down(scene)
    assert_told(scene, [hook])


def test_messages_do_not_multiply_while_a_receiver_is_down() -> None:
    scene = Scene()
    scene.add_hook("all")
    scene.receivers.mood = lambda url: 500
    for turn in count():
        scene.happens("acme/app")
        scene.wake("acme/app")
        for sent in scene.queue.due():
            run_one(scene, sent, Reaper())
        for sent in scene.queue.due():
            run_one(scene, sent, Reaper())
        scene.clock.at_s += 60
        assert len(scene.queue.messages) <= 2
        if turn == 200:
            break


def test_a_lane_is_tried_at_the_end_of_each_pause_and_never_between() -> None:
    """Without the hourly pass, and though messages are repeated and others come for the lane."""
    scene = Scene()
    hook = scene.add_hook("all")
    times: list[int] = []

    def mood(url: str) -> int:
        times.append(scene.clock.at_s)
        return 500

    scene.receivers.mood = mood
    born_s = scene.clock.at_s
    scene.happens("acme/app")
    scene.wake("acme/app")
    while scene.clock.at_s < born_s + 5 * 3600:
        due = scene.queue.due()
        if not due:
            scene.clock.at_s = min(sent.due_s for sent in scene.queue.messages)
            if scene.dice.random() < 0.3:
                scene.queue.send([Wake(TEAM, "acme/app", hook.hook_id)])
            continue
        sent = scene.dice.choice(due)
        if scene.dice.random() < 0.05:
            # SQS hands it over a second time.
            handle(scene.work(Reaper()), sent.wake, lambda: 60.0)
        run_one(scene, sent, Reaper())
        assert len(scene.queue.messages) < 8
    assert times == [born_s + at_s for at_s in (0, 10, 40, 160, 760, 2560, 6160, 16960)]


def test_who_is_gone_is_paused_and_not_asked_again() -> None:
    scene = Scene()
    hook = scene.add_hook("all")
    scene.receivers.mood = lambda url: 410
    for _ in range(3):
        scene.happens("acme/app")
    scene.wake("acme/app")
    while scene.queue.messages:
        scene.clock.at_s = max(min(e.due_s for e in scene.queue.messages), scene.clock.at_s)
        run_one(scene, scene.queue.due()[0], Reaper())
    assert scene.told(hook) == ["evt_1"]
    paused = scene.hook("all")
    assert paused == replace(hook, is_paused=True)
    scene.store.change_hook(paused, hook)
    scene.queue.send([Wake(TEAM, "")])
    settle_down(scene)
    assert_told_in_the_end(scene, hook)


def assert_told_in_the_end(scene: Scene, hook: Webhook) -> None:
    assert scene.told(hook) == [event.event_id for event in scene.wanted(hook)]


def test_what_nobody_takes_for_a_day_is_given_up_and_what_waited_behind_it_has_its_turn() -> None:
    scene = Scene()
    hook = scene.add_hook("all")
    scene.receivers.mood = lambda url: 500
    scene.happens("acme/app")
    scene.wake("acme/app")
    scene.clock.at_s += 5
    scene.happens("acme/app")
    while scene.queue.messages:
        scene.clock.at_s = max(min(e.due_s for e in scene.queue.messages), scene.clock.at_s)
        run_one(scene, scene.queue.due()[0], Reaper())
    page = scene.store.list_deliveries(TEAM, hook.hook_id, Page(9))
    assert [each.outcome for each in page.entries] == [Outcome.GIVEN_UP] * 2
    second, first = page.entries
    assert first.attempts > 8
    assert second.attempts >= 1


def test_a_webhook_that_is_deleted_while_it_is_told_hears_no_more() -> None:
    scene = Scene()
    hook = scene.add_hook("all")
    for _ in range(3):
        scene.happens("acme/app")
    scene.wake("acme/app")

    def mood(url: str) -> int:
        scene.store.delete_hook(hook)
        return 200

    scene.receivers.mood = mood
    while scene.queue.messages:
        scene.clock.at_s = max(min(e.due_s for e in scene.queue.messages), scene.clock.at_s)
        run_one(scene, scene.queue.due()[0], Reaper())
    assert scene.told(hook) == ["evt_1"]
    assert scene.store.find_delivery(TEAM, "all", "evt_1") is None


def test_who_does_not_want_to_hear_of_it_is_told_nothing() -> None:
    scene = Scene()
    scene.add_hook("paused", is_paused=True)
    scene.add_hook("other", "acme/app2")
    scene.add_hook("kinds", kinds=frozenset({EventKind.DELETE}))
    scene.happens("acme/app")
    scene.wake("acme/app")
    settle_down(scene)
    assert scene.receivers.seen == {}
    assert list(scene.store.look_around().waiting) == []
