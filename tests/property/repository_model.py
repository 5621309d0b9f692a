"""A repository as one object that does one thing at a time: what its answers have to agree with.

Tags cannot be looked at one by one: to delete a manifest takes all tags that point to it, and a
push may set several. So the state is the whole of it: the manifests that are here, and what each
tag points to.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

PUSH, DELETE, READ = "push", "delete", "read"


@dataclass(frozen=True)
class Asked:
    """One request: of a tag or of a manifest by digest, and what was answered.

    ``tags`` are those that a push points to ``digest``; one that is read or deleted stands there
    alone, without a digest. ``found`` is the digest that a read gave.
    """

    verb: str
    status: int
    digest: str | None = None
    tags: tuple[str, ...] = ()
    found: str | None = None


@dataclass(frozen=True)
class Repository:
    """``tags`` are pairs of a tag and its digest, sorted; ``manifests`` are sorted as well."""

    tags: tuple[tuple[str, str], ...] = ()
    manifests: frozenset[str] = frozenset()

    def target(self, tag: str) -> str | None:
        return dict(self.tags).get(tag)

    def pointed(self, tags: Iterable[str], digest: str) -> Repository:
        changed = {**dict(self.tags), **dict.fromkeys(tags, digest)}
        return Repository(tuple(sorted(changed.items())), self.manifests | {digest})

    def without_tag(self, tag: str) -> Repository:
        return Repository(tuple(pair for pair in self.tags if pair[0] != tag), self.manifests)

    def without(self, digest: str) -> Repository:
        kept = tuple(pair for pair in self.tags if pair[1] != digest)
        return Repository(kept, self.manifests - {digest})


@dataclass(frozen=True)
class Model:
    """The rules of a repository, as ``step`` and ``underway`` of ``linearizability.check``.

    ``immutable`` tags are pushed once. ``tags_first`` lets the deletion of a manifest take its tags
    one after the other before the manifest itself, as ``MetadataStore.delete_manifest`` has it;
    without it all goes at once.
    """

    immutable: frozenset[str] = frozenset()
    tags_first: bool = False

    def step(self, state: Repository, asked: Asked) -> list[Repository]:
        """The state after the request; nothing where the answer should have been another one."""
        after, status, found = self.answer(state, asked)
        if asked.status == 503:
            # Nobody knows whether it happened; if it was going to be refused, then it did not.
            return [after]
        return [after] if (status, found) == (asked.status, asked.found) else []

    def answer(self, state: Repository, asked: Asked) -> tuple[Repository, int, str | None]:
        """The state after a request, its status, and the digest that a read finds."""
        if asked.verb == PUSH:
            return self._pushed(state, asked)
        if asked.digest is not None:
            here = asked.digest in state.manifests
            if asked.verb == READ:
                return state, 200 if here else 404, asked.digest if here else None
            return (state.without(asked.digest), 202, None) if here else (state, 404, None)
        (tag,) = asked.tags
        target = state.target(tag)
        if asked.verb == READ:
            return state, 200 if target else 404, target
        return (state.without_tag(tag), 202, None) if target else (state, 404, None)

    def _pushed(self, state: Repository, asked: Asked) -> tuple[Repository, int, str | None]:
        assert asked.digest is not None
        for tag in asked.tags:
            if tag in self.immutable and state.target(tag) not in (None, asked.digest):
                return state, 409, None
        return state.pointed(asked.tags, asked.digest), 201, None

    def underway(self, state: Repository, asked: Asked) -> list[Repository]:
        """A manifest that is being deleted loses its tags; so too if another deletes it first."""
        if not self.tags_first or asked.verb != DELETE or asked.digest is None:
            return []
        if asked.status not in (202, 404, 503):
            return []
        return [state.without_tag(tag) for tag, to in state.tags if to == asked.digest]
