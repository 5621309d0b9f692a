"""What the collector asks of the table: scans, sweeps on conditions, and where a run is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.adapters.dynamo import keys
from chalicelib.adapters.dynamo.bytes import count_bytes
from chalicelib.adapters.dynamo.collect_models import (
    SCANNED,
    RunRow,
    contents_of,
    fact_of,
    read,
    written,
)
from chalicelib.adapters.dynamo.deletion import EVERYTHING, equal
from chalicelib.adapters.dynamo.ending import Ending
from chalicelib.adapters.dynamo.hook_events import is_later, put_event
from chalicelib.adapters.dynamo.image_models import ImageRow, JsonPieceRow
from chalicelib.adapters.dynamo.link_models import EdgeRow, EventRow
from chalicelib.adapters.dynamo.models import (
    BlobRow,
    LinkRow,
    ManifestRow,
    RepositoryRow,
    Row,
    UploadRow,
    read_digest,
)
from chalicelib.adapters.dynamo.table import TRANSACTION_ITEMS, Transaction
from chalicelib.adapters.dynamo.team_models import TeamRow
from chalicelib.collect_ports import Scanned
from chalicelib.domain.digest import Digest
from chalicelib.domain.marking import Contents, Going, Kind
from chalicelib.domain.names import RepositoryName, TagName
from chalicelib.domain.records import Blob, Change, StoredManifest, TagEvent
from chalicelib.domain.upload import UploadSession
from chalicelib.ports import Conflict

# Fewer than a query of 1 MB may bring: what a page can show is not more.
GLANCE_ROWS = 5000


class Collecting(Ending):
    # --- looking ------------------------------------------------------------------------------

    def scan(self, cursor: str | None, limit: int | None = None) -> Scanned:
        start = None if cursor is None else read(cursor)
        items, last = self._table.scan_page(start, limit, SCANNED)
        facts = [fact for item in items if (fact := fact_of(item)) is not None]
        return Scanned(facts, None if last is None else written(last))

    def find_manifests(
        self, team: str, name: RepositoryName, digests: Sequence[Digest]
    ) -> Mapping[Digest, StoredManifest]:
        rows = self._table.batch_get(keys.manifest(team, name, digest) for digest in digests)
        found = [row.manifest() for row in rows if isinstance(row, ManifestRow)]
        return {manifest.digest: manifest for manifest in found if manifest}

    def read_contents(self, team: str, name: RepositoryName) -> Contents:
        # The record first: what is added after it has another revision.
        look = self._look(team, name)
        record, shared = look.first(RepositoryRow), look.first(TeamRow)
        rows = self._table.gather(Row, keys.contents(team, name), EVERYTHING)
        found = contents_of(name, record, rows, self._clock.now_s())
        if found.repository is None or shared is None or not shared.hooks:
            return found
        return replace(found, repository=replace(found.repository, team_hooks=int(shared.hooks)))

    def glance(self, team: str, name: RepositoryName) -> tuple[Contents, bool]:
        # Between the links and the manifests lies the history, which has no bound.
        spans = (keys.span_after(keys.LINKS, ""), (keys.MANIFESTS, EVERYTHING[1]))
        rows, is_whole = [], True
        for span in spans:
            found, more = self._table.query(Row, keys.contents(team, name), span, limit=GLANCE_ROWS)
            rows += found
            is_whole = is_whole and not more
        return contents_of(name, None, rows, self._clock.now_s()), is_whole

    # --- a repository -------------------------------------------------------------------------

    def sweep(self, team: str, seen: Contents, going: Sequence[Going], change: Change) -> None:
        name, columns, writes = seen.name, RepositoryRow, self._table.transaction()
        key, record = keys.repository(team, name), seen.repository
        if record is None:
            writes.check(key, columns.pk.does_not_exist())
        else:
            same = equal(columns.life, record.life) & equal(columns.revision, seen.revision)
            unchanged = columns.pk.exists() & columns.going.does_not_exist() & same
            actions: list[Action] = [columns.swept.set(change.word)]
            if change.event is not None:
                actions += put_event(writes, change.event)
                unchanged &= is_later(change.event)
            writes.update(key, actions, unchanged)
        for thing in going:
            _TAKE[thing.kind](writes, team, name, thing, change)
        if any(thing.object_key.startswith(f"{team}/edge/") for thing in going):
            writes.delete(keys.edge(team, name))
        writes.commit()

    def suspect_link(self, team: str, name: RepositoryName, digest: Digest, at_s: int) -> None:
        column = LinkRow.suspected_at_s
        self._note(
            LinkRow,
            keys.link(team, name, digest),
            lambda: [column.set(at_s)],
            LinkRow.pk.exists() & column.does_not_exist(),
        )

    def drop_edge_word(self, team: str, name: RepositoryName, word: str) -> None:
        writes = self._table.transaction()
        writes.delete(keys.edge(team, name), condition=EdgeRow.word == word)
        _unless_changed(writes.commit)

    # --- what belongs to a team ---------------------------------------------------------------

    def suspect_blob(self, team: str, digest: Digest, at_s: int) -> None:
        columns = BlobRow
        free = columns.suspected_at_s.does_not_exist() & columns.condemned.does_not_exist()
        self._note(
            BlobRow,
            keys.blob(team, digest),
            lambda: [columns.suspected_at_s.set(at_s)],
            columns.pk.exists() & free,
        )

    def spare_blob(self, team: str, digest: Digest) -> None:
        columns = BlobRow
        self._note(
            BlobRow,
            keys.blob(team, digest),
            lambda: [columns.suspected_at_s.remove()],
            columns.pk.exists() & columns.condemned.does_not_exist(),
        )

    def condemn_blob(self, team: str, digest: Digest, suspected_at_s: int) -> bool:
        columns = BlobRow
        return self._note(
            BlobRow,
            keys.blob(team, digest),
            lambda: [columns.condemned.set(True)],
            columns.suspected_at_s == suspected_at_s,
        )

    def forget_blob(self, team: str, blob: Blob) -> None:
        columns, writes = BlobRow, self._table.transaction()
        going = columns.condemned.exists() & (columns.object_key == blob.object_key)
        writes.delete(keys.blob(team, blob.digest), condition=going)
        count_bytes(writes, team, [blob], sign=-1)
        _unless_changed(writes.commit)

    def suspect_image(self, team: str, image_id: str, at_s: int) -> None:
        column = ImageRow.suspected_at_s
        self._note(
            ImageRow,
            keys.image(team, image_id),
            lambda: [column.set(at_s)],
            ImageRow.pk.exists() & column.does_not_exist(),
        )

    def delete_image(self, team: str, image_id: str, suspected_at_s: int) -> bool:
        key = keys.image(team, image_id)
        pieces = self._table.gather(Row, key.pk, keys.span_after(keys.PIECES, ""))
        writes = self._table.transaction()
        writes.delete(key, condition=ImageRow.suspected_at_s == suspected_at_s)
        for piece in pieces[: TRANSACTION_ITEMS - 1]:
            writes.delete(keys.Key(piece.pk, piece.sk))
        return _unless_changed(writes.commit)

    def suspect_piece(self, team: str, piece: str, at_s: int) -> None:
        column = JsonPieceRow.suspected_at_s
        free = JsonPieceRow.pk.exists() & column.does_not_exist()
        self._note(JsonPieceRow, read(piece), lambda: [column.set(at_s)], free)

    def delete_piece(self, team: str, piece: str, suspected_at_s: int) -> bool:
        # An image that gets this json once more writes its pieces anew, without the suspicion.
        key, writes = read(piece), self._table.transaction()
        hashed = key.sk.split("#")[1]
        columns = ImageRow
        writes.check(
            keys.Key(key.pk, keys.ALONE),
            columns.pk.does_not_exist() | (columns.json_hash != hashed),
        )
        writes.delete(key, condition=JsonPieceRow.suspected_at_s == suspected_at_s)
        return _unless_changed(writes.commit)

    def end_upload(self, session: UploadSession) -> bool:
        writes = self._table.transaction()
        same = UploadRow.expires_at_s == session.expires_at_s
        writes.delete(keys.upload(session.team, session.upload_id), condition=same)
        return _unless_changed(writes.commit)

    def _note(
        self,
        model: type[Row],
        key: keys.Key,
        actions: Callable[[], Sequence[object]],
        condition: Condition,
    ) -> bool:
        return _unless_changed(
            lambda: self._table.update(model, key, actions(), condition)  # type: ignore[arg-type]
        )

    # --- runs ---------------------------------------------------------------------------------

    def take_run(self, scope: str, word: str, *, now_s: int, until_s: int) -> str:
        columns = RunRow
        free = columns.pk.does_not_exist() | (columns.word == word) | (columns.until_s <= now_s)
        row = self._table.update(
            RunRow,
            keys.run(scope),
            actions=[
                columns.kind.set(columns),
                columns.word.set(word),
                columns.until_s.set(until_s),
            ],
            condition=free,
        )
        return row.state or ""

    def save_run(self, scope: str, word: str, state: str, *, until_s: int) -> None:
        columns = RunRow
        self._table.update(
            RunRow,
            keys.run(scope),
            actions=[columns.state.set(state), columns.until_s.set(until_s)],
            condition=columns.word == word,
        )


def _unless_changed(step: Callable[[], object]) -> bool:
    try:
        step()
    except Conflict:
        return False
    return True


Take = Callable[[Transaction, str, RepositoryName, Going, Change], None]


def _tag(writes: Transaction, team: str, name: RepositoryName, thing: Going, by: Change) -> None:
    tag = TagName(thing.text)
    writes.delete(keys.tag(team, name, tag))
    writes.delete(keys.tag_entry(team, name, tag))
    writes.put(EventRow.of(team, name, TagEvent(tag, None, by)))


def _manifest(
    writes: Transaction, team: str, name: RepositoryName, thing: Going, _: Change
) -> None:
    digest = read_digest(thing.text)
    writes.delete(keys.manifest(team, name, digest))
    writes.delete(keys.manifest_entry(team, name, digest))


def _link(writes: Transaction, team: str, name: RepositoryName, thing: Going, _: Change) -> None:
    key = keys.link(team, name, read_digest(thing.text))
    writes.delete(key, condition=LinkRow.suspected_at_s == thing.suspected_at_s)


def _listed(writes: Transaction, team: str, name: RepositoryName, thing: Going, _: Change) -> None:
    writes.delete(keys.index_image(team, name, thing.text))
    writes.delete(keys.holder(team, thing.text, name))


def _view(writes: Transaction, team: str, name: RepositoryName, thing: Going, _: Change) -> None:
    writes.delete(keys.bridged(team, name, thing.text))


def _line(writes: Transaction, team: str, name: RepositoryName, thing: Going, _: Change) -> None:
    writes.delete(keys.Key(keys.contents(team, name), thing.text))


_TAKE: Mapping[Kind, Take] = {
    Kind.TAG: _tag,
    Kind.MANIFEST: _manifest,
    Kind.REFERRER: _line,
    Kind.PARENT: _line,
    Kind.VIEW: _view,
    Kind.LISTED: _listed,
    Kind.LINK: _link,
}
