"""The v1 index: repositories registered, their image lists, and v1 tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chalicelib.domain import limits
from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.image import check_image_id
from chalicelib.domain.names import RepositoryName, TagName
from chalicelib.domain.paging import Page
from chalicelib.domain.records import IndexImage, Repository, Tag
from chalicelib.domain.tokens import V1Token, render_v1_token
from chalicelib.ports import Missing
from chalicelib.service.world import World


def token(world: World, name: RepositoryName, access: str, user: str | None) -> str:
    """The token that a client replays to the registry for twelve hours. Costs: 0."""
    expires_at_s = world.clock.now_s() + limits.V1_TOKEN_TTL_S
    return render_v1_token(world.signing_key, V1Token(name, access, user, expires_at_s))


def register(world: World, name: RepositoryName, images: Sequence[IndexImage]) -> None:
    """Make a repository known, with the images that are about to be pushed.

    Costs: 1 write; with images 1 query, and 1 batch write for each 25 that are new.
    """
    team = world.team_of(name)
    world.metadata.put_repository(team, Repository(name, world.clock.now_s()))
    if images:
        world.metadata.put_index_images(team, name, images)


def merge_images(world: World, name: RepositoryName, images: Sequence[IndexImage]) -> None:
    """Merge into the image list at the end of a push; clients send `[]` in practice.

    Costs: 0 without images.
    """
    if images:
        world.metadata.put_index_images(world.team_of(name), name, images)


def list_images(world: World, name: RepositoryName) -> Sequence[IndexImage]:
    """The image list, empty for a repository that was never pushed through v1.

    Raises: RegistryError(V1_IMAGES_UNKNOWN) when there is no such repository.
    Costs: 1 query; 1 read more when it found nothing.
    """
    team = world.team_of(name)
    images = world.metadata.list_index_images(team, name)
    if not images and world.metadata.find_repository(team, name) is None:
        raise RegistryError(ErrorCode.V1_IMAGES_UNKNOWN)
    return images


def parse_images(document: object) -> tuple[IndexImage, ...]:
    """Read the body of PUT repository and PUT images; entries without an id are passed over.

    Raises: RegistryError(V1_DATA_INVALID): not a list, or longer than any push.
    """
    if not isinstance(document, list) or len(document) > limits.MAX_INDEX_IMAGES:
        raise RegistryError(ErrorCode.V1_DATA_INVALID)
    images: dict[str, IndexImage] = {}
    for entry in document:
        if not isinstance(entry, dict) or not isinstance(entry.get("id"), str):
            continue
        image_id = check_image_id(entry["id"])
        checksum = entry.get("checksum")
        known = images.get(image_id)
        if known is None or known.checksum is None:
            text = checksum if isinstance(checksum, str) and checksum else None
            images[image_id] = IndexImage(image_id, text)
    return tuple(images.values())


def tags(world: World, name: RepositoryName) -> Mapping[str, str]:
    """All tags that point to a v1 image.

    Raises: RegistryError(V1_REPOSITORY_UNKNOWN).
    Costs: 1 query for each thousand; 1 read more when there are none.
    """
    team, found, after = world.team_of(name), dict[str, str](), ""
    while True:
        page = Page(limits.MAX_PAGE_ENTRIES, after)
        listing = world.metadata.list_tags(team, name, page)
        found.update({str(t.name): t.image_id for t in listing.entries if t.image_id})
        if not listing.more:
            break
        after = str(listing.entries[-1].name)
    if not found and world.metadata.find_repository(team, name) is None:
        raise RegistryError(ErrorCode.V1_REPOSITORY_UNKNOWN)
    return found


def tag_image(world: World, name: RepositoryName, tag: TagName) -> str:
    """The image id that a tag points to. Raises: RegistryError(V1_TAG_UNKNOWN). Costs: 1 read."""
    found = world.metadata.find_tag(world.team_of(name), name, tag)
    if found is None or found.image_id is None:
        raise RegistryError(ErrorCode.V1_TAG_UNKNOWN)
    return found.image_id


def put_tag(
    world: World,
    name: RepositoryName,
    tag: TagName,
    image_id: object,
    client: Mapping[str, str],
) -> None:
    """Point a tag to an image that is at least described.

    Raises: RegistryError(V1_DATA_INVALID, V1_IMAGE_UNKNOWN).
    Costs: 1 read, 1 transaction.
    """
    if not isinstance(image_id, str) or not image_id:
        raise RegistryError(ErrorCode.V1_DATA_INVALID)
    team = world.team_of(name)
    try:
        check_image_id(image_id)
    except RegistryError:
        raise RegistryError(ErrorCode.V1_IMAGE_UNKNOWN) from None
    if image_id not in world.metadata.find_images(team, [image_id]):
        raise RegistryError(ErrorCode.V1_IMAGE_UNKNOWN)
    now_s = world.clock.now_s()
    repository = Repository(name, now_s)
    world.metadata.put_tag(team, repository, Tag(tag, now_s, image_id=image_id, client=client))


def delete_tag(world: World, name: RepositoryName, tag: TagName) -> None:
    """Raises: RegistryError(V1_TAG_UNKNOWN). Costs: 1 transaction."""
    try:
        world.metadata.delete_tag(world.team_of(name), name, tag)
    except Missing:
        raise RegistryError(ErrorCode.V1_TAG_UNKNOWN, f"Tag not found: {tag}") from None
