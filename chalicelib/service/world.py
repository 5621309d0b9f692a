"""What every use case may reach: the ports, the mode, and the two keys."""

from __future__ import annotations

from dataclasses import dataclass, field

from chalicelib.blob_ports import BlobStore
from chalicelib.domain import limits
from chalicelib.domain.access import Actor, Mode, team_of
from chalicelib.domain.accounts import SignUp
from chalicelib.domain.bearer import Challenge
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.receivers import Network
from chalicelib.domain.records import Change
from chalicelib.hub_ports import AccountStore, SearchStore
from chalicelib.ports import Clock, Hashing, MetadataStore, Passwords, Verifier, Words
from chalicelib.service.logins import LoginCache
from chalicelib.usage_ports import UsageStore
from chalicelib.webhook_ports import HookStore


@dataclass(frozen=True)
class World:
    """Built once for a warm function by ``bootstrap``; tests build their own.

    ``signing_key`` signs what the registry itself says (v1 tokens); ``gateway_key`` is shared
    with the gateways that the operator runs, whose word on a hash is believed.
    On a host named in ``v1_hosts`` there is no v2: daemons that find v2 never speak v1.
    ``sparse_manifests`` takes manifests whose parts are not all here; off, because checking is
    what catches a client that lost data.
    ``expires_tags_by_name`` lets tags like `:2h` of an open registry end by their name; with
    accounts each team says so for itself.
    ``edge_word`` is what the edge in front sends along (hex), ``edge_key`` signs the addresses by
    which it leads uploads to the bucket; ``host`` is the registry's own name, where it has one, and
    ``team_hosts`` (`*.example.com`) what teams' hosts are called.
    ``verifier`` proves what no request has the time to read: above ``inline_proof_bytes``. Without
    one such uploads are refused.
    ``webhooks`` is None where no queue is set, by which they would be told; ``webhook_networks``
    are those beside the public internet that they may lead to.
    """

    metadata: MetadataStore
    accounts: AccountStore
    search: SearchStore
    usage: UsageStore
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
    sparse_manifests: bool = False
    challenge: Challenge = Challenge.BASIC
    expires_tags_by_name: bool = False
    edge_word: str | None = field(repr=False, default=None)
    edge_key: bytes | None = field(repr=False, default=None)
    host: str = ""
    team_hosts: str = ""
    verifier: Verifier | None = None
    webhooks: HookStore | None = None
    webhook_networks: tuple[Network, ...] = ()
    inline_proof_bytes: int = limits.MAX_PROOF_INLINE_BYTES
    v1_endpoints: tuple[str, ...] = ()
    logins: LoginCache = field(repr=False, default_factory=LoginCache)

    def change_by(self, actor: Actor) -> Change:
        """What a tag's history says of this very moment."""
        return Change(self.clock.now_ms(), self.words.fresh(), actor.name or None)

    def team_of(self, name: RepositoryName) -> str:
        """The team that a repository's rows and bytes belong to."""
        return team_of(self.mode, name)
