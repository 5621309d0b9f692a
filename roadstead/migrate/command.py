"""What `roadstead migrate` does: repositories side by side, the tags of each one after another."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Protocol

from chalicelib.domain.errors import RegistryError
from chalicelib.domain.names import parse_tag
from roadstead.client.cli import cache_folder, docker_config
from roadstead.client.errors import RegistryRefused, TransferError, printable
from roadstead.client.http import PAUSES_S, SEND_TIMEOUT_S, RegistryClient
from roadstead.client.login import Login, find_login
from roadstead.client.names import Host
from roadstead.client.push import PARTS_AT_ONCE
from roadstead.client.workers import settle, working
from roadstead.migrate import hub, lists, v1wire
from roadstead.migrate.choice import Choice, Naming, parse_mapping
from roadstead.migrate.images import Images, Lane, Outcome, Seen, belongs_to
from roadstead.migrate.limits import OutwaitLimits
from roadstead.migrate.places import (
    ECR_USER,
    Kind,
    Place,
    login_hint,
    parse_source,
    parse_target,
)
from roadstead.migrate.sharing import SharedMemory, Sharing
from roadstead.migrate.tally import Screen, Tally, size_text
from roadstead.migrate.v1 import V1Images
from roadstead.uploader import PartStorage, StorageFailed


class Carrier(Protocol):
    """How a tag is brought from a source of some kind."""

    def tags(self, repository: str) -> list[str]: ...

    def digests(self, lane: Lane, tag: str) -> tuple[str, str | None]: ...

    def look(self, lane: Lane, tag: str) -> Seen: ...

    def bring(self, lane: Lane, tag: str) -> tuple[Outcome, list[str]]: ...


@dataclass
class Migration:
    """One run."""

    carrier: Carrier
    choice: Choice
    naming: Naming
    tally: Tally
    screen: Screen
    target_host: str
    dry: bool = False
    # Whether somebody has named the repositories, instead of the source.
    is_named: bool = False
    stopped: Event = field(default_factory=Event)
    # By name at the target: two repositories must not become one.
    lanes: dict[str, Lane] = field(default_factory=dict)
    chosen: list[tuple[Lane, str]] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def run(self, repositories: Iterator[str], jobs: int) -> None:
        """Bring what is chosen; failures are in the tally. Raises: TransferError: no list."""
        workers = ThreadPoolExecutor(jobs, thread_name_prefix="repository")
        try:
            # What is no failure of an image is an error of ours, and stops.
            settle([workers.submit(self._repository, lane) for lane in self._named(repositories)])
        except BaseException:
            self.stopped.set()
            raise
        finally:
            workers.shutdown(wait=not self.stopped.is_set(), cancel_futures=True)

    def _named(self, repositories: Iterator[str]) -> Iterator[Lane]:
        for source in repositories:
            if not self.choice.takes_repository(source):
                continue
            try:
                target = self.naming.target(source)
            except TransferError as error:
                self._fail(source, error)
                continue
            other = self.lanes.get(target)
            if other is not None:
                if other.source != source:
                    self._fail(
                        source,
                        TransferError(
                            f"{other.source} becomes {target} as well; give one of them another "
                            f"name: --map '{source}=NAME'"
                        ),
                    )
                continue
            self.lanes[target] = Lane(source, target)
            yield self.lanes[target]

    def _repository(self, lane: Lane) -> None:
        with self._failing(lane.source):
            listed = list(self._sound(lane, self._tags(lane)))
            wanted = [tag for tag in listed if self.choice.takes(lane.source, tag)]
            if not wanted:
                return
            self.tally.saw(lane.source)
            digests: set[str] = set()
            for tag in wanted:
                digests.update(self._tag(lane, tag))
            self._attached(lane, set(listed) - set(wanted), digests)

    def _attached(self, lane: Lane, tags: set[str], digests: set[str]) -> None:
        """What older clients attach by a tag comes with what it is attached to, and so in turn."""
        while found := sorted(tag for tag in tags if belongs_to(tag, digests)):
            tags = tags.difference(found)
            digests = {digest for tag in found for digest in self._tag(lane, tag)}

    def _tags(self, lane: Lane) -> list[str]:
        """A repository that is only listed may hold nothing: some list what pushes have left."""
        try:
            return self.carrier.tags(lane.source)
        except RegistryRefused as refusal:
            if self.is_named or refusal.status != 404 or "NAME_UNKNOWN" not in refusal.codes:
                raise
            self.tally.add(empty=1)
            self.screen.say(f"{printable(lane.source)}  is listed and holds nothing")
            return []

    def _sound(self, lane: Lane, tags: list[str]) -> Iterator[str]:
        for tag in tags:
            try:
                yield str(parse_tag(tag))
            except RegistryError:
                self._fail(f"{lane.source}:{tag[:200]}", TransferError("this is no tag"))

    def _tag(self, lane: Lane, tag: str) -> list[str]:
        if self.stopped.is_set():
            return []
        name, digests = f"{lane.source}:{tag}", list[str]()
        with self._failing(name):
            if self.dry:
                seen = self.carrier.look(lane, tag)
                self._count(seen.outcome)
                size = "size not asked for"
                if seen.blobs is not None:
                    size = size_text(sum(seen.blobs.values()))
                    if seen.outcome is Outcome.BROUGHT:
                        self.tally.would_move(seen.blobs)
                self.screen.say(f"{name} -> {lane.target}:{tag}  {size}  {_would(seen.outcome)}")
                return []
            outcome, digests = self.carrier.bring(lane, tag)
            self._count(outcome)
            with self._lock:
                self.chosen.append((lane, tag))
            self.screen.say(f"{name} -> {lane.target}:{tag}  {outcome.value}")
        return digests

    def _count(self, outcome: Outcome) -> None:
        sums = {Outcome.BROUGHT: "tags_brought", Outcome.THERE: "tags_there"}
        self.tally.add(**{sums.get(outcome, "tags_left"): 1})

    def verify(self, jobs: int) -> None:
        """Compare every tag that was brought or is there; differences are failures."""
        self.tally.verified = 0
        with working(jobs, "verify") as workers:
            settle([workers.submit(self._compare, lane, tag) for lane, tag in self.chosen])

    def _compare(self, lane: Lane, tag: str) -> None:
        with self._failing(f"{lane.source}:{tag}"):
            there, here = self.carrier.digests(lane, tag)
            if there != here:
                raise TransferError(f"not the same: {there} at the source, {here} at the target")
            self.tally.add(verified=1)

    @contextmanager
    def _failing(self, name: str) -> Iterator[None]:
        """What fails is noted, and the rest goes on."""
        try:
            yield
        except (TransferError, StorageFailed, OSError) as error:
            self._fail(name, error)
        except Exception as error:
            # A source can send anything: what we stumble over is that image's, and the rest comes.
            sentence = f"what was sent could not be understood ({type(error).__name__})"
            self._fail(name, TransferError(sentence))

    def _fail(self, name: str, error: Exception) -> None:
        if not self.stopped.is_set():
            name, reason = printable(name), printable(error)
            self.tally.fail(name, reason)
            self.screen.say(f"{name}  FAILED: {reason}")


def _would(outcome: Outcome) -> str:
    return "would be brought" if outcome is Outcome.BROUGHT else outcome.value


# --- the command --------------------------------------------------------------------------------


def _carrier(
    place: Place,
    origin: RegistryClient,
    target: RegistryClient,
    logins: tuple[Login | None, Login | None],
    parts: ThreadPoolExecutor,
    tally: Tally,
    screen: Screen,
    *,
    keeps: bool,
) -> Carrier:
    storage = PartStorage(send_timeout_s=SEND_TIMEOUT_S, pauses_s=PAUSES_S)
    if place.kind is Kind.V1:
        return V1Images(origin, logins[0], target, logins[1], storage, tally, screen, keeps=keeps)
    sharing = Sharing()
    return Images(
        origin,
        target,
        storage,
        parts,
        lambda: SharedMemory(cache_folder(), sharing),
        tally,
        screen,
        keeps=keeps,
        is_counted=place.is_counted,
    )


def run_migration(asked: argparse.Namespace) -> int:
    """The status: 0 when nothing has failed. Raises: TransferError."""
    place = parse_source(
        asked.source,
        insecure=asked.insecure,
        hub_api=asked.hub_api,
        hub_registry=asked.hub_registry,
    )
    host, base = parse_target(asked.target, insecure=asked.insecure)
    choice = Choice.of(asked.only, asked.excepted)
    naming = Naming(base, place.prefix, parse_mapping(asked.mapped), place.kind is Kind.V1)
    screen, tally = Screen(quiet=asked.quiet), Tally()
    logins = _logins(asked, place, host)
    wait_s = asked.wait_hours * 3600
    patience = OutwaitLimits(say=screen.say, host_name=place.host.name, most_s=wait_s)
    is_v1 = place.kind is Kind.V1
    origin = RegistryClient(place.host, None if is_v1 else logins[0], patience)
    target = RegistryClient(host, None if is_v1 else logins[1])
    parts = ThreadPoolExecutor(PARTS_AT_ONCE, thread_name_prefix="part")
    if not is_v1:
        with _hinting(place, logins[0]):
            origin.ping()
        target.ping()
    carrier = _carrier(place, origin, target, logins, parts, tally, screen, keeps=asked.keep)
    migration = Migration(
        carrier,
        choice,
        naming,
        tally,
        screen,
        host.name,
        dry=asked.dry_run,
        is_named=bool(asked.repositories),
    )
    try:
        _carry_out(migration, asked, _repositories(asked.repositories, place, origin, logins[0]))
    finally:
        parts.shutdown(wait=False, cancel_futures=True)
    print("\n".join(_dry_report(tally) if asked.dry_run else tally.report()), flush=True)
    return 1 if tally.failures else 0


def _carry_out(
    migration: Migration, asked: argparse.Namespace, repositories: Iterator[str]
) -> None:
    try:
        migration.run(repositories, asked.jobs)
        if asked.verify and not asked.dry_run:
            migration.verify(asked.jobs)
    except KeyboardInterrupt:
        migration.stopped.set()
        print("\n".join(migration.tally.report()), flush=True)
        raise


@contextmanager
def _hinting(place: Place, login: Login | None) -> Iterator[None]:
    """Say to somebody without a login how to get one."""
    try:
        yield
    except TransferError as error:
        hint = f"\n{login_hint(place)}" if login is None else ""
        raise TransferError(f"{error}{hint}") from None


def _dry_report(tally: Tally) -> list[str]:
    kept = [line for line in tally.report() if not line.startswith(("manifests", "bytes"))]
    most = f"{'bytes':13} {size_text(sum(tally.wanted.values()))} at most, each layer once"
    if tally.wanted:
        kept.insert(2, most)
    return [line.replace("brought,", "would be brought,") for line in kept]


def _repositories(
    named: list[str], place: Place, origin: RegistryClient, login: Login | None
) -> Iterator[str]:
    """Those that are named, or all that the source lists. Raises: TransferError."""
    if named:
        return iter(dict.fromkeys(named))
    with _hinting(place, login):
        return iter(list(_listed(place, origin, login)))


def _listed(place: Place, origin: RegistryClient, login: Login | None) -> Iterator[str]:
    if place.kind is Kind.HUB:
        assert place.lister is not None
        api = RegistryClient(place.lister, None, origin.patience, is_registry=False)
        yield from hub.repositories(api, place.prefix, login)
    elif place.kind is Kind.V1:
        yield from v1wire.search(origin, login)
    else:
        below = f"{place.prefix}/" if place.prefix else ""
        yield from (name for name in lists.catalog(origin) if name.startswith(below))


def _logins(
    asked: argparse.Namespace, place: Place, host: Host
) -> tuple[Login | None, Login | None]:
    """The source's and the target's. Raises: TransferError."""
    user = asked.source_user
    if user is None and asked.source_password_stdin and place.kind is Kind.ECR:
        user = ECR_USER
    source = _login(user, place.host, "--source-user", from_stdin=asked.source_password_stdin)
    target = _login(asked.user, host, "--user", from_stdin=asked.password_stdin)
    return source, target


def _login(user: str | None, host: Host, flag: str, *, from_stdin: bool) -> Login | None:
    password_flag = f"{flag.replace('user', 'password')}-stdin"
    if user is None:
        if from_stdin:
            raise TransferError(f"{password_flag} needs {flag} NAME")
        return find_login(docker_config(), host.name)
    if from_stdin:
        return Login(user, sys.stdin.readline().rstrip("\r\n"))
    if sys.stdin.isatty():
        return Login(user, getpass.getpass(f"Password of {user} at {host.name}: "))
    raise TransferError(f"the password cannot be asked for here; say {password_flag}")
