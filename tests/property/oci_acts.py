"""What people do to a registry, as Hypothesis strategies: mostly what can succeed.

``ACTS`` draws one act; which kinds there are and how often each comes is the table ``KINDS``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from hypothesis import strategies as st

from chalicelib.domain.access import Action
from chalicelib.domain.digest import digest_of
from chalicelib.domain.records import referrer_order
from tests.conformance.v1 import AGENT, OTHER_AGENT
from tests.property.oci_values import (
    ACTORS,
    APP,
    BLOBS,
    DEEP,
    FOREIGN,
    MANIFESTS,
    OLD_IMAGES,
    PUBLIC,
    REPOSITORIES,
    RULES,
    SBOM,
    SIGNATURE,
    TAGS,
    WARES,
    Content,
)
from tests.property.v1_requests import mostly

NOTHING = "nothing"


@dataclass(frozen=True)
class Act:
    """One request, who sends it, and what it asks for; ``{role}`` in it stands for a name.

    ``action`` in ``repository`` is the permission that it needs. ``effect`` is what its success
    does to who may see what: a word of ``Onlooker`` with its arguments.
    ``then`` are requests that follow it to the place that the answer before named: method, further
    query, body. ``walks`` says that the pages that follow are to be read as well.
    """

    kind: str
    actor: str
    method: str
    url: str
    action: Action
    repository: str | None = None
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    effect: tuple[str, ...] = ()
    then: tuple[tuple[str, str, bytes], ...] = ()
    walks: bool = False
    wait_s: int = 0

    def __repr__(self) -> str:
        if self.kind == NOTHING:
            return NOTHING
        what = digest_of(self.body).hex[:12] if len(self.body) > 60 else self.body
        later = f" after {self.wait_s} s" if self.wait_s else ""
        return f"{self.actor}: {self.method} {self.url} {what!r} {dict(self.headers)}{later}"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Hypothesis would write out all bodies."""
        printer.text(repr(self))


Draw = st.DrawFn
Maker = Callable[[Draw, str, str], Act]

_NOWHERE = "sha256:" + "0" * 64
_pages = st.sampled_from(("", "", "n=1", "n=1", "n=1", "n=2", "n=2", "n=0"))
_kinds_of_artifact = st.sampled_from((None, None, SIGNATURE, SBOM, "none/such"))
_accepts = st.sampled_from(
    (
        {},
        {},
        {"Accept": "application/vnd.docker.distribution.manifest.v2+json"},
        {"Accept": "application/vnd.oci.image.manifest.v1+json"},
        {"Accept": "application/vnd.oci.image.index.v1+json, text/html"},
    )
)
_reads = st.sampled_from(("GET", "GET", "HEAD"))
_users = st.sampled_from(("writer", "reader", "stranger", "two"))
_tag_lists = st.lists(st.sampled_from(TAGS), max_size=3)
_rules = st.sampled_from(RULES)


def pick(draw: Draw, of: Mapping[str, tuple[Content, ...]], repository: str) -> Content:
    """Mostly the first of what was made for this repository, seldom what was made for another."""
    made = of[repository]
    foreign = tuple(of[other][0] for other in REPOSITORIES if other != repository)
    return draw(st.sampled_from((*made[:2] * 4, *made * 2, *foreign)))  # type: ignore[no-any-return]


def query(*pairs: str) -> str:
    text = "&".join(pair for pair in pairs if pair)
    return f"?{text}" if text else ""


# --- pushes ---------------------------------------------------------------------------------------


def _push_blob(draw: Draw, actor: str, name: str) -> Act:
    blob = pick(draw, BLOBS, name)
    url, whole = f"/v2/{name}/blobs/uploads/", f"digest={quote(blob.digest)}"
    if draw(st.booleans()):
        return Act("blob.put", actor, "POST", f"{url}?{whole}", Action.PUSH, name, blob.data)
    half = len(blob.data) // 2
    steps = (("PATCH", "", blob.data[:half]), ("GET", "", b""), ("PUT", whole, blob.data[half:]))
    return Act("blob.chunks", actor, "POST", url, Action.PUSH, name, then=steps)


def _mount(draw: Draw, actor: str, name: str) -> Act:
    source = draw(st.sampled_from((*REPOSITORIES, "")))
    blob = draw(st.sampled_from(BLOBS[source or APP]))
    where = query(f"mount={quote(blob.digest)}", f"from={source}" if source else "")
    url, effect = f"/v2/{name}/blobs/uploads/{where}", ("mount", blob.digest, source)
    return Act("blob.mount", actor, "POST", url, Action.PUSH, name, effect=effect)


def _put(actor: str, name: str, one: Content, reference: str, tags: list[str], kind: str) -> Act:
    where = f"/v2/{name}/manifests/{reference}{query(*(f'tag={tag}' for tag in tags))}"
    headers = {"Content-Type": one.media_type}
    return Act(
        kind, actor, "PUT", where, Action.PUSH, name, one.data, headers, effect=("enter", name)
    )


def _by_tag(draw: Draw, actor: str, name: str) -> Act:
    one, tag = pick(draw, MANIFESTS, name), draw(st.sampled_from(TAGS))
    return _put(actor, name, one, tag, [], "manifest.by_tag")


def _by_digest(draw: Draw, actor: str, name: str) -> Act:
    one, tags = pick(draw, MANIFESTS, name), draw(_tag_lists)
    return _put(actor, name, one, one.digest, tags, "manifest.by_digest")


def _index(draw: Draw, actor: str, name: str) -> Act:
    one, tag = draw(st.sampled_from(WARES[name].indexes)), draw(st.sampled_from(TAGS))
    return _put(actor, name, one, draw(st.sampled_from((tag, one.digest))), [], "manifest.index")


def _referrer(draw: Draw, actor: str, name: str) -> Act:
    one = draw(st.sampled_from(WARES[name].referrers))
    return _put(actor, name, one, one.digest, draw(_tag_lists), "manifest.referrer")


def _old_tag(draw: Draw, actor: str, name: str) -> Act:
    one, tag = draw(mostly(OLD_IMAGES[:2], OLD_IMAGES[2:])), draw(st.sampled_from(TAGS))
    headers = {"User-Agent": draw(st.sampled_from((AGENT, OTHER_AGENT)))}
    body, url = json.dumps(one.id).encode(), f"/v1/repositories/{name}/tags/{tag}"
    entered = ("enter", name)
    return Act("v1.tag.put", actor, "PUT", url, Action.PUSH, name, body, headers, entered)


# --- deletions ------------------------------------------------------------------------------------


def _delete_tag(draw: Draw, actor: str, name: str) -> Act:
    tag = draw(st.sampled_from(TAGS))
    if draw(st.booleans()):
        url = f"/v2/{name}/manifests/{tag}"
        return Act("tag.delete", actor, "DELETE", url, Action.DELETE, name)
    url = f"/v1/repositories/{name}/tags/{tag}"
    return Act("v1.tag.delete", actor, "DELETE", url, Action.DELETE, name)


def _delete_manifest(draw: Draw, actor: str, name: str) -> Act:
    url = f"/v2/{name}/manifests/{pick(draw, MANIFESTS, name).digest}"
    return Act("manifest.delete", actor, "DELETE", url, Action.DELETE, name)


def _delete_blob(draw: Draw, actor: str, name: str) -> Act:
    url = f"/v2/{name}/blobs/{pick(draw, BLOBS, name).digest}"
    return Act("blob.delete", actor, "DELETE", url, Action.DELETE, name)


def _delete_repository(draw: Draw, actor: str, name: str) -> Act:
    tail = draw(st.sampled_from(("", "tags")))
    url = f"/v1/repositories/{name}/{tail}"
    return Act("repository.delete", actor, "DELETE", url, Action.ADMIN, name, effect=("drop", name))


# --- rules and rights -----------------------------------------------------------------------------


def _put_rules(draw: Draw, actor: str, name: str) -> Act:
    body = json.dumps({"rules": draw(_rules)}).encode()
    return Act("rules.put", actor, "PUT", _ours(name, "tags/rules"), Action.ADMIN, name, body)


def _ours(name: str, tail: str) -> str:
    return f"/v2/{name}/_roadstead/{tail}"


def _show(draw: Draw, actor: str, name: str) -> Act:
    access = draw(st.sampled_from(("public", "private")))
    url, body = f"/v1/repositories/{name}/properties", json.dumps({"access": access}).encode()
    effect = (access, name)
    return Act("access.put", actor, "PUT", url, Action.ADMIN, name, body, effect=effect)


def _grant(draw: Draw, actor: str, name: str) -> Act:
    user, access = draw(_users), draw(st.sampled_from(("read", "write", "")))
    url = f"/v1/repositories/{name}/grants/{{{user}}}"
    effect = ("grant", name, user, access)
    if not access:
        return Act("grant.delete", actor, "DELETE", url, Action.ADMIN, name, effect=effect)
    body = json.dumps({"access": access}).encode()
    return Act("grant.put", actor, "PUT", url, Action.ADMIN, name, body, effect=effect)


# --- reads ----------------------------------------------------------------------------------------


def _read(draw: Draw, actor: str, name: str, kind: str, url: str, **more: Any) -> Act:
    return Act(kind, actor, draw(_reads), url, Action.PULL, name, **more)


def _get_tag(draw: Draw, actor: str, name: str) -> Act:
    url, headers = f"/v2/{name}/manifests/{draw(st.sampled_from(TAGS))}", draw(_accepts)
    return _read(draw, actor, name, "manifest.get", url, headers=headers)


def _get_digest(draw: Draw, actor: str, name: str) -> Act:
    url = f"/v2/{name}/manifests/{pick(draw, MANIFESTS, name).digest}"
    return _read(draw, actor, name, "manifest.get_digest", url)


def _get_blob(draw: Draw, actor: str, name: str) -> Act:
    url = f"/v2/{name}/blobs/{pick(draw, BLOBS, name).digest}"
    return _read(draw, actor, name, "blob.get", url)


def _list_tags(draw: Draw, actor: str, name: str) -> Act:
    last = draw(st.sampled_from(("", "", "latest", "u", "~")))
    where = query(draw(_pages), f"last={last}" if last else "")
    return _listing(draw, actor, name, "tags", f"/v2/{name}/tags/list{where}")


def _listing(draw: Draw, actor: str, name: str, kind: str, url: str) -> Act:
    walks = draw(st.booleans())
    return Act(kind, actor, "GET" if walks else draw(_reads), url, Action.PULL, name, walks=walks)


def _history(draw: Draw, actor: str, name: str) -> Act:
    url = _ours(name, f"tags/{draw(st.sampled_from(TAGS))}/history{query(draw(_pages))}")
    return _listing(draw, actor, name, "history", url)


def _referrers(draw: Draw, actor: str, name: str) -> Act:
    made = WARES[name]
    subject = draw(st.sampled_from((made.images[0], made.images[0], made.indexes[0]))).digest
    kind, one = draw(_kinds_of_artifact), draw(st.sampled_from(made.referrers))
    last = draw(st.sampled_from(("", "", referrer_order(digest_of(one.data), kind))))
    where = query(
        draw(_pages),
        urlencode({"artifactType": kind}) if kind else "",
        urlencode({"last": last}) if last else "",
    )
    return _listing(draw, actor, name, "referrers", f"/v2/{name}/referrers/{subject}{where}")


def _rules_get(draw: Draw, actor: str, name: str) -> Act:
    return _read(draw, actor, name, "rules.get", _ours(name, "tags/rules"))


def _old_read(draw: Draw, actor: str, name: str) -> Act:
    tail = draw(st.sampled_from(("tags", "images", "properties", *(f"tags/{tag}" for tag in TAGS))))
    return _read(draw, actor, name, "v1.read", f"/v1/repositories/{name}/{tail}")


def _catalog(draw: Draw, actor: str, name: str) -> Act:
    last = draw(st.sampled_from(("", "", name)))
    where = query(draw(_pages), f"last={last}" if last else "")
    walks = draw(st.booleans())
    # Only who signs in has one: most people do.
    actor = draw(st.sampled_from((actor, actor, actor, "anonymous")))
    return Act("catalog", actor, "GET", f"/v2/_catalog{where}", Action.CATALOG, walks=walks)


def _search(draw: Draw, actor: str, name: str) -> Act:
    word = draw(st.sampled_from(("{one}", "{two}", name)))
    return Act("search", actor, "GET", f"/v1/search?q={word}", Action.NONE)


def _nothing(draw: Draw, actor: str, name: str) -> Act:
    return Act(NOTHING, actor, "", "", Action.NONE)


# How many times in the sum of them each kind comes. The first is what Hypothesis puts in the place
# of acts that a failure does not need.
KINDS: Mapping[Maker, int] = {
    _nothing: 1,
    _push_blob: 6,
    _mount: 3,
    _by_tag: 10,
    _by_digest: 8,
    _index: 4,
    _referrer: 5,
    _old_tag: 3,
    _delete_tag: 4,
    _delete_manifest: 8,
    _delete_blob: 2,
    _delete_repository: 1,
    _put_rules: 4,
    _show: 2,
    _grant: 3,
    _get_tag: 6,
    _get_digest: 4,
    _get_blob: 2,
    _list_tags: 4,
    _history: 4,
    _referrers: 5,
    _rules_get: 1,
    _old_read: 4,
    _catalog: 3,
    _search: 1,
}
_kinds = st.sampled_from([maker for maker, times in KINDS.items() for _ in range(times)])
_names = st.sampled_from((*(APP,) * 8, PUBLIC, PUBLIC, DEEP, FOREIGN))
# Who may do something is likelier to get somewhere; the others are who must not.
_actors = st.sampled_from((*("one",) * 10, *("writer", "ci") * 3, *ACTORS))
_waits = st.sampled_from((*(0,) * 20, 1, 61, 4000))


@st.composite
def _acts(draw: Draw) -> Act:
    name = draw(_names)
    actor = draw(_actors) if name != FOREIGN else draw(st.sampled_from((*("two",) * 6, *ACTORS)))
    act = draw(_kinds)(draw, actor, name)
    wait_s = draw(_waits)
    return act if not wait_s else Act(**{**vars(act), "wait_s": wait_s})


ACTS = _acts()
