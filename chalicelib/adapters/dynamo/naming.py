"""A blob named by a link or an image, while the collector may be about to delete its object.

    the blob's row          a blob that was read from it      a blob of the writer's own
    is not there            Gone                              is written
    names the same object   is written anew, unsuspected      is written anew, unsuspected
    names another object    the row's object is linked        the row's object is linked
    is condemned            Gone                              is replaced, unless by its own object

Whatever names a blob writes its row in the same transaction. So where the collector finds that
nothing named a blob since it began to look, nothing has.
"""

from __future__ import annotations

from collections.abc import Callable

from pynamodb.expressions.condition import Condition

from chalicelib.adapters.dynamo import keys
from chalicelib.adapters.dynamo.models import BlobRow
from chalicelib.adapters.dynamo.table import Table, Transaction
from chalicelib.domain.records import Blob
from chalicelib.ports import Conflict, Gone


def name_blob(writes: Transaction, team: str, blob: Blob) -> None:
    """Let a transaction stand or fall with a blob whose object stays."""
    columns = BlobRow
    other = ~(columns.object_key == blob.object_key)
    same: Condition = (columns.object_key == blob.object_key) & columns.condemned.does_not_exist()
    if not blob.is_kept:
        same = columns.pk.does_not_exist() | same | (columns.condemned.exists() & other)
    writes.put(BlobRow.of(keys.blob(team, blob.digest), blob), condition=same)


def commit_naming(
    table: Table, team: str, blob: Blob, writes: Callable[[Blob], Transaction]
) -> None:
    """Commit what ``writes`` says of a blob, or of the same bytes that somebody else has brought.

    Raises: Conflict; Gone.
    """
    try:
        _commit(team, blob, writes)
    except Conflict:
        row = table.get(BlobRow, keys.blob(team, blob.digest))
        is_there = row is not None and not row.condemned
        if row is not None and is_there and row.object_key != blob.object_key:
            _commit(team, row.value(), writes)
        elif blob.is_kept and not is_there:
            raise Gone(f"blob {blob.digest}") from None
        else:
            raise


def _commit(team: str, blob: Blob, writes: Callable[[Blob], Transaction]) -> None:
    transaction = writes(blob)
    name_blob(transaction, team, blob)
    transaction.commit()
