"""The memory adapters keep the contracts."""

from __future__ import annotations

import pytest

from chalicelib.adapters.memory import MemoryBlobs, MemoryMetadata
from tests.contracts.blob_contract import BlobContract, Fetch
from tests.contracts.collect_blobs import CollectBlobsContract
from tests.contracts.collect_contract import CollectContract
from tests.contracts.hub_contract import HubContract
from tests.contracts.metadata_contract import MetadataContract
from tests.contracts.team_contract import TeamContract
from tests.contracts.values import NOW_S
from tests.support.world import SettableClock


class TestMemoryMetadata(MetadataContract, HubContract, CollectContract):
    @pytest.fixture
    def store(self) -> MemoryMetadata:
        return MemoryMetadata()


class TestMemoryTeams(TeamContract):
    @pytest.fixture
    def clock(self) -> SettableClock:
        return SettableClock(NOW_S)

    @pytest.fixture
    def store(self, clock: SettableClock) -> MemoryMetadata:
        return MemoryMetadata(clock)


class TestMemoryBlobs(BlobContract, CollectBlobsContract):
    @pytest.fixture
    def clock(self) -> SettableClock:
        return SettableClock()

    @pytest.fixture
    def store(self, clock: SettableClock) -> MemoryBlobs:
        return MemoryBlobs(clock)

    @pytest.fixture
    def fetch(self, store: MemoryBlobs) -> Fetch:
        return store.fetch
