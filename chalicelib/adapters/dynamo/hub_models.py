"""The items of accounts, grants and search as PynamoDB models."""

from __future__ import annotations

from typing import Self

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute

from chalicelib.adapters.dynamo import keys
from chalicelib.adapters.dynamo.models import EXPIRY, Row
from chalicelib.domain.accounts import Failures
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.records import ApiToken, GrantRecord, User
from chalicelib.domain.scopes import parse_limit, render_limit
from chalicelib.domain.search import Found


class UserRow(Row, discriminator="user"):
    name = UnicodeAttribute()
    password_hash = UnicodeAttribute()
    email = UnicodeAttribute(null=True)
    is_administrator = BooleanAttribute()
    created_at_s = NumberAttribute()
    generation = NumberAttribute(default=1)

    @classmethod
    def of(cls, user: User) -> Self:
        return cls.at(
            keys.user(user.name),
            name=user.name,
            password_hash=user.password_hash,
            email=user.email,
            is_administrator=user.is_administrator,
            created_at_s=user.created_at_s,
            generation=user.generation,
        )

    def value(self) -> User:
        return User(
            name=self.name,
            password_hash=self.password_hash,
            email=self.email,
            is_administrator=self.is_administrator,
            created_at_s=int(self.created_at_s),
            generation=int(self.generation),
        )


class EmailRow(Row, discriminator="email"):
    name = UnicodeAttribute()


class FailureRow(Row, discriminator="failures"):
    tries = NumberAttribute(attr_name="count")
    last_at_s = NumberAttribute()
    expires_at_s = NumberAttribute(attr_name=EXPIRY)

    def value(self) -> Failures:
        return Failures(int(self.tries), int(self.last_at_s))


class InvitationRow(Row, discriminator="invitation"):
    expires_at_s = NumberAttribute(attr_name=EXPIRY)


class ApiTokenRow(Row, discriminator="api token"):
    token_id = UnicodeAttribute()
    user = UnicodeAttribute()
    label = UnicodeAttribute()
    secret_sha256 = UnicodeAttribute()
    limits = UnicodeAttribute()
    created_at_s = NumberAttribute()
    expires_at_s = NumberAttribute(attr_name=EXPIRY, null=True)

    @classmethod
    def of(cls, token: ApiToken) -> Self:
        return cls.at(
            keys.api_token(token.user, token.token_id),
            token_id=token.token_id,
            user=token.user,
            label=token.label,
            secret_sha256=token.secret_sha256,
            limits=" ".join(render_limit(limit) for limit in token.limits),
            created_at_s=token.created_at_s,
            expires_at_s=token.expires_at_s,
        )

    def value(self) -> ApiToken:
        return ApiToken(
            token_id=self.token_id,
            user=self.user,
            label=self.label,
            secret_sha256=self.secret_sha256,
            limits=tuple(parse_limit(text) for text in self.limits.split()),
            created_at_s=int(self.created_at_s),
            expires_at_s=None if self.expires_at_s is None else int(self.expires_at_s),
        )


class GrantRow(Row, discriminator="grant"):
    """Stands twice, under the repository and under the user."""

    team = UnicodeAttribute()
    path = UnicodeAttribute()
    user = UnicodeAttribute()
    access = UnicodeAttribute()

    @classmethod
    def of(cls, key: keys.Key, team: str, grant: GrantRecord) -> Self:
        path = grant.name.path
        return cls.at(key, team=team, path=path, user=grant.user, access=grant.access)

    def value(self) -> GrantRecord:
        return GrantRecord(RepositoryName(self.path), self.user, self.access)


class EntryRow(Row, discriminator="entry"):
    path = UnicodeAttribute()
    description = UnicodeAttribute(null=True)

    def value(self) -> Found:
        return Found(RepositoryName(self.path), self.description or "")
