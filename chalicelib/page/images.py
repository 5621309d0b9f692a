"""Pages of v1 images: those of a repository as a tree, and one with its ancestry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from chalicelib.domain.errors import RegistryError
from chalicelib.domain.image import V1Image
from chalicelib.domain.image_facts import read_facts
from chalicelib.domain.names import parse_tag
from chalicelib.page.paper import page
from chalicelib.page.repositories import Show, record_of
from chalicelib.service import images, index
from chalicelib.web.messages import Response
from chalicelib.web.pipeline import Call

# One batch read; each brings its whole ancestry along.
IMAGES_ON_A_PAGE = 100
# A browser lays out lists within lists in time that grows with their depth.
MAX_TREE_DEPTH = 40
ANCESTORS_ON_A_PAGE = 100


@dataclass
class Node:
    """An image in the tree; ``image`` is None for an ancestor that stands on another page."""

    image_id: str
    image: V1Image | None = None
    children: list[Node] = field(default_factory=list)


def show_images(call: Call) -> Response:
    after = call.request.query.get("after", "")
    listed = [each.image_id for each in index.list_images(call.world, call.name)]
    left = [image_id for image_id in listed if image_id > after]
    wanted = left[:IMAGES_ON_A_PAGE]
    found = call.world.metadata.find_images(call.team, wanted) if wanted else {}
    rows = list(_rows(tree(found.values())))
    next_after = wanted[-1] if len(left) > len(wanted) else None
    return page(call, "images.html", rows=rows, total=len(listed), next_after=next_after)


def tree(found: Iterable[V1Image]) -> list[Node]:
    """The images below their parents, roots first; what they name is in it, known or not."""
    nodes: dict[str, Node] = {}
    roots: list[Node] = []
    for image in found:
        child: Node | None = None
        for image_id in image.ancestry:
            node = nodes.get(image_id)
            is_new = node is None
            if node is None:
                node = nodes[image_id] = Node(image_id)
            if child is not None:
                node.children.append(child)
            if not is_new:
                break
            child = node
        else:
            if child is not None:
                roots.append(child)
        nodes[image.image_id].image = image
    return roots


@dataclass(frozen=True)
class Row:
    """A line of the tree; ``depth`` is cut, ``level`` is not."""

    node: Node
    depth: int
    level: int
    size_bytes: int | None


def _rows(roots: Iterable[Node]) -> Iterable[Row]:
    stack = [(node, 0) for node in reversed(list(roots))]
    while stack:
        node, level = stack.pop()
        layer = node.image.layer if node.image else None
        size = layer.size_bytes if layer else None
        yield Row(node, min(level, MAX_TREE_DEPTH), level, size)
        stack.extend((child, level + 1) for child in reversed(node.children))


def show_image(call: Call) -> Response:
    record_of(call)
    image_id = call.request.params["image_id"]
    image = images.read(call.world, call.team, image_id, call.listed_in)
    start = _start(call.request.query.get("from", ""), len(image.ancestry))
    end = start + ANCESTORS_ON_A_PAGE
    return page(
        call,
        "image.html",
        image=image,
        ancestry=image.ancestry[start:end],
        start=start,
        next_from=end if end < len(image.ancestry) else None,
        facts=read_facts(image.raw_json),
        size_bytes=image.layer.size_bytes if image.layer else None,
        tag=_tag(call.request.query.get("tag", "")),
    )


def _tag(text: str) -> str | None:
    """A tag as an address names it; what is none stands in no command that somebody may copy."""
    try:
        return parse_tag(text).value
    except RegistryError:
        return None


def _start(text: str, most: int) -> int:
    """How many ancestors are left out; of what is no such number none."""
    is_number = text.isascii() and text.isdigit() and len(text) < 10
    return int(text) if is_number and int(text) < most else 0


SHOWS: Mapping[str, Show] = {"page.images": show_images, "page.image": show_image}
