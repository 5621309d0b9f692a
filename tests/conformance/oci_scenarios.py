"""Which of our cases carries which scenario of the OCI conformance programme.

A scenario is named as the programme's report names it, to the depth at which it differs in kind
(`tests/oci/programme.py` cuts the names so). `test_oci_scenarios.py` holds the table to our cases
and, where the programme is, `tests/oci/test_programme.py` holds it to the programme's own report.
"""

from __future__ import annotations

from collections.abc import Mapping

from tests.conformance import cases_oci_blobs, cases_oci_data
from tests.conformance.oci_data import DATA_SETS

# What the programme does with a kind of content; what nothing refers to has no referrers there.
VERBS = ("push", "tag-list", "head", "pull", "referrers", "delete")

# The ways of a blob that older cases carry for sha256.
OLDER: Mapping[str, str] = {
    "get-missing": "a blob that is not there",
    "post only": "one POST with the digest",
    "post+put": "POST, then PUT with the whole blob (dialect B)",
    "stream": "POST, one PATCH without a range, an empty PUT (dialect A)",
    "mount": "a blob is mounted from a repository that has it",
    "mount missing": "a mount of a blob that is not there becomes an upload like any other",
    "post cancel": "a cancelled upload is forgotten",
    "chunked multi": "chunks that are larger than a tail become parts",
    "chunked multi and put chunk": "chunks with Content-Range, the last one with the PUT",
    "empty": "a blob of no bytes",
    "bad digest post only": "a POST whose digest is not the body's leaves nothing",
    "bad digest post+put": "a PUT whose digest is not the body's can be tried again",
    "bad digest chunked": "a PUT whose digest is not that of the chunks can be tried again",
}
# Every way that is tried ends with the blob deleted.
DELETED = "a blob that is deleted is not served, and no manifest can name it"
NO_HEX = "a manifest pushed or asked for by a digest without hex is refused"

SINGLE: Mapping[str, tuple[str, ...]] = {
    "ping": ("GET /v2/ says that this is a registry",),
    "empty/tag list": ("a repository that is not there",),
    "empty/referrers": (
        "a manifest that nothing refers to, here or not, has an empty list of referrers",
    ),
    "missing-manifest/by-digest": ("a manifest that is not there",),
    "missing-manifest/by-tag": ("a manifest that is not there",),
    "invalid-digest-format/push": (NO_HEX,),
    "invalid-digest-format/manifest-put": (NO_HEX,),
    "invalid-digest-format/manifest-get": (NO_HEX,),
    "invalid-digest-format/delete": (NO_HEX, "what is not there cannot be deleted"),
}


def blobs(algorithm: str) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for way in cases_oci_blobs.ways(algorithm):
        older = algorithm == "sha256" and way in OLDER
        name = OLDER[way] if older else cases_oci_blobs.name_of(way, algorithm)
        found[f"{algorithm} blobs/{way}"] = (name, DELETED) if older else (name,)
    for one in cases_oci_blobs.RANGES:
        served = cases_oci_blobs.name_of("range requests", algorithm)
        found[f"{algorithm} blobs/range requests/{one}"] = (served,)
    return found


def data() -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for one in DATA_SETS.values():
        name = cases_oci_data.name_of(one)
        more = () if not one.sparse else (cases_oci_data.ERRORS[-1].name,)
        for verb in VERBS:
            if one.referrers or verb != "referrers":
                found[f"{one.name}/{verb}"] = (name, *more)
    return found


SCENARIOS: Mapping[str, tuple[str, ...]] = {
    **SINGLE,
    **{name: cases for algo in cases_oci_blobs.ALGORITHMS for name, cases in blobs(algo).items()},
    **data(),
}
