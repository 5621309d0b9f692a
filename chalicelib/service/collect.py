"""The collector: a pass over the whole table and the whole bucket, in as many runs as it takes.

    1 table      what names what is marked, and each repository is swept on the way
    2 rows       blobs and v1 images that nothing named are suspected, then deleted; uploads end,
                 and teams whose end has come
    3 objects    those that nothing named in this pass and the one before are deleted
    4 parts      multipart uploads without a session are aborted

Where a run is stands in the table, its marks in the bucket; a run that is killed has done some
things earlier than the next one. See ``docs/adr/0040-the-collector.md`` for why nothing is lost.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from enum import IntEnum

from chalicelib.domain import keys
from chalicelib.domain.expiry import is_over
from chalicelib.domain.facts import Fact, FactKind
from chalicelib.domain.marking import Going, Kind
from chalicelib.domain.marks import Marks, number
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.paging import Page
from chalicelib.domain.usage import day_of
from chalicelib.ports import Missing
from chalicelib.service.chains import end_image, see_child
from chalicelib.service.ended import OBJECTS_AT_ONCE, end_hanging, end_repository, end_team
from chalicelib.service.sweep import AT_REST, Run, images_of, sweep_repository

EVERYTHING = "*"
# No team is called so: a name begins with a letter or a digit.
STATE_PREFIX = ".collector/"
RUN_S = 16 * 60
# More of those that have ended wait for the next pass: they are kept beside where a run is.
TEAMS_AT_ONCE = 1000
# Areas of a team that a session may still name, though no row of a blob does yet.
OF_UPLOADS = ("objects", "whole", "uploads")
OF_BLOBS = ("sha256", "sha512", "documents")


class Phase(IntEnum):
    TABLE = 0
    ROWS = 1
    OBJECTS = 2
    PARTS = 3


@dataclass(frozen=True)
class Place:
    """Where a pass is; ``marks_key`` is the object that holds what it has seen.

    ``ended`` are the teams that have ended, and their lives.
    """

    started_at_s: int
    phase: Phase = Phase.TABLE
    cursor: str | None = None
    marks_key: str = ""
    ended: Mapping[str, str] = field(default_factory=dict)


def collect(run: Run, team: str | None = None) -> bool:
    """Go on with the pass, or begin one; True when it has ended in this run.

    A dry run says what would go now, from the beginning to the end, and changes nothing.
    Raises: Conflict: another run of the same pass is under way.
    Costs: a scan of the table twice, a listing of the bucket; see ``sweep_repository``.
    """
    if run.is_dry:
        return _Pass(run, team, "", Place(run.clock.now_s()), Marks()).go_on()
    scope, word = team or EVERYTHING, run.words.fresh()
    now_s = run.clock.now_s()
    state = run.store.take_run(scope, word, now_s=now_s, until_s=now_s + RUN_S)
    place, marks = _resumed(run, state)
    run.pass_began_at_s = place.started_at_s
    return _Pass(run, team, word, place, marks).go_on()


def _resumed(run: Run, state: str) -> tuple[Place, Marks]:
    begun = Place(run.clock.now_s())
    if not state:
        return begun, Marks()
    document = json.loads(state)
    place = Place(**{**document, "phase": Phase(document["phase"])})
    try:
        return place, Marks.load(run.blobs.get(place.marks_key)) if place.marks_key else Marks()
    except Missing:
        # Without its marks a pass begins anew.
        return begun, Marks()


class _Pass:
    def __init__(self, run: Run, team: str | None, word: str, place: Place, marks: Marks) -> None:
        self._run = run
        self._team = team
        self._word = word
        self._place = place
        self._marks = marks
        self._swept: tuple[str, RepositoryName] | None = None
        self._gone: set[tuple[str, RepositoryName | None]] = set()

    def go_on(self) -> bool:
        steps = {
            Phase.TABLE: self._table,
            Phase.ROWS: self._rows,
            Phase.OBJECTS: self._objects,
            Phase.PARTS: self._parts,
        }
        while not self._run.is_over():
            cursor = steps[self._place.phase]()
            if cursor is not None:
                self._place = replace(self._place, cursor=cursor)
            elif self._place.phase is Phase.PARTS:
                self._end()
                return True
            else:
                phase = Phase(self._place.phase + 1)
                self._place = replace(self._place, phase=phase, cursor=None)
                # What a phase has found out is worth keeping at once.
                self._save(over=False)
        self._save(over=True)
        return False

    def _end(self) -> None:
        """Begin the next pass with what this one has found to be nobody's."""
        self._marks = Marks(before=self._marks.orphans)
        self._place = Place(self._run.clock.now_s(), marks_key=self._place.marks_key)
        self._save(over=True)

    def _save(self, *, over: bool) -> None:
        if self._run.is_dry:
            return
        scope, now_s = self._team or EVERYTHING, self._run.clock.now_s()
        old = self._place.marks_key
        key = f"{STATE_PREFIX}{self._run.words.fresh()}"
        self._run.blobs.put(key, self._marks.dump())
        self._place = replace(self._place, marks_key=key)
        until_s = now_s if over else now_s + RUN_S
        state = json.dumps(asdict(self._place))
        self._run.store.save_run(scope, self._word, state, until_s=until_s)
        if old:
            self._run.blobs.delete(old)

    def _mine(self, facts: Iterable[Fact]) -> list[Fact]:
        return [fact for fact in facts if self._team in (None, fact.team)]

    # --- 1: the table -------------------------------------------------------------------------

    def _table(self) -> str | None:
        scanned = self._run.store.scan(self._place.cursor)
        facts = self._mine(scanned.facts)
        for fact in facts:
            self._see(fact)
        self._see_ancestors(facts)
        for team, name in dict.fromkeys(
            (fact.team, fact.name)
            for fact in facts
            if fact.name is not None and (fact.kind in _OF_CONTENTS or self._is_ending(fact))
        ):
            if self._swept != (team, name):
                sweep_repository(self._run, team, name)
            self._swept = (team, name)
        return scanned.cursor

    def _is_ending(self, fact: Fact) -> bool:
        return fact.is_going or is_over(fact.ends_at_s, self._run.clock.now_s())

    def _see(self, fact: Fact) -> None:
        marks, team = self._marks, fact.team
        if fact.kind is FactKind.TEAM:
            # Requests that had begun before the end have ended as well by then.
            grace_s = max(self._run.graces.settled_s, 0)
            ended, until_s = self._place.ended, self._place.started_at_s - grace_s
            if is_over(fact.ends_at_s, until_s) and len(ended) < TEAMS_AT_ONCE:
                self._place = replace(self._place, ended={**ended, team: fact.word})
        elif team:
            marks.see("team", team)
        if fact.object_key:
            marks.see("object", fact.object_key)
        if fact.kind in (FactKind.LINK, FactKind.IMAGE) and fact.blob:
            marks.see("blob", team, str(fact.blob.digest))
        if fact.kind is FactKind.WORD:
            marks.see("word", team, fact.word)
        if fact.session is not None:
            marks.see("upload", team, fact.session.upload_id)
            marks.see("object", fact.session.object_key)
        if fact.kind is FactKind.IMAGE:
            marks.see("json", team, fact.image_id, fact.word)
            see_child(marks, fact)
        elif fact.image_id and fact.kind is not FactKind.PIECE:
            marks.see("image", team, fact.image_id)

    def _see_ancestors(self, facts: Iterable[Fact]) -> None:
        """The images of which something was seen need their ancestors."""
        wanted: dict[str, dict[str, None]] = {}
        for fact in facts:
            if fact.image_id and fact.kind not in (FactKind.IMAGE, FactKind.PIECE):
                wanted.setdefault(fact.team, {})[fact.image_id] = None
        for team, ids in wanted.items():
            for image in images_of(self._run.store, team, list(ids)).values():
                for ancestor in image.ancestry[1:]:
                    self._marks.see("image", team, ancestor)

    # --- 2: rows ------------------------------------------------------------------------------

    def _rows(self) -> str | None:
        scanned = self._run.store.scan(self._place.cursor)
        facts = self._mine(scanned.facts)
        end_hanging(self._run, facts, self._place.ended)
        for fact in facts:
            if fact.kind is FactKind.BLOB:
                self._blob(fact)
            elif fact.kind is FactKind.IMAGE:
                self._image(fact)
            elif fact.kind is FactKind.UPLOAD:
                self._upload(fact)
            elif fact.kind is FactKind.PIECE:
                self._piece(fact)
            elif fact.team in self._place.ended:
                self._of_ended(fact)
            elif fact.kind is FactKind.WORD and fact.name is not None:
                self._renew_word(fact.team, fact.name, fact.word)
        return scanned.cursor

    def _of_ended(self, fact: Fact) -> None:
        """Of a team that has ended repositories go; where the pass saw nothing, the team itself."""
        life, place = self._place.ended[fact.team], (fact.team, fact.name)
        if fact.kind is FactKind.TEAM and not self._marks.has("team", fact.team):
            # Counts are by days: no day is of two teams of one name.
            same_day = day_of(fact.ends_at_s or 0) == day_of(self._run.clock.now_s())
            if same_day and self._run.graces != AT_REST:
                return
            end_team(self._run, fact.team, life)
        elif fact.name is not None and fact.kind is not FactKind.HOLDER and place not in self._gone:
            self._gone.add(place)
            end_repository(self._run, fact.team, life, fact.name)

    def _renew_word(self, team: str, name: RepositoryName, word: str) -> None:
        """Give a repository another word at the edge, where old bytes lie under this one unused.

        As long as it has the word they could be adopted. Not while anything comes in by it, nor
        while something that came may still be pushed. Costs: 1 S3 call for each thousand.
        """
        run, after, lies_unused = self._run, "", False
        while True:
            page = Page(OBJECTS_AT_ONCE, after)
            lying = run.blobs.list_objects(f"{keys.edge_place(team, word)}/", page)
            for each in lying.entries:
                age_s = run.clock.now_s() - each.modified_at_s
                is_used = self._marks.has("object", each.key)
                if age_s <= (run.graces.settled_s if is_used else run.graces.edge_s):
                    return
                lies_unused = lies_unused or not is_used
            if not lying.more:
                break
            after = lying.entries[-1].key
        if lies_unused and not run.is_dry:
            run.store.drop_edge_word(team, name, word)

    def _piece(self, fact: Fact) -> None:
        """A piece of a json that its image no more has; who reads it just now has an hour."""
        run, since_s, team = self._run, fact.suspected_at_s, fact.team
        if self._marks.has("json", team, fact.image_id, fact.word):
            return
        if since_s is None:
            if not run.is_dry:
                run.store.suspect_piece(team, fact.row, run.clock.now_s())
        elif since_s <= self._place.started_at_s - run.graces.settled_s and (
            run.is_dry or run.store.delete_piece(team, fact.row, since_s)
        ):
            why = "its image has another json"
            run.note(team, None, Going(Kind.PIECE, fact.image_id, why))

    def _blob(self, fact: Fact) -> None:
        assert fact.blob is not None
        run, store, digest = self._run, self._run.store, fact.blob.digest
        since_s, team = fact.suspected_at_s, fact.team
        if not fact.is_condemned and self._marks.has("blob", team, str(digest)):
            if since_s is not None and not run.is_dry:
                store.spare_blob(team, digest)
            return
        why = "no repository and no v1 image names it"
        thing = Going(Kind.BLOB, str(digest), why, fact.blob.size_bytes, fact.object_key)
        if not fact.is_condemned:
            if since_s is None:
                if not run.is_dry:
                    store.suspect_blob(team, digest, run.clock.now_s())
                return
            if since_s > self._place.started_at_s - run.graces.settled_s:
                return
            if not run.is_dry and not store.condemn_blob(team, digest, since_s):
                return
        if not run.is_dry:
            run.blobs.delete(fact.object_key)
            store.forget_blob(team, fact.blob)
        run.note(team, None, thing)

    def _image(self, fact: Fact) -> None:
        has_ended = fact.team in self._place.ended
        end_image(self._run, self._marks, fact, self._place.started_at_s, has_ended=has_ended)

    def _upload(self, fact: Fact) -> None:
        run, session = self._run, fact.session
        assert session is not None
        if session.expires_at_s > run.clock.now_s() - run.graces.settled_s:
            return
        if not run.is_dry:
            if not run.store.end_upload(session):
                return
            if session.multipart_id:
                run.blobs.abort_multipart(session.object_key, session.multipart_id)
        why = "it has run out"
        run.note(fact.team, session.repository, Going(Kind.UPLOAD, session.upload_id, why))

    # --- 3: objects ---------------------------------------------------------------------------

    def _objects(self) -> str | None:
        run = self._run
        prefix = f"{self._team}/" if self._team else ""
        listing = run.blobs.list_objects(prefix, Page(OBJECTS_AT_ONCE, self._place.cursor or ""))
        for each in listing.entries:
            age_s = self._place.started_at_s - each.modified_at_s
            why = self._why_object(each.key, age_s)
            if not why:
                continue
            if not run.is_dry:
                run.blobs.delete(each.key)
            team = each.key.partition("/")[0]
            run.note(team, None, Going(Kind.OBJECT, each.key, why, each.size_bytes))
        return listing.entries[-1].key if listing.more else None

    def _why_object(self, key: str, age_s: int) -> str:
        """Why an object goes now; "" where it stays, perhaps only until the next pass."""
        graces, marks = self._run.graces, self._marks
        if key.startswith(STATE_PREFIX):
            # A dry run does not know which of them is the pass's that is under way.
            is_mine = self._run.is_dry or key == self._place.marks_key
            is_left = not is_mine and age_s > graces.request_s
            return "left by a run of the collector" if is_left else ""
        team, _, rest = key.partition("/")
        area, _, rest = rest.partition("/")
        name = rest.partition("/")[0]
        if area == "answers":
            return "an answer that can be computed again" if age_s > graces.answers_s else ""
        if marks.has("object", key) or age_s <= graces.request_s:
            return ""
        if area in OF_UPLOADS:
            if marks.has("upload", team, name):
                return ""
        elif area == "edge":
            if marks.has("word", team, name) or age_s <= graces.edge_s:
                return ""
        elif area not in OF_BLOBS:
            return ""
        if self._run.is_dry or number("object", key) in marks.before:
            return "no row names it"
        marks.orphans.add(number("object", key))
        return ""

    # --- 4: parts -----------------------------------------------------------------------------

    def _parts(self) -> None:
        run = self._run
        prefix = f"{self._team}/" if self._team else ""
        for each in run.blobs.list_parts(prefix):
            team, _, rest = each.key.partition("/")
            age_s = self._place.started_at_s - each.begun_at_s
            has_session = self._marks.has("upload", team, rest.rpartition("/")[2])
            if has_session or age_s <= run.graces.request_s:
                continue
            if not run.is_dry:
                run.blobs.abort_multipart(each.key, each.multipart_id)
            run.note(team, None, Going(Kind.PARTS, each.key, "no upload has them"))


_OF_CONTENTS = frozenset(
    {FactKind.HELD, FactKind.LINK, FactKind.TAGGED_IMAGE, FactKind.WORD, FactKind.DOCUMENT}
)
