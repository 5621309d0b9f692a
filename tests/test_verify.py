"""The verifier dies, is called twice, runs out of time; the proof holds all the same."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import pytest

from chalicelib.adapters.hashing import ResumableHashing
from chalicelib.adapters.memory import MemoryBlobs
from chalicelib.api.verifier import verifier_of
from chalicelib.domain.access import OPEN_TEAM
from chalicelib.domain.digest import Digest, digest_of
from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.limits import CLAIM_TTL_S, MAX_PROOF_READ_BYTES, MIB, UPLOAD_TTL_S
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.records import Blob
from chalicelib.domain.upload import UploadSession
from chalicelib.ports import Conflict, Unavailable
from chalicelib.service import remote, uploads, verify
from chalicelib.service.verify import Outcome
from chalicelib.service.world import World
from roadstead.uploader.planned import plan_parts
from tests.gateway.faults import Died, Fault, Fuse, Fused
from tests.support.stack import Stack
from tests.support.world import Asked, SettableClock, memory_world

APP = RepositoryName("acme/app")
# Two pieces and a bit.
DATA = secrets.token_bytes(2 * verify.PIECE_BYTES + 5)
DIGEST, OTHER = digest_of(DATA), digest_of(b"other")
ALWAYS = 900.0


@dataclass
class Quay:
    """A registry whose verifier the test runs itself, and one upload in it."""

    world: World
    clock: SettableClock = field(default_factory=SettableClock)
    upload_id: str = ""

    @property
    def asked(self) -> list[tuple[str, str]]:
        verifier: Any = self.world.verifier
        return list(verifier.uploads)

    def fill(self, data: bytes = DATA) -> None:
        """An upload whose parts went to S3, and whose hash nobody knows."""
        world = self.world
        session = uploads.start(world, APP, "sha256")
        handed = remote.claim(world, APP, session.upload_id, None, None)
        held = handed.session
        parts = tuple(
            world.blobs.put_part(
                held.object_key,
                held.multipart_id or "",
                part.number,
                data[part.offset_bytes : part.offset_bytes + part.size_bytes],
            )
            for part in plan_parts(len(data))
        )
        report = remote.Report(len(data), parts, None, None, "")
        remote.advance(world, APP, session.upload_id, held.claim or "", report)
        self.upload_id = session.upload_id

    def close(self, digest: Digest = DIGEST) -> Blob | UploadSession:
        return uploads.close(self.world, APP, self.upload_id, digest, b"", None)

    def run(self, time_left_s: Callable[[], float] = lambda: ALWAYS) -> Outcome:
        return verify.run(self.world, OPEN_TEAM, self.upload_id, time_left_s=time_left_s)

    def session(self) -> UploadSession | None:
        now_s = self.clock.now_s()
        return self.world.metadata.find_upload(OPEN_TEAM, self.upload_id, now_s=now_s)

    def served(self) -> bytes | None:
        blob = self.world.metadata.find_link(OPEN_TEAM, APP, DIGEST)
        return None if blob is None else b"".join(self.world.blobs.read(blob.object_key))

    def with_fuse(self, fuse: Fuse) -> Quay:
        metadata: Any = Fused(self.world.metadata, fuse)
        blobs: Any = Fused(self.world.blobs, fuse)
        verifier: Any = Fused(self.world.verifier, fuse)
        world = replace(self.world, metadata=metadata, blobs=blobs, verifier=verifier)
        return Quay(world, self.clock, self.upload_id)


@pytest.fixture
def quay() -> Quay:
    clock = SettableClock()
    made = Quay(
        memory_world(
            clock=clock, blobs=MemoryBlobs(clock), verifier=Asked(), inline_proof_bytes=MIB
        ),
        clock,
    )
    made.fill()
    return made


def test_a_close_asks_the_verifier_which_links_the_blob(quay: Quay) -> None:
    closed = quay.close()
    assert isinstance(closed, UploadSession)
    assert quay.asked == [(OPEN_TEAM, quay.upload_id)]
    assert quay.served() is None
    assert quay.run() is Outcome.LINKED
    assert quay.served() == DATA
    assert quay.session() is None


def test_on_real_servers(stack: Stack) -> None:
    world = memory_world(
        metadata=stack.metadata(),
        blobs=stack.blobs(),
        verifier=Asked(),
        inline_proof_bytes=MIB,
        words=stack_words(),
    )
    quay = Quay(world, world.clock)  # type: ignore[arg-type]
    quay.fill()
    quay.close()
    times = iter([ALWAYS, 0.0])
    assert quay.run(lambda: next(times)) is Outcome.PAUSED
    found = quay.session()
    assert found is not None
    assert found.proving is not None
    assert found.proving.read_bytes == 2 * verify.PIECE_BYTES
    assert quay.run() is Outcome.LINKED
    assert quay.served() == DATA


def stack_words() -> Any:
    class Words:
        def fresh(self) -> str:
            return secrets.token_hex(16)

    return Words()


def test_a_close_and_a_run_cost_what_they_say(quay: Quay) -> None:
    fuse = Fuse()
    quay.with_fuse(fuse).close()
    joined = ["complete_multipart", "size_bytes"]
    assert fuse.calls == ["claim_upload", *joined, "save_upload", "ask"]
    fuse.calls.clear()
    quay.with_fuse(fuse).close()
    assert fuse.calls == ["claim_upload", "save_upload"]
    fuse.calls.clear()
    quay.with_fuse(fuse).run()
    assert fuse.calls == ["claim_upload", *["get"] * 3, "find_blob", "put_blob"]


# --- time ---------------------------------------------------------------------------------------


def test_a_run_whose_time_is_over_asks_for_another_that_reads_the_rest_only(quay: Quay) -> None:
    quay.close()
    for number in (1, 2):
        assert quay.run(lambda: 0.0) is Outcome.PAUSED
        found = quay.session()
        assert found is not None
        assert found.claim is None
        assert found.proving is not None
        assert found.proving.read_bytes == number * verify.PIECE_BYTES
    assert quay.asked == [(OPEN_TEAM, quay.upload_id)] * 3
    fuse = Fuse()
    assert quay.with_fuse(fuse).run(lambda: 0.0) is Outcome.LINKED
    assert fuse.calls.count("get") == 1
    assert quay.served() == DATA


def test_a_long_run_saves_where_it_is_and_renews_its_claim(quay: Quay) -> None:
    quay.close()

    def slow() -> float:
        quay.clock.at_s += CLAIM_TTL_S - 1
        return ALWAYS

    fuse = Fuse()
    assert quay.with_fuse(fuse).run(slow) is Outcome.LINKED
    assert fuse.calls.count("save_upload") == 2
    assert quay.served() == DATA


def test_a_proof_outlives_the_day_of_its_upload(quay: Quay) -> None:
    quay.close()
    for _ in range(2):
        quay.clock.at_s += UPLOAD_TTL_S - 1
        assert quay.run(lambda: 0.0) is Outcome.PAUSED
    assert quay.run() is Outcome.LINKED


def test_where_no_hash_can_be_saved_large_uploads_are_refused_as_without_a_verifier(
    quay: Quay,
) -> None:
    unable = replace(quay.world, hashing=ResumableHashing(portable=False))
    assert not verify.can_verify(unable, "sha256")
    assert verify.provable_bytes(unable, "sha256") == MAX_PROOF_READ_BYTES
    assert isinstance(Quay(unable, quay.clock, quay.upload_id).close(), Blob)
    assert quay.asked == []


def test_a_state_of_another_platform_costs_a_reading_from_the_beginning(quay: Quay) -> None:
    quay.close()
    assert quay.run(lambda: 0.0) is Outcome.PAUSED
    found = quay.session()
    assert found is not None
    assert found.proving is not None
    foreign = replace(found.proving, state=b"of somebody else's OpenSSL")
    quay.world.metadata.open_upload(replace(found, proving=foreign))
    fuse = Fuse()
    assert quay.with_fuse(fuse).run() is Outcome.LINKED
    assert fuse.calls.count("get") == 3
    assert quay.served() == DATA


# --- death --------------------------------------------------------------------------------------


def _tries(quay: Quay) -> Iterator[None]:
    """What a client and Lambda do about a proof that does not end: close again, run again."""
    for _ in range(4):
        yield
        quay.clock.at_s += CLAIM_TTL_S


def _ended(quay: Quay) -> bool:
    """Close again and run what is asked for, as often as it takes; says whether it took."""
    for _ in _tries(quay):
        try:
            quay.close()
        except RegistryError as refusal:
            if refusal.code is ErrorCode.BLOB_UPLOAD_UNKNOWN:
                return True
            if refusal.code is not ErrorCode.RANGE_INVALID:
                raise
        quay.run()
    return False


RUN = 2 + 3 + 2  # claim, save by the clock, three pieces, known?, link


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name)
@pytest.mark.parametrize("number", range(1, RUN + 1))
def test_a_run_that_fails_at_any_call_is_made_good(quay: Quay, number: int, fault: Fault) -> None:
    quay.close()

    def ticking() -> float:
        quay.clock.at_s += verify.SAVE_EVERY_S // 2
        return ALWAYS

    fuse = Fuse(at=number, fault=fault)
    with contextlib.suppress(Unavailable, Died, Conflict):
        quay.with_fuse(fuse).run(ticking)
    assert quay.served() in (None, DATA)
    quay.clock.at_s += CLAIM_TTL_S
    assert _ended(quay)
    assert quay.served() == DATA


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name)
@pytest.mark.parametrize("number", range(1, 7))
def test_a_close_that_fails_at_any_call_is_made_good(quay: Quay, number: int, fault: Fault) -> None:
    with contextlib.suppress(Unavailable, Died, Conflict, RegistryError):
        quay.with_fuse(Fuse(at=number, fault=fault)).close()
    assert quay.served() is None
    quay.clock.at_s += CLAIM_TTL_S
    assert _ended(quay)
    assert quay.served() == DATA


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name)
@pytest.mark.parametrize("number", range(1, 5))
def test_a_pause_that_fails_at_any_call_is_made_good(quay: Quay, number: int, fault: Fault) -> None:
    quay.close()
    with contextlib.suppress(Unavailable, Died, Conflict):
        quay.with_fuse(Fuse(at=number, fault=fault)).run(lambda: 0.0)
    quay.clock.at_s += CLAIM_TTL_S
    assert _ended(quay)
    assert quay.served() == DATA


@pytest.mark.parametrize("fault", Fault, ids=lambda fault: fault.name)
@pytest.mark.parametrize("number", range(1, RUN))
def test_other_bytes_are_never_seen_whatever_fails(quay: Quay, number: int, fault: Fault) -> None:
    quay.close(OTHER)
    with contextlib.suppress(Unavailable, Died, Conflict):
        quay.with_fuse(Fuse(at=number, fault=fault)).run()
    for _ in _tries(quay):
        quay.clock.at_s += CLAIM_TTL_S
        quay.run()
        assert quay.world.metadata.find_link(OPEN_TEAM, APP, OTHER) is None
        assert quay.world.metadata.find_blob(OPEN_TEAM, OTHER) is None
    with pytest.raises(RegistryError) as raised:
        quay.close(OTHER)
    assert raised.value.code is ErrorCode.DIGEST_INVALID


def test_nobody_is_asked_twice_in_a_minute(quay: Quay) -> None:
    quay.close()
    for _ in range(5):
        assert isinstance(quay.close(), UploadSession)
    assert len(quay.asked) == 1
    quay.clock.at_s += CLAIM_TTL_S
    quay.close()
    assert len(quay.asked) == 2


def test_a_close_while_a_run_reads_is_pending_and_disturbs_nobody(quay: Quay) -> None:
    quay.close()
    seen: list[Blob | UploadSession] = []

    def meanwhile() -> float:
        seen.append(quay.close())
        return ALWAYS

    assert quay.run(meanwhile) is Outcome.LINKED
    assert len(seen) == 2
    assert all(isinstance(each, UploadSession) for each in seen)


@pytest.mark.parametrize("verb", ["claim", "append", "cancel", "another close"])
def test_what_is_being_read_is_closed_and_not_merely_busy(quay: Quay, verb: str) -> None:
    """Whoever takes it for busy would begin anew, and send everything again."""
    quay.close()
    verbs: dict[str, Callable[[], object]] = {
        "claim": lambda: remote.claim(quay.world, APP, quay.upload_id, None, None),
        "append": lambda: uploads.append(quay.world, APP, quay.upload_id, b"x", None),
        "cancel": lambda: uploads.cancel(quay.world, APP, quay.upload_id),
        "another close": lambda: quay.close(OTHER),
    }

    def meanwhile() -> float:
        with pytest.raises(RegistryError) as raised:
            verbs[verb]()
        assert raised.value.code is ErrorCode.UPLOAD_CLOSED
        return ALWAYS

    assert quay.run(meanwhile) is Outcome.LINKED


def test_of_two_runs_at_once_one_reads(quay: Quay) -> None:
    quay.close()
    inner: list[Outcome] = []

    def meanwhile() -> float:
        inner.append(quay.run())
        return ALWAYS

    assert quay.run(meanwhile) is Outcome.LINKED
    assert set(inner) == {Outcome.HELD}
    assert quay.served() == DATA


def test_a_run_that_was_so_slow_that_another_took_over_changes_nothing(quay: Quay) -> None:
    quay.close()
    calls = count()

    def overtaken() -> float:
        if next(calls) == 0:
            quay.clock.at_s += CLAIM_TTL_S
            assert quay.run() is Outcome.LINKED
        return ALWAYS

    assert quay.run(overtaken) is Outcome.HELD
    assert quay.served() == DATA


def test_many_runs_at_once_link_one_blob(quay: Quay) -> None:
    quay.close()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: quay.run(), range(4)))
    assert found.count(Outcome.LINKED) == 1
    assert set(found) <= {Outcome.LINKED, Outcome.HELD, Outcome.GONE}
    assert quay.served() == DATA


def test_an_upload_that_is_cancelled_while_it_is_read_stays_unseen(quay: Quay) -> None:
    quay.close()
    found = quay.session()
    assert found is not None

    def cancelled() -> float:
        quay.world.metadata.close_upload(found)
        return ALWAYS

    assert quay.run(cancelled) is Outcome.HELD
    assert quay.served() is None


def test_an_object_that_has_become_shorter_is_not_proved(quay: Quay) -> None:
    quay.close()
    found = quay.session()
    assert found is not None
    quay.world.blobs.put(found.object_key, DATA[:-1])
    with pytest.raises(Unavailable):
        quay.run()
    assert quay.served() is None


def test_bytes_that_the_team_has_are_served_from_where_they_are(quay: Quay) -> None:
    known = Blob(DIGEST, len(DATA), "open/sha256/known")
    quay.world.blobs.put(known.object_key, DATA)
    quay.world.metadata.put_blob(OPEN_TEAM, RepositoryName("acme/other"), known)
    quay.close()
    assert quay.run() is Outcome.LINKED
    assert quay.world.metadata.find_link(OPEN_TEAM, APP, DIGEST) == known


def test_the_function_runs_what_its_event_names(quay: Quay) -> None:
    class Context:
        def get_remaining_time_in_millis(self) -> int:
            return 900_000

    quay.close()
    event = {"team": OPEN_TEAM, "upload_id": quay.upload_id}
    run = verifier_of(lambda: quay.world)
    assert run(event, Context()) == {"outcome": "LINKED"}
    assert run(event, Context()) == {"outcome": "GONE"}
