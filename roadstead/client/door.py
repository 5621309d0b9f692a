"""A repository of a registry, with permission to push, and what all its blobs share."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

from roadstead.client.http import Answer, RegistryClient
from roadstead.client.memory import Memory
from roadstead.client.names import ImageName
from roadstead.uploader import PartStorage

# Told of bytes that were moved; fewer than none when they have to be moved again.
Moved = Callable[[int], None]


@dataclass(frozen=True)
class Door:
    """A repository of a registry, with permission to push."""

    client: RegistryClient
    storage: PartStorage
    memory: Memory
    pool: Executor
    target: ImageName

    @property
    def scopes(self) -> list[str]:
        return [f"repository:{self.target.repository}:pull,push"]

    @property
    def host_name(self) -> str:
        return self.target.host.name

    def send(
        self, method: str, path: str, wanted: tuple[int, ...], what: str, **more: Any
    ) -> Answer:
        """One request, with the scopes of a push. Raises: TransferError."""
        scopes = more.pop("scopes", self.scopes)
        return self.client.send(method, path, scopes=scopes, wanted=wanted, what=what, **more)

    def has(self, digest: str) -> bool:
        """Whether the repository has the blob. Raises: TransferError."""
        path = f"/v2/{self.target.repository}/blobs/{digest}"
        # A registry answers with where the blob is, or with its head: either says that it is.
        found = self.send("HEAD", path, (200, 307, 302, 404), f"asking for {digest}")
        return found.status != 404
