"""What every use case may reach: the ports, the mode, and the two keys."""

from __future__ import annotations

from dataclasses import dataclass, field

from chalicelib.domain.access import Mode, team_of
from chalicelib.domain.accounts import SignUp
from chalicelib.domain.names import RepositoryName
from chalicelib.hub_ports import AccountStore, SearchStore
from chalicelib.ports import BlobStore, Clock, Hashing, MetadataStore, Passwords, Words
from chalicelib.service.logins import LoginCache


@dataclass(frozen=True)
class World:
    """Built once for a warm function by ``bootstrap``; tests build their own.

    ``signing_key`` signs what the registry itself says (v1 tokens); ``gateway_key`` is shared
    with the gateways that the operator runs, whose word on a hash is believed.
    On a host named in ``v1_hosts`` there is no v2: daemons that find v2 never speak v1.
    """

    metadata: MetadataStore
    accounts: AccountStore
    search: SearchStore
    blobs: BlobStore
    clock: Clock
    hashing: Hashing
    words: Words
    passwords: Passwords
    mode: Mode
    signing_key: bytes = field(repr=False)
    gateway_key: bytes | None = field(repr=False, default=None)
    signup: SignUp = SignUp.CLOSED
    v1_hosts: frozenset[str] = frozenset()
    public_by_default: bool = False
    logins: LoginCache = field(repr=False, default_factory=LoginCache)

    def team_of(self, name: RepositoryName) -> str:
        """The team that a repository's rows and bytes belong to."""
        return team_of(self.mode, name)
