"""Tags and the catalog, in pages. Spec: OCI Distribution 1.1, "Listing Tags"; end-8a, end-8b."""

from __future__ import annotations

import itertools

from chalicelib.domain.errors import ErrorCode
from tests.conformance.bodies import image, push, pushed
from tests.conformance.cases import ABSENT, Step, case, get, head, of, put, refused

R = "acme/app"
LIST = f"/v2/{R}/tags/list"
# Tags that begin each other, in bytewise order: capitals before small letters.
PREFIXES = ["1", "1-rc", "1.0", "10", "A", "_", "a", "a-", "a.b", "aa"]
BAD_NUMBERS = ["-1", "ten", "1.5", "1e3", "%20", "0x10", "%C2%B2", "+1"]


def tagged(*tags: str) -> tuple[Step, ...]:
    return pushed(R, *tags)


def page(query: str, *tags: str, link: str | None = None) -> Step:
    """A page of tags; ``link`` is the query of the page after it."""
    following = f'<{LIST}?{link}>; rel="next"' if link else ABSENT
    return get(
        f"{LIST}{query}", answers={"Link": following}, answer_json={"name": R, "tags": list(tags)}
    )


TAGS = (
    case("all tags, bytewise", "end-8a", tagged(*reversed(PREFIXES)), page("", *PREFIXES)),
    case("HEAD of a list has no body", "end-8a", tagged("a"), head(LIST)),
    case(
        "one tag a page, until the last page says no more",
        "end-8b",
        tagged("a", "b", "c"),
        page("?n=1", "a", link="n=1&last=a"),
        page("?n=1&last=a", "b", link="n=1&last=b"),
        page("?n=1&last=b", "c"),
        page("?n=1&last=c"),
    ),
    case(
        "the link of a page leads to the next",
        "end-8b",
        tagged(*PREFIXES),
        get(f"{LIST}?n=9", save={"link": "header:Link"}, answers={"Link": ...}),
        page("?n=9&last=a.b", "aa"),
    ),
    case(
        "a page that holds exactly all has no link",
        "end-8b",
        tagged("a", "b"),
        page("?n=2", "a", "b"),
    ),
    case(
        "no tag is lost or seen twice between tags that begin each other",
        "end-8b",
        tagged(*PREFIXES),
        *(
            page(f"?n=1&last={last}", tag, link=f"n=1&last={tag}" if tag != "aa" else None)
            for last, tag in itertools.pairwise(PREFIXES)
        ),
    ),
    case("n of 0 asks for nothing", "end-8b", tagged("a"), page("?n=0"), page("?n=0&last=a")),
    case(
        "a huge n is cut down",
        "end-8b",
        tagged("a", "b"),
        page("?n=1000000", "a", "b"),
        page(f"?n={'9' * 400}", "a", "b"),
    ),
    case(
        "an n that is no number from 0 is refused",
        "end-8b",
        tagged("a"),
        *(refused(get(f"{LIST}?n={n}"), ErrorCode.PAGINATION_NUMBER_INVALID) for n in BAD_NUMBERS),
        page("?n=", "a"),
    ),
    case(
        "last need not be a tag that is there, or a tag at all",
        "end-8b",
        tagged("b", "d"),
        page("?last=a", "b", "d"),
        page("?last=c", "d"),
        page("?last=zzz"),
        page("?last=", "b", "d"),
        page("?last=%20%2F", "b", "d"),
        page(f"?last={'c' * 2000}", "d"),
        page("?last=%F0%9F%90%B3"),
        page("?last=%FF"),
    ),
    case("last without n", "end-8b", tagged("a", "b", "c"), page("?last=a", "b", "c")),
    case(
        "a repository that is not there",
        "code-9",
        refused(get(LIST), ErrorCode.NAME_UNKNOWN),
        head(LIST, status=404),
    ),
    case(
        "a repository that has a manifest and no tags",
        "end-8a",
        pushed(R),
        push(R, of(image()), image()),
        page(""),
    ),
    case(
        "the tags of one repository are not those of another whose name begins with its name",
        "end-8a",
        pushed("acme/app", "a"),
        pushed("acme/app2", "b"),
        pushed("acme/app/sub", "c"),
        page("", "a"),
    ),
)

CATALOG = (
    case("an empty catalog", "Docker v2", get("/v2/_catalog", answer_json={"repositories": []})),
    case(
        "the catalog in pages",
        "Docker v2",
        pushed("b/b", "x"),
        pushed("a", "x"),
        pushed("b/b2", "x"),
        get("/v2/_catalog", answer_json={"repositories": ["b/b", "b/b2", "a"]}),
        head("/v2/_catalog"),
        get(
            "/v2/_catalog?n=2",
            answer_json={"repositories": ["b/b", "b/b2"]},
            answers={"Link": '</v2/_catalog?n=2&last=b%2Fb2>; rel="next"'},
        ),
        get(
            "/v2/_catalog?n=2&last=b%2Fb2",
            answer_json={"repositories": ["a"]},
            answers={"Link": ABSENT},
        ),
        get("/v2/_catalog?last=a", answer_json={"repositories": []}),
        get("/v2/_catalog?n=0", answer_json={"repositories": []}),
        refused(get("/v2/_catalog?n=-1"), ErrorCode.PAGINATION_NUMBER_INVALID),
    ),
    case(
        "a repository is in the catalog from its first manifest on",
        "Docker v2",
        pushed(R),
        get("/v2/_catalog", answer_json={"repositories": []}),
        put(f"/v2/{R}/manifests/v1", image()),
        get("/v2/_catalog", answer_json={"repositories": [R]}),
    ),
)

CASES = (*TAGS, *CATALOG)
