"""Upload sessions, and the blobs that they end in."""

from __future__ import annotations

from chalicelib.adapters.dynamo import keys
from chalicelib.adapters.dynamo.bytes import Bytes
from chalicelib.adapters.dynamo.models import BlobRow, LinkRow, UploadRow
from chalicelib.adapters.dynamo.table import Transaction
from chalicelib.domain.digest import Digest
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.records import Blob
from chalicelib.domain.upload import UploadSession
from chalicelib.ports import Conflict, Missing


class Uploads(Bytes):
    def find_link(self, team: str, name: RepositoryName, digest: Digest) -> Blob | None:
        row = self._find(LinkRow, team, name, keys.link(team, name, digest))
        return row.value() if row else None

    def delete_link(self, team: str, name: RepositoryName, digest: Digest) -> None:
        if self._is_hidden(team, name):
            raise Missing(f"blob {digest}")
        writes = self._table.transaction()
        writes.delete(keys.link(team, name, digest), condition=LinkRow.pk.exists())
        writes.delete(keys.edge(team, name))
        try:
            writes.commit()
        except Conflict as error:
            raise Missing(f"blob {digest}") from error

    def find_blob(self, team: str, digest: Digest) -> Blob | None:
        row = self._table.get(BlobRow, keys.blob(team, digest))
        return row.value() if row and not row.condemned else None

    def put_blob(
        self, team: str, name: RepositoryName, blob: Blob, closing: UploadSession | None = None
    ) -> None:
        self._link(team, name, [blob], lambda writes: end_claimed(writes, closing))

    def spare_link(self, team: str, name: RepositoryName, digest: Digest) -> None:
        columns, key = LinkRow, keys.link(team, name, digest)
        try:
            self._table.update(LinkRow, key, [columns.suspected_at_s.remove()], columns.pk.exists())
        except Conflict as error:
            raise Missing(f"blob {digest}") from error

    def open_upload(self, session: UploadSession) -> None:
        self._table.put(UploadRow.of(session))

    def find_upload(self, team: str, upload_id: str, *, now_s: int) -> UploadSession | None:
        row = self._table.get(UploadRow, keys.upload(team, upload_id))
        # DynamoDB deletes expired rows when it finds the time, which may be days later.
        return row.value() if row and row.expires_at_s > now_s else None

    def claim_upload(
        self, team: str, upload_id: str, claim: str, *, now_s: int, expires_at_s: int
    ) -> UploadSession:
        columns = UploadRow
        is_alive = columns.expires_at_s > now_s
        is_free = (
            columns.claim.does_not_exist()
            | (columns.claim == claim)
            | (columns.claim_expires_at_s <= now_s)
        )
        try:
            row = self._table.update(
                UploadRow,
                keys.upload(team, upload_id),
                actions=[columns.claim.set(claim), columns.claim_expires_at_s.set(expires_at_s)],
                condition=is_alive & is_free,
            )
        except Conflict:
            if self.find_upload(team, upload_id, now_s=now_s) is None:
                raise Missing(f"upload {upload_id}") from None
            raise
        return row.value()

    def save_upload(self, session: UploadSession, claim: str) -> None:
        self._table.put(UploadRow.of(session), condition=UploadRow.claim == claim)

    def close_upload(self, session: UploadSession) -> None:
        self._table.delete(keys.upload(session.team, session.upload_id))


def end_claimed(writes: Transaction, session: UploadSession | None) -> None:
    """Delete the session in this transaction, if its claim still holds it."""
    if session is None:
        return
    held = (
        UploadRow.claim == session.claim
        if session.claim is not None
        else UploadRow.pk.exists() & UploadRow.claim.does_not_exist()
    )
    writes.delete(keys.upload(session.team, session.upload_id), condition=held)
