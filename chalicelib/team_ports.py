"""What teams ask of a store. Rules as in ``ports``: reads are strong.

A team that has expired is not there, nor are its members and its usage; its name is taken until
the collector has removed it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from chalicelib.domain.names import RepositoryName, TagName
from chalicelib.domain.teams import Life, Member, Role, Team, Usage


@dataclass(frozen=True)
class Membership:
    """A team with what somebody is in it; None of either where there is none."""

    team: Team | None = None
    role: Role | None = None


class TeamStore(Protocol):
    """Teams, their members and invitations, what they use; and the ends of tags."""

    def create_team(self, team: Team, owner: Member) -> None:
        """Raises: Conflict: a team, an account or repositories have the name.

        Costs: 1 query, 1 transaction; 1 read more when it is refused.
        """

    def find_membership(self, team: str, user: str | None) -> Membership:
        """Costs: 1 batch read."""

    def find_lives(self, team: str, user: str) -> Sequence[Life]:
        """The team of this name and those that had it before, as long as counts are kept.

        Costs: 1 batch read, 1 query.
        """

    def change_team(self, before: Team, after: Team) -> None:
        """Replace a record that is still as it was, and has not expired.

        Raises: Conflict. Costs: 1 conditional write.
        """

    def invite_member(self, team: Team, invitation: str, role: Role, *, expires_at_s: int) -> None:
        """Keep the hash of an invitation. Raises: Missing: the team has gone.

        Costs: 1 transaction.
        """

    def join_team(self, member: Member, invitation: str) -> Member:
        """Use an invitation up; the answer has its role.

        It counts while it has not run out at ``joined_at_s``.
        Raises: Missing: no such invitation, or no such team; Conflict: a member already, and the
        invitation stays. Costs: 1 batch read, 1 transaction.
        """

    def change_member(self, before: Member, after: Member | None) -> None:
        """Give a member another role, or with None take them out.

        Raises: Missing: they are not what they were; Conflict: they are the last owner.
        Costs: 1 transaction; 1 batch read more when it is refused.
        """

    def list_members(self, team: str) -> Sequence[Member]:
        """Bytewise by user. Costs: 1 query."""

    def list_memberships(self, user: str) -> Sequence[Membership]:
        """The teams that somebody is in, bytewise. Costs: 1 query, 1 batch read a hundred."""

    def count_repositories(self, team: str, most: int) -> int:
        """How many there are that have not ended themselves, at most so many. Costs: 1 query."""

    def find_usage(self, team: str, day: int) -> Usage:
        """Costs: 1 batch read."""

    def count_pull(self, team: str, day: int, *, limit: int) -> None:
        """Count a pull on a day. Raises: Refused: there were as many as ``limit`` already.

        Costs: 1 conditional write.
        """

    def set_tag_expiry(
        self, team: str, name: RepositoryName, tag: TagName, expires_at_s: int | None
    ) -> None:
        """Give a tag that is there another end, or none. Raises: Missing. Costs: 1 transaction."""
