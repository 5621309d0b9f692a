"""The DynamoDB adapter keeps the contract, within its budget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from chalicelib.adapters.aws import open_session
from chalicelib.adapters.dynamo import DynamoMetadata, create_table
from chalicelib.domain.digest import Digest, digest_of
from chalicelib.domain.names import TagName
from chalicelib.domain.paging import Page
from chalicelib.domain.records import IndexImage
from chalicelib.domain.upload import UploadSession
from chalicelib.image_ports import ImageStore
from chalicelib.ports import Held, MetadataStore, PortError, Unavailable
from tests.contracts.collect_contract import CollectContract
from tests.contracts.hub_contract import HubContract
from tests.contracts.metadata_contract import MetadataContract
from tests.contracts.values import (
    APP,
    NOW_S,
    V1,
    blob,
    change,
    image,
    manifest,
    repository,
    session,
    tag,
    uploaded,
)
from tests.support.stack import TABLE, Stack

A, B = "a" * 64, "b" * 64


@pytest.fixture(scope="module")
def calls() -> list[str]:
    """The operations of the HTTP requests that the store has sent."""
    return []


@pytest.fixture(scope="module")
def store(stack: Stack, calls: list[str]) -> DynamoMetadata:
    """One for all tests: building a client takes longer than most of them."""
    return stack.metadata(on_request=calls.append)


class TestDynamoMetadata(MetadataContract, HubContract, CollectContract):
    """The contract, on the store of this module."""


def test_creating_the_table_again_is_no_error(stack: Stack) -> None:
    create_table(TABLE, stack.region, stack.endpoints.dynamodb_url, session=stack.session)


def test_rows_of_uploads_expire_by_the_column_that_the_table_names(stack: Stack) -> None:
    client = stack.session.create_client(
        "dynamodb", region_name=stack.region, endpoint_url=stack.endpoints.dynamodb_url
    )
    described = client.describe_time_to_live(TableName=TABLE)["TimeToLiveDescription"]
    client.close()
    assert described["TimeToLiveStatus"] == "ENABLED"
    assert described["AttributeName"] == "expires_at_s"


def test_a_table_that_does_not_exist_is_no_passing_trouble(stack: Stack) -> None:
    url = stack.endpoints.dynamodb_url
    store = DynamoMetadata("no-such-table", stack.region, url, session=stack.session)
    with pytest.raises(PortError) as raised:
        store.find_repository("team", APP)
    assert not isinstance(raised.value, Unavailable)


def test_building_a_store_sends_nothing(stack: Stack) -> None:
    calls: list[str] = []
    stack.metadata(on_request=calls.append)
    assert calls == []


def test_a_checksum_that_comes_between_reading_and_writing_stays(
    stack: Stack, store: DynamoMetadata, team: str
) -> None:
    def come_between(operation: str) -> None:
        if operation == "TransactWriteItems":
            store.put_index_images(team, APP, [IndexImage(A, "first")])

    store.put_repository(team, repository())
    late = stack.metadata(on_request=come_between)
    late.put_index_images(team, APP, [IndexImage(A, "second")])
    assert list(store.list_index_images(team, APP)) == [IndexImage(A, "first")]


def _meddling(stack: Stack, meddle: Callable[[], None]) -> DynamoMetadata:
    """A store before whose first transaction something else happens."""
    left = [meddle]

    def come_between(operation: str) -> None:
        if operation == "TransactWriteItems" and left:
            left.pop()()

    return stack.metadata(on_request=come_between)


def test_a_tag_that_comes_between_looking_and_deleting_goes_with_its_manifest(
    stack: Stack, store: DynamoMetadata, team: str
) -> None:
    def push() -> None:
        store.put_manifest(team, repository(), manifest(), [tag()], change())

    store.put_manifest(team, repository(), manifest(), [], change())
    _meddling(stack, push).delete_manifest(team, APP, manifest().digest, change())
    assert store.find_manifest(team, APP, manifest().digest) is None
    assert store.find_tag(team, APP, V1) is None


def test_an_index_that_comes_between_looking_and_deleting_keeps_its_child(
    stack: Stack, store: DynamoMetadata, team: str
) -> None:
    child, index = manifest(b"child"), manifest(b"index")

    def push() -> None:
        store.put_manifest(team, repository(), index, [], change(), children=[child.digest])

    store.put_manifest(team, repository(), child, [], change())
    with pytest.raises(Held):
        _meddling(stack, push).delete_manifest(team, APP, child.digest, change())
    assert store.find_manifest(team, APP, child.digest) == child


# --- budgets: what each verb costs, counted in HTTP requests -----------------------------------

Verb = Callable[[MetadataStore, str], object]
TRANSACTION = ["TransactWriteItems"]


def _prepare(store: MetadataStore, team: str) -> None:
    store.put_manifest(team, repository(), manifest(), [tag("v1"), tag("v2")], change())
    store.put_blob(team, APP, blob())
    store.give_edge_word(team, APP, "word")
    store.open_upload(session(team, claim="mine", claim_expires_at_s=NOW_S + 60))
    store.open_upload(session(team, "free"))
    store.put_image(team, image(A))
    store.put_image(team, image(B))
    store.put_layer(team, uploaded(B))
    store.put_index_images(team, APP, [IndexImage(A, "x")])


def _children(store: MetadataStore, team: str, count: int) -> list[Digest]:
    """So many manifests that are there; each costs a transaction."""
    children = [manifest(b"child %d" % n) for n in range(count)]
    for child in children:
        store.put_manifest(team, repository(), child, [], change())
    return [child.digest for child in children]


def _tagged(store: MetadataStore, team: str, count: int) -> None:
    """Point so many tags to the manifest, `v1` and `v2` among them, by two transactions."""
    names = [f"v{number}" for number in range(1, count + 1)]
    for some in (names[:30], names[30:]):
        store.put_manifest(team, repository(), manifest(), [tag(n) for n in some], change())


def _images(count: int) -> list[IndexImage]:
    return [IndexImage(f"{n:064x}", "x") for n in range(count)]


def _held(team: str) -> UploadSession:
    return session(team, claim="mine", claim_expires_at_s=NOW_S + 60)


def _refused(verb: Verb) -> Verb:
    def call(store: MetadataStore, team: str) -> None:
        with pytest.raises(PortError):
            verb(store, team)

    return call


def _claim(upload_id: str) -> Verb:
    return lambda s, t: s.claim_upload(t, upload_id, "c", now_s=NOW_S, expires_at_s=NOW_S + 60)


def _adopt(count: int) -> Verb:
    blobs = [blob(b"%d" % n) for n in range(count)]
    return lambda s, t: s.adopt_blobs(t, APP, "word", blobs)


DIGESTS = [digest_of(b"%d" % n) for n in range(98)]

# What is read comes with the records that say whether it has ended.
LOOK = ["BatchGetItem"]
# Bytes for a team: whether it has them and may have more, and then all at once.
KEPT = [*LOOK, *TRANSACTION]

BUDGETS: dict[str, tuple[Verb, list[str]]] = {
    "find_repository": (lambda s, t: s.find_repository(t, APP), LOOK),
    "put_repository, new": (
        lambda s, t: s.put_repository(t, repository("a/new")),
        ["GetItem", *TRANSACTION],
    ),
    "put_repository, known": (
        lambda s, t: s.put_repository(t, repository()),
        ["GetItem", *TRANSACTION, "GetItem"],
    ),
    "list_repositories": (lambda s, t: s.list_repositories(t, Page(100)), ["GetItem", "Query"]),
    "survey_push, 100 keys": (
        lambda s, t: s.survey_push(t, APP, [V1], DIGESTS[:49], DIGESTS[49:97]),
        ["BatchGetItem"],
    ),
    "survey_push, 101 keys": (
        lambda s, t: s.survey_push(t, APP, [V1], DIGESTS, []),
        ["BatchGetItem"] * 2,
    ),
    "put_manifest": (
        lambda s, t: s.put_manifest(
            t, repository(), manifest(b"x"), [tag("v1"), tag("v3")], change()
        ),
        TRANSACTION,
    ),
    "find_manifest": (lambda s, t: s.find_manifest(t, APP, manifest().digest), LOOK),
    "survey_pull": (lambda s, t: s.survey_pull(t, APP, V1), LOOK),
    "find_tag": (lambda s, t: s.find_tag(t, APP, V1), LOOK),
    "find_tag, none": (lambda s, t: s.find_tag(t, APP, TagName("none")), LOOK),
    "put_tag": (lambda s, t: s.put_tag(t, repository(), tag(image_id=A), change()), TRANSACTION),
    "delete_tag": (lambda s, t: s.delete_tag(t, APP, TagName("v2"), change()), TRANSACTION),
    "delete_manifest": (
        lambda s, t: s.delete_manifest(t, APP, manifest().digest, change()),
        ["GetItem", "Query", "Query", *TRANSACTION],
    ),
    "delete_manifest, 33 tags": (
        lambda s, t: _tagged(s, t, 33) or s.delete_manifest(t, APP, manifest().digest, change()),
        [*TRANSACTION * 2, "GetItem", "Query", "Query", *TRANSACTION * 2],
    ),
    "put_manifest, 46 children": (
        lambda s, t: s.put_manifest(
            t, repository(), manifest(b"x"), [tag("v1")], change(), children=_children(s, t, 46)
        ),
        TRANSACTION * 47,
    ),
    "put_manifest, 47 children": (
        lambda s, t: s.put_manifest(
            t, repository(), manifest(b"x"), [tag("v1")], change(), children=_children(s, t, 47)
        ),
        TRANSACTION * 49,
    ),
    "list_history": (lambda s, t: s.list_history(t, APP, V1, Page(1)), [*LOOK, "Query"]),
    "list_referrers": (
        lambda s, t: s.list_referrers(t, APP, manifest().digest, Page(1), "a/b"),
        [*LOOK, "Query"],
    ),
    "list_tags": (lambda s, t: s.list_tags(t, APP, Page(1)), [*LOOK, "Query"]),
    "find_link": (lambda s, t: s.find_link(t, APP, blob().digest), LOOK),
    "delete_link": (
        lambda s, t: s.delete_link(t, APP, blob().digest),
        [*LOOK, *TRANSACTION],
    ),
    "list_tags_whole": (
        lambda s, t: s.list_tags_whole(t, APP, Page(10)),
        ["Query", "BatchGetItem"],
    ),
    "find_blob": (lambda s, t: s.find_blob(t, blob().digest), ["GetItem"]),
    "spare_link": (lambda s, t: s.spare_link(t, APP, blob().digest), ["UpdateItem"]),
    "spare_image": (lambda s, t: s.spare_image(t, B), ["UpdateItem"]),
    "find_manifests": (
        lambda s, t: s.find_manifests(t, APP, [manifest().digest]),
        ["BatchGetItem"],
    ),
    "read_contents": (lambda s, t: s.read_contents(t, APP), ["GetItem", "Query"]),
    "glance": (lambda s, t: s.glance(t, APP), ["Query", "Query"]),
    "put_blob": (lambda s, t: s.put_blob(t, APP, blob(b"new")), KEPT),
    "put_blob, closing": (lambda s, t: s.put_blob(t, APP, blob(b"n"), _held(t)), KEPT),
    "find_blobs": (lambda s, t: s.find_blobs(t, DIGESTS), ["BatchGetItem"]),
    "find_edge_word": (lambda s, t: s.find_edge_word(t, APP), LOOK),
    "give_edge_word": (lambda s, t: s.give_edge_word(t, APP, "w"), [*LOOK, "UpdateItem"]),
    "adopt_blobs, 45": (_adopt(45), KEPT),
    "adopt_blobs, 46": (_adopt(46), KEPT * 2),
    "open_upload": (lambda s, t: s.open_upload(session(t, "new")), ["PutItem"]),
    "find_upload": (lambda s, t: s.find_upload(t, "upload-1", now_s=NOW_S), ["GetItem"]),
    "claim_upload": (_claim("free"), ["UpdateItem"]),
    "claim_upload, refused": (_refused(_claim("upload-1")), ["UpdateItem", "GetItem"]),
    "claim_upload, missing": (_refused(_claim("none")), ["UpdateItem", "GetItem"]),
    "save_upload": (lambda s, t: s.save_upload(replace(_held(t), tail=None), "mine"), ["PutItem"]),
    "save_upload, refused": (
        _refused(lambda s, t: s.save_upload(session(t, offset_bytes=1), "yours")),
        ["PutItem"],
    ),
    "close_upload": (lambda s, t: s.close_upload(session(t)), ["DeleteItem"]),
    "find_images, none": (lambda s, t: s.find_images(t, []), []),
    "find_images, one": (lambda s, t: s.find_images(t, [A]), ["GetItem"]),
    "find_images, two": (lambda s, t: s.find_images(t, [A, B]), ["BatchGetItem"]),
    "list_holders": (lambda s, t: s.list_holders(t, A), ["Query"]),
    "find_bridged": (lambda s, t: s.find_bridged(t, APP, A), ["GetItem"]),
    "put_bridged": (lambda s, t: s.put_bridged(t, APP, A, manifest(b"x")), TRANSACTION),
    "find_listed, 49": (
        lambda s, t: s.find_listed(t, APP, [image.image_id for image in _images(49)]),
        ["BatchGetItem"],
    ),
    "find_listed, 50": (
        lambda s, t: s.find_listed(t, APP, [image.image_id for image in _images(50)]),
        ["BatchGetItem"] * 2,
    ),
    "put_image": (lambda s, t: s.put_image(t, image(A, b"{}")), ["PutItem"]),
    "put_layer": (lambda s, t: s.put_layer(t, uploaded(A)), KEPT),
    "put_layer, closing": (lambda s, t: s.put_layer(t, uploaded(A), _held(t)), KEPT),
    "seal_image": (lambda s, t: s.seal_image(t, uploaded(B)), ["UpdateItem"]),
    "put_index_images, known": (
        lambda s, t: s.put_index_images(t, APP, [IndexImage(A, "y")]),
        ["Query"],
    ),
    "put_index_images, 49 new": (
        lambda s, t: s.put_index_images(t, APP, _images(49)),
        ["Query", *TRANSACTION],
    ),
    "put_index_images, 50 new": (
        lambda s, t: s.put_index_images(t, APP, _images(50)),
        ["Query", *TRANSACTION * 2],
    ),
    "list_index_images": (lambda s, t: s.list_index_images(t, APP), [*LOOK, "Query"]),
    "survey_index": (lambda s, t: s.survey_index(t, APP), [*LOOK, "Query"]),
}


@pytest.mark.parametrize("name", BUDGETS)
def test_a_verb_costs_what_its_port_says(
    store: DynamoMetadata, calls: list[str], team: str, name: str
) -> None:
    verb, expected = BUDGETS[name]
    _prepare(store, team)
    calls.clear()
    verb(store, team)
    assert calls == expected


def test_every_verb_of_the_port_has_a_budget() -> None:
    parts = (vars(MetadataStore), vars(ImageStore))
    verbs = {name for part in parts for name in part if not name.startswith("_")}
    assert {name.split(",")[0] for name in BUDGETS} == verbs


def test_a_dead_port_is_unavailable_at_once() -> None:
    store = DynamoMetadata(
        TABLE, "us-east-1", "http://127.0.0.1:9", session=open_session("key", "secret")
    )
    with pytest.raises(Unavailable):
        store.find_tag("team", APP, V1)
    with pytest.raises(Unavailable):
        store.put_manifest("team", repository(), manifest(), [tag()], change())
    with pytest.raises(Unavailable):
        store.list_tags("team", APP, Page(1))
