"""regctl: regclient's command. It deletes tags as such, and puts a large blob in chunks."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .commands import clean_environment, need, run
from .images import Image
from .registry import Registry


@dataclass(frozen=True)
class Regctl:
    folder: Path
    registry: Registry

    @classmethod
    def here(cls, folder: Path, registry: Registry) -> "Regctl":
        need("regctl")
        client = cls(folder / "regctl", registry)
        client.folder.mkdir(exist_ok=True)
        client.setting("--tls", "disabled")
        if registry.credentials:
            client.login()
        return client

    def _run(self, *words: str | Path) -> str:
        env = clean_environment(self.folder, REGCTL_CONFIG=str(self.folder / "config.json"))
        return run(["regctl", *words], env, timeout=180)

    def setting(self, *words: str) -> None:
        """One of `--tls`, `--blob-chunk`, `--blob-max` and their like, for this registry."""
        self._run("registry", "set", "--skip-check", *words, self.registry.host)

    def login(self) -> None:
        words = ["--user", self.registry.username or "", "--pass", self.registry.password or ""]
        self._run("registry", "login", *words, self.registry.host)

    def name(self, repository: str, reference: str = "latest") -> str:
        separator = "@" if reference.startswith("sha256:") else ":"
        return f"{self.registry.host}/{repository}{separator}{reference}"

    def push(self, image: Image, repository: str, tag: str = "latest") -> None:
        self._copy(f"ocidir://{image.folder}:latest", self.name(repository, tag))

    def pull(self, repository: str, reference: str, target: Path) -> None:
        """Into an OCI layout, all platforms, unchanged."""
        self._copy(self.name(repository, reference), f"ocidir://{target}:latest")

    def copy_across(self, repository: str, other: str) -> None:
        self._copy(self.name(repository), self.name(other))

    def _copy(self, source: str, target: str) -> None:
        self._run("image", "copy", source, target)

    def tags(self, repository: str) -> list[str]:
        return sorted(self._run("tag", "ls", f"{self.registry.host}/{repository}").split())

    def catalog(self) -> list[str]:
        return self._run("repo", "ls", self.registry.host).split()

    def delete_tag(self, repository: str, tag: str) -> None:
        self._run("tag", "delete", self.name(repository, tag))

    def delete_manifest(self, repository: str, digest: str) -> None:
        self._run("manifest", "delete", self.name(repository, digest))

    def delete_blob(self, repository: str, digest: str) -> None:
        self._run("blob", "delete", f"{self.registry.host}/{repository}", digest)

    def attach(self, repository: str, tag: str, artifact_type: str, content: bytes) -> str:
        """The digest of what is attached."""
        file = self.folder / "attached.txt"
        file.write_bytes(content)
        words: list[str | Path] = ["--artifact-type", artifact_type, "--file", file]
        words += ["--file-media-type", "text/plain", "--subject", self.name(repository, tag)]
        before = {digest for digest, _ in self.referrers(repository, tag)}
        self._run("artifact", "put", *words)
        # Only the client's own list tells what it has just made.
        (made,) = {digest for digest, _ in self.referrers(repository, tag)} - before
        return made

    def referrers(
        self, repository: str, reference: str, artifact_type: str | None = None
    ) -> list[tuple[str, str]]:
        """Digest and artifact type of each."""
        wanted = ["--filter-artifact-type", artifact_type] if artifact_type else []
        form = ["--format", "{{json .}}"]
        name = self.name(repository, reference)
        found: Any = json.loads(self._run("artifact", "list", *wanted, *form, name))
        return [(one["digest"], one["artifactType"]) for one in found["descriptors"]]

    def tree(self, repository: str, reference: str = "latest") -> str:
        return self._run("artifact", "tree", self.name(repository, reference))

    def content(self, repository: str, reference: str, artifact_type: str) -> str:
        """The file of the one artifact of this type that is attached."""
        words = ["--subject", self.name(repository, reference)]
        return self._run("artifact", "get", *words, "--filter-artifact-type", artifact_type)
