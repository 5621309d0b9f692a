"""Who may do what, and what whom is to see, told from outside: by what was asked and granted.

It knows nothing of the code under test: it hears which requests succeeded, and holds every answer
against what whoever asked may read at this moment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from chalicelib.domain.access import Action
from tests.property.oci_values import (
    APP,
    BY_DIGEST,
    PUSHED_OLD_IMAGES,
    REPOSITORIES,
    TOKENS,
    secrets_of_bytes,
    secrets_told,
)

_GRANTED = {"read": {Action.PULL}, "write": {Action.PULL, Action.PUSH, Action.DELETE}}
# What the API tokens of ``oci_values.TOKENS`` are limited to, once more and by hand.
_LIMITS: Mapping[str, tuple[frozenset[str], set[Action]]] = {
    "ci": (frozenset({APP}), {Action.PULL, Action.PUSH, Action.DELETE}),
    "mirror": (frozenset(n for n in REPOSITORIES if n.startswith("{one}/")), {Action.PULL}),
}
WITHOUT_REPOSITORY = (Action.NONE, Action.CATALOG)


@dataclass
class Onlooker:
    """Repositories and people by their roles, as in ``oci_values``."""

    existing: set[str] = field(default_factory=set)
    public: set[str] = field(default_factory=set)
    grants: dict[tuple[str, str], str] = field(default_factory=dict)
    # In which repositories a secret has been put.
    carriers: dict[str, set[str]] = field(default_factory=dict)

    def may(self, actor: str, action: Action, repository: str | None) -> bool:
        if action in WITHOUT_REPOSITORY:
            return action is Action.NONE or actor != "anonymous"
        assert repository is not None
        account = actor
        if actor in TOKENS:
            account, (names, actions) = TOKENS[actor][0], _LIMITS[actor]
            if repository not in names or action not in actions:
                return False
        if repository.startswith(f"{{{account}}}/"):
            return True
        if action is Action.PULL and repository in self.public:
            return True
        return action in _GRANTED.get(self.grants.get((repository, account), ""), set())

    def readable(self, actor: str) -> set[str]:
        return {name for name in REPOSITORIES if self.may(actor, Action.PULL, name)}

    # --- what happened ----------------------------------------------------------------------------

    def put(self, repository: str, data: bytes) -> None:
        """Bytes have come into a repository, with all that they tell."""
        for secret in secrets_of_bytes(data):
            self.carriers.setdefault(secret, set()).add(repository)

    def enter(self, repository: str) -> None:
        self.existing.add(repository)

    def drop(self, repository: str) -> None:
        """A repository is deleted, with its content, its grants and what it showed to whom."""
        self.existing.discard(repository)
        self.public.discard(repository)
        self.grants = {key: to for key, to in self.grants.items() if key[0] != repository}
        for holders in self.carriers.values():
            holders.discard(repository)

    def show(self, repository: str, *, to_all: bool) -> None:
        (self.public.add if to_all else self.public.discard)(repository)

    def grant(self, repository: str, user: str, access: str) -> None:
        self.grants.pop((repository, user), None)
        if access:
            self.grants[repository, user] = access

    def happened(self, effect: tuple[str, ...], repository: str | None, data: bytes) -> None:
        """A request has succeeded: ``effect`` as in ``Act``, ``data`` what it brought."""
        if repository is not None and data:
            self.put(repository, data)
        match effect:
            case ("enter", name):
                self.enter(name)
            case ("drop", name):
                self.drop(name)
            case ("public" | "private" as access, name):
                self.show(name, to_all=access == "public")
            case ("grant", name, user, access):
                self.grant(name, user, access)

    def old_images_came(self) -> None:
        for image in PUSHED_OLD_IMAGES:
            for data in (image.raw, image.layer, image.id.encode()):
                self.put(APP, data)

    # --- what is told -----------------------------------------------------------------------------

    def check_mount(self, actor: str, digest: str, source: str, target: str) -> None:
        """A mount has been answered with the blob: that is for those who may read its source."""
        data = BY_DIGEST[digest].data
        if source:
            assert self.may(actor, Action.PULL, source), f"{actor} may not read {source}"
        else:
            # Whoever may read the whole of the team: nobody by a token, nobody by a grant.
            assert target.startswith(f"{{{actor}}}/"), f"{actor} does not own {target}"
        self.put(target, data)

    def check_seen(
        self, actor: str, told: str, url: str, body: bytes, names: Mapping[str, str]
    ) -> None:
        """No name and no byte of a repository that this actor may not read, but what was sent.

        ``names`` are those that the repositories really have.
        """
        readable = self.readable(actor)
        for role, name in names.items():
            known = role in readable or name in url or name.encode() in body
            assert known or name not in told, f"{actor} may not read {role}, and sees it: {told}"
        for secret in sorted(secrets_told(told) - secrets_told(url) - secrets_of_bytes(body)):
            assert self.carriers.get(secret, set()) & readable, (
                f"{actor} may read {sorted(readable)}, and sees {secret!r}: {told}"
            )
