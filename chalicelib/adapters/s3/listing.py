"""The bucket listed, for the collector."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chalicelib.adapters.s3.errors import translated
from chalicelib.collect_ports import OpenParts, StoredObject
from chalicelib.domain.paging import Listing, Page

KEYS_AT_ONCE = 1000


def list_objects(client: Any, bucket: str, prefix: str, page: Page) -> Listing[StoredObject]:
    """A page of objects. Costs: 1 call for each thousand."""
    found: list[StoredObject] = []
    after = page.after
    while True:
        with translated(prefix):
            answer = client.list_objects_v2(
                Bucket=bucket,
                Prefix=prefix,
                StartAfter=after,
                MaxKeys=min(KEYS_AT_ONCE, page.limit - len(found)),
            )
        for entry in answer.get("Contents", ()):
            modified_at_s = int(entry["LastModified"].timestamp())
            found.append(StoredObject(entry["Key"], int(entry["Size"]), modified_at_s))
        more = bool(answer.get("IsTruncated"))
        if not more or len(found) >= page.limit:
            return Listing(found, more)
        after = found[-1].key


def list_parts(client: Any, bucket: str, prefix: str) -> Sequence[OpenParts]:
    """All multipart uploads, by key: SeaweedFS lists them in another order, and S3 in this one."""
    found: list[OpenParts] = []
    markers: dict[str, str] = {}
    while True:
        with translated(prefix):
            answer = client.list_multipart_uploads(Bucket=bucket, Prefix=prefix, **markers)
        for entry in answer.get("Uploads", ()):
            begun_at_s = int(entry["Initiated"].timestamp())
            found.append(OpenParts(entry["Key"], entry["UploadId"], begun_at_s))
        if not answer.get("IsTruncated"):
            return sorted(found, key=lambda each: (each.key, each.multipart_id))
        markers = {
            "KeyMarker": answer["NextKeyMarker"],
            "UploadIdMarker": answer.get("NextUploadIdMarker", ""),
        }
