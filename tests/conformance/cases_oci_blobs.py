"""Blobs as the OCI conformance programme tries them: every way in, in both algorithms, and ranges.

What an older case shows for sha256 is not repeated; `oci_scenarios.py` says which that is.
Spec: OCI Distribution 1.1, "Pushing Blobs", "Pulling Blobs"; end-2, end-4 to 6, 10, 11, 13, 14.
"""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.domain.errors import ErrorCode
from tests.conformance.cases import (
    ABSENT,
    PRESENT,
    Case,
    Step,
    case,
    delete,
    get,
    head,
    of,
    patch,
    post,
    put,
    refused,
    start,
)

R, OTHER_R = "acme/app", "acme/other"
ALGORITHMS = ("sha256", "sha512")
# A HEAD of a blob is a redirect, as its GET is.
HEAD_STATUS = 307
OCTETS = {"Content-Type": "application/octet-stream"}
DATA = bytes(range(256)) * 2
CHUNK_BYTES = 1024
CHUNKS = bytes(range(251)) * 13  # three chunks, the last one not full
RANGED = bytes(range(256)) * 8  # 2,048 bytes


def uploads(repository: str) -> str:
    return f"/v2/{repository}/blobs/uploads/"


def at(repository: str, data: bytes, algorithm: str) -> str:
    return f"/v2/{repository}/blobs/{of(data, algorithm)}"


def closed(data: bytes, algorithm: str, last: bytes = b"", first: int | None = None) -> Step:
    """The PUT that ends an upload and answers where the blob is; ``first`` begins its range."""
    headers = OCTETS if first is None else {**OCTETS, **span(last, first)}
    answers = {
        "Location": f"/v2/{R}/blobs/{of(data, algorithm)}",
        "Docker-Content-Digest": of(data, algorithm),
    }
    url = f"{{location}}?digest={of(data, algorithm)}"
    return put(url, last, headers=headers, answers=answers)


def span(data: bytes, first: int) -> dict[str, str]:
    return {"Content-Range": f"{first}-{first + len(data) - 1}"}


def chunk(data: bytes, first: int) -> Step:
    return patch(
        "{location}",
        data,
        headers={**OCTETS, **span(data, first)},
        answers={"Range": f"0-{first + len(data) - 1}"},
        save={"location": "header:Location"},
    )


def there(data: bytes, algorithm: str, repository: str = R) -> tuple[Step, ...]:
    """HEAD and GET know the blob by its digest, and S3 has its bytes."""
    url = at(repository, data, algorithm)
    answers = {"Docker-Content-Digest": of(data, algorithm)}
    return (
        head(url, status=HEAD_STATUS, answers=answers),
        get(url, status=307, answers=answers, save={"at_s3": "header:Location"}),
        get("{at_s3}", answer_body=data, answers={"Content-Length": str(len(data))}),
    )


def removed(data: bytes, algorithm: str, repository: str = R) -> tuple[Step, ...]:
    """Deleted, and gone with the very next request."""
    url = at(repository, data, algorithm)
    return (
        delete(url, status=202),
        head(url, status=404),
        refused(get(url), ErrorCode.BLOB_UNKNOWN),
    )


def lives(data: bytes, algorithm: str) -> tuple[Step, ...]:
    return there(data, algorithm) + removed(data, algorithm)


def pushed(data: bytes, algorithm: str, repository: str = R) -> Step:
    url = f"{uploads(repository)}?digest={of(data, algorithm)}"
    answers = {"Docker-Content-Digest": of(data, algorithm), "Location": PRESENT}
    return post(url, data, status=201, headers=OCTETS, answers=answers)


def mounted(data: bytes, algorithm: str, query: str = "") -> Step:
    answers = {
        "Location": f"/v2/{R}/blobs/{of(data, algorithm)}",
        "Docker-Content-Digest": of(data, algorithm),
    }
    url = f"{uploads(R)}?mount={of(data, algorithm)}{query}"
    return post(url, status=201, answers=answers)


def pieces(data: bytes) -> list[tuple[bytes, int]]:
    return [(data[at : at + CHUNK_BYTES], at) for at in range(0, len(data), CHUNK_BYTES)]


def out_of_order(algorithm: str, *, put_last: bool) -> tuple[Step, ...]:
    """Before each right chunk a wrong one: 416, the status tells where to go on, and it does."""
    steps: list[Step] = [start(R)]
    for data, first in pieces(CHUNKS):
        ahead = first + CHUNK_BYTES
        wrong_first = ahead if ahead < len(CHUNKS) else 0
        wrong = CHUNKS[wrong_first : wrong_first + CHUNK_BYTES]
        ends = wrong_first + len(wrong) == len(CHUNKS)
        received = f"0-{max(first - 1, 0)}"
        headers = {**OCTETS, **span(wrong, wrong_first)}
        if put_last and ends:
            step = put(f"{{location}}?digest={of(CHUNKS, algorithm)}", wrong, headers=headers)
        else:
            step = patch("{location}", wrong, headers=headers)
        steps.append(
            refused(step, ErrorCode.RANGE_INVALID, 416, Range=received, Location="{location}")
        )
        status = get("{location}", status=204, answers={"Range": received, "Location": PRESENT})
        steps.append(status)
        if put_last and first + len(data) == len(CHUNKS):
            steps.append(closed(CHUNKS, algorithm, data, first))
        else:
            steps.append(chunk(data, first))
    if not put_last:
        steps.append(closed(CHUNKS, algorithm))
    return (*steps, *lives(CHUNKS, algorithm))


def wrong_at_the_end(algorithm: str, *steps: Step, last: bytes = b"") -> tuple[Step, ...]:
    """The closing PUT names the digest of other bytes: refused, and neither is there."""
    corrupt = CHUNKS + b"not these"
    url = f"{{location}}?digest={of(CHUNKS, algorithm)}"
    return (
        start(R),
        *steps,
        refused(put(url, last, headers=OCTETS), ErrorCode.DIGEST_INVALID),
        refused(get(at(R, CHUNKS, algorithm)), ErrorCode.BLOB_UNKNOWN),
        refused(get(at(R, corrupt, algorithm)), ErrorCode.BLOB_UNKNOWN),
    )


CORRUPT = CHUNKS + b"not these"
# What is asked for, and what of RANGED comes back; None where nothing of it can.
RANGES: Mapping[str, tuple[str, tuple[int, int] | None]] = {
    "range 500-1499": ("bytes=500-1499", (500, 1499)),
    "range 500-": ("bytes=500-", (500, 2047)),
    "range -500": ("bytes=-500", (1548, 2047)),
    "range 2000-5000": ("bytes=2000-5000", (2000, 2047)),
    "range 500-0": ("bytes=500-0", None),
    "range 5000-10000": ("bytes=5000-10000", None),
}


def ranged(algorithm: str) -> tuple[Step, ...]:
    steps: list[Step] = [pushed(RANGED, algorithm)]
    for asked, found in RANGES.values():
        headers = {"Range": asked}
        url = at(R, RANGED, algorithm)
        steps.append(get(url, headers=headers, status=307, save={"at_s3": "header:Location"}))
        if found is None:
            steps.append(Step("GET", "{at_s3}", headers=headers, status=416))
            continue
        first, last = found
        answers = {
            "Content-Range": f"bytes {first}-{last}/{len(RANGED)}",
            "Content-Length": str(last - first + 1),
        }
        body = RANGED[first : last + 1]
        steps.append(get("{at_s3}", headers=headers, status=206, answers=answers, answer_body=body))
    return (*steps, *removed(RANGED, algorithm))


# What a way shows, as the end of a sentence that begins "a blob ...", and its steps.
Way = tuple[str, tuple[Step | tuple[Step, ...], ...]]


def _whole(a: str) -> dict[str, Way]:
    """Sent whole, or not at all."""
    return {
        "get-missing": (
            "is not there before it is pushed",
            (
                head(at(R, DATA, a), status=404),
                refused(get(at(R, DATA, a)), ErrorCode.BLOB_UNKNOWN),
            ),
        ),
        "post only": ("in one POST", (pushed(DATA, a), lives(DATA, a))),
        "post+put": (
            "by POST and PUT",
            (start(R), closed(DATA, a, DATA), lives(DATA, a)),
        ),
        "chunked single": (
            "in a single chunk, closed by an empty PUT",
            (start(R), chunk(DATA, 0), closed(DATA, a), lives(DATA, a)),
        ),
        "stream": (
            "in one PATCH without a range",
            (
                start(R),
                patch("{location}", DATA, headers=OCTETS, save={"location": "header:Location"}),
                closed(DATA, a),
                lives(DATA, a),
            ),
        ),
    }


def _mounts(a: str) -> dict[str, Way]:
    """Not sent, because they are somewhere else; and an upload that is given up."""
    return {
        "mount": (
            "mounted from where it is, and deleted here and there apart",
            (
                pushed(DATA, a, OTHER_R),
                mounted(DATA, a, f"&from={OTHER_R}"),
                lives(DATA, a),
                there(DATA, a, OTHER_R),
                removed(DATA, a, OTHER_R),
            ),
        ),
        "mount anonymous": (
            "mounted without saying from where",
            (
                pushed(DATA, a, OTHER_R),
                mounted(DATA, a),
                lives(DATA, a),
                removed(DATA, a, OTHER_R),
            ),
        ),
        "mount missing": (
            "whose mount finds nothing is uploaded as any other",
            (
                post(
                    f"{uploads(R)}?mount={of(DATA, a)}&from={OTHER_R}",
                    answers={"Docker-Content-Digest": ABSENT},
                    save={"location": "header:Location"},
                ),
                closed(DATA, a, DATA),
                lives(DATA, a),
            ),
        ),
        "post cancel": (
            "whose upload is cancelled",
            (
                start(R),
                delete("{location}"),
                refused(get("{location}"), ErrorCode.BLOB_UPLOAD_UNKNOWN),
                refused(closed(DATA, a, DATA), ErrorCode.BLOB_UPLOAD_UNKNOWN),
                refused(get(at(R, DATA, a)), ErrorCode.BLOB_UNKNOWN),
            ),
        ),
    }


def _chunked(a: str) -> dict[str, Way]:
    """Sent in chunks, in order and out of it; then read in ranges, and blobs known to all."""
    whole = pieces(CHUNKS)
    return {
        "chunked multi": (
            "in three chunks, closed by an empty PUT",
            (start(R), tuple(chunk(*c) for c in whole), closed(CHUNKS, a), lives(CHUNKS, a)),
        ),
        "chunked multi and put chunk": (
            "in three chunks, the last one with the PUT",
            (
                start(R),
                tuple(chunk(*c) for c in whole[:-1]),
                closed(CHUNKS, a, *whole[-1]),
                lives(CHUNKS, a),
            ),
        ),
        "chunked out-of-order": (
            "whose chunks come out of order",
            out_of_order(a, put_last=False),
        ),
        "chunked out-of-order and put chunk": (
            "whose chunks come out of order, the one of the PUT too",
            out_of_order(a, put_last=True),
        ),
        "range requests": ("served in ranges", ranged(a)),
        "empty": ("of no bytes", (pushed(b"", a), lives(b"", a))),
        "emptyJSON": ("of an empty JSON object", (pushed(b"{}", a), lives(b"{}", a))),
    }


def _wrong(a: str) -> dict[str, Way]:
    """Sent with the digest of other bytes."""
    return {
        "bad digest post only": (
            "in one POST with the digest of others",
            (
                refused(
                    post(f"{uploads(R)}?digest={of(CHUNKS, a)}", CORRUPT, headers=OCTETS),
                    ErrorCode.DIGEST_INVALID,
                ),
                refused(get(at(R, CHUNKS, a)), ErrorCode.BLOB_UNKNOWN),
                refused(get(at(R, CORRUPT, a)), ErrorCode.BLOB_UNKNOWN),
            ),
        ),
        "bad digest post+put": (
            "by POST and PUT with the digest of others",
            wrong_at_the_end(a, last=CORRUPT),
        ),
        "bad digest chunked": (
            "in chunks with the digest of others",
            wrong_at_the_end(a, *(chunk(*c) for c in pieces(CORRUPT))),
        ),
        "bad digest chunked and put chunk": (
            "in chunks with the digest of others, the last one with the PUT",
            wrong_at_the_end(
                a, *(chunk(*c) for c in pieces(CORRUPT)[:-1]), last=pieces(CORRUPT)[-1][0]
            ),
        ),
        "bad digest stream": (
            "in one PATCH with the digest of others",
            wrong_at_the_end(
                a,
                patch("{location}", CORRUPT, headers=OCTETS, save={"location": "header:Location"}),
            ),
        ),
    }


def ways(algorithm: str) -> dict[str, Way]:
    """All of them in one algorithm, by the programme's own names and in its order."""
    parts = (_whole, _mounts, _chunked, _wrong)
    return {name: way for part in parts for name, way in part(algorithm).items()}


# Of sha256, those that no older case shows.
NEW_FOR_SHA256 = (
    "chunked single",
    "mount anonymous",
    "chunked out-of-order",
    "chunked out-of-order and put chunk",
    "range requests",
    "emptyJSON",
    "bad digest chunked and put chunk",
    "bad digest stream",
)


def name_of(way: str, algorithm: str) -> str:
    """The name of the case that carries a way of the programme."""
    return f"a blob {ways(algorithm)[way][0]}, {algorithm}"


def cases_of(algorithm: str, wanted: tuple[str, ...]) -> tuple[Case, ...]:
    return tuple(
        case(name_of(way, algorithm), f"conformance, {algorithm} blobs/{way}", *steps)
        for way, (_, steps) in ways(algorithm).items()
        if way in wanted
    )


CASES = (*cases_of("sha256", NEW_FOR_SHA256), *cases_of("sha512", tuple(ways("sha512"))))
