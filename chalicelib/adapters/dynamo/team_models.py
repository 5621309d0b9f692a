"""The items of teams as PynamoDB models.

The end of a team, a repository or a tag stands in a column of its own: by the one that the table
knows as its TTL, DynamoDB would delete a record whose contents are still there.
"""

from __future__ import annotations

from typing import Self

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute

from chalicelib.adapters.dynamo import keys
from chalicelib.adapters.dynamo.models import ENDS, EXPIRY, Row
from chalicelib.domain.teams import Member, Quota, Role, Team


class TeamRow(Row, discriminator="team"):
    """``owners`` counts them, so that a condition can keep the last one."""

    name = UnicodeAttribute()
    created_at_s = NumberAttribute()
    life = UnicodeAttribute()
    ends_at_s = NumberAttribute(attr_name=ENDS, null=True)
    size_bytes = NumberAttribute(null=True)
    repositories = NumberAttribute(null=True)
    pulls_a_day = NumberAttribute(null=True)
    expires_tags_by_name = BooleanAttribute()
    owners = NumberAttribute()

    @classmethod
    def of(cls, team: Team) -> Self:
        return cls.at(
            keys.team(team.name),
            name=team.name,
            created_at_s=team.created_at_s,
            life=team.life,
            ends_at_s=team.expires_at_s,
            size_bytes=team.quota.size_bytes,
            repositories=team.quota.repositories,
            pulls_a_day=team.quota.pulls_a_day,
            expires_tags_by_name=team.expires_tags_by_name,
            owners=1,
        )

    def value(self) -> Team:
        quota = Quota(number(self.size_bytes), number(self.repositories), number(self.pulls_a_day))
        return Team(
            self.name,
            int(self.created_at_s),
            self.life,
            number(self.ends_at_s),
            quota,
            self.expires_tags_by_name,
        )


class PastOwnerRow(Row, discriminator="past owner"):
    """Where counts are: it is kept as long as they are, by DynamoDB's clock."""

    first_s = NumberAttribute()
    end_s = NumberAttribute()
    expires_at_s = NumberAttribute(attr_name=EXPIRY)


class MemberRow(Row, discriminator="member"):
    """Stands twice, under the team and under the user."""

    team = UnicodeAttribute()
    user = UnicodeAttribute()
    role = UnicodeAttribute()
    joined_at_s = NumberAttribute()

    @classmethod
    def both(cls, member: Member) -> list[Self]:
        return [
            cls.at(
                key,
                team=member.team,
                user=member.user,
                role=member.role.value,
                joined_at_s=member.joined_at_s,
            )
            for key in keys.memberships(member.team, member.user)
        ]

    def value(self) -> Member:
        return Member(self.team, self.user, Role(self.role), int(self.joined_at_s))


class TeamInvitationRow(Row, discriminator="team invitation"):
    role = UnicodeAttribute()
    expires_at_s = NumberAttribute(attr_name=EXPIRY)


class BytesRow(Row, discriminator="bytes"):
    size_bytes = NumberAttribute()


class PullsRow(Row, discriminator="pulls"):
    tries = NumberAttribute(attr_name="count")
    expires_at_s = NumberAttribute(attr_name=EXPIRY)


def number(value: float | None) -> int | None:
    """A column that may be empty."""
    return None if value is None else int(value)
