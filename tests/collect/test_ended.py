"""What has expired goes: teams, repositories and tags, to the last row and the last object."""

from __future__ import annotations

import json
import secrets
import time
from typing import Any

import pytest

from chalicelib.adapters.dynamo import keys
from chalicelib.adapters.dynamo.image_models import HolderRow
from chalicelib.domain.image import ImageState, V1Image
from chalicelib.domain.marking import Kind
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.records import IndexImage
from chalicelib.ports import Conflict
from chalicelib.service.collect import collect
from chalicelib.web.endpoints import url_for
from tests.collect.places import HOUR_S, IMAGE_ID, PARENT_ID, Place, on_servers
from tests.conformance.bodies import CONFIG, LAYER, OCI, OTHER, image
from tests.conformance.cases import of
from tests.contracts.values import image as v1_image
from tests.support.stack import Stack
from tests.support.world import SettableClock


def test_of_a_team_that_has_ended_nothing_is_left(place: Place) -> None:
    place.make_team("crew", expires_in_s=60)
    place.make_team("stays")
    place.push("crew/app", "latest", LAYER)
    place.push("stays/app", "latest", LAYER)
    place.push_v1("crew/old", "latest")
    place.ask("POST", "/v2/crew/app/blobs/uploads/")
    size_bytes = len(CONFIG) + len(LAYER) + len(b"v1's")
    assert place.size_bytes() == size_bytes
    kept = place.left("stays")
    place.clock.at_s += 61
    for url in ("/v2/crew/app/manifests/latest", "/v1/repositories/crew/old/images"):
        assert place.status(url) in (401, 403, 404)
    assert place.left("crew"), "hidden, and not yet gone"
    place.passes()
    assert place.left("crew") == []
    assert place.size_bytes() == 0
    assert place.left("stays") == kept
    assert place.status("/v2/stays/app/manifests/latest") == 200
    # The name is free, and who takes it finds nothing of the old life.
    place.make_team("crew")
    assert place.status("/v2/crew/app/manifests/latest") == 404
    assert place.size_bytes() == 0


def test_a_long_chain_of_v1_images_goes_at_once_with_its_team(place: Place) -> None:
    place.make_team("crew", expires_in_s=60)
    store: Any = place.run.store
    ids = [f"{number:064x}" for number in range(40)]
    for number, image_id in enumerate(ids, 1):
        store.put_image("crew", v1_image(image_id, ancestry=tuple(reversed(ids[:number]))))
    place.clock.at_s += 61
    for _ in range(4):
        place.clock.at_s += HOUR_S
        assert collect(place.run)
    assert [row for row in place.left("crew") if ids[0] in row or ids[-1] in row] == []
    place.passes()
    assert place.left("crew") == []


def test_a_repository_that_has_expired_goes_and_its_bytes_with_it(place: Place) -> None:
    place.make_team("crew")
    place.push("crew/app", "latest", LAYER)
    before = place.left("crew")
    place.push("crew/brief", "latest", OTHER)
    place.ask("PUT", url_for("v2.expiry.put", repository="crew/brief"), {"expires_in_s": 60})
    place.passes()
    # A counter that is at nothing stays as long as its team.
    now = [each for each in place.left("crew") if " bytes#" not in each]
    assert now == [each for each in before if " bytes#" not in each]
    assert place.size_bytes() == len(CONFIG) + len(LAYER)


def test_a_tag_that_has_expired_takes_what_only_it_needed(place: Place) -> None:
    place.make_team("crew")
    place.push("crew/app", "latest", LAYER)
    place.push("crew/app", "brief", OTHER)
    place.push("crew/app", "also", LAYER)
    for tag in ("brief", "also"):
        url = url_for("v2.tag.expiry.put", repository="crew/app", tag=tag)
        place.ask("PUT", url, {"expires_in_s": 60})
    place.passes()
    found = place.run.store.read_contents("crew", RepositoryName("crew/app"))
    assert [tag.name.value for tag in found.tags] == ["latest"]
    assert [str(entry.digest) for entry in found.manifests] == [of(image(OCI, LAYER))]
    assert {str(link.digest) for link in found.links} == {of(CONFIG), of(LAYER)}
    assert place.size_bytes() == len(CONFIG) + len(LAYER)
    assert place.status("/v2/crew/app/manifests/latest") == 200


def test_a_run_that_comes_late_takes_nothing_of_the_next_team_of_that_name(place: Place) -> None:
    place.make_team("crew", expires_in_s=60)
    store, old = place.run.store, place.world.accounts.find_membership("crew", None).team
    assert old is not None
    place.clock.at_s += 61
    store.end_team("crew", old.life)
    place.make_team("crew", expires_in_s=60)
    place.push("crew/app", "latest", LAYER)
    place.clock.at_s += 61
    kept = place.left("crew")
    name = RepositoryName("crew/app")
    steps = (
        lambda: store.end_repository("crew", old.life, name),
        lambda: store.end_team("crew", old.life),
    )
    for step in steps:
        with pytest.raises(Conflict):
            step()
    assert place.left("crew") == kept


def test_what_hangs_on_an_ended_team_alone_goes_as_well(stack: Stack) -> None:
    """An image's entry of a repository that has none of it, and what webhooks still had to tell."""
    clock = SettableClock(int(time.time()))
    place = Place(on_servers(stack, clock), clock)
    place.make_team("crew", expires_in_s=60)
    store: Any = place.run.store
    name = RepositoryName("crew/app")
    for key in (
        keys.holder("crew", IMAGE_ID, name),
        keys.hook_event("crew", name.path, "1"),
        keys.due("crew", "hook", name.path, "1"),
        keys.told("crew", "once"),
    ):
        store._table.put(HolderRow.at(key))
    place.passes()
    assert place.left("crew") == []
    assert {each.thing.kind for each in place.gone} >= {Kind.HANGING, Kind.TEAM}


def test_pieces_of_a_json_that_an_image_had_before_go_and_the_others_stay(stack: Stack) -> None:
    clock = SettableClock(int(time.time()))
    place = Place(on_servers(stack, clock), clock)
    place.make_team("crew")
    store: Any = place.run.store
    place.push_v1("crew/old", "latest")
    # A parent that is only described: its json may still be replaced.
    texts = ("".join(secrets.token_hex(32) for _ in range(12_000)) for _ in range(2))
    raws = [json.dumps({"id": PARENT_ID, "x": text}).encode() for text in texts]
    for raw in raws:
        store.put_image("crew", V1Image(PARENT_ID, raw, (PARENT_ID,), ImageState.DESCRIBED))
    store.put_index_images("crew", RepositoryName("crew/old"), [IndexImage(PARENT_ID)])
    pieces = [each for each in place.left("crew") if "json#" in each]
    place.passes()
    left = [each for each in place.left("crew") if "json#" in each]
    assert left
    assert len(left) == len(pieces) / 2
    assert store.find_images("crew", [PARENT_ID])[PARENT_ID].raw_json == raws[1]
    assert [each.thing.kind for each in place.gone] == [Kind.PIECE] * len(left)
