"""What every WebhookStore promises, and every store that keeps events with what happens.

Give the class a ``store`` and the ``clock`` that it goes by.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chalicelib.domain.names import TagName
from chalicelib.domain.records import Change, Repository
from chalicelib.domain.webhooks import Delivery, Event, EventKind, Webhook, order_after
from chalicelib.ports import Conflict, Missing, Refused
from chalicelib.webhook_ports import Ended
from tests.contracts.team_values import END_S, app, owner, record, repository
from tests.contracts.values import NOW_S, V1, at_once, change, manifest, tag
from tests.support.world import SettableClock

MOST = 3
LIFE = "life-of-app"


def hook(team: str, number: int = 1, **changes: Any) -> Webhook:
    kinds = frozenset({EventKind.PUSH, EventKind.DELETE, EventKind.EXPIRY})
    made = Webhook(
        team, f"h{number}", "https://example.com/hook?key=1", kinds, b"s" * 32, NOW_S, "olga"
    )
    return replace(made, **{"life": "life", **changes})


def of_app(team: str, number: int = 1, **changes: Any) -> Webhook:
    return hook(team, number, repository=app(team).path, **{"life": LIFE, **changes})


def living(team: str, name: str = "app") -> Repository:
    return repository(team, name, life=LIFE if name == "app" else f"life-of-{name}")


def told(team: str, known: Repository | None, kind: EventKind = EventKind.PUSH) -> Change:
    """A change with an event that comes after the last one of this record."""
    made = change()
    last = known.last_event if known else None
    order = order_after(made.at_ms, made.word, last)
    event = Event(
        f"evt_{made.word}", kind, team, app(team).path, made.at_ms, order, {"by": "x"}, LIFE
    )
    return replace(made, event=event)


def noted(team: str, kind: EventKind = EventKind.EXPIRY, path: str | None = None) -> Event:
    made = change()
    where = app(team).path if path is None else path
    return Event(f"evt_{made.word}", kind, team, where, made.at_ms, "", {"what": "x"})


class WebhookContract:
    @pytest.fixture
    def hooked(self, store: Any, team: str) -> str:
        """A team with a repository that has a webhook."""
        self.begin(store, team)
        store.put_hook(of_app(team), most=MOST)
        return team

    @staticmethod
    def begin(store: Any, team: str) -> None:
        store.create_team(record(team), owner(team))
        store.put_repository(team, living(team))

    # --- webhooks -----------------------------------------------------------------------------

    def test_a_webhook_comes_back_as_it_was_made(self, store: Any, team: str) -> None:
        self.begin(store, team)
        whole = hook(team, 1, label="to the pipeline", is_paused=True, secret=bytes(range(32)))
        store.put_hook(whole, most=MOST)
        store.put_hook(whole, most=MOST)
        store.put_hook(of_app(team, 2), most=MOST)
        assert store.find_hook(team, "h1") == whole
        assert store.find_hook(team, "h2") == of_app(team, 2)
        assert store.find_hook(team, "h3") is None
        assert store.find_hook(f"{team}-2", "h1") is None
        assert list(store.list_hooks(team)) == [whole, of_app(team, 2)]
        assert list(store.list_hooks(f"{team}-2")) == []

    def test_records_say_how_many_webhooks_hear_of_them(self, store: Any, team: str) -> None:
        self.begin(store, team)
        store.put_repository(team, living(team, "other"))
        assert not store.find_repository(team, app(team)).is_hooked
        store.put_hook(of_app(team), most=MOST)
        assert store.find_repository(team, app(team)).hooks == 1
        assert not store.find_repository(team, app(team, "other")).is_hooked
        store.put_hook(hook(team, 2), most=MOST)
        store.put_hook(hook(team, 2), most=MOST)
        found = store.find_repository(team, app(team, "other"))
        assert (found.hooks, found.team_hooks) == (0, 1)
        assert store.survey_push(team, app(team), [], [], []).repository.team_hooks == 1
        assert store.survey_pull(team, app(team), V1).repository.hooks == 1
        assert store.find_membership(team, None).team.hooks == 1
        store.delete_hook(hook(team, 2))
        store.delete_hook(of_app(team))
        assert not store.find_repository(team, app(team)).is_hooked

    def test_a_team_has_no_more_webhooks_than_it_may(self, store: Any, team: str) -> None:
        self.begin(store, team)
        for number in range(MOST):
            store.put_hook(hook(team, number), most=MOST)
        with pytest.raises(Refused):
            store.put_hook(hook(team, MOST), most=MOST)
        assert len(store.list_hooks(team)) == MOST

    @pytest.mark.parametrize(
        "changes",
        [
            {"repository": "{team}/none"},
            {"repository": "{team}/app", "life": "another life"},
            {"life": "another life"},
        ],
    )
    def test_a_webhook_of_what_is_not_there_is_not_made(
        self, store: Any, team: str, changes: dict[str, str]
    ) -> None:
        self.begin(store, team)
        asked = replace(hook(team), **{k: v.format(team=team) for k, v in changes.items()})
        with pytest.raises(Missing):
            store.put_hook(asked, most=MOST)
        assert list(store.list_hooks(team)) == []

    def test_what_has_ended_gets_no_webhook(
        self, store: Any, clock: SettableClock, team: str
    ) -> None:
        store.create_team(record(team, expires_at_s=END_S), owner(team))
        store.put_repository(team, replace(living(team), expires_at_s=END_S))
        clock.at_s = END_S
        for asked in (hook(team), of_app(team)):
            with pytest.raises(Missing):
                store.put_hook(asked, most=MOST)

    def test_of_two_changes_at_once_one_wins(self, store: Any, hooked: str) -> None:
        before = of_app(hooked)
        afters = [replace(before, label=f"label {number}") for number in range(4)]
        answers = at_once(4, lambda number: store.change_hook(before, afters[number]))
        assert sum(isinstance(answer, Conflict) for answer in answers) == 3
        assert store.find_hook(hooked, "h1") in afters

    def test_a_webhook_knows_since_when_it_is_paused(self, store: Any, hooked: str) -> None:
        before = of_app(hooked)
        store.change_hook(before, replace(before, is_paused=True, paused_at_ms=NOW_S * 1000))
        assert store.find_hook(hooked, "h1").paused_at_ms == NOW_S * 1000

    def test_a_webhook_that_is_gone_cannot_be_changed_or_deleted(
        self, store: Any, hooked: str
    ) -> None:
        store.delete_hook(of_app(hooked))
        with pytest.raises(Missing):
            store.delete_hook(of_app(hooked))
        with pytest.raises(Conflict):
            store.change_hook(of_app(hooked), of_app(hooked, label="x"))
        assert store.find_hook(hooked, "h1") is None

    def test_a_change_of_a_repository_keeps_its_webhooks(self, store: Any, hooked: str) -> None:
        before = store.find_repository(hooked, app(hooked))
        store.put_manifest(hooked, before, manifest(), [tag()], told(hooked, before))
        before = store.find_repository(hooked, app(hooked))
        store.change_repository(hooked, before, replace(before, description="new"))
        after = store.find_repository(hooked, app(hooked))
        assert (after.hooks, after.last_event) == (1, before.last_event)

    def test_a_repository_whose_last_webhook_is_gone_can_be_changed_and_deleted(
        self, store: Any, hooked: str
    ) -> None:
        store.delete_hook(of_app(hooked))
        before = store.find_repository(hooked, app(hooked))
        store.change_repository(hooked, before, replace(before, description="new"))
        store.put_hook(of_app(hooked), most=MOST)
        store.delete_hook(of_app(hooked))
        store.delete_repository(hooked, store.find_repository(hooked, app(hooked)))
        assert store.find_repository(hooked, app(hooked)) is None

    # --- events with what happens -------------------------------------------------------------

    def test_what_happens_is_kept_with_its_event(self, store: Any, hooked: str) -> None:
        kept: list[Event] = []
        for number, act in enumerate(_acts(store, hooked)):
            known = store.find_repository(hooked, app(hooked))
            made = told(hooked, known)
            act(known, made)
            found = store.list_events(hooked, app(hooked).path, 100)
            assert len(found) == number + 1
            kept.append(made.event)  # type: ignore[arg-type]
        orders = [event.order for event in kept]
        assert orders == sorted(orders)
        assert [e.event_id for e in store.list_events(hooked, app(hooked).path, 100)] == [
            event.event_id for event in kept
        ]

    def test_a_deleted_manifest_names_the_tags_that_went_with_it(
        self, store: Any, hooked: str
    ) -> None:
        known = store.find_repository(hooked, app(hooked))
        store.put_manifest(hooked, known, manifest(), [tag("a"), tag("b")], change())
        made = told(hooked, known, EventKind.DELETE)
        store.delete_manifest(hooked, app(hooked), manifest().digest, made)
        (event,) = store.list_events(hooked, app(hooked).path, 9)
        assert event == replace(made.event, facts={"by": "x", "tags": ["a", "b"]})

    @pytest.mark.parametrize("count", [31, 32, 33, 70])
    def test_many_tags_that_go_are_all_told(self, store: Any, hooked: str, count: int) -> None:
        names = [f"t{number:03d}" for number in range(count)]
        for at in range(0, count, 30):
            known = store.find_repository(hooked, app(hooked))
            tags = [tag(name) for name in names[at : at + 30]]
            store.put_manifest(hooked, known, manifest(), tags, change())
        known = store.find_repository(hooked, app(hooked))
        made = told(hooked, known, EventKind.DELETE)
        store.delete_manifest(hooked, app(hooked), manifest().digest, made)
        events = store.list_events(hooked, app(hooked).path, 9)
        assert sorted(name for event in events for name in event.facts["tags"]) == names
        assert len({event.event_id for event in events}) == len(events)

    def test_without_an_event_nothing_is_kept(self, store: Any, hooked: str) -> None:
        for act in _acts(store, hooked):
            act(store.find_repository(hooked, app(hooked)), change())
        assert list(store.list_events(hooked, app(hooked).path, 9)) == []

    def test_an_event_that_is_not_the_last_is_refused_with_what_brings_it(
        self, store: Any, hooked: str
    ) -> None:
        old = store.find_repository(hooked, app(hooked))
        late = told(hooked, old)
        store.put_manifest(hooked, old, manifest(), [tag()], told(hooked, old))
        for act in _acts(store, hooked)[1:]:
            with pytest.raises(Conflict):
                act(replace(old), late)
        with pytest.raises(Conflict):
            store.put_manifest(hooked, old, manifest(b"late"), [tag("late")], late)
        assert store.find_tag(hooked, app(hooked), V1) is not None
        assert len(store.list_events(hooked, app(hooked).path, 9)) == 1

    def test_of_events_at_once_each_has_its_place(self, store: Any, hooked: str) -> None:
        def push(number: int) -> None:
            while True:
                known = store.find_repository(hooked, app(hooked))
                try:
                    return store.put_manifest(
                        hooked, known, manifest(b"%d" % number), [tag()], told(hooked, known)
                    )
                except Conflict:
                    continue

        answers = at_once(4, push)
        assert answers == [None] * 4
        events = store.list_events(hooked, app(hooked).path, 9)
        assert len({event.order for event in events}) == 4
        last = store.find_repository(hooked, app(hooked)).last_event
        assert last == max(event.order for event in events)

    # --- events that only a line or a clock tells of ----------------------------------------------

    def test_an_event_is_noted_once(self, store: Any, hooked: str) -> None:
        first = noted(hooked)
        assert store.note_event(first, "once") is True
        assert store.note_event(first, "once") is True
        assert store.note_event(noted(hooked), "once") is False
        assert store.note_event(noted(hooked), "twice") is True
        events = store.list_events(hooked, app(hooked).path, 9)
        assert len(events) == 2
        assert events[0].event_id == first.event_id
        assert events[0].life == LIFE
        assert [e.order for e in events] == sorted(e.order for e in events)

    def test_noted_events_and_changes_have_one_order(self, store: Any, hooked: str) -> None:
        known = store.find_repository(hooked, app(hooked))
        store.note_event(noted(hooked), "once")
        made = told(hooked, known)
        early = replace(made, event=replace(made.event, order=order_after(1, "w", None)))  # type: ignore[type-var]
        with pytest.raises(Conflict):
            store.put_manifest(hooked, known, manifest(), [tag()], early)
        known = store.find_repository(hooked, app(hooked))
        store.put_manifest(hooked, known, manifest(), [tag()], told(hooked, known))
        assert len(store.list_events(hooked, app(hooked).path, 9)) == 2

    def test_where_nobody_listens_nothing_is_noted(self, store: Any, team: str) -> None:
        self.begin(store, team)
        assert store.note_event(noted(team), "once") is False
        assert store.note_event(noted(team, path=""), "once") is False
        store.put_hook(hook(team), most=MOST)
        assert store.note_event(noted(team), "once") is True
        assert store.note_event(noted(team, path=""), "once-2") is True
        assert len(store.list_events(team, "", 9)) == 1

    def test_the_end_of_a_repository_can_be_noted(
        self, store: Any, clock: SettableClock, hooked: str
    ) -> None:
        known = store.find_repository(hooked, app(hooked))
        store.change_repository(hooked, known, replace(known, expires_at_s=END_S))
        clock.at_s = END_S + 1
        assert store.note_event(noted(hooked), "ended") is True

    # --- handing over -------------------------------------------------------------------------

    def test_an_event_is_handed_over_to_all_or_none(self, store: Any, hooked: str) -> None:
        store.put_hook(hook(hooked, 2), most=MOST)
        store.note_event(noted(hooked), "once")
        (event,) = store.list_events(hooked, app(hooked).path, 9)
        hooks = store.list_hooks(hooked)
        with pytest.raises(Conflict):
            store.hand_over(event, [*hooks, hook(hooked, 3)])
        assert list(store.list_events(hooked, app(hooked).path, 9)) == [event]
        assert (hooked, app(hooked).path) in set(store.waiting())
        store.hand_over(event, hooks)
        store.hand_over(event, hooks)
        assert list(store.list_events(hooked, app(hooked).path, 9)) == []
        for each in hooks:
            (lane,) = store.pending_lanes(hooked, each.hook_id)
            assert store.first_delivery(lane).event == event
        assert (hooked, app(hooked).path) in set(store.waiting())
        for each in hooks:
            store.delete_hook(each)
            assert list(store.pending_lanes(hooked, each.hook_id)) == []
        assert (hooked, app(hooked).path) not in set(store.waiting())

    def test_the_oldest_events_come_first(self, store: Any, hooked: str) -> None:
        for number in range(4):
            store.note_event(noted(hooked), f"once-{number}")
        whole = store.list_events(hooked, app(hooked).path, 9)
        assert store.list_events(hooked, app(hooked).path, 2) == whole[:2]
        assert len(whole) == 4

    def test_an_event_can_be_put_into_one_lane(self, store: Any, hooked: str) -> None:
        store.put_hook(hook(hooked, 2), most=MOST)
        ping = replace(noted(hooked, EventKind.PING), order="1.x")
        store.put_delivery(Delivery("h1", ping))
        assert [lane.hook_id for lane in store.pending_lanes(hooked, "h1")] == ["h1"]
        assert list(store.pending_lanes(hooked, "h2")) == []
        with pytest.raises(Missing):
            store.put_delivery(Delivery("h3", ping))
        assert list(store.pending_lanes(hooked, "h3")) == []

    # --- looking around -------------------------------------------------------------------------

    def test_what_has_ended_and_is_listened_to_is_found(
        self, store: Any, clock: SettableClock, hooked: str
    ) -> None:
        store.put_repository(hooked, living(hooked, "other"))
        for name in ("app", "other"):
            known = store.find_repository(hooked, app(hooked, name))
            ending = [tag("ends", expires_at_s=END_S), tag("stays")]
            store.put_manifest(hooked, known, manifest(), ending, change())
        clock.at_s = END_S
        digest = str(manifest().digest)
        assert self.ended(store, hooked) == [Ended(hooked, app(hooked).path, END_S, "ends", digest)]
        known = store.find_repository(hooked, app(hooked, "other"))
        store.change_repository(hooked, known, replace(known, expires_at_s=END_S + 1))
        found = store.find_membership(hooked, None).team
        store.put_hook(hook(hooked, 2), most=MOST)
        store.change_team(found, replace(found, expires_at_s=END_S + 1))
        clock.at_s = END_S + 1
        assert {(each.repository, each.tag) for each in self.ended(store, hooked)} == {
            ("", ""),
            (app(hooked).path, "ends"),
            (app(hooked, "other").path, "ends"),
            (app(hooked, "other").path, ""),
        }

    def test_who_pushes_over_a_tag_that_has_ended_tells_its_end_first(
        self, store: Any, clock: SettableClock, hooked: str
    ) -> None:
        """Within the hour, before anybody has looked around: afterwards nobody would find it."""
        name, one = app(hooked), manifest()
        ending = [tag("ends", expires_at_s=END_S), tag("stays")]
        known = store.find_repository(hooked, name)
        store.put_manifest(hooked, known, one, ending, change())
        clock.at_s = END_S
        asked = [TagName("ends"), TagName("stays"), TagName("new")]
        for _ in range(2):
            survey = store.survey_push(hooked, name, asked, [], [])
        assert set(survey.tags) == {TagName("stays")}
        store.put_manifest(
            hooked, survey.repository, one, [tag("ends")], told(hooked, survey.repository)
        )
        end, push = store.list_events(hooked, name.path, 9)
        assert (end.kind, push.kind) == (EventKind.EXPIRY, EventKind.PUSH)
        assert (end.facts["tags"], end.facts["digest"]) == (["ends"], str(one.digest))

    @staticmethod
    def ended(store: Any, team: str) -> list[Ended]:
        return [each for each in store.look_around().ended if each.team == team]

    def test_a_webhook_of_a_repository_that_is_gone_goes_when_all_was_told(
        self, store: Any, hooked: str
    ) -> None:
        def orphans() -> list[Webhook]:
            return [each for each in store.look_around().orphans if each.team == hooked]

        assert orphans() == []
        store.drop_orphan(of_app(hooked))
        assert store.find_hook(hooked, "h1") is not None
        known = store.find_repository(hooked, app(hooked))
        made = told(hooked, known, EventKind.DELETE)
        store.delete_repository(hooked, known, made.event)
        store.put_repository(hooked, replace(living(hooked), life="next"))
        assert orphans() == []
        store.hand_over(made.event, [])
        assert orphans() == [of_app(hooked)]
        store.drop_orphan(of_app(hooked))
        assert orphans() == []
        assert list(store.list_hooks(hooked)) == []

    def test_a_look_that_missed_what_is_on_its_way_takes_no_webhook_along(
        self, store: Any, hooked: str
    ) -> None:
        """A look takes time: what was written behind its back may be in neither of its places."""
        known = store.find_repository(hooked, app(hooked))
        made = told(hooked, known, EventKind.DELETE)
        store.delete_repository(hooked, known, made.event)
        store.drop_orphan(of_app(hooked))
        assert store.find_hook(hooked, "h1") is not None
        store.hand_over(made.event, [of_app(hooked)])
        store.drop_orphan(of_app(hooked))
        assert store.find_hook(hooked, "h1") is not None
        assert store.find_delivery(hooked, "h1", made.event.event_id) is not None

    # --- ends ---------------------------------------------------------------------------------

    def test_the_end_of_a_repository_is_told_and_its_next_life_is_not_its_own(
        self, store: Any, hooked: str
    ) -> None:
        known = store.find_repository(hooked, app(hooked))
        made = told(hooked, known, EventKind.DELETE)
        store.delete_repository(hooked, known, made.event)
        store.put_repository(hooked, replace(living(hooked), life="next"))
        found = store.find_repository(hooked, app(hooked))
        assert not found.is_hooked
        assert list(store.list_events(hooked, app(hooked).path, 9)) == [made.event]
        (left,) = store.list_hooks(hooked)
        assert left.wants(made.event)
        assert not left.wants(replace(made.event, life="next"))
        store.delete_hook(left)
        assert store.find_hook(hooked, "h1") is None
        assert not store.find_repository(hooked, app(hooked)).is_hooked

    def test_a_team_that_ended_takes_all_of_its_webhooks_along(
        self, store: Any, clock: SettableClock, team: str
    ) -> None:
        self.begin(store, team)
        store.put_hook(of_app(team), most=MOST)
        store.put_hook(hook(team, 2), most=MOST)
        for path in ("", app(team).path):
            store.note_event(noted(team, path=path), f"once {path}")
            (event,) = store.list_events(team, path, 9)
            store.hand_over(event, store.list_hooks(team))
            store.note_event(noted(team, path=path), f"once more {path}")
        found = store.find_membership(team, None).team
        store.change_team(found, replace(found, expires_at_s=clock.at_s + 1))
        clock.at_s += 1
        store.end_repository(team, "life", app(team))
        store.end_team(team, "life")
        assert list(store.rows_of(team)) == []


Act = Callable[[Repository, Change], None]


def _acts(store: Any, team: str) -> list[Act]:
    """All that happens with an event, each after those before it."""
    name = app(team)
    return [
        lambda known, made: store.put_manifest(
            team, known, manifest(), [tag("v1"), tag("v2")], made
        ),
        lambda known, made: store.put_tag(team, known, tag("v3", image_id="a" * 64), made),
        lambda known, made: store.delete_tag(team, name, V1, made),
        lambda known, made: store.delete_manifest(team, name, manifest().digest, made),
        lambda known, made: store.delete_repository(team, known, made.event),
    ]
