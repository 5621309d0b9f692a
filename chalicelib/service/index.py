"""The v1 index: repositories registered, their image lists, and v1 tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from chalicelib.domain import limits
from chalicelib.domain.access import Action, Actor, Decision, Mode
from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.expiry import End, looks_named
from chalicelib.domain.image import check_image_id
from chalicelib.domain.names import RepositoryName, TagName
from chalicelib.domain.paging import Page
from chalicelib.domain.records import IndexImage, Tag
from chalicelib.domain.tag_rules import is_immutable
from chalicelib.domain.tokens import V1Token, render_v1_token
from chalicelib.domain.webhooks import EventKind
from chalicelib.service.accounts import decided
from chalicelib.service.bridge import image_of_manifest, shown_id
from chalicelib.service.ends import count_pull, end_by_name
from chalicelib.service.happenings import happening
from chalicelib.service.hub import entered, new_repository
from chalicelib.service.images import find
from chalicelib.service.races import repeated
from chalicelib.service.world import World


def token(world: World, name: RepositoryName, access: str, actor: Actor) -> str:
    """The token that a client replays to the registry.

    It lives for twelve hours, longer than any push; one that names nobody, whose only end is
    that, for one hour. Costs: 0; 1 batch read for somebody who does not own the namespace.
    """
    ttl_s = limits.V1_TOKEN_TTL_S if actor.name else limits.V1_ANONYMOUS_TOKEN_TTL_S
    end_s, user = world.clock.now_s() + ttl_s, actor.name or None
    role = _role(world, actor, name)
    claims = V1Token(name, access, user, end_s, actor.generation, actor.token_id, role)
    return render_v1_token(world.signing_key, claims)


def _role(world: World, actor: Actor, name: RepositoryName) -> str | None:
    """What the token's user is in the team: the token ends with that."""
    owns = actor.is_administrator or actor.name == name.namespace
    if world.mode is Mode.OPEN or not actor.name or owns:
        return None
    standing = world.accounts.find_standing(world.team_of(name), name, actor.name)
    return standing.role.value if standing.role else None


def register(
    world: World, actor: Actor, name: RepositoryName, images: Sequence[IndexImage]
) -> None:
    """Make a repository known, with the images that are about to be pushed.

    Costs: 1 transaction; with images 1 query, and 1 transaction for each 49 that are new.
    """
    repeated(lambda: _register(world, actor, name, images))


def _register(
    world: World, actor: Actor, name: RepositoryName, images: Sequence[IndexImage]
) -> None:
    team = world.team_of(name)
    world.metadata.put_repository(team, new_repository(world, name))
    if images:
        shared = [image for image in images if _may_list(world, actor, name, team, image.image_id)]
        world.metadata.put_index_images(team, name, shared)


def merge_images(
    world: World, actor: Actor, name: RepositoryName, images: Sequence[IndexImage]
) -> None:
    """Merge into the image list; at the end of a push clients send `[]` in practice.

    A list belongs to a repository, which comes into being with it.
    Costs: 0 without images; as ``register`` with them.
    """
    if images:
        register(world, actor, name, images)


def _may_list(world: World, actor: Actor, name: RepositoryName, team: str, image_id: str) -> bool:
    """Whether an image may stand in this list: it would be readable through it.

    The owner may read whatever the team has. Somebody else who was granted this repository, and
    whoever comes by an API token, may list what nobody has pushed yet, and what a repository holds
    that they may read.
    Costs: 0 for the owner; for others 1 read, and for an image that exists 1 query and 1 read
    for each repository that holds it.
    """
    owns = actor.is_administrator or actor.name == name.namespace
    by_token = actor.limits is not None or actor.token_id is not None
    if world.mode is Mode.OPEN or (owns and not by_token):
        return True
    known = world.metadata.find_listed(team, name, [image_id])
    if image_id not in known.images or image_id in known.listed:
        return True
    if by_token and actor.grants is not None:
        # A v1 token does not say what the API token that it was got with is limited to.
        return False
    return any(
        _may_pull(world, actor, holder) for holder in world.metadata.list_holders(team, image_id)
    )


def _may_pull(world: World, actor: Actor, name: RepositoryName) -> bool:
    # By the account and not by the token: that one speaks for another repository.
    return decided(world, replace(actor, grants=None), Action.PULL, name) is Decision.ALLOW


def list_images(
    world: World, name: RepositoryName, *, is_counted: bool = False
) -> Sequence[IndexImage]:
    """The image list, empty for a repository that was never pushed through v1.

    With it every v1 pull begins: one that is counted is of those that the team may have in a day.
    Raises: RegistryError(V1_IMAGES_UNKNOWN) when there is no such repository, (TOO_MANY_PULLS).
    Costs: 1 batch read, 1 query; 1 read more when it found nothing; 1 write for a team with a
    quota of pulls.
    """
    team = world.team_of(name)
    found = world.metadata.survey_index(team, name)
    images = found.images
    if not images and world.metadata.find_repository(team, name) is None:
        raise RegistryError(ErrorCode.V1_IMAGES_UNKNOWN)
    if is_counted:
        count_pull(world, found.team)
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
    """All tags that v1 can name; what a v2 tag points to is made into images when it is read.

    Raises: RegistryError(V1_REPOSITORY_UNKNOWN).
    Costs: 1 query for each thousand; 1 read more when there are none.
    """
    team, found, after = world.team_of(name), dict[str, str](), ""
    while True:
        page = Page(limits.MAX_PAGE_ENTRIES, after)
        listing = world.metadata.list_tags(team, name, page)
        shown = {str(t.name): t.image_id or _shown(t) for t in listing.entries}
        found.update({name: image_id for name, image_id in shown.items() if image_id})
        if not listing.more:
            break
        after = str(listing.entries[-1].name)
    if not found and world.metadata.find_repository(team, name) is None:
        raise RegistryError(ErrorCode.V1_REPOSITORY_UNKNOWN)
    return found


def tag_image(world: World, name: RepositoryName, tag: TagName) -> str:
    """The image id that a tag points to.

    Raises: RegistryError(V1_TAG_UNKNOWN).
    Costs: 1 read; for a tag that v2 has set those of ``bridge.image_of_manifest`` more.
    """
    found = world.metadata.find_tag(world.team_of(name), name, tag)
    image_id = found.image_id if found else None
    if found is not None and found.manifest is not None:
        image_id = image_of_manifest(world, name, found.manifest)
    if image_id is None:
        raise RegistryError(ErrorCode.V1_TAG_UNKNOWN)
    return image_id


def _shown(tag: Tag) -> str | None:
    return shown_id(tag.manifest) if tag.manifest else None


DEFAULT_FACTS: Mapping[str, object] = {
    "last_update": None,
    "docker_version": None,
    "docker_go_version": None,
    "arch": "amd64",
    "os": "linux",
    "kernel": None,
}


def tag_facts(world: World, name: RepositoryName, tag: TagName) -> Mapping[str, object]:
    """When a tag was set and by which client; defaults for a tag that is not there.

    Costs: 1 read.
    """
    found = world.metadata.find_tag(world.team_of(name), name, tag)
    if found is None:
        return DEFAULT_FACTS
    return {"last_update": found.updated_at_s, **found.client}


def put_tag(
    world: World,
    actor: Actor,
    name: RepositoryName,
    tag: TagName,
    image_id: object,
    client: Mapping[str, str],
    end: End | None = None,
) -> None:
    """Point a tag to an image that is at least described; ``end`` is one that was asked for.

    Raises: RegistryError(V1_DATA_INVALID, V1_IMAGE_UNKNOWN, TAG_IMMUTABLE).
    Costs: 3 reads, 1 transaction; 1 read more where the tag is immutable, 1 for a name like `2h`.
    """
    if not isinstance(image_id, str) or not image_id:
        raise RegistryError(ErrorCode.V1_DATA_INVALID)
    team = world.team_of(name)
    try:
        check_image_id(image_id)
    except RegistryError:
        raise RegistryError(ErrorCode.V1_IMAGE_UNKNOWN) from None
    if find(world, team, image_id, None if world.mode is Mode.OPEN else name) is None:
        raise RegistryError(ErrorCode.V1_IMAGE_UNKNOWN)
    pointed = Tag(tag, world.clock.now_s(), image_id=image_id, client=client)
    repeated(lambda: _point(world, actor, name, pointed, end))


def _point(world: World, actor: Actor, name: RepositoryName, tag: Tag, end: End | None) -> None:
    team = world.team_of(name)
    repository = entered(world, name, world.metadata.find_repository(team, name))
    end = end or _end_by_name(world, name, tag)
    tag = replace(tag, expires_at_s=end.at_s if end else _end_before(world, name, tag))
    fixed = is_immutable(repository.tag_rules, tag.name)
    if fixed and _points_elsewhere(world, name, tag):
        raise RegistryError(ErrorCode.TAG_IMMUTABLE, detail={"tag": str(tag.name)})
    facts = {"tags": [tag.name.value], "image_id": tag.image_id}
    change = happening(world, actor, repository, EventKind.PUSH, **facts)
    world.metadata.put_tag(team, repository, tag, change, fixed=fixed, lasting=end is None)


def _end_by_name(world: World, name: RepositoryName, tag: Tag) -> End | None:
    """Costs: 0; with accounts 1 read for a name that could say so."""
    if not looks_named(tag.name):
        return None
    found = world.accounts.find_membership(world.team_of(name), None).team
    return end_by_name(world, tag.name, found, tag.updated_at_s)


def _end_before(world: World, name: RepositoryName, tag: Tag) -> int | None:
    """The end that somebody has given a tag, which stays when it is set anew. Costs: 1 read."""
    known = world.metadata.find_tag(world.team_of(name), name, tag.name)
    return known.expires_at_s if known else None


def _points_elsewhere(world: World, name: RepositoryName, tag: Tag) -> bool:
    found = world.metadata.find_tag(world.team_of(name), name, tag.name)
    return found is not None and found.image_id != tag.image_id
