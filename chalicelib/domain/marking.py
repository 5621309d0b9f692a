"""What of a repository nothing needs any more: rows in, what goes and why out.

    a tag stays       unless a retention rule names it; see ``retention``
    a tag that is over goes, and what it pointed to unless anything else here needs it
    a manifest stays  that a tag points to; that was pushed, unless a rule for untagged ones is old
                      enough; that an index which stays names; whose subject stays; that is the
                      subject of a tagged one; that shows another or a v1 image which stays
    an image stays    in the v1 list unless the registry put it there to show a manifest that goes,
                      and nothing else in the list has it as an ancestor
    a link stays      to a blob that a manifest which stays names; and for a grace period after it
                      was first found that none does
    a line stays      with the manifests that it ties together

A manifest that cannot be read may name anything: then nothing goes but tags.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from enum import Enum

from chalicelib.domain.digest import HEX_CHARS, Digest
from chalicelib.domain.expiry import is_over
from chalicelib.domain.image import ImageState, V1Image
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.records import Blob, Repository, Tag
from chalicelib.domain.retention import is_untagged_long, outgoing_tags, untagged_days

EXPIRED = "it has expired"
UNTAGGED = "untagged, older than its rule says"


class Kind(Enum):
    """What can go; a repository's in the order in which they do."""

    TAG = "tag"
    MANIFEST = "manifest"
    REFERRER = "line of a referrer"
    PARENT = "line of an index"
    VIEW = "view"
    LISTED = "entry of the v1 list"
    LINK = "blob"
    REPOSITORY = "repository"
    BLOB = "blob of the team"
    IMAGE = "v1 image"
    UPLOAD = "upload"
    OBJECT = "object"
    PARTS = "parts"
    WORD = "edge word"
    TEAM = "team"
    PIECE = "piece of a json"
    HANGING = "row of a team"


@dataclass(frozen=True)
class Going:
    """A thing that goes, and why; ``text`` is its name among its kind."""

    kind: Kind
    text: str
    why: str
    size_bytes: int = 0
    object_key: str = ""
    suspected_at_s: int | None = None


@dataclass(frozen=True)
class ManifestEntry:
    """A manifest as a repository lists it; ``pushed_at_s`` is None where nobody has pushed it."""

    digest: Digest
    size_bytes: int
    subject: Digest | None = None
    pushed_at_s: int | None = None
    object_key: str | None = None


@dataclass(frozen=True)
class Line:
    """A line that ties a manifest to another: a referrer's, or that of a child's index.

    ``text`` names it in the store, ``digest`` is the manifest whose line it is.
    """

    text: str
    digest: Digest


@dataclass(frozen=True)
class Contents:
    """All that a repository holds, read after its record, whose ``revision`` it is true for.

    ``views`` are the manifests that show another or a v1 image, by what they show.
    """

    name: RepositoryName
    repository: Repository | None = None
    revision: str | None = None
    is_going: bool = False
    tags: tuple[Tag, ...] = ()
    manifests: tuple[ManifestEntry, ...] = ()
    links: tuple[Blob, ...] = ()
    referrers: tuple[Line, ...] = ()
    parents: tuple[Line, ...] = ()
    views: Mapping[str, Digest] = field(default_factory=dict)
    listed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Needs:
    """What a manifest names."""

    blobs: frozenset[Digest] = frozenset()
    children: frozenset[Digest] = frozenset()


@dataclass(frozen=True)
class Freed:
    """What was there for tags that are over: it goes unless something else needs it."""

    manifests: frozenset[Digest] = frozenset()
    images: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Marked:
    """What goes now; which links are suspected from now on, and which no more."""

    going: tuple[Going, ...] = ()
    suspects: tuple[Digest, ...] = ()
    spared: tuple[Digest, ...] = ()


def mark(
    contents: Contents,
    needs: Mapping[Digest, Needs],
    images: Mapping[str, V1Image],
    *,
    now_s: int,
    grace_s: int,
) -> Marked:
    """What nothing needs of what a repository holds.

    ``needs`` holds the manifests that could be read, ``images`` the listed and tagged ones.
    """
    record = contents.repository
    over = [tag for tag in contents.tags if is_over(tag.expires_at_s, now_s)]
    lasting = [tag for tag in contents.tags if not is_over(tag.expires_at_s, now_s)]
    outgoing = outgoing_tags(
        record.retention if record else (), record.tag_rules if record else (), lasting, now_s
    )
    going = [Going(Kind.TAG, name, why) for name, why in _by_name(outgoing).items()]
    if any(entry.digest not in needs for entry in contents.manifests):
        return Marked(tuple(going))
    gone = {tag.name for tag, _ in outgoing}
    tags = [tag for tag in lasting if tag.name not in gone]
    freed = Freed(_freed(contents, over, needs), _freed_images(contents, over, tags, images))
    living = _living(contents, tags, needs, images, freed, now_s)
    going += _manifests(contents, living, freed.manifests)
    going += _lines(contents, living)
    going += _views(contents, living)
    going += _listed(contents, tags, images, living, freed.images)
    # Last of these: as long as the tag is there, it is known what goes because of it.
    going += [Going(Kind.TAG, tag.name.value, EXPIRED) for tag in over]
    return _with_links(contents, going, living, needs, now_s - grace_s)


def _by_name(outgoing: Sequence[tuple[Tag, str]]) -> dict[str, str]:
    return {tag.name.value: why for tag, why in outgoing}


def _living(
    contents: Contents,
    tags: Sequence[Tag],
    needs: Mapping[Digest, Needs],
    images: Mapping[str, V1Image],
    freed: Freed,
    now_s: int,
) -> Set[Digest]:
    """The manifests that stay: the roots, and what they lead to."""
    entries = {entry.digest: entry for entry in contents.manifests}
    left = _roots(contents, entries, tags, images, freed, now_s)
    referring = _referring(contents)
    views: dict[Digest, list[Digest]] = {}
    for key, digest in contents.views.items():
        source = shown_digest(key)
        if source is not None:
            views.setdefault(source, []).append(digest)
    living: set[Digest] = set()
    while left:
        digest = left.pop()
        if digest in living or digest not in entries:
            continue
        living.add(digest)
        left |= needs[digest].children
        left.update(referring.get(digest, ()))
        left.update(views.get(digest, ()))
    return living


def _roots(
    contents: Contents,
    entries: Mapping[Digest, ManifestEntry],
    tags: Sequence[Tag],
    images: Mapping[str, V1Image],
    freed: Freed,
    now_s: int,
) -> set[Digest]:
    """The manifests that stay whatever else does: tagged, subjects of tagged ones, shown in a
    form that stays, or pushed without a tag and not yet due by a rule."""
    record = contents.repository
    days = untagged_days(record.retention) if record else None
    tagged = {tag.manifest.digest for tag in tags if tag.manifest}
    shown = {digest for digest in contents.views.values() if _is_made(entries.get(digest))}
    kept_images = {tag.image_id for tag in tags if tag.image_id}
    pushed = {each for each in contents.listed if not is_chained(images.get(each))}
    kept_images |= pushed - freed.images
    roots = {
        digest
        for digest, entry in entries.items()
        if digest in tagged
        or not (
            digest in shown
            or digest in freed.manifests
            or is_untagged_long(entry.pushed_at_s, days, now_s)
        )
    }
    roots |= {e.subject for e in contents.manifests if e.digest in tagged and e.subject}
    return roots | {d for key, d in contents.views.items() if key in kept_images}


def _referring(contents: Contents) -> Mapping[Digest, list[Digest]]:
    referring: dict[Digest, list[Digest]] = {}
    for entry in contents.manifests:
        if entry.subject is not None:
            referring.setdefault(entry.subject, []).append(entry.digest)
    return referring


def _freed(
    contents: Contents, over: Sequence[Tag], needs: Mapping[Digest, Needs]
) -> frozenset[Digest]:
    """The manifests that tags which are over brought: theirs, children, and what refers to them."""
    left, referring = {tag.manifest.digest for tag in over if tag.manifest}, _referring(contents)
    freed: set[Digest] = set()
    while left:
        digest = left.pop()
        if digest in freed or digest not in needs:
            continue
        freed.add(digest)
        left |= needs[digest].children
        left.update(referring.get(digest, ()))
    return frozenset(freed)


def _freed_images(
    contents: Contents, over: Sequence[Tag], tags: Sequence[Tag], images: Mapping[str, V1Image]
) -> frozenset[str]:
    """The v1 images that only tags which are over need."""

    def needed(ids: Iterable[str | None]) -> set[str]:
        return {each for image_id in ids if image_id for each in _line_of(image_id, images)}

    freed = needed(tag.image_id for tag in over)
    others = [each for each in contents.listed if each not in freed]
    return frozenset(freed - needed([*others, *(tag.image_id for tag in tags)]))


def _line_of(image_id: str, images: Mapping[str, V1Image]) -> Sequence[str]:
    found = images.get(image_id)
    return found.ancestry if found else (image_id,)


def _is_made(entry: ManifestEntry | None) -> bool:
    return entry is not None and entry.pushed_at_s is None


def shown_digest(key: str) -> Digest | None:
    """The manifest that a view shows; None where it shows a v1 image."""
    if not key.startswith("as "):
        return None
    algorithm, _, encoded = key.rpartition(" ")[2].partition(":")
    return Digest(algorithm, encoded)


def is_chained(image: V1Image | None) -> bool:
    """Whether the registry itself made an image, to show a manifest through v1."""
    return image is not None and image.state is ImageState.SEALED and image.payload_checksum is None


def _manifests(
    contents: Contents, living: Set[Digest], freed: frozenset[Digest]
) -> Iterator[Going]:
    for entry in contents.manifests:
        if entry.digest not in living:
            why = "its tag has expired" if entry.digest in freed else UNTAGGED
            why = "shows what is gone" if _is_made(entry) else why
            yield Going(Kind.MANIFEST, str(entry.digest), why, entry.size_bytes)


def _lines(contents: Contents, living: Set[Digest]) -> Iterator[Going]:
    kinds = ((Kind.REFERRER, contents.referrers), (Kind.PARENT, contents.parents))
    for kind, lines in kinds:
        for line in lines:
            if line.digest not in living:
                yield Going(kind, line.text, "its manifest is gone")


def _views(contents: Contents, living: Set[Digest]) -> Iterator[Going]:
    there = {entry.digest for entry in contents.manifests}
    for key, digest in contents.views.items():
        source = shown_digest(key)
        # One whose manifest was pushed as well goes with what it shows; the manifest stays.
        if digest not in living or digest not in there or (source and source not in living):
            yield Going(Kind.VIEW, key, "what it shows is gone")


def _listed(
    contents: Contents,
    tags: Sequence[Tag],
    images: Mapping[str, V1Image],
    living: Set[Digest],
    freed: frozenset[str],
) -> Iterator[Going]:
    roots = {tag.image_id for tag in tags if tag.image_id}
    roots |= {each for each in contents.listed if _is_root(each, images, living)} - freed
    needed = set(roots)
    for image_id in roots:
        found = images.get(image_id)
        needed.update(found.ancestry if found else ())
    for image_id in contents.listed:
        if image_id not in needed:
            why = "the manifest that it shows is gone"
            yield Going(Kind.LISTED, image_id, "its tag has expired" if image_id in freed else why)


def _is_root(image_id: str, images: Mapping[str, V1Image], living: Set[Digest]) -> bool:
    if not is_chained(images.get(image_id)):
        return True
    return len(image_id) == HEX_CHARS["sha256"] and Digest("sha256", image_id) in living


def _with_links(
    contents: Contents,
    going: list[Going],
    living: Set[Digest],
    needs: Mapping[Digest, Needs],
    suspected_until_s: int,
) -> Marked:
    needed = {blob for digest in living for blob in needs[digest].blobs}
    suspects, spared = [], []
    for link in contents.links:
        since_s = link.suspected_at_s
        if link.digest in needed:
            spared += [link.digest] if since_s is not None else []
        elif since_s is None:
            suspects.append(link.digest)
        elif since_s <= suspected_until_s:
            why = "no manifest has needed it for the grace period"
            size_bytes, key = link.size_bytes, link.object_key
            going.append(Going(Kind.LINK, str(link.digest), why, size_bytes, key, since_s))
    return Marked(tuple(going), tuple(suspects), tuple(spared))
