"""Pages of manifests: what a tag or a digest names, an image's configuration, what refers to it."""

from __future__ import annotations

from collections.abc import Mapping

from chalicelib.domain import limits
from chalicelib.domain.access import Action
from chalicelib.domain.digest import parse_digest
from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.image_facts import MAX_ENTRIES, pairs, read_facts
from chalicelib.domain.media_types import MANIFEST_SHAPES, Shape
from chalicelib.domain.names import parse_tag
from chalicelib.domain.paging import Page
from chalicelib.domain.records import StoredManifest, Tag, referrer_order
from chalicelib.page.paper import link, may, moved, page
from chalicelib.page.repositories import Show, kind_of, size_of
from chalicelib.service.documents import parsed
from chalicelib.web.messages import Response
from chalicelib.web.pipeline import Call

REFERRERS_ON_A_PAGE = 25
# What is read of a configuration: real ones have some ten kilobytes.
MAX_CONFIG_BYTES = limits.MIB


def show_tag(call: Call) -> Response:
    tag = parse_tag(call.request.params["tag"])
    found = call.world.metadata.find_tag(call.team, call.name, tag)
    if found is None:
        raise RegistryError(ErrorCode.MANIFEST_UNKNOWN, "there is no such tag")
    if found.image_id is not None:
        query = {"tag": tag}
        at = link("page.image", query, repository=call.name.shown, image_id=found.image_id)
        return moved(at)
    assert found.manifest is not None
    return _manifest(call, found.manifest, found)


def show_manifest(call: Call) -> Response:
    digest = parse_digest(call.request.params["digest"])
    stored = call.world.metadata.find_manifest(call.team, call.name, digest)
    if stored is None:
        raise RegistryError(ErrorCode.MANIFEST_UNKNOWN)
    return _manifest(call, stored, None)


def _manifest(call: Call, stored: StoredManifest, tagged: Tag | None) -> Response:
    manifest = parsed(call.world, stored)
    is_image = MANIFEST_SHAPES[stored.media_type] is Shape.IMAGE
    config = manifest.config if is_image else None
    start = start_of(call)
    end = start + MAX_ENTRIES
    annotations = pairs(dict(manifest.annotations), start)
    parts = len(manifest.layers) + len(manifest.children)
    return page(
        call,
        "manifest.html",
        stored=stored,
        manifest=manifest,
        kind=kind_of(stored),
        size_bytes=size_of(manifest),
        config=config if config and config.media_type.endswith("json") else None,
        layers=manifest.layers[start:end],
        children=manifest.children[start:end],
        annotations=annotations,
        next_start=end if parts > end or annotations.left_out else None,
        tag=tagged.name if tagged else None,
        tagged=tagged,
        may_push=tagged is not None and may(call, Action.PUSH),
        may_delete=tagged is not None and may(call, Action.DELETE),
    )


def show_config(call: Call) -> Response:
    digest = parse_digest(call.request.params["digest"])
    blob = call.world.metadata.find_link(call.team, call.name, digest)
    if blob is None:
        raise RegistryError(ErrorCode.BLOB_UNKNOWN)
    is_small = blob.size_bytes <= MAX_CONFIG_BYTES
    start = start_of(call)
    facts = read_facts(call.world.blobs.get(blob.object_key), start) if is_small else None
    return page(
        call,
        "config.html",
        digest=digest,
        facts=facts,
        size_bytes=blob.size_bytes,
        next_start=start + MAX_ENTRIES if facts and facts.has_more else None,
    )


def start_of(call: Call) -> int:
    """The number of the first entry of each list on this page, from 0."""
    text = call.request.query.get("start", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 8 else 0


def show_referrers(call: Call) -> Response:
    subject = parse_digest(call.request.params["digest"])
    after = call.request.query.get("after", "")
    listing = call.world.metadata.list_referrers(
        call.team, call.name, subject, Page(REFERRERS_ON_A_PAGE, after)
    )
    entries = [(each, pairs(dict(each.annotations)), _means(each)) for each in listing.entries]
    last = _order(listing.entries[-1]) if listing.more and listing.entries else None
    return page(call, "referrers.html", subject=subject, entries=entries, next_after=last)


# How people call what is pushed beside an image; the first word that the type holds counts.
_MEANINGS = (
    ("cosign", "Signature"),
    ("notary", "Signature"),
    ("signature", "Signature"),
    ("spdx", "SBOM"),
    ("cyclonedx", "SBOM"),
    ("sbom", "SBOM"),
    ("in-toto", "Attestation"),
    ("sarif", "Scan report"),
)


def _means(stored: StoredManifest) -> str:
    kind = (stored.artifact_type or "").lower()
    return next((meaning for word, meaning in _MEANINGS if word in kind), "Artifact")


def _order(stored: StoredManifest) -> str:
    return referrer_order(stored.digest, stored.artifact_type)


SHOWS: Mapping[str, Show] = {
    "page.tag": show_tag,
    "page.manifest": show_manifest,
    "page.config": show_config,
    "page.referrers": show_referrers,
}
