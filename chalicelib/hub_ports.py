"""What accounts, grants and search ask of a store. Rules as in ``ports``: reads are strong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from chalicelib.domain.accounts import Failures
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.records import ApiToken, GrantRecord, Repository, User
from chalicelib.domain.search import Found
from chalicelib.domain.teams import Role, Team
from chalicelib.domain.webhooks import Event
from chalicelib.team_ports import TeamStore


@dataclass(frozen=True)
class LoginFacts:
    """What a login is decided by."""

    user: User | None
    by_name: Failures
    by_address: Failures
    token: ApiToken | None = None
    team: Team | None = None


@dataclass(frozen=True)
class Standing:
    """What a repository's record and its team's say of somebody; nothing of what has expired.

    Is it public, what was granted to them, and what they are in the team.
    """

    repository: Repository | None
    access: str | None = None
    team: Team | None = None
    role: Role | None = None


class AccountStore(TeamStore, Protocol):
    """Users, invitations, wrong passwords, grants, teams."""

    def find_user(self, name: str) -> User | None:
        """Costs: 1 read."""

    def find_login(self, name: str, address: str, token_id: str | None = None) -> LoginFacts:
        """The user, or with a token the team, that has this name; the failures; an API token.

        Costs: 1 batch read.
        """

    def note_failure(self, name: str, address: str, *, now_s: int, expires_at_s: int) -> None:
        """Count a wrong password under both. Costs: 2 writes."""

    def forget_failures(self, name: str) -> None:
        """Costs: 1 write."""

    def create_user(self, user: User, invitation: str | None = None) -> None:
        """Make an account, all or nothing; ``invitation`` is the hash of one, used up by it.

        An invitation counts while it has not run out at the user's ``created_at_s``.
        Raises: Conflict: the name, by a team as well, or the address is taken; Missing: no such
        invitation.
        Costs: 1 transaction; 1 or 2 reads more when it is refused.
        """

    def change_user(self, before: User, after: User) -> None:
        """Replace an account that is still as it was; its address moves along.

        Raises: Conflict: it has changed meanwhile, or the new address is taken.
        Costs: 1 transaction.
        """

    def put_invitation(self, invitation: str, *, expires_at_s: int) -> None:
        """Keep the hash of an invitation. Costs: 1 write."""

    def put_api_token(self, token: ApiToken) -> None:
        """Keep a token of an account. Costs: 1 write."""

    def find_api_token(self, user: str, token_id: str) -> ApiToken | None:
        """Also one that has ended; ``ApiToken.is_alive`` tells. Costs: 1 read."""

    def list_api_tokens(self, user: str) -> Sequence[ApiToken]:
        """Bytewise by id. Costs: 1 query."""

    def delete_api_token(self, user: str, token_id: str) -> None:
        """Raises: Missing. Costs: 1 transaction."""

    def find_standing(self, team: str, name: RepositoryName, user: str | None) -> Standing:
        """What somebody is to a repository and its team. Costs: 1 batch read."""

    def put_grant(self, team: str, grant: GrantRecord) -> None:
        """Raises: Conflict: there is no such repository. Costs: 1 transaction."""

    def delete_grant(self, team: str, name: RepositoryName, user: str) -> None:
        """One that is not there is no error. Costs: 1 transaction."""

    def list_grants(self, team: str, name: RepositoryName) -> Sequence[GrantRecord]:
        """Bytewise by user. Costs: 1 query."""

    def list_granted(self, user: str) -> Sequence[GrantRecord]:
        """All that was granted to a user, in whatever team, in repositories that are there.

        Costs: 1 query; 1 batch read for each hundred where there is something.
        """


class SearchStore(Protocol):
    """Entries kept by word, apart from the records: a search reads these alone."""

    def change_repository(self, team: str, before: Repository, after: Repository) -> None:
        """Replace a record that is still as it was, and move its entries along.

        Raises: Conflict. Costs: 1 transaction.
        """

    def delete_repository(
        self, team: str, repository: Repository, event: Event | None = None
    ) -> None:
        """Remove everything that a repository holds, its tags first, its record and entries last.

        ``event`` is what webhooks are told of it; it is kept with the first call.

        From the first call on it is found no more and nothing can be added. Blobs and images stay:
        they are the team's, and the collector's. After a crash ``finish_deletion`` does the rest,
        and so does whatever would begin anew under the name.
        Raises: Conflict: it is not as given any more.
        Costs: 1 write, 1 query, 1 transaction for each 49 things that it holds, 1 transaction.
        """

    def finish_deletion(self, team: str, name: RepositoryName) -> bool:
        """End a deletion that was cut off; says whether there was one.

        Costs: 1 read; with something to end those of ``delete_repository``.
        """

    def find_entries(self, scope: str, prefix: str, limit: int) -> Sequence[Found]:
        """Entries of a scope that have a word with this beginning; "" means all of them.

        An entry may come several times, once a word. Costs: 1 query for each MB.
        """

    def find_repositories(
        self, team_names: Sequence[tuple[str, RepositoryName]]
    ) -> Sequence[Repository]:
        """Those of them that exist. Costs: 1 batch read for each hundred."""
