"""Names outside the grammars, bodies that say nothing, what is gone, paths that are none."""

from __future__ import annotations

from chalicelib.domain.accounts import SignUp
from chalicelib.domain.errors import ErrorCode
from chalicelib.domain.limits import MAX_INDEX_IMAGES
from tests.conformance.cases import Case, Step, case, get, patch, post, refused
from tests.conformance.v1 import delete, image, put, register, tag, uploaded

SPEC = "v1, bad input"
ONE = image(1)
FOO = "/v1/repositories/foo/bar"

# As they stand in a path; decoded, none of them is in the grammar.
BAD_IDS = {
    "too short": "0" * 15,
    "between": "0" * 17,
    "too long": "0" * 65,
    "upper case": "A" * 64,
    "no hex": "g" * 64,
    "a newline at the end": "0" * 64 + "%0A",
    "a newline at the end of a short one": "0" * 16 + "%0A",
    "digits that are not ASCII": "%D9%A1" * 16,
    "bytes that are not UTF-8": "%FF" * 16,
    "a null": "0" * 15 + "%00",
    "a slash": "0" * 7 + "%2F" + "0" * 8,
    "dots": "..",
    "a percent sign": "%25" * 16,
    "a half escape": "%",
    "an emoji": "%F0%9F%90%B3",
}
BAD_NAMES = {
    "upper case": "foo/Bar",
    "a space": "foo/b%20r",
    "a newline at the end": "foo/bar%0A",
    "a newline at the end of the namespace": "foo%0A/bar",
    "letters that are not ASCII": "foo/b%C3%A4r",
    "digits that are not ASCII": "foo/%D9%A1",
    "bytes that are not UTF-8": "foo/%FF%FE",
    "a null": "foo/b%00r",
    "dots": "foo/..",
    "an escaped traversal": "foo/%2E%2E%2Fbar",
    "an edge hyphen": "foo/-bar",
    "three underscores": "foo/b___r",
    "a colon": "foo/bar:latest",
    "an emoji": "foo/%F0%9F%90%B3",
    "too many characters": "foo/" + "b" * 252,
    "an underscore first": "_foo/bar",
    "a curly brace": "foo/%7Bbar%7D",
}
BAD_TAGS = {
    "a dot first": ".x",
    "a hyphen first": "-x",
    "a newline at the end": "latest%0A",
    "a newline alone": "%0A",
    "letters that are not ASCII": "l%C3%A4test",
    "digits that are not ASCII": "%D9%A1",
    "bytes that are not UTF-8": "%FF",
    "a slash": "a%2Fb",
    "a space": "a%20b",
    "a null": "a%00b",
    "a colon": "a:b",
    "too many characters": "x" * 129,
    "a plus sign": "a+b",
    "an emoji": "%F0%9F%90%B3",
}


def bad(name: str, *steps: Step | tuple[Step, ...], **more: object) -> Case:
    return case(name, SPEC, *steps, **more)


def on_image(url: str) -> tuple[Step, ...]:
    """Everything that can be asked of an image."""
    return (
        *(get(f"{url}/{part}") for part in ("json", "layer", "ancestry", "files", "diff")),
        put(f"{url}/json", ONE.raw),
        put(f"{url}/layer", ONE.layer),
        put(f"{url}/checksum", headers={"X-Docker-Checksum-Payload": ONE.checksum}),
        post(f"{url}/layer/claim", {}),
    )


def on_repository(url: str) -> tuple[Step, ...]:
    """Everything that can be asked of a repository."""
    return (
        *(get(f"{url}/{part}") for part in ("tags", "json", "images", "properties", "grants")),
        put(f"{url}/images", [{"id": ONE.id}]),
        put(f"{url}/auth"),
        put(f"{url}/properties", {"access": "public"}),
        put(f"{url}/grants/bob", {"access": "read"}),
        put(f"{url}/tags/latest", ONE.id),
        delete(f"{url}/tags/latest"),
        delete(f"{url}/tags"),
        delete(f"{url}/images"),
        delete(f"{url}/grants/bob"),
    )


def on_tag(url: str) -> tuple[Step, ...]:
    return (get(url), get(f"{url}/json"), put(url, ONE.id), delete(url))


def gone(step: Step, code: ErrorCode) -> Step:
    return refused(step, code, status=404)


CASES: tuple[Case, ...] = (
    *(
        bad(
            f"an image id with {what} is a 404",
            *(
                refused(step, ErrorCode.V1_IMAGE_ID_INVALID)
                for step in on_image(f"/v1/images/{text}")
            ),
        )
        for what, text in BAD_IDS.items()
    ),
    *(
        bad(
            f"a repository's name with {what} is a 400",
            *(
                refused(step, ErrorCode.V1_REPOSITORY_INVALID)
                for step in (
                    *on_repository(f"/v1/repositories/{text}"),
                    put(f"/v1/repositories/{text}/", []),
                    delete(f"/v1/repositories/{text}/"),
                )
            ),
        )
        for what, text in BAD_NAMES.items()
    ),
    *(
        bad(
            f"a tag with {what} is a 400",
            uploaded(ONE),
            *(refused(step, ErrorCode.V1_TAG_INVALID) for step in on_tag(f"{FOO}/tags/{text}")),
        )
        for what, text in BAD_TAGS.items()
    ),
    bad(
        "what is gone is not deleted again",
        gone(delete(f"{FOO}/"), ErrorCode.V1_REPOSITORY_UNKNOWN),
        gone(delete(f"{FOO}/tags"), ErrorCode.V1_REPOSITORY_UNKNOWN),
        gone(delete(f"{FOO}/tags/latest"), ErrorCode.V1_TAG_UNKNOWN),
        uploaded(ONE),
        tag("foo/bar", "latest", ONE),
        delete(f"{FOO}/tags/latest"),
        gone(delete(f"{FOO}/tags/latest"), ErrorCode.V1_TAG_UNKNOWN),
        delete(f"{FOO}/"),
        gone(delete(f"{FOO}/"), ErrorCode.V1_REPOSITORY_UNKNOWN),
        delete(f"{FOO}/grants/bob"),
    ),
    bad(
        "an image list that is none is refused",
        *(
            refused(put(f"{FOO}{tail}", body), code)
            for tail in ("/", "/images")
            for body, code in (
                (b"[", ErrorCode.V1_JSON_UNREADABLE),
                (b"\xff", ErrorCode.V1_JSON_UNREADABLE),
                ([{"id": ONE.id, "checksum": "\ud800"}], ErrorCode.V1_JSON_UNREADABLE),
                (b"[" * 100_000, ErrorCode.V1_JSON_UNREADABLE),
                (b"{}", ErrorCode.V1_DATA_INVALID),
                (b'"text"', ErrorCode.V1_DATA_INVALID),
                (b"null", ErrorCode.V1_DATA_INVALID),
                (b"1", ErrorCode.V1_DATA_INVALID),
                ([{}] * (MAX_INDEX_IMAGES + 1), ErrorCode.V1_DATA_INVALID),
                ([{"id": "none"}], ErrorCode.V1_IMAGE_ID_INVALID),
                ([{"id": ONE.id + "\n"}], ErrorCode.V1_IMAGE_ID_INVALID),
            )
        ),
        refused(put(f"{FOO}/", b""), ErrorCode.V1_JSON_UNREADABLE),
        refused(get(f"{FOO}/images"), ErrorCode.V1_IMAGES_UNKNOWN),
    ),
    bad(
        "entries of an image list that name no image are passed over",
        put(f"{FOO}/", [{}, 1, None, "x", [], {"id": 1}, {"id": ONE.id, "checksum": 1}]),
        get(f"{FOO}/images", answer_json=[{"id": ONE.id}]),
    ),
    bad(
        "an account that is none is refused",
        *(
            refused(post("/v1/users/", body), ErrorCode.V1_JSON_UNREADABLE)
            for body in (
                *(b"{", b"[]", b"null", b'"x"', b"\xff", b"{" * 100_000),
                {"username": "carol", "password": "\ud800" * 9, "email": "c@example.com"},
            )
        ),
        *(
            post("/v1/users/", body, status=400, answers={"Content-Type": "application/json"})
            for body in (
                b"",
                {},
                {"username": "carol"},
                {"username": 1, "password": 2, "email": 3},
                {"username": "carol", "password": "short", "email": "c@example.com"},
                {"username": "carol", "password": "x" * 1025, "email": "c@example.com"},
                {"username": "carol", "password": "carol-secret", "email": "no address"},
                {"username": "carol", "password": "carol-secret", "email": "c@example.com\n"},
                {"username": "carol\n", "password": "carol-secret", "email": "c@example.com"},
                {"username": "c\u00e4rol", "password": "carol-secret", "email": "c@example.com"},
                {"username": "library", "password": "carol-secret", "email": "c@example.com"},
                {"username": "c/d", "password": "carol-secret", "email": "c@example.com"},
                {"username": "", "password": "", "email": ""},
            )
        ),
        signup=SignUp.OPEN,
    ),
    bad(
        "a grant that is none is refused",
        register("foo/bar"),
        *(
            put(f"{FOO}/grants/bob", body, status=400)
            for body in (b"{", b"[]", {}, {"access": "all"}, {"access": 1}, {"access": ["read"]})
        ),
        gone(put(f"{FOO}/grants/nobody", {"access": "read"}), ErrorCode.V1_ACCOUNT_UNKNOWN),
        gone(put(f"{FOO}/grants/%0A", {"access": "read"}), ErrorCode.V1_ACCOUNT_UNKNOWN),
    ),
    *(
        bad(f"{step} is no endpoint", refused(step, code))
        for step, code in (
            (get("/v1"), ErrorCode.NOT_FOUND),
            (get("/v1/"), ErrorCode.NOT_FOUND),
            (get("/v1/nothing"), ErrorCode.NOT_FOUND),
            (get("/v1/images"), ErrorCode.NOT_FOUND),
            (get(f"/v1/images/{ONE.id}"), ErrorCode.NOT_FOUND),
            (get("/v1/images//json"), ErrorCode.NOT_FOUND),
            (get(f"/v1/images/{ONE.id}/tags"), ErrorCode.NOT_FOUND),
            (get("/v1/repositories"), ErrorCode.NOT_FOUND),
            (get("/v1/repositories/"), ErrorCode.NOT_FOUND),
            (get("/v1/private_images/0000000000000000/json"), ErrorCode.NOT_FOUND),
            (get("/v1/_status"), ErrorCode.NOT_FOUND),
            (get("/v1/users/alice"), ErrorCode.UNSUPPORTED),
            (get(f"{FOO}/"), ErrorCode.UNSUPPORTED),
            (post("/v1/_ping"), ErrorCode.UNSUPPORTED),
            (delete("/v1/users/alice"), ErrorCode.UNSUPPORTED),
            (put(f"/v1/images/{ONE.id}/ancestry", [ONE.id]), ErrorCode.UNSUPPORTED),
            (patch(f"/v1/images/{ONE.id}/json", b"{}"), ErrorCode.UNSUPPORTED),
            (post(f"{FOO}/tags", {"latest": ONE.id}), ErrorCode.UNSUPPORTED),
            (put("/v1/search"), ErrorCode.UNSUPPORTED),
        )
    ),
    bad(
        "a search for anything is answered",
        *(
            get(f"/v1/search?{query}", answers={"Content-Type": "application/json"})
            for query in (
                "q=%FF",
                "q=%00",
                "q=%0A",
                "q=%25%5F",
                "q=%F0%9F%90%B3",
                "q=" + "x" * 4000,
                "q=" + "x+" * 1000,
                "q=a&q=b",
                "q",
                "=",
                "&&",
                "q=x&n=-1&page=-1",
                "q=x&n=" + "9" * 400,
                "q=x&n=%D9%A1",
                "q=x&n=1.5&page=1e3",
            )
        ),
    ),
)
