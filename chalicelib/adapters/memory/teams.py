"""TeamStore in dictionaries; and what all of the memory store asks before it tells of anything."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from threading import RLock

from chalicelib.adapters.memory.webhooks import MemoryWebhooks
from chalicelib.domain.access import OPEN_TEAM
from chalicelib.domain.digest import Digest
from chalicelib.domain.expiry import EXPIRED_TEAM, is_over
from chalicelib.domain.names import RepositoryName, TagName
from chalicelib.domain.records import Blob, Repository, Tag, User
from chalicelib.domain.teams import Life, Member, Role, Team, Usage
from chalicelib.domain.webhooks import end_event
from chalicelib.ports import Clock, Conflict, Missing, Refused
from chalicelib.team_ports import Membership


class MemoryTeams(MemoryWebhooks):
    """Shares its lock and its facts with the metadata that it is a part of."""

    _lock: RLock
    _clock: Clock
    _repositories: dict[tuple[str, RepositoryName], Repository]
    _users: dict[str, User]
    _blobs: dict[tuple[str, Digest], Blob]
    _tags: dict[tuple[str, RepositoryName, TagName], Tag]
    # In ``hub.py``.
    finish_deletion: Callable[[str, RepositoryName], bool]

    def __init__(self) -> None:
        self._teams: dict[str, Team] = {}
        self._members: dict[tuple[str, str], Member] = {}
        self._invited: dict[tuple[str, str], tuple[Role, int]] = {}
        self._pulls: dict[tuple[str, int], int] = {}
        # By a team's name, and the life and the owner of one that has gone.
        self._past: dict[str, dict[tuple[str, str], tuple[int, int]]] = {}

    # --- what has ended ---------------------------------------------------------------------------

    def _team(self, name: str) -> Team | None:
        team = self._teams.get(name)
        if team is None or team.is_over(self._clock.now_s()):
            return None
        return replace(team, hooks=self._team_hooks(name))

    def _is_team_over(self, name: str) -> bool:
        return name in self._teams and self._team(name) is None

    def _is_over(self, record: Repository) -> bool:
        return is_over(record.expires_at_s, self._clock.now_s())

    def _record(self, team: str, name: RepositoryName) -> Repository | None:
        """The record of a repository that has not ended."""
        record = self._repositories.get((team, name))
        if record is None or self._is_over(record) or self._is_team_over(team):
            return None
        return self._hooked(team, record)

    def _is_hidden(self, team: str, name: RepositoryName) -> bool:
        record = self._repositories.get((team, name))
        return self._is_team_over(team) or (record is not None and self._is_over(record))

    def _enter_room(self, team: str, name: RepositoryName) -> None:
        """Something new begins: a repository that has expired goes first."""
        if self._is_team_over(team):
            raise Refused(EXPIRED_TEAM)
        record = self._repositories.get((team, name))
        # Where nobody listens the clock is not read, as in the other store.
        known = self._hooked(team, record) if record else None
        if known and known.is_hooked and known.expires_at_s is not None and self._is_over(known):
            told = end_event(team, name.path, known.expires_at_s, self._clock.now_ms())
            self.note_event(*told)
        self.finish_deletion(team, name)

    def _tell_tags(self, team: str, name: RepositoryName, tags: Sequence[Tag | None]) -> None:
        """Note the ends of tags that are about to be set anew."""
        record = self._record(team, name)
        for tag in tags if record and record.is_hooked else ():
            end_s = tag.expires_at_s if tag else None
            if tag and end_s is not None and is_over(end_s, self._clock.now_s()):
                digest, at_ms = tag.manifest.digest if tag.manifest else "", self._clock.now_ms()
                word, path = tag.name.value, name.path
                told = end_event(team, path, end_s, at_ms, tag=word, digest=str(digest))
                self.note_event(*told)

    def _check_bytes(self, name: str, blobs: Sequence[Blob]) -> None:
        if self._is_team_over(name):
            raise Refused(EXPIRED_TEAM)
        team = self._team(name)
        limit = team.quota.size_bytes if team else None
        new_bytes = sum(blob.size_bytes for blob in blobs if (name, blob.digest) not in self._blobs)
        if limit is not None and new_bytes and self._bytes_of(name) + new_bytes > limit:
            raise Refused(
                f"this team may have {limit} bytes, and would have more with these {new_bytes}; "
                "delete something, or ask an administrator for more",
                "size_bytes",
            )

    def _bytes_of(self, name: str) -> int:
        if name == OPEN_TEAM:
            return 0
        return sum(blob.size_bytes for key, blob in self._blobs.items() if key[0] == name)

    # --- teams and members ------------------------------------------------------------------------

    def create_team(self, team: Team, owner: Member) -> None:
        with self._lock:
            if self._teams.get(team.name) == team:
                return
            taken = team.name in self._teams or team.name in self._users
            if taken or any(held == team.name for held, _ in self._repositories):
                raise Conflict(f"{team.name} is taken")
            self._teams[team.name] = team
            self._members[team.name, owner.user] = owner

    def find_membership(self, team: str, user: str | None) -> Membership:
        with self._lock:
            found = self._team(team)
            member = self._members.get((team, user)) if found and user else None
            return Membership(found, member.role if member else None)

    def find_lives(self, team: str, user: str) -> Sequence[Life]:
        with self._lock:
            found: dict[str, Life] = {}
            known, member = self._teams.get(team), self._members.get((team, user))
            if known is not None:
                is_owner = member is not None and member.role is Role.OWNER
                found[known.life] = Life(
                    known.life, known.created_at_s, known.expires_at_s, is_owner
                )
            for (word, who), (first_s, end_s) in self._past.get(team, {}).items():
                before = found.get(word)
                was_owner = who == user or (before is not None and before.is_owner)
                found[word] = Life(word, first_s, end_s, was_owner)
            return sorted(found.values(), key=lambda life: life.first_s)

    def _remember_owners(self, team: Team) -> None:
        for (name, user), member in self._members.items():
            if name == team.name and member.role is Role.OWNER:
                span = team.created_at_s, team.expires_at_s or 0
                self._past.setdefault(name, {})[team.life, user] = span

    def change_team(self, before: Team, after: Team) -> None:
        with self._lock:
            if self._team(before.name) != before:
                raise Conflict(f"team {before.name} has changed")
            self._teams[before.name] = after

    def invite_member(self, team: Team, invitation: str, role: Role, *, expires_at_s: int) -> None:
        with self._lock:
            known = self._team(team.name)
            if known is None or known.life != team.life:
                raise Missing(f"team {team.name}")
            self._invited[team.name, invitation] = role, expires_at_s

    def join_team(self, member: Member, invitation: str) -> Member:
        with self._lock:
            if self._team(member.team) is None:
                raise Missing(f"team {member.team}")
            role, end_s = self._invited.get((member.team, invitation), (Role.READER, 0))
            if end_s <= member.joined_at_s:
                raise Missing("no such invitation")
            if (member.team, member.user) in self._members:
                raise Conflict(f"{member.user} is a member already")
            del self._invited[member.team, invitation]
            joined = replace(member, role=role)
            self._members[member.team, member.user] = joined
            return joined

    def change_member(self, before: Member, after: Member | None) -> None:
        with self._lock:
            known = self._members.get((before.team, before.user))
            if self._team(before.team) is None or known is None or known.role is not before.role:
                raise Missing(f"{before.user} in {before.team}")
            stays = after is not None and after.role is Role.OWNER
            if before.role is Role.OWNER and not stays and self._owners(before.team) == 1:
                raise Conflict("the last owner")
            if after is None:
                del self._members[before.team, before.user]
            else:
                self._members[before.team, before.user] = after

    def _owners(self, team: str) -> int:
        roles = [member.role for (name, _), member in self._members.items() if name == team]
        return roles.count(Role.OWNER)

    def list_members(self, team: str) -> Sequence[Member]:
        with self._lock:
            found = [member for (name, _), member in self._members.items() if name == team]
            return [] if self._is_team_over(team) else sorted(found, key=lambda each: each.user)

    def list_memberships(self, user: str) -> Sequence[Membership]:
        with self._lock:
            members = [member for (_, name), member in self._members.items() if name == user]
            pairs = ((self._team(member.team), member.role) for member in members)
            found = [Membership(team, role) for team, role in pairs if team]
        return sorted(found, key=lambda each: each.team.name if each.team else "")

    def count_repositories(self, team: str, most: int) -> int:
        with self._lock:
            held = [record for key, record in self._repositories.items() if key[0] == team]
            return min(most, sum(not self._is_over(record) for record in held))

    def find_usage(self, team: str, day: int) -> Usage:
        with self._lock:
            return Usage(self._bytes_of(team), self._pulls.get((team, day), 0))

    def count_pull(self, team: str, day: int, *, limit: int) -> None:
        with self._lock:
            count = self._pulls.get((team, day), 0)
            if count >= limit:
                raise Refused(f"this team may pull {limit} times a day, and has", "pulls_a_day")
            self._pulls[team, day] = count + 1

    def set_tag_expiry(
        self, team: str, name: RepositoryName, tag: TagName, expires_at_s: int | None
    ) -> None:
        with self._lock:
            known = None if self._is_hidden(team, name) else self._tags.get((team, name, tag))
            if known is None or is_over(known.expires_at_s, self._clock.now_s()):
                raise Missing(f"tag {tag}")
            self._tags[team, name, tag] = replace(known, expires_at_s=expires_at_s)
