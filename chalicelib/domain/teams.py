"""Teams: a namespace that people share, with roles, a quota, and perhaps an end.

    role      may, in every repository of the team
    owner     everything, and change the team: members, tokens, expiry; lower its quota
    writer    pull, push, delete tags
    reader    pull

A user's own namespace is a team without a record: it has no members, no quota and no end.
Names of teams and of users are one kind of name: nobody can have one that the other has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import Enum

from chalicelib.domain.accounts import RESERVED_NAMES, is_username
from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.expiry import is_over

MAX_QUOTA = 1 << 60
INVITATION_TTL_S = 7 * 24 * 3600


class Role(Enum):
    """What a member may do; ``chalicelib/domain/access.py`` says which actions that are."""

    OWNER = "owner"
    WRITER = "writer"
    READER = "reader"


@dataclass(frozen=True)
class Quota:
    """How much a team may have and do; None is without bound."""

    size_bytes: int | None = None
    repositories: int | None = None
    pulls_a_day: int | None = None


@dataclass(frozen=True)
class Team:
    """A team's record. ``life`` is a word that no other team has, not even the next of its name.

    ``hooks`` counts its own webhooks; a store tells it.
    """

    name: str
    created_at_s: int
    life: str
    expires_at_s: int | None = None
    quota: Quota = field(default_factory=Quota)
    expires_tags_by_name: bool = False
    hooks: int = field(default=0, compare=False)

    def is_over(self, now_s: int) -> bool:
        return is_over(self.expires_at_s, now_s)


@dataclass(frozen=True)
class Member:
    """Somebody in a team."""

    team: str
    user: str
    role: Role
    joined_at_s: int


@dataclass(frozen=True)
class Life:
    """A team of a name, from its making to its end; ``is_owner`` is of somebody who asks.

    Of one that has ended they are its last owners.
    """

    word: str
    first_s: int
    end_s: int | None
    is_owner: bool


@dataclass(frozen=True)
class Usage:
    """What a team has and has done: bytes of its blobs, and pulls on a day (UTC)."""

    size_bytes: int = 0
    pulls: int = 0


def day_of(now_s: int) -> int:
    """The day that pulls are counted under: days since the epoch, UTC."""
    return now_s // (24 * 3600)


def check_team_name(text: object) -> str:
    """A name for a new team. Raises: RegistryError(BAD_REQUEST)."""
    if not isinstance(text, str) or not is_username(text) or text in RESERVED_NAMES:
        raise RegistryError(
            ErrorCode.BAD_REQUEST,
            "a team's name must be 2 to 64 lower-case letters or digits, single . _ - between "
            "them, and not a reserved word",
        )
    return text


def parse_role(text: object) -> Role:
    """Raises: RegistryError(BAD_REQUEST)."""
    try:
        return Role(text)
    except ValueError:
        raise RegistryError(
            ErrorCode.BAD_REQUEST, "`role` must be owner, writer or reader"
        ) from None


def parse_quota(asked: Mapping[str, object], before: Quota) -> Quota:
    """The quota with the words that were sent in the place of those before; null is no bound.

    Raises: RegistryError(BAD_REQUEST): an unknown word, or no number from 0.
    """
    words = {each.name for each in fields(Quota)}
    if asked.keys() - words:
        raise _bad(f"a quota has {', '.join(sorted(words))}, and nothing else")
    for word, value in asked.items():
        is_number = isinstance(value, int) and not isinstance(value, bool)
        if value is not None and not (is_number and 0 <= int(str(value)) <= MAX_QUOTA):
            raise _bad(f"`{word}` must be a whole number from 0, or null")
    return replace(before, **asked)  # type: ignore[arg-type]


def is_lower(after: Quota, before: Quota) -> bool:
    """Whether nothing of a quota allows more than it did."""
    return all(
        getattr(before, each.name) is None
        or (
            getattr(after, each.name) is not None
            and getattr(after, each.name) <= getattr(before, each.name)
        )
        for each in fields(Quota)
    )


def repositories_full(limit: int) -> str:
    """What is said where a team has as many repositories as it may have."""
    if limit == 0:
        return "this team may have no repositories"
    if limit == 1:
        return "this team may have one repository, and has it"
    return f"this team may have {limit} repositories, and has them"


def _bad(message: str) -> RegistryError:
    return RegistryError(ErrorCode.BAD_REQUEST, f"quota: {message}")
