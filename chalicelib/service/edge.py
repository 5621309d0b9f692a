"""Blobs that came to the bucket through the edge, past every function: found when asked for.

The edge lets S3 check the SHA-256 of what it takes, and puts it where the upload's signed address
says: under a word that belongs to one life of one repository. Nobody tells us that it came. So
whatever a repository lacks is looked for there, before it is said to be missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from chalicelib.domain import keys, limits
from chalicelib.domain.digest import Digest
from chalicelib.domain.edge import is_place, make_location
from chalicelib.domain.manifest import Manifest
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.records import Blob
from chalicelib.domain.upload import UploadSession, upload_path
from chalicelib.ports import Conflict, PushSurvey
from chalicelib.service.races import anew
from chalicelib.service.world import World
from chalicelib.trace import carried, count

# S3's answers to these take some 20 ms each: all that one request asks for take a second.
LOOKS_AT_ONCE = 16


def location(world: World, session: UploadSession) -> str:
    """Where the bytes of a session that has none go: to the edge, where it takes them.

    S3 checks SHA-256 and nothing else. Costs: 1 read; 1 write more for a repository's first.
    """
    path = upload_path(session.repository, session.upload_id)
    if world.edge_key is None or session.algorithm != "sha256" or session.offset_bytes:
        return path
    team, name = session.team, session.repository
    word = world.metadata.find_edge_word(team, name)
    if word is None:
        word = world.metadata.give_edge_word(team, name, world.words.fresh())
    place = keys.edge_place(team, word)
    if not is_place(place):
        # A team whose name has a dot: the dot parts the token.
        return path
    return make_location(world.edge_key, path, session.expires_at_s, place)


def find_blob(world: World, name: RepositoryName, digest: Digest) -> Blob | None:
    """The blob, when this repository may serve it, whichever way it came.

    Costs: 1 read; for what has no row and an edge in front those of ``adopt``.
    """
    blob = world.metadata.find_link(world.team_of(name), name, digest)
    return blob if blob is not None else adopt(world, name, [digest]).get(digest)


def with_adopted(
    world: World, name: RepositoryName, manifest: Manifest, survey: PushSurvey
) -> PushSurvey:
    """The survey of a push, with those of the missing blobs that the edge has taken.

    Costs: 0 when none is missing, else those of ``adopt``.
    """
    missing = [part.digest for part in manifest.required_blobs if part.digest not in survey.blobs]
    adopted = adopt(world, name, missing)
    return replace(survey, blobs={**survey.blobs, **adopted}) if adopted else survey


def adopt(world: World, name: RepositoryName, digests: Sequence[Digest]) -> dict[Digest, Blob]:
    """Make visible what the edge has taken of these blobs, each checked by S3; the first 500.

    Costs: 0 without an edge. 1 read; where the edge has taken something for this repository 1 S3
    call for each, 16 at a time; where something is found 1 batch read, 1 transaction for each 49.
    """
    wanted = [digest for digest in dict.fromkeys(digests) if digest.algorithm == "sha256"]
    if world.edge_key is None or not wanted:
        return {}
    team = world.team_of(name)
    word = world.metadata.find_edge_word(team, name)
    if word is None:
        return {}
    found = _looked_for(world, team, word, wanted[: limits.MAX_ADOPTED_BLOBS])
    if not found:
        return {}

    def take() -> list[Blob]:
        # Bytes that the team has already are served from where they are: once is enough.
        known = world.metadata.find_blobs(team, [blob.digest for blob in found])
        blobs = [known.get(blob.digest, blob) for blob in found]
        world.metadata.adopt_blobs(team, name, word, blobs)
        return blobs

    try:
        blobs = anew(take)
    except Conflict:
        # The repository that had the word is gone, and with it all that was taken for it.
        return {}
    count(bytes_pushed=sum(blob.size_bytes for blob in blobs))
    return {blob.digest: blob for blob in blobs}


def _looked_for(world: World, team: str, word: str, digests: Sequence[Digest]) -> list[Blob]:
    def look(digest: Digest) -> Blob | None:
        key = keys.edge_key(team, word, digest)
        size_bytes = world.blobs.checked_size_bytes(key, sha256_hex=digest.hex)
        return None if size_bytes is None else Blob(digest, size_bytes, key)

    if len(digests) == 1:
        looked = [look(digests[0])]
    else:
        with ThreadPoolExecutor(min(LOOKS_AT_ONCE, len(digests)), "look") as pool:
            looked = list(pool.map(carried(look), digests))
    return [blob for blob in looked if blob is not None]
