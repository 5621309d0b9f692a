"""oras: copies between a registry and layouts, and attaches artifacts to what is there."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .commands import clean_environment, need, run
from .images import Image
from .registry import Registry

# Without it the client would fall back to tags that say what refers to what.
BY_API = ("--distribution-spec", "v1.1-referrers-api")


@dataclass(frozen=True)
class Oras:
    folder: Path
    registry: Registry

    @classmethod
    def here(cls, folder: Path, registry: Registry) -> "Oras":
        need("oras")
        client = cls(folder / "oras", registry)
        client.folder.mkdir(exist_ok=True)
        if registry.credentials:
            client.login()
        return client

    def _run(self, *words: str | Path) -> str:
        # Only files below the current folder may be attached.
        return run(["oras", *words], clean_environment(self.folder), timeout=180, cwd=self.folder)

    def login(self) -> None:
        words = ["--username", self.registry.username or ""]
        words += ["--password", self.registry.password or ""]
        self._run("login", "--plain-http", *words, self.registry.host)

    def name(self, repository: str, reference: str = "latest") -> str:
        separator = "@" if reference.startswith("sha256:") else ":"
        return f"{self.registry.host}/{repository}{separator}{reference}"

    def push(self, image: Image, repository: str, tag: str = "latest") -> None:
        source = ["--from-oci-layout", f"{image.folder}:latest"]
        self._copy("--to-plain-http", *source, self.name(repository, tag))

    def pull(self, repository: str, reference: str, target: Path) -> None:
        """Into an OCI layout, all platforms, unchanged."""
        source = ["--from-plain-http", self.name(repository, reference)]
        self._copy("--to-oci-layout", *source, f"{target}:latest")

    def copy_across(self, repository: str, other: str) -> None:
        both = ["--from-plain-http", "--to-plain-http"]
        self._copy(*both, self.name(repository), self.name(other))

    def _copy(self, *words: str) -> None:
        self._run("cp", "--no-tty", *words)

    def tags(self, repository: str) -> list[str]:
        name = f"{self.registry.host}/{repository}"
        return sorted(self._asked("repo", "tags", name)["tags"])

    def catalog(self) -> list[str]:
        """Whole names, though asking for ``host/namespace`` would cut the namespace off."""
        found: list[str] = self._asked("repo", "ls", self.registry.host)["repositories"]
        return found

    def delete_manifest(self, repository: str, reference: str) -> None:
        """The manifest, also where a tag is named: the digest behind it is what is deleted."""
        name = self.name(repository, reference)
        self._run("manifest", "delete", "--plain-http", "--force", name)

    def delete_blob(self, repository: str, digest: str) -> None:
        name = self.name(repository, digest)
        self._run("blob", "delete", "--plain-http", "--force", name)

    def attach(self, repository: str, tag: str, artifact_type: str, content: bytes) -> str:
        """The digest of what is attached."""
        (self.folder / "attached.txt").write_bytes(content)
        words = ["--no-tty", "--artifact-type", artifact_type, *BY_API, self.name(repository, tag)]
        digest: str = self._asked("attach", *words, "attached.txt:text/plain")["digest"]
        return digest

    def referrers(
        self, repository: str, reference: str, artifact_type: str | None = None
    ) -> list[tuple[str, str]]:
        """Digest and artifact type of each."""
        wanted = ["--artifact-type", artifact_type] if artifact_type else []
        name = self.name(repository, reference)
        found = self._asked("discover", *BY_API, "--depth", "1", *wanted, name)
        return [(one["digest"], one["artifactType"]) for one in found["referrers"]]

    def _asked(self, *words: str) -> Any:
        return json.loads(self._run(*words, "--plain-http", "--format", "json"))
