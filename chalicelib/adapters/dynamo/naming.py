"""A blob named by a link or an image, while the collector may be about to delete its object.

    the blob's row          a blob that was read from it      a blob of the writer's own
    is not there            Gone                              is written
    names the same object   is written anew, unsuspected      is written anew, unsuspected
    names another object    the row's object is named         the row's object is named
    is condemned            Gone                              is replaced, unless by its own object

Whatever names a blob writes its row in the same transaction, on the condition that it is as it was
looked at. So where the collector finds that nothing named a blob since it began to look, nothing
has.
"""

from __future__ import annotations

from pynamodb.expressions.condition import Condition

from chalicelib.adapters.dynamo.models import BlobRow
from chalicelib.domain.records import Blob
from chalicelib.ports import Conflict, Gone


def nameable(blob: Blob, row: BlobRow | None) -> Blob:
    """The blob as it can be named beside this row. Raises: Gone, Conflict."""
    if row is not None and not row.condemned:
        return row.value()
    if blob.is_kept:
        raise Gone(f"blob {blob.digest}")
    if row is not None and row.object_key == blob.object_key:
        raise Conflict(f"object {blob.object_key} is going")
    return blob


def as_seen(row: BlobRow | None) -> Condition:
    """That the row is still the one that was looked at."""
    columns = BlobRow
    if row is None:
        absent: Condition = columns.pk.does_not_exist()
        return absent
    marked = columns.condemned
    same: Condition = (columns.object_key == row.object_key) & (
        marked.exists() if row.condemned else marked.does_not_exist()
    )
    return same
