"""Ends that come with a push. Spec: ours. See docs/adr/0042-expiry.md."""

from __future__ import annotations

from chalicelib.domain.errors import ErrorCode
from tests.conformance import v1
from tests.conformance.bodies import OTHER, image, pushed
from tests.conformance.cases import Step, blob, case, get, head, login, of, put, refused
from tests.conformance.team_steps import (
    APP,
    DAY,
    HOUR,
    NEXT,
    TAG,
    bad,
    denied,
    joined,
    made,
    tag_end,
    teams,
)

ONE = v1.image(1)
OLD = "/v1/repositories/crew/old"


def sent(expires: str, raw: bytes = image(), tag: str = "latest", **more: object) -> Step:
    url = f"/v2/{APP}/manifests/{tag}?{expires}"
    return put(url, raw, **more)


def ends(text: str | None, tag: str = "latest") -> Step:
    return get(f"/v2/{APP}/_roadstead/tags/{tag}/expiry", answer_json={"expires_at": text})


# Each case begins at 2027-01-15T08:00:00Z.
FORMS = {
    "90s": "2027-01-15T08:01:30Z",
    "30m": "2027-01-15T08:30:00Z",
    "2h": "2027-01-15T10:00:00Z",
    "7d": "2027-01-22T08:00:00Z",
    "1w": "2027-01-22T08:00:00Z",
    "1s": "2027-01-15T08:00:01Z",
    "2027-01-31T12:00:00Z": "2027-01-31T12:00:00Z",
    "2027-01-31T13:00:00%2B01:00": "2027-01-31T12:00:00Z",
    "never": None,
}
REFUSED = (
    "expires=2027-01-15T08:00:00Z",
    "expires=2020-01-01T00:00:00Z",
    "expires=2127-01-01T00:00:00Z",
    "expires=3651d",
    "expires=999999w",
    "expires=2027-01-31T12:00:00",
    "expires=2027-02-30T12:00:00Z",
    "expires=0s",
    "expires=-1h",
    "expires=2",
    "expires=h",
    "expires=2y",
    "expires=1h30m",
    "expires=2h%20",
    "expires=%D9%A2h",
    "expires=NEVER",
    "expires=",
    "expires",
    "expires=1h&expires=2h",
    "expires=1h&expires=1h",
)

CASES = (
    teams(
        "a push says when its tag ends, and from that second on it is gone",
        made(),
        login("alice", pushed(APP, "stays"), sent("expires=2h"), ends("2027-01-15T10:00:00Z")),
        login("alice", get(TAG, wait_s=2 * HOUR - 1)),
        login(
            "alice",
            refused(get(TAG, wait_s=1), ErrorCode.MANIFEST_UNKNOWN),
            get(f"/v2/{APP}/tags/list", answer_json={"name": APP, "tags": ["stays"]}),
        ),
    ),
    *(
        teams(
            f"a push with expires={text} ends as it says",
            made(),
            login("alice", pushed(APP, "x"), sent(f"expires={text}"), ends(end)),
        )
        for text, end in FORMS.items()
    ),
    teams(
        "an end that cannot be is refused, and nothing of the push is stored",
        made(),
        login("alice", pushed(APP, "x"), blob(APP, OTHER)),
        *(login("alice", bad(sent(text, NEXT))) for text in REFUSED),
        login(
            "alice",
            refused(get(TAG), ErrorCode.MANIFEST_UNKNOWN),
            refused(head(f"/v2/{APP}/manifests/{of(NEXT)}"), ErrorCode.MANIFEST_UNKNOWN),
            get(f"/v2/{APP}/tags/list", answer_json={"name": APP, "tags": ["x"]}),
        ),
    ),
    teams(
        "a push that says its end changes the one that the tag had; one that does not keeps it",
        made(),
        login("alice", pushed(APP, "latest"), tag_end(HOUR), sent("expires=1d")),
        login("alice", ends("2027-01-16T08:00:00Z"), pushed(APP, "latest")),
        login("alice", ends("2027-01-16T08:00:00Z"), sent("expires=never"), ends(None)),
        login("alice", get(TAG, wait_s=2 * DAY)),
    ),
    teams(
        "an end goes with the tags of a push by digest, and with no push without a tag",
        made(),
        login(
            "alice",
            pushed(APP, "x"),
            put(f"/v2/{APP}/manifests/{of(image())}?tag=a&tag=b&expires=1h", image()),
            ends("2027-01-15T09:00:00Z", "a"),
            ends("2027-01-15T09:00:00Z", "b"),
            ends(None, "x"),
            bad(sent("expires=1h", tag=of(image()))),
        ),
    ),
    teams(
        "an end that a push says goes before the tag's name",
        made(expires_tags_by_name=True),
        login(
            "alice",
            pushed(APP, "x"),
            sent("expires=1h", tag="2h"),
            ends("2027-01-15T09:00:00Z", "2h"),
            sent("x=1", tag="2h"),
            ends("2027-01-15T10:00:00Z", "2h"),
        ),
    ),
    teams(
        "who may push may say when a tag ends, and nobody else",
        made(),
        joined("reader"),
        login("alice", pushed(APP, "latest")),
        login("bob", denied(sent("expires=1h"))),
        refused(sent("expires=1h"), ErrorCode.UNAUTHORIZED),
        login("alice", ends(None)),
    ),
    case(
        "a tag of v1 ends when its push says so",
        "ours",
        v1.register("crew/old", ONE),
        v1.uploaded(ONE),
        v1.put(f"{OLD}/tags/latest?expires=2h", ONE.id),
        get(
            "/v2/crew/old/_roadstead/tags/latest/expiry",
            answer_json={"expires_at": "2027-01-15T10:00:00Z"},
        ),
        v1.put(f"{OLD}/tags/latest", ONE.id),
        get(f"{OLD}/tags/latest", wait_s=2 * HOUR - 1, answer_json=ONE.id),
        refused(get(f"{OLD}/tags/latest", wait_s=1), ErrorCode.V1_TAG_UNKNOWN),
    ),
    case(
        "an end that cannot be is refused through v1, and no tag is set",
        "ours",
        v1.register("crew/old", ONE),
        v1.uploaded(ONE),
        *(
            put(
                f"{OLD}/tags/latest?{text}",
                ONE.id,
                status=400,
            )
            for text in REFUSED
        ),
        refused(get(f"{OLD}/tags/latest"), ErrorCode.V1_TAG_UNKNOWN),
    ),
)
