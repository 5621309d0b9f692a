"""crane: go-containerregistry's command. It streams with PATCH, and has no word for referrers."""

from dataclasses import dataclass
from pathlib import Path

from .commands import clean_environment, need, run
from .images import Image
from .registry import Registry


@dataclass(frozen=True)
class Crane:
    folder: Path
    registry: Registry

    @classmethod
    def here(cls, folder: Path, registry: Registry) -> "Crane":
        need("crane")
        client = cls(folder / "crane", registry)
        client.folder.mkdir(exist_ok=True)
        if registry.credentials:
            client.login()
        return client

    def _run(self, *words: str | Path) -> str:
        # Plain HTTP is what it speaks to 127.0.0.1 anyhow; --insecure says it for any other host.
        return run(["crane", "--insecure", *words], clean_environment(self.folder), timeout=180)

    def login(self) -> None:
        """Only writes the password down: nothing is asked of the registry."""
        words = ["--username", self.registry.username or ""]
        words += ["--password", self.registry.password or ""]
        self._run("auth", "login", *words, self.registry.host)

    def name(self, repository: str, reference: str = "latest") -> str:
        separator = "@" if reference.startswith("sha256:") else ":"
        return f"{self.registry.host}/{repository}{separator}{reference}"

    def push(self, image: Image, repository: str, tag: str = "latest") -> None:
        """From an OCI layout, whatever the media types in it."""
        self._run("push", image.folder, self.name(repository, tag))

    def pull(self, repository: str, reference: str, target: Path) -> None:
        """Into an OCI layout, all platforms, unchanged."""
        self._run("pull", "--format", "oci", self.name(repository, reference), target)

    def copy_across(self, repository: str, other: str) -> None:
        self._run("copy", self.name(repository), self.name(other))

    def tags(self, repository: str) -> list[str]:
        return sorted(self._run("ls", f"{self.registry.host}/{repository}").split())

    def catalog(self) -> list[str]:
        return self._run("catalog", self.registry.host).split()

    def delete_tag(self, repository: str, tag: str) -> None:
        self._run("delete", self.name(repository, tag))

    def delete_manifest(self, repository: str, digest: str) -> None:
        self._run("delete", self.name(repository, digest))
