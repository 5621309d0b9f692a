"""One repository: what nothing needs, marked and taken away while others push to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from chalicelib.collect_ports import CollectBlobs, CollectStore
from chalicelib.domain import expiry
from chalicelib.domain.digest import Digest
from chalicelib.domain.errors import RegistryError
from chalicelib.domain.image import V1Image
from chalicelib.domain.marking import Contents, Going, Kind, Marked, Needs, mark
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.records import Change, StoredManifest
from chalicelib.ports import Clock, Conflict, MetadataStore, Missing, Words
from chalicelib.service.documents import parsed
from chalicelib.service.world import World

DAY_S = 24 * 3600
# A tag is three items, most things one or two; a transaction takes a hundred.
THINGS_AT_ONCE = 30
MANIFESTS_AT_ONCE = 100
TRIES = 4
# What was read of manifests, for when a repository has to be looked at once more.
KNOWN_AT_ONCE = 20_000
Known = dict[Digest, Needs]
WHO = "collector"


@dataclass(frozen=True)
class Graces:
    """How long what nothing needs is left.

    ``unneeded_s`` is for what clients may rely on without saying so: they look for a blob and push
    its manifest hours later. ``settled_s`` is for what only the registry itself can name.
    ``request_s`` is longer than any request takes, ``answers_s`` how long answers are kept.
    """

    unneeded_s: int = DAY_S
    settled_s: int = 3600
    request_s: int = DAY_S
    edge_s: int = 2 * DAY_S
    answers_s: int = 90 * DAY_S


# For a registry that nobody writes to: nothing waits, and uploads that have not ended go as well.
AT_REST = Graces(unneeded_s=0, settled_s=-(10**6), request_s=-1, edge_s=-1, answers_s=-1)


@dataclass(frozen=True)
class Removed:
    """A line of a run's report."""

    team: str
    name: RepositoryName | None
    thing: Going


@dataclass
class Run:
    """What a run works with. ``is_over`` says that its time is; ``report`` hears what goes."""

    world: World
    store: CollectStore
    blobs: CollectBlobs
    graces: Graces = field(default_factory=Graces)
    is_dry: bool = False
    is_over: Callable[[], bool] = lambda: False
    report: Callable[[Removed], None] = lambda removed: None
    known: Known = field(default_factory=dict)
    # Set by a pass: when it began, perhaps many runs ago.
    pass_began_at_s: int | None = None

    @property
    def clock(self) -> Clock:
        return self.world.clock

    @property
    def words(self) -> Words:
        return self.world.words

    def change(self) -> Change:
        return Change(self.clock.now_ms(), self.words.fresh(), WHO)

    def note(self, team: str, name: RepositoryName | None, thing: Going) -> None:
        self.report(Removed(team, name, thing))


def sweep_repository(run: Run, team: str, name: RepositoryName) -> bool:
    """Take from a repository what nothing needs; False where it has no end, since others push.

    One that has expired goes, and a deletion that was cut off is ended.
    Costs: 1 read, 1 query for each MB, 1 batch read for each hundred manifests and v1 images;
    1 write for each blob that is suspected, 1 transaction for each thirty things that go.
    """
    for _ in range(TRIES):
        contents = run.store.read_contents(team, name)
        now_s, record = run.clock.now_s(), contents.repository
        is_over = record is not None and expiry.is_over(record.expires_at_s, now_s)
        if contents.is_going or is_over:
            if not run.is_dry:
                run.store.finish_deletion(team, name)
            why = "it has expired" if is_over else "its deletion was cut off"
            run.note(team, name, Going(Kind.REPOSITORY, name.path, why))
            return True
        if len(run.known) > KNOWN_AT_ONCE:
            run.known.clear()
        grace_s = run.graces.unneeded_s
        marked = marked_now(run.world, team, contents, now_s, grace_s, run.known)
        try:
            _apply(run, team, contents, marked, now_s)
        except Conflict:
            continue
        return True
    return False


def marked_now(
    world: World, team: str, contents: Contents, now_s: int, grace_s: int, known: Known
) -> Marked:
    """What goes of a repository. Costs: 1 batch read for each hundred manifests and images."""
    needs = _needs(world, team, contents, known)
    wanted = dict.fromkeys(contents.listed)
    wanted.update(dict.fromkeys(tag.image_id for tag in contents.tags if tag.image_id))
    images = images_of(world.metadata, team, list(wanted))
    return mark(contents, needs, images, now_s=now_s, grace_s=grace_s)


def images_of(store: MetadataStore, team: str, image_ids: Sequence[str]) -> Mapping[str, V1Image]:
    return store.find_images(team, image_ids) if image_ids else {}


def _needs(world: World, team: str, contents: Contents, known: Known) -> Mapping[Digest, Needs]:
    """What each manifest names; those that cannot be read are not there."""
    digests = [entry.digest for entry in contents.manifests if entry.digest not in known]
    for at in range(0, len(digests), MANIFESTS_AT_ONCE):
        wanted = digests[at : at + MANIFESTS_AT_ONCE]
        for stored in world.metadata.find_manifests(team, contents.name, wanted).values():
            found = _needs_of(world, stored)
            if found is not None:
                known[stored.digest] = found
    return known


def _needs_of(world: World, stored: StoredManifest) -> Needs | None:
    try:
        manifest = parsed(world, stored)
    except (RegistryError, Missing):
        return None
    blobs = [*manifest.layers, *([manifest.config] if manifest.config else [])]
    return Needs(
        frozenset(part.digest for part in blobs),
        frozenset(child.digest for child in manifest.children),
    )


def _apply(run: Run, team: str, contents: Contents, marked: Marked, now_s: int) -> None:
    """Raises: Conflict: something has come between."""
    if not run.is_dry:
        for digest in marked.spared:
            try:
                run.store.spare_link(team, contents.name, digest)
            except Missing:
                continue
        for digest in marked.suspects:
            run.store.suspect_link(team, contents.name, digest, now_s)
    for at in range(0, len(marked.going), THINGS_AT_ONCE):
        things = marked.going[at : at + THINGS_AT_ONCE]
        if not run.is_dry:
            run.store.sweep(team, contents, things, run.change())
        for thing in things:
            run.note(team, contents.name, thing)
        if run.is_over():
            return


def previewed(world: World, team: str, name: RepositoryName) -> tuple[Going, ...]:
    """The tags and manifests that a repository's retention rules would take now.

    Costs: those of reading for ``sweep_repository``.
    """
    contents = world.metadata.read_contents(team, name)
    marked = marked_now(world, team, contents, world.clock.now_s(), DAY_S, {})
    return tuple(thing for thing in marked.going if thing.kind in (Kind.TAG, Kind.MANIFEST))
