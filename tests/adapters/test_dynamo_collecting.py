"""The collector's verbs on the embedded DynamoDB: what they cost, and what a killed one leaves."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.adapters.dynamo import DynamoMetadata, keys
from chalicelib.adapters.dynamo.image_models import HolderRow
from chalicelib.collect_ports import CollectStore
from chalicelib.domain.facts import Fact, FactKind
from chalicelib.domain.records import GrantRecord, IndexImage
from chalicelib.domain.teams import Member, Role
from chalicelib.ports import Conflict, ImageStore, MetadataStore
from tests.contracts.collect_contract import facts, link_of
from tests.contracts.team_values import END_S, A, app, owner, record, repository
from tests.contracts.values import NOW_S, blob, change, image, manifest, session, tag
from tests.support.stack import Stack
from tests.support.world import SettableClock

TRANSACTION = ["TransactWriteItems"]
UPDATE = ["UpdateItem"]
# More members than a transaction takes: a member is two rows.
MEMBERS = 60


@pytest.fixture(scope="module")
def calls() -> list[str]:
    return []


@pytest.fixture
def clock() -> SettableClock:
    return SHARED


SHARED = SettableClock(NOW_S)


@pytest.fixture(scope="module")
def store(stack: Stack, calls: list[str]) -> DynamoMetadata:
    """One for all tests, in a table of its own: a scan reads all that there is."""
    name = f"collecting-{secrets.token_hex(4)}"
    return stack.metadata(on_request=calls.append, clock=SHARED, table=name)


@pytest.fixture(autouse=True)
def _begin(clock: SettableClock) -> None:
    clock.at_s = NOW_S


def fill(store: Any, team: str) -> None:
    """A team whose every partition has something, before its end."""
    made = record(team, expires_at_s=END_S)
    store.create_team(made, owner(team))
    known = repository(team)
    store.put_repository(team, known)
    store.put_blob(team, app(team), blob())
    store.put_manifest(team, known, manifest(), [tag("v1"), tag("v2")], change())
    store.put_index_images(team, app(team), [IndexImage(A)])
    store.put_image(team, image(A))
    store.put_grant(team, GrantRecord(app(team), f"guest-{team}", "read"))
    store.open_upload(session(team))
    store.give_edge_word(team, app(team), "word")


def crowd(store: Any, team: str) -> list[str]:
    made = record(team, expires_at_s=END_S)
    users = [f"m{number:03d}-{team}" for number in range(MEMBERS)]
    for user in users:
        store.invite_member(made, user, Role.READER, expires_at_s=END_S)
        store.join_team(Member(team, user, Role.READER, NOW_S), user)
    return users


def pieces(store: Any, team: str) -> list[Fact]:
    return [fact for fact in facts(store, team) if fact.kind is FactKind.PIECE]


def large(seed: str) -> bytes:
    """A json that neither fits into an item nor packs well."""
    text = "".join(secrets.token_hex(32) for _ in range(12_000))
    return b'{"id":"%s","x":"%s%s"}' % (A.encode(), seed.encode(), text.encode())


def suspected(store: Any, team: str) -> None:
    store.suspect_link(team, app(team), blob().digest, NOW_S)
    store.suspect_blob(team, blob().digest, NOW_S)
    store.suspect_image(team, A, NOW_S)


def ended(verb: Callable[[Any, str], object]) -> Callable[[Any, str], object]:
    def step(store: Any, team: str) -> object:
        SHARED.at_s = END_S
        return verb(store, team)

    return step


def refused(verb: Callable[[Any, str], object]) -> Callable[[Any, str], object]:
    def step(store: Any, team: str) -> object:
        with pytest.raises(Conflict):
            verb(store, team)
        return None

    return step


Verb = Callable[[Any, str], object]
BUDGETS: dict[str, tuple[Verb, list[str]]] = {
    "scan": (lambda s, t: s.scan(None, 1), ["Scan"]),
    "finish_deletion, of one that lives": (
        lambda s, t: s.finish_deletion(t, app(t)),
        ["GetItem"],
    ),
    "sweep": (
        lambda s, t: s.sweep(
            t, s.read_contents(t, app(t)), [link_of(b"layer", NOW_S)], change("collector")
        ),
        ["BatchGetItem", "Query", *TRANSACTION],
    ),
    "suspect_link": (lambda s, t: s.suspect_link(t, app(t), blob().digest, 1), UPDATE),
    "drop_edge_word": (lambda s, t: s.drop_edge_word(t, app(t), "word"), TRANSACTION),
    "suspect_blob": (lambda s, t: s.suspect_blob(t, blob().digest, 1), UPDATE),
    "spare_blob": (lambda s, t: s.spare_blob(t, blob().digest), UPDATE),
    "condemn_blob": (lambda s, t: s.condemn_blob(t, blob().digest, NOW_S), UPDATE),
    "forget_blob": (lambda s, t: s.forget_blob(t, blob()), TRANSACTION),
    "suspect_image": (lambda s, t: s.suspect_image(t, A, 1), UPDATE),
    "delete_image": (lambda s, t: s.delete_image(t, A, NOW_S), ["Query", *TRANSACTION]),
    "suspect_piece": (lambda s, t: s.suspect_piece(t, f"IMG#{t}#{A}\njson#x#0", 1), UPDATE),
    "delete_piece": (
        lambda s, t: s.delete_piece(t, f"IMG#{t}#{A}\njson#x#0", 1),
        TRANSACTION,
    ),
    "end_upload": (lambda s, t: s.end_upload(session(t)), TRANSACTION),
    "end_repository": (
        ended(lambda s, t: s.end_repository(t, "life", app(t))),
        ["GetItem", "Query", "Query", *TRANSACTION * 2],
    ),
    "end_repository, of another life": (
        ended(refused(lambda s, t: s.end_repository(t, "other", app(t)))),
        ["GetItem", "Query", "Query", *TRANSACTION],
    ),
    "end_rows": (
        ended(lambda s, t: s.end_rows(t, "life", [f"EVENTS#{t}#a\n{n}" for n in range(99)])),
        TRANSACTION,
    ),
    "end_team, with repositories": (
        ended(refused(lambda s, t: s.end_team(t, "life"))),
        ["Query"],
    ),
    "end_team": (
        ended(lambda s, t: (s.end_repository(t, "life", app(t)), s.end_team(t, "life"))),
        [
            *("GetItem", "Query", "Query", *TRANSACTION * 2),
            *("Query", "Query", *TRANSACTION, "Query", "Query", *TRANSACTION * 2),
        ],
    ),
    "rows_of": (lambda s, t: list(s.rows_of(t)), ["Scan"]),
    "take_run": (lambda s, t: s.take_run(t, "word", now_s=1, until_s=2), UPDATE),
    "save_run": (
        lambda s, t: (
            s.take_run(t, "word", now_s=1, until_s=2),
            s.save_run(t, "word", "state", until_s=2),
        ),
        UPDATE * 2,
    ),
}


@pytest.mark.parametrize("name", BUDGETS)
def test_a_verb_costs_what_its_port_says(
    store: DynamoMetadata, calls: list[str], team: str, name: str
) -> None:
    verb, expected = BUDGETS[name]
    fill(store, team)
    suspected(store, team)
    calls.clear()
    verb(store, team)
    assert calls == expected


def test_every_verb_of_the_port_has_a_budget() -> None:
    others = {name for port in (MetadataStore, ImageStore) for name in vars(port)}
    verbs = {name for name in vars(CollectStore) if not name.startswith("_")} - others
    assert {name.split(",")[0] for name in BUDGETS} == verbs


class CutOffError(Exception):
    """The process is gone."""


def test_a_team_whose_end_is_cut_off_at_any_call_leaves_nobody_in_the_next_of_its_name(
    stack: Stack, store: DynamoMetadata, clock: SettableClock, team: str
) -> None:
    """With more members than a transaction takes: see what stands under an account goes first."""
    at = 0
    while True:
        at += 1
        clock.at_s = NOW_S
        name = f"{team}-{at}"
        store.create_team(record(name, expires_at_s=END_S), owner(name))
        users = crowd(store, name)
        clock.at_s, calls = END_S, [0]

        def cut(operation: str, calls: list[int] = calls, at: int = at) -> None:
            calls[0] += 1
            if calls[0] == at:
                raise CutOffError

        table = store._table.name
        dying = stack.metadata(on_request=cut, clock=clock, table=table)
        try:
            dying.end_team(name, "life")
        except CutOffError:
            store.end_team(name, "life")
        assert list(store.rows_of(name)) == []
        store.create_team(record(name, life="next"), owner(name, "nina"))
        assert not any(store.list_memberships(user) for user in users)
        if calls[0] < at:
            break
    assert at > 4


def test_a_repository_whose_teams_end_is_cut_off_at_any_call_is_ended_by_the_next_run(
    stack: Stack, store: DynamoMetadata, clock: SettableClock, team: str
) -> None:
    at = 0
    while True:
        at += 1
        clock.at_s = NOW_S
        name = f"{team}-{at}"
        fill(store, name)
        known = store.find_repository(name, app(name))
        assert known is not None
        for first in (0, 30):
            tags = [tag(f"t{number}") for number in range(first, first + 30)]
            store.put_manifest(name, known, manifest(), tags, change())
        clock.at_s, calls = END_S, [0]

        def cut(operation: str, calls: list[int] = calls, at: int = at) -> None:
            calls[0] += 1
            if calls[0] == at:
                raise CutOffError

        dying = stack.metadata(on_request=cut, clock=clock, table=store._table.name)
        try:
            dying.end_repository(name, "life", app(name))
        except CutOffError:
            store.end_repository(name, "life", app(name))
        left = {row.split("#")[0] for row in store.rows_of(name)}
        assert left == {"TEAM", "USER", "BLOB", "IMG", "UP"}
        assert list(store.list_holders(name, A)) == []
        if calls[0] < at:
            break
    assert at > 5


def test_rows_that_hang_on_an_ended_team_go_whatever_they_are(
    store: DynamoMetadata, clock: SettableClock, team: str
) -> None:
    """A repository's entry under an image, without the image; events and deliveries of hooks."""
    store.create_team(record(team, expires_at_s=END_S), owner(team))
    hanging = (
        keys.holder(team, A, app(team)),
        keys.hook_event(team, app(team).path, "1"),
        keys.due(team, "hook", app(team).path, "1"),
        keys.lane(team, "hook", app(team).path),
        keys.done(team, "hook", "1"),
        keys.told(team, "once"),
    )
    for key in hanging:
        store._table.put(HolderRow.at(key))
    clock.at_s = END_S
    found = [fact for fact in facts(store, team) if fact.row]
    assert {fact.kind for fact in found} == {FactKind.HOLDER, FactKind.HANGING}
    assert len(found) == len(hanging)
    store.end_rows(team, "life", [fact.row for fact in found])
    assert [fact for fact in facts(store, team) if fact.row] == []
    store.end_team(team, "life")
    assert list(store.rows_of(team)) == []


def test_a_piece_of_a_json_goes_when_its_image_has_another(
    store: DynamoMetadata, team: str
) -> None:
    first, second = large("first"), large("second")
    store.put_image(team, image(A, first))
    old = pieces(store, team)
    assert old
    store.put_image(team, image(A, second))
    now = [fact for fact in pieces(store, team) if fact.row not in {each.row for each in old}]
    hashes = {f.word for f in facts(store, team) if f.kind is FactKind.IMAGE}
    assert {fact.word for fact in now} == hashes
    for fact in (*old, *now):
        store.suspect_piece(team, fact.row, NOW_S)
        store.suspect_piece(team, fact.row, NOW_S + 5)
    assert not any(store.delete_piece(team, fact.row, NOW_S) for fact in now)
    assert not any(store.delete_piece(team, fact.row, NOW_S + 5) for fact in old)
    assert all(store.delete_piece(team, fact.row, NOW_S) for fact in old)
    assert {fact.row for fact in pieces(store, team)} == {fact.row for fact in now}
    assert store.find_images(team, [A])[A].raw_json == second


def test_a_piece_that_its_image_has_again_stays(store: DynamoMetadata, team: str) -> None:
    first = large("first")
    store.put_image(team, image(A, first))
    store.put_image(team, image(A, large("second")))
    for fact in pieces(store, team):
        store.suspect_piece(team, fact.row, NOW_S)
    store.put_image(team, image(A, first))
    again = {f.word for f in facts(store, team) if f.kind is FactKind.IMAGE}
    kept = [fact for fact in pieces(store, team) if fact.word in again]
    assert kept
    assert all(fact.suspected_at_s is None for fact in kept)
    assert not any(store.delete_piece(team, fact.row, NOW_S) for fact in kept)
    assert store.find_images(team, [A])[A].raw_json == first
