"""What of a repository nothing needs: tables of what it holds and what goes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chalicelib.domain.digest import Digest, digest_of
from chalicelib.domain.image import ImageState, V1Image
from chalicelib.domain.marking import Contents, Line, ManifestEntry, Needs, mark
from chalicelib.domain.names import RepositoryName, TagName
from chalicelib.domain.records import Blob, Repository, StoredManifest, Tag
from chalicelib.domain.retention import DAY_S, RetentionRule
from chalicelib.domain.tag_rules import TagRule

NOW_S = 1_800_000_000
NAME = RepositoryName("a/b")
UNTAGGED = RetentionRule(None, None, 7)


def d(name: str) -> Digest:
    return digest_of(name.encode())


def entry(name: str, days: int | None = 30, subject: str | None = None) -> ManifestEntry:
    pushed_at_s = None if days is None else NOW_S - days * DAY_S
    return ManifestEntry(d(name), 1, d(subject) if subject else None, pushed_at_s)


def tag(name: str, manifest: str | None = None, days: int = 0, image: str | None = None) -> Tag:
    stored = StoredManifest(d(manifest), "m", 1) if manifest else None
    return Tag(TagName(name), NOW_S - days * DAY_S, stored, image)


def going(*rules: RetentionRule, protected: str = "", **held: Any) -> set[str]:
    """What goes, by the names that this table uses."""
    names = {str(d(name)): name for name in "abcdefgvwx"}
    tag_rules = (TagRule(protected, protected=True),) if protected else ()
    record = Repository(NAME, NOW_S, tag_rules=tag_rules, retention=rules)
    needs = {each.digest: Needs() for each in held.get("manifests", ())}
    needs |= {d(name): each for name, each in held.pop("needs", {}).items()}
    images = held.pop("images", {})
    contents = Contents(NAME, record, "1", **held)
    marked = mark(contents, needs, images, now_s=NOW_S, grace_s=DAY_S)
    return {f"{each.kind.value} {names.get(each.text, each.text)}" for each in marked.going}


@pytest.mark.parametrize(
    ("rules", "held", "expected"),
    [
        ((), {"manifests": (entry("a"),)}, set()),
        ((UNTAGGED,), {"manifests": (entry("a"),)}, {"manifest a"}),
        ((UNTAGGED,), {"manifests": (entry("a", 7),)}, set()),
        ((UNTAGGED,), {"manifests": (entry("a", None),)}, set()),
        ((UNTAGGED,), {"manifests": (entry("a"),), "tags": (tag("t", "a"),)}, set()),
        (
            (UNTAGGED,),
            {
                "manifests": (entry("a"), entry("b"), entry("c")),
                "tags": (tag("t", "a"),),
                "needs": {"a": Needs(children=frozenset({d("b")}))},
            },
            {"manifest c"},
        ),
        (
            (UNTAGGED,),
            {"manifests": (entry("a"), entry("b", subject="a")), "tags": (tag("t", "a"),)},
            set(),
        ),
        (
            (UNTAGGED,),
            {"manifests": (entry("a"), entry("b", subject="a")), "tags": (tag("t", "b"),)},
            set(),
        ),
        (
            (UNTAGGED,),
            {"manifests": (entry("a"), entry("b", subject="a"))},
            {"manifest a", "manifest b"},
        ),
        (
            (),
            {"manifests": (entry("v", None),), "views": {f"as t {d('a')}": d("v")}},
            {"manifest v", f"view as t {d('a')}"},
        ),
        (
            (),
            {
                "manifests": (entry("a"), entry("v", None)),
                "views": {f"as t {d('a')}": d("v")},
            },
            set(),
        ),
        (
            (),
            {"manifests": (entry("a"),), "parents": (Line("p", d("b")), Line("q", d("a")))},
            {"line of an index p"},
        ),
        (
            (RetentionRule("r*", 1),),
            {"tags": (tag("r1", "a", 2), tag("r2", "a", 1), tag("x", "a", 9))},
            {"tag r1"},
        ),
        (
            (RetentionRule("r*", 1, 3),),
            {"tags": (tag("r1", "a", 2), tag("r2", "a", 1), tag("r3", "a", 9))},
            {"tag r3"},
        ),
    ],
)
def test_what_nothing_needs_goes(
    rules: tuple[RetentionRule, ...], held: dict[str, Any], expected: set[str]
) -> None:
    assert going(*rules, **held) == expected


def test_a_tag_that_has_expired_goes_with_what_it_alone_kept() -> None:
    over = replace(tag("t", "a"), expires_at_s=NOW_S)
    assert going(tags=(over,), manifests=(entry("a"),)) == {"tag t", "manifest a"}
    assert going(tags=(over, tag("u", "a")), manifests=(entry("a"),)) == {"tag t"}


def test_a_protected_tag_stays_and_its_manifest_with_it() -> None:
    held = {"tags": (tag("r1", "a", 9), tag("r2", "a", 1)), "manifests": (entry("a"),)}
    assert going(RetentionRule("r*", 1), UNTAGGED, protected="r1", **held) == set()


@pytest.mark.parametrize(
    ("since_days", "needed", "expected"),
    [
        (None, False, ("suspected", set())),
        (0, False, ("", set())),
        (1, False, ("", {"blob x"})),
        (5, True, ("spared", set())),
        (None, True, ("", set())),
    ],
)
def test_a_link_is_suspected_first(
    since_days: int | None, needed: bool, expected: tuple[str, set[str]]
) -> None:
    since_s = None if since_days is None else NOW_S - since_days * DAY_S
    links = (Blob(d("x"), 1, "key", True, since_s),)
    needs = {d("a"): Needs(frozenset({d("x")} if needed else ()))}
    contents = Contents(NAME, None, "1", manifests=(entry("a"),), links=links)
    marked = mark(contents, needs, {}, now_s=NOW_S, grace_s=DAY_S)
    what = "suspected" if marked.suspects else "spared" if marked.spared else ""
    assert what == expected[0]
    assert len(marked.going) == len(expected[1])


def test_of_a_manifest_that_cannot_be_read_nobody_knows_what_it_needs() -> None:
    links = (Blob(d("x"), 1, "key", True, 1),)
    contents = Contents(NAME, None, "1", manifests=(entry("a"),), links=links)
    assert mark(contents, {}, {}, now_s=NOW_S, grace_s=1).going == ()


def test_images_of_the_registrys_own_making_go_with_their_manifest() -> None:
    top, low = d("a").hex, "b" * 64
    made = {
        top: V1Image(top, b"", (top, low), ImageState.SEALED),
        low: V1Image(low, b"", (low,), ImageState.SEALED),
    }
    lost = {f"entry of the v1 list {each}" for each in (top, low)}
    assert going(listed=(top, low), images=made) == lost
    assert going(listed=(top, low), images=made, manifests=(entry("a"),)) == set()
    child = V1Image("c" * 64, b"", ("c" * 64, low), ImageState.SEALED, None, "sha256:1")
    held = {"listed": (top, low, "c" * 64), "images": {**made, "c" * 64: child}}
    assert going(**held) == {f"entry of the v1 list {top}"}
