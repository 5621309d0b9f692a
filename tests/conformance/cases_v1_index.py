"""Cases 18 to 47: the index, tags and mirrors, as docker-registry's own tests have them."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.domain.access import Mode
from chalicelib.domain.accounts import SignUp
from chalicelib.domain.errors import ErrorCode
from tests.conformance.cases import Case, Step, get, post, refused
from tests.conformance.v1 import (
    AGENT,
    FACTS,
    OTHER_AGENT,
    OTHER_FACTS,
    delete,
    image,
    numbered,
    put,
    tag,
    uploaded,
)

INDEX = "docker-registry tests/test_index.py"
TAGS = "docker-registry tests/test_tags.py"
MIRRORS = "docker-registry tests/test_mirrors.py"
NO_MIRROR = "this registry mirrors nothing"

R = "/v1/repositories/test/r"
ONE, TWO = image(1, short=True), image(2, short=True)
LISTED = [{"id": ONE.id, "checksum": "sha256:aa"}, {"id": TWO.id}]
INVALID = ErrorCode.V1_TAG_INVALID

FOO = "/v1/repositories/foo/r"
AS_OLD, AS_NEW = {"User-Agent": AGENT}, {"User-Agent": OTHER_AGENT}
TAGGED = (*uploaded(ONE), tag("foo/r", "latest", ONE, headers=AS_OLD))


def flow(name: str) -> tuple[Step, ...]:
    """Everything that test_tags does, in a repository of this name."""
    url = f"/v1/repositories/{name}"
    return (
        *uploaded(ONE),
        put(f"{url}/tags/latest", ONE.id),
        put(f"{url}/tags/test", ONE.id),
        get(f"{url}/tags", answer_json={"latest": ONE.id, "test": ONE.id}),
        delete(f"{url}/tags/latest"),
        delete(f"{url}/"),
        get(f"{url}/tags", status=404),
    )


def tried(text: str) -> Step:
    return put(f"{FOO}/tags/{text}", ONE.id)


CASES: tuple[Case, ...] = (
    numbered(18, "a login is right in an open registry", INDEX, get("/v1/users/")),
    numbered(
        19,
        "an account is made",
        INDEX,
        refused(post("/v1/users/", "a string"), ErrorCode.V1_JSON_UNREADABLE),
        post(
            "/v1/users/",
            {"username": "carol", "password": "carol-secret", "email": "carol@example.com"},
            status=201,
            answer_json="User Created",
        ),
        mode=Mode.ACCOUNTS,
        signup=SignUp.OPEN,
        differs="a body that is a string is a 400; the object that clients send makes an account",
    ),
    numbered(
        20,
        "an account is changed",
        INDEX,
        put("/v1/users/alice/", {"email": "a@example.com"}, login="alice", status=204),
        refused(put("/v1/users/alice/", {"email": "b@example.com"}), ErrorCode.V1_UNAUTHORIZED),
        mode=Mode.ACCOUNTS,
        differs="accounts are real, so that their owner has to log in",
    ),
    numbered(
        21,
        "a repository is registered with its image list",
        INDEX,
        put(f"{R}/", LISTED, answer_json=""),
    ),
    numbered(22, "an image list is put", INDEX, put(f"{R}/images", LISTED, status=204)),
    numbered(
        23,
        "an image list that comes twice is merged",
        INDEX,
        put(f"{R}/", []),
        put(f"{R}/images", LISTED, status=204),
        put(f"{R}/images", LISTED, status=204),
        get(f"{R}/images", answer_json=LISTED),
    ),
    numbered(
        24,
        "deleting an image list is answered, and does nothing",
        INDEX,
        put(f"{R}/", LISTED),
        delete(f"{R}/images", status=204),
        get(f"{R}/images", answer_json=LISTED),
    ),
    numbered(25, "auth is granted to anybody in an open registry", INDEX, put(f"{R}/auth")),
    numbered(
        26,
        "a search is answered",
        INDEX,
        put(f"{R}/", []),
        get("/v1/search?q=test"),
    ),
    numbered(27, "a tag is pointed to an image", TAGS, TAGGED),
    numbered(28, "an image has two tags", TAGS, TAGGED, tag("foo/r", "test", ONE)),
    numbered(
        29, "a tag names its image", TAGS, TAGGED, get(f"{FOO}/tags/latest", answer_json=ONE.id)
    ),
    numbered(
        30,
        "a repository's json says which client set latest",
        TAGS,
        TAGGED,
        get(f"{FOO}/json", answer_json=FACTS),
    ),
    numbered(
        31,
        "a tag's json says which client set it",
        TAGS,
        TAGGED,
        get(f"{FOO}/tags/latest/json", answer_json=FACTS),
    ),
    numbered(
        32,
        "setting a tag again shows the client that did",
        TAGS,
        TAGGED,
        tag("foo/r", "latest", ONE, headers=AS_NEW),
        get(f"{FOO}/tags/latest/json", answer_json=OTHER_FACTS),
    ),
    numbered(
        33,
        "each tag has a client of its own",
        TAGS,
        TAGGED,
        tag("foo/r", "test", ONE, headers=AS_NEW),
        get(f"{FOO}/tags/test/json", answer_json=OTHER_FACTS),
        get(f"{FOO}/tags/latest/json", answer_json=FACTS),
    ),
    numbered(
        34,
        "tags are a map to image ids",
        TAGS,
        TAGGED,
        tag("foo/r", "test", ONE),
        get(f"{FOO}/tags", answer_json={"latest": ONE.id, "test": ONE.id}),
    ),
    numbered(35, "a tag is deleted", TAGS, TAGGED, delete(f"{FOO}/tags/latest", answer_json=True)),
    numbered(
        36,
        "a deleted tag is gone, and the repository stays",
        TAGS,
        TAGGED,
        delete(f"{FOO}/tags/latest"),
        get(f"{FOO}/tags", answer_json={}),
        refused(get(f"{FOO}/tags/latest"), ErrorCode.V1_TAG_UNKNOWN),
    ),
    numbered(37, "a repository is deleted", TAGS, TAGGED, delete(f"{FOO}/", answer_json=True)),
    numbered(
        38,
        "a deleted repository has no tags",
        TAGS,
        TAGGED,
        delete(f"{FOO}/"),
        refused(get(f"{FOO}/tags"), ErrorCode.V1_REPOSITORY_UNKNOWN),
    ),
    numbered(
        39,
        "an unknown repository has no tags",
        TAGS,
        refused(get("/v1/repositories/nobody/nothing/tags"), ErrorCode.V1_REPOSITORY_UNKNOWN),
    ),
    numbered(
        40,
        "a name with special characters",
        TAGS,
        *(
            refused(replace(step, answer_json=...), ErrorCode.V1_REPOSITORY_INVALID)
            for step in flow("foo/abcde%25%24_-test")
            if "/repositories/" in step.url
        ),
        flow("foo/ab.cd_e__f--test"),
        differs="names outside the grammar of v2 are a 400: each repository is reachable by both",
    ),
    numbered(
        41,
        "a tag may not be $<invalid>",
        TAGS,
        uploaded(ONE),
        refused(tried("$%3Cinvalid%3E"), INVALID),
    ),
    numbered(
        42,
        "a tag may not begin with a dot",
        TAGS,
        uploaded(ONE),
        refused(tried(".invalid"), INVALID),
    ),
    numbered(
        43,
        "a tag may not begin with a hyphen",
        TAGS,
        uploaded(ONE),
        refused(tried("-invalid"), INVALID),
    ),
    numbered(44, "a tag may begin with an underscore", TAGS, uploaded(ONE), tried("_valid")),
    numbered(45, "a mirror serves images of its upstream", MIRRORS, differs=NO_MIRROR),
    numbered(
        46,
        "a mirror is not asked for an id that is none",
        MIRRORS,
        refused(get("/v1/images/doe587e8157/json"), ErrorCode.V1_IMAGE_ID_INVALID),
    ),
    numbered(
        47,
        "a mirror serves tags of its upstream, and 404 for what that has not",
        MIRRORS,
        refused(get("/v1/repositories/testing/test/tags"), ErrorCode.V1_REPOSITORY_UNKNOWN),
        differs=NO_MIRROR,
    ),
)
