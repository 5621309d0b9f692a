"""v2: the catalog, tags with their history and rules, referrers, all in pages.

Spec: OCI Distribution 1.1, end-8, end-12; the catalog is Docker's; history and rules are ours.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from urllib.parse import urlencode

from chalicelib.api.documents import read_object
from chalicelib.domain import limits
from chalicelib.domain.digest import parse_digest
from chalicelib.domain.errors import ErrorCode
from chalicelib.domain.media_types import OCI_INDEX
from chalicelib.domain.names import parse_tag
from chalicelib.domain.paging import Page, parse_page
from chalicelib.domain.records import StoredManifest, TagEvent, referrer_order
from chalicelib.domain.retention import RetentionRule, parse_retention
from chalicelib.domain.tag_rules import TagRule, parse_rules
from chalicelib.service import catalog as catalogs
from chalicelib.service import retention
from chalicelib.service import tags as tagging
from chalicelib.web.endpoints import url_for
from chalicelib.web.messages import Response, json_response
from chalicelib.web.pipeline import Call, handles

MAX_PREVIEWED = 1000


def next_link(path: str, page: Page, last: str, **more: str) -> dict[str, str]:
    """The Link header to the page after this one. Spec: RFC 5988, as the specification has it."""
    query = urlencode({"n": page.limit, "last": last, **more})
    return {"Link": f'<{path}?{query}>; rel="next"'}


def _page(call: Call) -> Page:
    return parse_page(call.request.query.get("n"), call.request.query.get("last"))


@handles("v2.catalog")
def catalog(call: Call) -> Response:
    page = _page(call)
    listing = catalogs.repositories(call.world, call.actor, page)
    more = listing.more and bool(listing.entries)
    headers = next_link(url_for("v2.catalog"), page, listing.entries[-1].path) if more else {}
    shown = [name.shown for name in catalogs.readable(call.actor, listing.entries)]
    return json_response({"repositories": shown}, 200, headers)


@handles("v2.tags")
def tags(call: Call) -> Response:
    page = _page(call)
    listing = tagging.tags(call.world, call.name, page)
    names = [str(tag.name) for tag in listing.entries]
    path = url_for("v2.tags", repository=call.request.params["repository"])
    headers = next_link(path, page, names[-1]) if listing.more and names else {}
    return json_response({"name": call.request.params["repository"], "tags": names}, 200, headers)


@handles("v2.tag.history")
def history(call: Call) -> Response:
    page, tag = _page(call), parse_tag(call.request.params["tag"])
    listing = tagging.history(call.world, call.name, tag, page)
    repository, headers = call.request.params["repository"], dict[str, str]()
    if listing.more and listing.entries:
        path = url_for("v2.tag.history", repository=repository, tag=str(tag))
        headers = next_link(path, page, listing.entries[-1].change.order)
    events = [_event(event) for event in listing.entries]
    return json_response({"name": repository, "tag": str(tag), "events": events}, 200, headers)


def _event(event: TagEvent) -> dict[str, str | None]:
    at = datetime.fromtimestamp(event.change.at_ms / 1000, UTC)
    is_image = event.target is not None and ":" not in event.target
    return {
        "at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "by": event.change.by,
        "digest": None if is_image else event.target,
        "image_id": event.target if is_image else None,
        "action": "delete" if event.target is None else "push",
    }


@handles("v2.tag_rules.get")
def get_rules(call: Call) -> Response:
    return _rules(tagging.existing(call.world, call.name).tag_rules)


@handles("v2.tag_rules.put")
def put_rules(call: Call) -> Response:
    rules = parse_rules(read_object(call.request.body, ErrorCode.BAD_REQUEST))
    tagging.set_rules(call.world, call.name, rules)
    return _rules(rules)


def _rules(rules: tuple[TagRule, ...]) -> Response:
    return json_response({"rules": [vars(rule) for rule in rules]})


@handles("v2.retention.get")
def get_retention(call: Call) -> Response:
    return _retention(tagging.existing(call.world, call.name).retention)


@handles("v2.retention.put")
def put_retention(call: Call) -> Response:
    rules = parse_retention(read_object(call.request.body, ErrorCode.BAD_REQUEST))
    retention.set_rules(call.world, call.name, rules)
    return _retention(rules)


@handles("v2.retention.preview")
def preview_retention(call: Call) -> Response:
    going = retention.preview(call.world, call.name)
    shown = [{"kind": each.kind.value, "name": each.text, "why": each.why} for each in going]
    return json_response({"going": shown[:MAX_PREVIEWED], "more": len(shown) > MAX_PREVIEWED})


def _retention(rules: tuple[RetentionRule, ...]) -> Response:
    return json_response({"rules": [rule.shown() for rule in rules]})


@handles("v2.referrers")
def referrers(call: Call) -> Response:
    subject, page = parse_digest(call.request.params["digest"]), _page(call)
    artifact_type = call.request.query.get("artifactType") or None
    listing = tagging.referrers(call.world, call.name, subject, page, artifact_type)
    shown = _within(listing.entries, limits.MAX_REFERRERS_PAGE_BYTES)
    headers = {"OCI-Filters-Applied": "artifactType"} if artifact_type else {}
    if shown and (listing.more or len(shown) < len(listing.entries)):
        last = listing.entries[len(shown) - 1]
        repository = call.request.params["repository"]
        path = url_for("v2.referrers", repository=repository, digest=str(subject))
        more = {"artifactType": artifact_type} if artifact_type else {}
        headers |= next_link(path, page, referrer_order(last.digest, last.artifact_type), **more)
    body = f'{{"schemaVersion":2,"mediaType":"{OCI_INDEX}","manifests":[{",".join(shown)}]}}'
    return Response(200, {"Content-Type": OCI_INDEX, **headers}, body.encode())


def _within(entries: Iterable[StoredManifest], limit_bytes: int) -> list[str]:
    """The descriptors that fit into an answer, at least one where there is one."""
    shown: list[str] = []
    for stored in entries:
        text = json.dumps(_descriptor(stored), ensure_ascii=False)
        limit_bytes -= len(text.encode())
        if shown and limit_bytes < 0:
            break
        shown.append(text)
    return shown


def _descriptor(stored: StoredManifest) -> dict[str, object]:
    described: dict[str, object] = {
        "mediaType": stored.media_type,
        "digest": str(stored.digest),
        "size": stored.size_bytes,
    }
    if stored.artifact_type:
        described["artifactType"] = stored.artifact_type
    if stored.annotations:
        described["annotations"] = dict(stored.annotations)
    return described
