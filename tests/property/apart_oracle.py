"""Who may do what, and which tags there are, told from outside: nothing of the code under test."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.property.apart_acts import (
    MAY,
    RED,
)


@dataclass
class Oracle:
    """Roles, ends and tags, told from outside."""

    now_s: int = 0
    roles: dict[tuple[str, str], str] = field(default_factory=dict)
    team_ends: dict[str, int | None] = field(default_factory=dict)
    ends: dict[tuple[str, str], int | None] = field(default_factory=dict)
    tags: dict[tuple[str, str], dict[str, int | None]] = field(default_factory=dict)

    def lives(self, team: str) -> bool:
        return team in self.team_ends and not self._over(self.team_ends[team])

    def _over(self, end_s: int | None) -> bool:
        return end_s is not None and end_s <= self.now_s

    def may(self, actor: str, action: str, team: str) -> bool:
        return self.lives(team) and action in MAY[self.roles.get((team, actor), "")]

    def is_there(self, team: str, repository: str) -> bool:
        where = team, repository
        return self.lives(team) and where in self.tags and not self._over(self.ends.get(where))

    def tags_of(self, team: str, repository: str) -> list[str]:
        if not self.is_there(team, repository):
            return []
        known = self.tags[team, repository]
        return sorted(tag for tag, end_s in known.items() if not self._over(end_s))

    def pushed(self, team: str, repository: str, tag: str) -> None:
        where = team, repository
        if where in self.tags and self._over(self.ends.get(where)):
            del self.tags[where]
            self.ends.pop(where)
        known = self.tags.setdefault(where, {})
        kept = known.get(tag) if tag in self.tags_of(team, repository) else None
        # Of the two teams the red one lets tags end by their name.
        known[tag] = self.now_s + 7200 if (tag, team) == ("2h", RED) else kept
