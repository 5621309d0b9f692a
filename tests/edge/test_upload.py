"""upload.js: whose address is believed, and where the bytes go."""

import hashlib
import hmac
from base64 import b64encode
from typing import Any

import pytest

from chalicelib.domain.limits import MAX_INLINE_BODY_BYTES
from tests.edge.engines import Edge, Outcome, request_event

NOW_S = 1_800_000_000
KEYS = ("11" * 32, "ab" * 32)
SETTINGS: dict[str, Any] = {
    "keys": list(KEYS),
    "gateway": "off",
    "inlineBytes": MAX_INLINE_BODY_BYTES,
}
WITH_GATEWAY = {**SETTINGS, "gateway": "on"}
PATH = "/v2/team/img/blobs/uploads/Zk3-_x"
PLACE = "team/edge/r0_a-1"
HEX = hashlib.sha256(b"layer").hexdigest()
GIB = 1024**3
MOST = 5 * GIB
INLINE = MAX_INLINE_BODY_BYTES


def token(
    path: str = PATH, *, key: str = KEYS[0], expires_at_s: int = NOW_S + 60, place: str = PLACE
) -> str:
    """As the contract has it, and as the API signs."""
    text = f"upload\n{path}\n{expires_at_s}\n{place}".encode()
    signature = hmac.new(bytes.fromhex(key), text, hashlib.sha256).hexdigest()
    return f"{expires_at_s}.{place}.{signature}"


def send(
    edge: Edge,
    method: str = "PUT",
    uri: str = f"/_up{PATH}",
    *,
    settings: dict[str, Any] = SETTINGS,
    query: dict[str, Any] | None = None,
    headers: dict[str, Any] | None = None,
) -> Outcome:
    """A PUT of five bytes with its digest, unless told otherwise."""
    asked = {"_up": token(), "digest": f"sha256:{HEX}"} if query is None else query
    sent = {"content-length": "5"} if headers is None else headers
    event = request_event(method, uri, query=asked, headers=sent)
    return edge.call("upload.js", settings, event)


def test_a_put_of_known_length_and_digest_goes_to_s3(edge: Edge) -> None:
    outcome = send(edge)
    assert not outcome.refused
    assert outcome.origins == []
    assert outcome.result["uri"] == f"/{PLACE}/{HEX}"
    assert outcome.result["querystring"] == {}
    assert outcome.result["cookies"] == {}
    assert outcome.headers == {
        "host": "registry.example",
        "content-length": "5",
        "content-type": "application/octet-stream",
        "x-amz-content-sha256": HEX,
        "x-amz-checksum-sha256": b64encode(bytes.fromhex(HEX)).decode(),
        "x-roadstead-upload": PATH,
    }


HOSTILE_HEADERS = [
    "authorization",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-md5",
    "expires",
    "if-match",
    "if-none-match",
    "x-amz-acl",
    "x-amz-copy-source",
    "x-amz-date",
    "x-amz-decoded-content-length",
    "x-amz-grant-full-control",
    "x-amz-meta-note",
    "x-amz-object-lock-mode",
    "x-amz-sdk-checksum-algorithm",
    "x-amz-security-token",
    "x-amz-server-side-encryption",
    "x-amz-storage-class",
    "x-amz-tagging",
    "x-amz-website-redirect-location",
    "x-forwarded-host",
    "x-roadstead-edge",
]


@pytest.mark.parametrize("name", HOSTILE_HEADERS)
def test_nothing_that_s3_heeds_beside_the_bytes_gets_there(edge: Edge, name: str) -> None:
    outcome = send(edge, headers={"content-length": "5", name: "x"})
    assert name not in outcome.headers
    assert outcome.headers["x-amz-content-sha256"] == HEX


@pytest.mark.parametrize(
    "name",
    ["x-amz-content-sha256", "x-amz-checksum-sha256", "content-type", "x-roadstead-upload"],
)
def test_what_the_edge_says_to_s3_no_viewer_can_say(edge: Edge, name: str) -> None:
    plain = send(edge).headers
    assert send(edge, headers={"content-length": "5", name: ["x", "y"]}).headers == plain


def test_a_cookie_gets_no_further(edge: Edge) -> None:
    event = request_event(
        "PUT", f"/_up{PATH}", query={"_up": token(), "digest": f"sha256:{HEX}"},
        headers={"content-length": "5"},
    )  # fmt: skip
    event["request"]["cookies"] = {"a": {"value": "b"}}
    assert edge.call("upload.js", SETTINGS, event).result["cookies"] == {}


ESCAPED = [
    ({"_up": token().replace("/", "%2F"), "digest": f"sha256%3A{HEX}"}, "percent-encoded"),
    ({"_up": token(), "digest": f"sha256%3a{HEX}"}, "in lower case"),
    ({"_up": token(key=KEYS[1]), "digest": f"sha256:{HEX}"}, "the other key"),
    ({"_up": token(), "digest": f"sha256:{HEX}", "x": "1"}, "more in the query"),
    ({"_up": token(expires_at_s=NOW_S + 1), "digest": f"sha256:{HEX}"}, "its last second"),
]


@pytest.mark.parametrize("query", [each[0] for each in ESCAPED], ids=[each[1] for each in ESCAPED])
def test_an_address_is_believed_however_a_client_spells_it(
    edge: Edge, query: dict[str, Any]
) -> None:
    assert send(edge, query=query).result["uri"] == f"/{PLACE}/{HEX}"


GOOD = token()
EXPIRES, _, SIGNATURE = GOOD.split(".")
BAD_TOKENS = {
    "none": None,
    "empty": "",
    "twice": [GOOD, GOOD],
    "truncated": GOOD[:-1],
    "no signature": f"{EXPIRES}.{PLACE}.",
    "no signature at all": f"{EXPIRES}.{PLACE}",
    "more behind": f"{GOOD}.x",
    "a newline behind": f"{GOOD}%0A",
    "capital signature": GOOD.replace(SIGNATURE, SIGNATURE.upper()),
    "forged": f"{EXPIRES}.{PLACE}.{'0' * 64}",
    "foreign key": token(key="cd" * 32),
    "another place": GOOD.replace("team/edge", "other/edge"),
    "another time": GOOD.replace(EXPIRES, str(NOW_S + 61)),
    "expired": token(expires_at_s=NOW_S),
    "long expired": token(expires_at_s=1),
    "a negative time": token(expires_at_s=-1),
    "a time in words": GOOD.replace(EXPIRES, "Infinity"),
    "a fraction": GOOD.replace(EXPIRES, f"{EXPIRES}e3"),
    "signed for another path": token("/v2/team/other/blobs/uploads/Zk3-_x"),
    "signed place that leaves": token(place="team/edge/../x"),
    "signed place of three": token(place="team/edge/a/b"),
    "signed place of others": token(place="team/objects/a"),
    "signed place in capitals": token(place="TEAM/edge/a"),
    "signed place with a dot": token(place="team/edge/a.b"),
    "encoded twice": GOOD.replace("/", "%252F"),
    "cannot be decoded": f"{GOOD}%zz",
    "no utf-8": f"%ff{GOOD}",
}


@pytest.mark.parametrize("method", ["PUT", "PATCH", "GET", "DELETE"])
@pytest.mark.parametrize("given", BAD_TOKENS.values(), ids=BAD_TOKENS.keys())
def test_a_bad_address_leads_nowhere(edge: Edge, method: str, given: Any) -> None:
    query = {"digest": f"sha256:{HEX}"} | ({} if given is None else {"_up": given})
    outcome = send(edge, method, query=query)
    assert outcome.status == 403
    assert outcome.origins == []
    assert outcome.error == {
        "code": "DENIED",
        "message": "this upload's address is not valid or has run out; begin the upload again",
    }


@pytest.mark.parametrize("keys", [[], None, ["ff" * 32]])
def test_without_its_key_no_address_is_valid(edge: Edge, keys: Any) -> None:
    assert send(edge, settings={**SETTINGS, "keys": keys}).status == 403


BAD_PATHS = [
    "/_up",
    "/_up/",
    "/_up/_up/v2/team/img/blobs/uploads/x",
    "/_up/v2/team/img/manifests/latest",
    "/_up/v2/team/img/blobs/uploads/",
    "/_up/v2/team/img/blobs/uploads/x/",
    "/_up/v2/team/img/blobs/uploads/x/y",
    "/_up/v2/team/IMG/blobs/uploads/x",
    "/_up/v2/team%2Fimg/blobs/uploads/x",
    "/_up/v2/team/%2e%2e/img/blobs/uploads/x",
    "/_up/v2/team/img/blobs/uploads/%2e%2e",
    "/_up/v1/images/x/layer",
    "/_up/team/edge/r0_a-1/" + HEX,
    "/_up/v2/team/img/blobs/uploads/x\n",
]


@pytest.mark.parametrize("uri", BAD_PATHS)
def test_a_signature_opens_only_the_path_of_an_upload(edge: Edge, uri: str) -> None:
    signed = token(uri.removeprefix("/_up"))
    assert send(edge, uri=uri, query={"_up": signed, "digest": f"sha256:{HEX}"}).status == 403


@pytest.mark.parametrize(
    "uri",
    [
        f"/_up/{PATH}",
        f"/_up/x/..{PATH}",
        f"/_up/%2e%2e/_up{PATH}",
        f"/_up{PATH}/",
        f"/_up{PATH.replace('team', 'te%61m')}",
        f"/_up{PATH.replace('/team', '//team')}",
        f"/_up{PATH.replace('team', 'team/.')}",
    ],
)
def test_another_spelling_of_a_signed_path_is_another_path(edge: Edge, uri: str) -> None:
    assert send(edge, uri=uri).status == 403


def test_dots_in_a_signed_path_reach_the_bucket_by_no_means(edge: Edge) -> None:
    path = "/v2/../../x/blobs/uploads/y"
    query = {"_up": token(path), "digest": f"sha256:{HEX}"}
    assert send(edge, uri=f"/_up{path}", query=query).result["uri"] == f"/{PLACE}/{HEX}"


# What is no digest that S3 could compare: these bytes go another way, and never to the bucket.
OTHER_DIGESTS = {
    "none": None,
    "empty": "",
    "capitals": f"sha256:{HEX.upper()}",
    "capital algorithm": f"SHA256:{HEX}",
    "short": f"sha256:{HEX[:-1]}",
    "long": f"sha256:{HEX}0",
    "sha512": f"sha512:{'0' * 128}",
    "two": [f"sha256:{HEX}", f"sha256:{'0' * 64}"],
    "twice the same": [f"sha256:{HEX}", f"sha256:{HEX}"],
    "a path": "sha256:../../../secret",
    "a newline": f"sha256:{HEX}%0A",
    "encoded twice": f"sha256%253A{HEX}",
    "cannot be decoded": f"sha256:{HEX}%z",
}


@pytest.mark.parametrize("given", OTHER_DIGESTS.values(), ids=OTHER_DIGESTS.keys())
@pytest.mark.parametrize(
    ("settings", "length", "origin"),
    [
        (SETTINGS, INLINE, "api"),
        (SETTINGS, INLINE + 1, None),
        (WITH_GATEWAY, INLINE, "gateway"),
        (WITH_GATEWAY, INLINE + 1, "gateway"),
    ],
)
def test_without_a_sha256_the_bytes_go_elsewhere(
    edge: Edge, given: Any, settings: dict[str, Any], length: int, origin: str | None
) -> None:
    query = {"_up": token()} | ({} if given is None else {"digest": given})
    outcome = send(edge, settings=settings, query=query, headers={"content-length": str(length)})
    if origin is None:
        assert outcome.status == 413
        return
    assert outcome.origins == [origin]
    assert outcome.result["uri"] == PATH


# Lengths that say nothing: the body may be anything, so S3 never gets it.
ODD_LENGTHS: dict[str, dict[str, Any]] = {
    "none": {},
    "chunked": {"transfer-encoding": "chunked"},
    "both": {"transfer-encoding": "chunked", "content-length": "5"},
    "two": {"content-length": ["5", "6"]},
    "a list": {"content-length": "5, 5"},
    "negative": {"content-length": "-5"},
    "signed": {"content-length": "+5"},
    "hexadecimal": {"content-length": "0x5"},
    "a fraction": {"content-length": "5.0"},
    "an exponent": {"content-length": "5e9"},
    "words": {"content-length": "five"},
    "empty": {"content-length": ""},
    "endless": {"content-length": "9" * 40},
}


@pytest.mark.parametrize("headers", ODD_LENGTHS.values(), ids=ODD_LENGTHS.keys())
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize(
    ("settings", "origin"), [(SETTINGS, "api"), (WITH_GATEWAY, "gateway")], ids=["api", "gateway"]
)
def test_bytes_of_no_known_length_go_past_s3(
    edge: Edge, headers: dict[str, Any], method: str, settings: dict[str, Any], origin: str
) -> None:
    outcome = send(edge, method, settings=settings, headers=headers)
    assert outcome.origins == [origin]
    assert outcome.result["uri"] == PATH
    assert "x-amz-content-sha256" not in outcome.headers


# Method, length, settings: origin, or the status of a refusal.
WAYS: list[tuple[str, int, dict[str, Any], str | int]] = [
    ("PUT", 1, SETTINGS, "bucket"),
    ("PUT", MOST, SETTINGS, "bucket"),
    ("PUT", MOST + 1, SETTINGS, 413),
    ("PUT", 1, WITH_GATEWAY, "bucket"),
    ("PUT", MOST + 1, WITH_GATEWAY, "gateway"),
    ("PUT", 0, SETTINGS, "api"),
    ("PUT", 0, WITH_GATEWAY, "api"),
    ("PATCH", 0, SETTINGS, "api"),
    ("PATCH", INLINE, SETTINGS, "api"),
    ("PATCH", INLINE + 1, SETTINGS, 413),
    ("PATCH", 1, WITH_GATEWAY, "gateway"),
    ("PATCH", 90 * GIB, WITH_GATEWAY, "gateway"),
    ("GET", 0, WITH_GATEWAY, "api"),
    ("HEAD", 0, SETTINGS, "api"),
    ("DELETE", 0, WITH_GATEWAY, "api"),
    ("POST", 5, WITH_GATEWAY, "api"),
    ("OPTIONS", 0, SETTINGS, "api"),
]


@pytest.mark.parametrize(("method", "length", "settings", "way"), WAYS)
def test_each_way_of_sending_has_its_origin(
    edge: Edge, method: str, length: int, settings: dict[str, Any], way: str | int
) -> None:
    outcome = send(edge, method, settings=settings, headers={"content-length": str(length)})
    if isinstance(way, int):
        assert outcome.status == way
    elif way == "bucket":
        assert outcome.origins == []
        assert outcome.result["uri"] == f"/{PLACE}/{HEX}"
    else:
        assert outcome.origins == [way]
        assert outcome.result["uri"] == PATH


@pytest.mark.parametrize(
    ("method", "length", "names"),
    [
        ("PATCH", INLINE + 1, ("docker 29", "containerd", "oras", "push`", "proxy`", "gateway")),
        ("PUT", MOST + 1, ("5 GiB", "roadstead push", "roadstead proxy", "gateway")),
    ],
)
def test_who_is_cut_off_is_told_which_way_to_use(
    edge: Edge, method: str, length: int, names: tuple[str, ...]
) -> None:
    outcome = send(edge, method, headers={"content-length": str(length)})
    assert outcome.status == 413
    assert outcome.error["code"] == "SIZE_INVALID"
    assert str(length) in outcome.error["message"]
    assert all(name in outcome.error["message"] for name in names)
    assert outcome.headers["content-type"] == "application/json"
    assert outcome.headers["docker-distribution-api-version"] == "registry/2.0"


@pytest.mark.parametrize(
    ("settings", "origin"), [(SETTINGS, "api"), (WITH_GATEWAY, "gateway")], ids=["api", "gateway"]
)
def test_what_goes_onwards_loses_the_token_and_keeps_the_rest(
    edge: Edge, settings: dict[str, Any], origin: str
) -> None:
    outcome = send(
        edge,
        "PATCH",
        settings=settings,
        query={"_up": token(), "a": ["%20", "2"]},
        headers={
            "content-length": "3",
            "authorization": "Bearer x",
            "content-range": "0-2",
            "x-forwarded-host": "evil.example",
            "x-roadstead-edge": "guessed",
            "x-roadstead-upload": "/v2/x/blobs/uploads/y",
        },
    )
    assert outcome.origins == [origin]
    assert outcome.result["querystring"] == {
        "a": {"value": "%20", "multiValue": [{"value": "%20"}, {"value": "2"}]}
    }
    assert outcome.headers == {
        "host": "registry.example",
        "x-forwarded-host": "registry.example",
        "accept": "*/*",
        "content-length": "3",
        "authorization": "Bearer x",
        "content-range": "0-2",
    }


def test_without_a_setting_what_the_api_takes_goes_inline(edge: Edge) -> None:
    settings = {"keys": list(KEYS)}
    for length, refused in ((INLINE, False), (INLINE + 1, True)):
        outcome = send(edge, "PATCH", settings=settings, headers={"content-length": str(length)})
        assert outcome.refused is refused
