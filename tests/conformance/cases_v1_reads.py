"""What the note names as covered by no old test: caches and ranges."""

from __future__ import annotations

from chalicelib.domain.errors import ErrorCode
from tests.conformance.cases import Case, Step, case, get, refused
from tests.conformance.v1 import (
    CACHED,
    bearing,
    fetched,
    image,
    pushed,
    tar_of,
    uploaded,
    with_accounts,
)

SPEC = "gap of the old tests"
ONE = image(1)
PACKED = image(4, layer=tar_of(("a", b"1")))
APP, PUBLIC = "alice/app", "alice/public"
PARTS = ("json", "layer", "ancestry", "files", "diff")
SINCE = {"If-Modified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"}
SIZE = len(ONE.layer)


def gap(name: str, *steps: Step | tuple[Step, ...], **more: object) -> Case:
    return case(name, SPEC, *steps, **more)


def resumed(wanted: str) -> Step:
    """A range that has nothing left: docker takes only an empty body for the end."""
    return get(
        f"{ONE.url}/layer",
        headers={"Range": wanted},
        status=416,
        answer_body=b"",
        answers={"Content-Length": "0", "Content-Range": f"bytes */{SIZE}"},
    )


def partly(wanted: str, body: bytes) -> tuple[Step, ...]:
    range_header = {"Range": wanted}
    return (
        get(
            f"{ONE.url}/layer",
            headers=range_header,
            status=302,
            save={"location": "header:Location"},
        ),
        get("{location}", headers=range_header, status=206, answer_body=body),
    )


CASES: tuple[Case, ...] = (
    gap(
        "what never changes is cached for a year",
        uploaded(PACKED),
        *(
            get(f"{PACKED.url}/{part}", answers=CACHED)
            for part in ("json", "ancestry", "files", "diff")
        ),
    ),
    gap(
        "a redirect is not cached, because it runs out",
        uploaded(ONE),
        get(f"{ONE.url}/layer", status=302, answers={"Cache-Control": "no-store"}),
    ),
    gap(
        "a client that has it is told that nothing changed",
        uploaded(ONE),
        *(
            get(f"{ONE.url}/{part}", headers=SINCE, status=304, answers=CACHED, answer_body=b"")
            for part in PARTS
        ),
    ),
    gap(
        "nothing has not changed either: what is not there is a 404 before it is a 304",
        *(
            refused(get(f"{ONE.url}/{part}", headers=SINCE), ErrorCode.V1_IMAGE_UNKNOWN)
            for part in PARTS
        ),
    ),
    with_accounts(
        "with accounts only the client itself caches",
        pushed(APP, ONE, by="alice"),
        bearing(
            "{token}",
            get(
                f"{ONE.url}/json",
                answers={**CACHED, "Cache-Control": "private, max-age=31536000"},
            ),
        ),
        spec=SPEC,
    ),
    gap(
        "a resumed layer whose bytes are all there gets an empty 416",
        uploaded(ONE),
        resumed(f"bytes={SIZE}-{SIZE}"),
        resumed(f"bytes={SIZE}-"),
        resumed(f"bytes={SIZE + 1}-{SIZE}"),
    ),
    gap(
        "a resumed layer may end one byte behind its last, as docker asks",
        uploaded(ONE),
        partly(f"bytes=5-{SIZE}", ONE.layer[5:]),
        partly("bytes=5-", ONE.layer[5:]),
        partly("bytes=0-0", ONE.layer[:1]),
    ),
    gap(
        "a Range that says nothing is no Range",
        uploaded(ONE),
        *(
            get(f"{ONE.url}/layer", headers={"Range": text}, status=302)
            for text in ("bytes=", "bytes=a-b", "bytes=-", "lines=1-2", "bytes=5-2", "\u00b2-")
        ),
    ),
    gap(
        "an empty layer is a layer",
        uploaded(image(7, layer=b"")),
        get(f"{image(7).url}/json", answers={"X-Docker-Size": "0"}),
        fetched(image(7, layer=b"")),
    ),
)
