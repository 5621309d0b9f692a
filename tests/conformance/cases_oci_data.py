"""The whole life of every kind of content that the OCI conformance programme pushes.

Pushed blob by blob and manifest by manifest, listed, asked for, pulled, found as a referrer, and
deleted from the top down; what is deleted is gone with the very next request.
Spec: OCI Distribution 1.1; end-3, end-7 to 10, end-12.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from chalicelib.domain.errors import ErrorCode
from tests.conformance.bodies import OCI, OCI_INDEX
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
    put,
    refused,
)
from tests.conformance.cases_oci_blobs import pushed as blob_pushed
from tests.conformance.cases_oci_blobs import removed as blob_removed
from tests.conformance.cases_oci_blobs import there as blob_there
from tests.conformance.oci_data import DATA_SETS, EMPTY_JSON, DataSet, W

R = "acme/app"
MANIFESTS = f"/v2/{R}/manifests"
BAD = "bad-digest-image"


@dataclass(frozen=True)
class InAnyOrder:
    """A JSON list of objects, in whatever order and whatever pages it came."""

    entries: tuple[dict[str, Any], ...]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, list) and _sorted(other) == _sorted(self.entries)

    __hash__ = None  # type: ignore[assignment]


def _sorted(entries: Iterable[Any]) -> list[str]:
    return sorted(json.dumps(entry, sort_keys=True) for entry in entries)


@dataclass(frozen=True)
class Among:
    """A header that lists at least these, parted by commas."""

    names: frozenset[str]

    def __eq__(self, other: object) -> bool:
        found = {name.strip() for name in str(other).split(",")}
        return isinstance(other, str) and self.names <= found

    __hash__ = None  # type: ignore[assignment]


def type_of(raw: bytes) -> str:
    return str(json.loads(raw)["mediaType"])


def subject_of(raw: bytes) -> object:
    """The digest of the subject; ABSENT where there is none."""
    subject = json.loads(raw).get("subject")
    return subject["digest"] if subject else ABSENT


def served(data: DataSet, reference: str, raw: bytes) -> tuple[Step, ...]:
    answers = {
        "Content-Type": type_of(raw),
        "Content-Length": str(len(raw)),
        "Docker-Content-Digest": data.digest(raw),
    }
    accept = {"Accept": f"{OCI_INDEX}, {OCI}"}
    url = f"{MANIFESTS}/{reference}"
    return (
        head(url, headers=accept, answers=answers),
        get(url, headers=accept, answers=answers, answer_body=raw),
    )


def manifest_pushed(data: DataSet, reference: str, raw: bytes, *tags: str) -> tuple[Step, ...]:
    """PUT, and the Location that it answers serves the very bytes."""
    query = "?" + "&".join(f"tag={tag}" for tag in tags) if tags else ""
    answers: dict[str, object] = {
        "Docker-Content-Digest": data.digest(raw),
        "Location": PRESENT,
        "OCI-Subject": subject_of(raw),
    }
    if tags:
        answers["OCI-Tag"] = Among(frozenset(tags))
    return (
        put(
            f"{MANIFESTS}/{reference}{query}",
            raw,
            headers={"Content-Type": type_of(raw)},
            answers=answers,
            save={"manifest": "header:Location"},
        ),
        get("{manifest}", answer_body=raw),
    )


def pushes(data: DataSet) -> Iterable[Step]:
    for one in data.blobs:
        yield blob_pushed(one, data.algorithm)
    for raw in data.manifests:
        along = [tag for tag, tagged in data.tags.items() if tagged == raw and data.tag_params]
        yield from manifest_pushed(data, data.digest(raw), raw, *along)
    if not data.tag_params:
        for tag, raw in data.tags.items():
            yield from manifest_pushed(data, tag, raw)


def lists(data: DataSet) -> Iterable[Step]:
    tags = sorted(data.tags)
    yield get(f"/v2/{R}/tags/list", answer_json={"name": R, "tags": tags})
    half = len(tags) // 2
    if half:
        url = f"/v2/{R}/tags/list?last={tags[half - 1]}"
        yield get(url, answer_json={"name": R, "tags": tags[half:]})


def pulls(data: DataSet) -> Iterable[Step]:
    for tag, raw in data.tags.items():
        yield from served(data, tag, raw)
    for raw in data.manifests:
        yield from served(data, data.digest(raw), raw)
    for one in data.blobs:
        yield from blob_there(one, data.algorithm)


def referrers_found(subject: str, entries: tuple[dict[str, Any], ...]) -> Iterable[Step]:
    """All of them, and by each type those of that type and no other."""
    yield listing(subject, "", entries)
    for wanted in {entry["artifactType"]: None for entry in entries}:
        some = tuple(entry for entry in entries if entry["artifactType"] == wanted)
        query = f"?artifactType={wanted.replace('+', '%2B')}"
        yield listing(subject, query, some, applied="artifactType")
    yield listing(subject, "?artifactType=application/none", (), applied="artifactType")


def listing(
    subject: str, query: str, entries: tuple[dict[str, Any], ...], applied: object = ABSENT
) -> Step:
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": InAnyOrder(entries),
    }
    answers = {"Content-Type": OCI_INDEX, "OCI-Filters-Applied": applied}
    return get(f"/v2/{R}/referrers/{subject}{query}", answers=answers, answer_json=document)


def deletions(data: DataSet) -> Iterable[Step]:
    """Tags, then manifests from the top down, then blobs; and no referrer is left."""
    for tag in data.tags:
        yield from manifest_removed(tag)
    for raw in reversed(data.manifests):
        yield from manifest_removed(data.digest(raw))
    for one in data.blobs:
        yield from blob_removed(one, data.algorithm)
    for subject in data.referrers:
        yield listing(subject, "", ())
    yield get(f"/v2/{R}/tags/list", answer_json={"name": R, "tags": []})


def manifest_removed(reference: str) -> tuple[Step, ...]:
    url = f"{MANIFESTS}/{reference}"
    return (
        delete(url, status=202),
        head(url, status=404),
        refused(get(url), ErrorCode.MANIFEST_UNKNOWN),
    )


def name_of(data: DataSet) -> str:
    """The name of the case that carries this data set."""
    if data.name == BAD:
        return f"{data.says} is refused, and its blobs can go again"
    return f"{data.says}: pushed, listed, pulled and deleted"


def life(data: DataSet) -> Case:
    referring = (
        step
        for subject, entries in data.referrers.items()
        for step in referrers_found(subject, entries)
    )
    steps = (*pushes(data), *lists(data), *pulls(data), *referring, *deletions(data))
    return case(name_of(data), f"conformance, {data.name}", *steps, sparse=data.sparse)


def bad_digest(data: DataSet) -> Case:
    (raw,) = data.manifests
    url = f"{MANIFESTS}/{of(raw)}"
    return case(
        name_of(data),
        f"conformance, {data.name}",
        *(blob_pushed(one, "sha256") for one in data.blobs),
        refused(put(url, raw + b"  ", headers={"Content-Type": OCI}), ErrorCode.DIGEST_INVALID),
        refused(get(url), ErrorCode.MANIFEST_UNKNOWN),
        refused(get(f"{MANIFESTS}/{of(raw + b'  ')}"), ErrorCode.MANIFEST_UNKNOWN),
        refused(delete(url), ErrorCode.MANIFEST_UNKNOWN),
        *(blob_there(one, "sha256") for one in data.blobs),
        *(blob_removed(one, "sha256") for one in data.blobs),
    )


NO_HEX = f"{MANIFESTS}/sha256:baddigeststring"
ERRORS = (
    case(
        "a manifest pushed or asked for by a digest without hex is refused",
        "conformance, invalid-digest-format",
        blob_pushed(EMPTY_JSON, "sha256"),
        refused(
            put(
                NO_HEX,
                W.artifact("application/x", EMPTY_JSON, "application/x")[0],
                headers={"Content-Type": OCI},
            ),
            ErrorCode.DIGEST_INVALID,
        ),
        refused(get(NO_HEX), ErrorCode.DIGEST_INVALID),
        head(NO_HEX, status=400),
        blob_removed(EMPTY_JSON, "sha256"),
    ),
    case(
        "a manifest that nothing refers to, here or not, has an empty list of referrers",
        "conformance, empty/referrers",
        listing(of(b"nobody has ever pushed this"), "", ()),
    ),
    case(
        "a manifest whose layer is not here is refused where that is not allowed",
        "conformance, sparse",
        *(blob_pushed(one, "sha256") for one in DATA_SETS["sparse"].blobs),
        refused(
            put(
                f"{MANIFESTS}/v1",
                DATA_SETS["sparse"].manifests[0],
                headers={"Content-Type": OCI},
            ),
            ErrorCode.MANIFEST_BLOB_UNKNOWN,
        ),
    ),
)

CASES = (
    *(bad_digest(one) if one.name == BAD else life(one) for one in DATA_SETS.values()),
    *ERRORS,
)
