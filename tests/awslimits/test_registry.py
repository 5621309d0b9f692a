"""The real registry behind the real edge functions, and what AWS's limits make of it."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from chalicelib.domain.access import Mode
from chalicelib.domain.bearer import Challenge
from chalicelib.service import accounts
from roadstead import local
from roadstead.awslimits.exchange import Address
from roadstead.awslimits.home import Plan
from roadstead.awslimits.limits import MIB, ApiLimits, OacSwitches
from tests.awslimits.places import Place, aws_place
from tests.awslimits.wire import Said, ask, pieces
from tests.support.stack import Stack

BLOB = b"a layer"
GIB = 1024 * MIB


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def begin(place: Place, repository: str) -> str:
    """The address of a new upload."""
    said = ask(place.edge, "POST", f"/v2/{repository}/blobs/uploads/", {}, b"")
    assert said.status == 202, said.body
    location: str = said.headers["Location"]
    assert location.startswith(f"/_up/v2/{repository}/blobs/uploads/")
    return location


def put(place: Place, location: str, data: bytes, digest: str | None = None) -> Said:
    target = f"{location}&digest={digest or digest_of(data)}"
    return ask(place.edge, "PUT", target, {}, data)


def error(said: Said) -> dict[str, str]:
    (found,) = json.loads(said.body)["errors"]
    return dict(found)


def message(said: Said) -> str:
    return error(said)["message"]


@pytest.fixture
def repository(team: str) -> str:
    return f"{team}/app"


def test_a_blob_goes_to_the_bucket_and_comes_from_the_door(bare: Place, repository: str) -> None:
    data = b"x" * (12 * MIB)

    said = put(bare, begin(bare, repository), data)
    got = ask(bare.edge, "GET", f"/v2/{repository}/blobs/{digest_of(data)}", {"Accept": "*/*"})

    assert said.status == 201
    assert said.headers["Docker-Content-Digest"] == digest_of(data)
    assert said.headers["Location"] == f"/v2/{repository}/blobs/{digest_of(data)}"
    assert not [name for name in said.headers if name.lower().startswith("x-amz-checksum")]
    assert got.status == 307
    url = urlsplit(got.headers["Location"])
    assert url.netloc == bare.home.door.netloc
    assert ask(bare.home.door, "GET", f"{url.path}?{url.query}").body == data


@pytest.mark.parametrize("size", [7, 3 * MIB], ids=["small", "3 MiB"])
def test_other_bytes_than_the_digest_says_are_refused_and_not_stored(
    bare: Place, repository: str, size: int
) -> None:
    digest = digest_of(b"another" + repository.encode())

    said = put(bare, begin(bare, repository), b"y" * size, digest)

    assert said.status == 400
    assert error(said)["code"] == "DIGEST_INVALID"
    assert said.headers["Docker-Distribution-Api-Version"] == "registry/2.0"
    assert ask(bare.edge, "HEAD", f"/v2/{repository}/blobs/{digest}").status == 404


def test_an_uploads_address_that_was_changed_is_refused(bare: Place, repository: str) -> None:
    location = begin(bare, repository)
    for changed in (
        location.replace("_up=1", "_up=2"),
        location.replace(repository, "other/app"),
        location[:-1] + ("0" if location[-1] != "0" else "1"),
        location.partition("?")[0] + "?a=1",
    ):
        said = put(bare, changed, BLOB)
        assert said.status == 403
        assert "begin the upload again" in message(said)


@pytest.mark.parametrize(
    ("method", "digest", "declared", "ways"),
    [
        ("PUT", True, 5 * GIB + 1, ("roadstead push", "roadstead proxy", "gateway")),
        ("PATCH", False, 8 * MIB, ("roadstead push", "roadstead proxy", "gateway", "docker 29")),
        ("PUT", False, 8 * MIB, ("roadstead push", "roadstead proxy", "gateway", "docker 29")),
    ],
    ids=["over 5 GiB", "PATCH", "PUT without a digest"],
)
def test_what_is_too_large_is_told_the_ways_before_a_byte_is_sent(
    bare: Place, repository: str, method: str, digest: bool, declared: int, ways: tuple[str, ...]
) -> None:
    location = begin(bare, repository) + (f"&digest={digest_of(BLOB)}" if digest else "")

    said = ask(bare.edge, method, location, {}, b"", declared=declared)

    assert said.status == 413
    assert all(way in message(said) for way in ways)


@pytest.mark.parametrize("size", [6 * MIB, 11 * MIB], ids=["over Lambda's", "over API Gateway's"])
@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_what_is_too_large_and_says_no_length_is_told_the_ways_as_well(
    bare: Place, repository: str, method: str, size: int
) -> None:
    """API Gateway's refusal, in our words."""
    said = ask(bare.edge, method, begin(bare, repository), {}, pieces(size))

    assert (said.status, error(said)["code"]) == (413, "DENIED")
    assert said.headers["Content-Type"] == "application/json"
    for way in ("roadstead push", "roadstead proxy", "gateway", "docker 29"):
        assert way in message(said)


def test_a_v1_layer_that_is_too_large_is_told_the_ways_in_v1s_shape(bare: Place) -> None:
    said = ask(bare.edge, "PUT", f"/v1/images/{'0a' * 32}/layer", {}, pieces(11 * MIB))

    assert said.status == 413
    assert "roadstead push" in json.loads(said.body)["error"]
    assert said.headers["X-Docker-Registry-Version"]


def test_an_answer_of_the_registrys_own_is_not_touched(bare: Place, repository: str) -> None:
    lost = f"/v1/images/{'0c' * 32}/layer"
    location = begin(bare, repository)
    bad = ask(bare.edge, "PUT", f"{location}&digest=sha256:xyz", {}, b"")

    assert "roadstead" not in ask(bare.edge, "GET", lost).body.decode()
    assert bad.status == 400
    assert "not those of the digest" not in message(bad)


def test_without_lambda_at_the_edge_aws_has_its_own_words(stack: Stack, repository: str) -> None:
    with aws_place(stack, Plan(explain=False)) as place:
        patched = ask(place.edge, "PATCH", begin(place, repository), {}, pieces(11 * MIB))
        wrong = put(place, begin(place, repository), BLOB, digest_of(b"something else"))

    assert patched.status == 413
    assert patched.body.startswith(b"HTTP content length exceeded")
    assert b"<Code>" in wrong.body


def test_who_does_not_come_through_the_edge_is_refused(bare: Place) -> None:
    said = ask(bare.home.api, "GET", "/api/v2/", {"Accept": "*/*"})
    forged = ask(bare.home.api, "GET", "/api/v2/", {"Accept": "*/*", "X-Roadstead-Edge": "00"})

    assert (said.status, forged.status) == (403, 403)


def test_a_head_of_a_manifest_has_its_length(bare: Place, repository: str) -> None:
    config = b"{}"
    assert put(bare, begin(bare, repository), config).status == 201
    kind = "application/vnd.oci.image.manifest.v1+json"
    body = {
        "schemaVersion": 2,
        "mediaType": kind,
        "config": {
            "mediaType": "application/vnd.oci.empty.v1+json",
            "digest": digest_of(config),
            "size": len(config),
        },
        "layers": [],
    }
    raw = json.dumps(body).encode()
    where = f"/v2/{repository}/manifests/1.0"

    pushed = ask(bare.edge, "PUT", where, {"Content-Type": kind}, raw)
    head = ask(bare.edge, "HEAD", where)
    got = ask(bare.edge, "GET", where)

    assert pushed.status == 201, pushed.body
    assert head.headers["Content-Length"] == str(len(raw))
    # No Accept was sent: without the edge's API Gateway would have handed base64 on.
    assert got.body == raw


def test_a_gateway_beside_it_takes_what_the_functions_cannot(
    beside: Place, repository: str
) -> None:
    data = b"z" * (9 * MIB)
    location = begin(beside, repository)

    patched = ask(beside.edge, "PATCH", location, {}, [data])
    closed = ask(
        beside.edge, "PUT", f"{patched.headers['Location']}?digest={digest_of(data)}", {}, b""
    )

    assert (patched.status, closed.status) == (202, 201), closed.body
    assert ask(beside.edge, "HEAD", f"/v2/{repository}/blobs/{digest_of(data)}").status in (
        200,
        307,
    )


# --- who is asked to identify, and where ----------------------------------------------------


@pytest.fixture(scope="module", params=list(Challenge), ids=lambda kind: kind.value)
def with_accounts(
    stack: Stack, request: pytest.FixtureRequest
) -> Iterator[tuple[Place, Challenge]]:
    choices = local.Choices(Mode.ACCOUNTS, challenge=request.param)
    with aws_place(stack, choices=choices) as place:
        yield place, request.param


def test_every_401_has_its_challenge(with_accounts: tuple[Place, Challenge]) -> None:
    place, kind = with_accounts
    login = {"Authorization": "Basic " + base64.b64encode(b"nobody:wrong").decode()}
    for headers in ({}, login):
        for target in ("/v2/", "/v2/private/app/manifests/latest"):
            said = ask(place.edge, "GET", target, headers)
            assert said.status == 401, (target, headers)
            assert said.headers["WWW-Authenticate"].lower().startswith(kind.value)
            assert "x-roadstead-status" not in said.headers
            assert json.loads(said.body)["errors"][0]["code"] == "UNAUTHORIZED"


def test_an_account_pushes(with_accounts: tuple[Place, Challenge], team: str) -> None:
    place, _ = with_accounts
    name = team.replace("-", "")[:20]
    accounts.create(place.home.world, name, "a long password")
    login = base64.b64encode(f"{name}:a long password".encode()).decode()
    headers = {"Authorization": f"Basic {login}"}

    begun = ask(place.edge, "POST", f"/v2/{name}/app/blobs/uploads/", headers, b"")
    said = ask(
        place.edge,
        "PUT",
        f"{begun.headers['Location']}&digest={digest_of(BLOB)}",
        headers,
        BLOB,
    )

    assert said.status == 201, said.body
    where = f"/v2/{name}/app/blobs/{digest_of(BLOB)}"
    assert ask(place.edge, "HEAD", where, headers).status in (200, 307)
    assert ask(place.edge, "HEAD", where).status == 401


# --- what nobody knows of AWS ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("switches", "status"),
    [(OacSwitches(takes_hash=False), 201), (OacSwitches(signs_amz=False), 403)],
    ids=["the hash is not taken", "the checksum is not signed"],
)
def test_either_answer_of_aws_loses_and_shows_nothing_wrong(
    stack: Stack, repository: str, switches: OacSwitches, status: int
) -> None:
    with aws_place(stack, Plan(oac=switches)) as place:
        said = put(place, begin(place, repository), BLOB)
        wrong = put(place, begin(place, repository), BLOB, digest_of(b"something else"))
        where = f"/v2/{repository}/blobs/{digest_of(b'something else')}"
        assert ask(place.edge, "HEAD", where).status == 404

    assert said.status == status
    assert wrong.status >= 400
    # What S3 refuses comes in the registry's words, whichever of its rules it was.
    assert {error(each)["code"] for each in (said, wrong) if each.status >= 400} <= {
        "DENIED",
        "DIGEST_INVALID",
    }


def test_throttled_clients_are_told_to_try_again(stack: Stack) -> None:
    limits = ApiLimits(rate_per_s=0.001, burst=1)
    with aws_place(stack, Plan(api=limits)) as place:
        first, second = (ask(place.edge, "GET", "/v2/") for _ in range(2))

    assert (first.status, second.status) == (200, 429)
    assert second.headers["Retry-After"] == "1"


def test_addresses_are_written_without_a_name() -> None:
    assert Address("127.0.0.1", 80).netloc == "127.0.0.1:80"
