"""skopeo: copies between a registry and files, keeping or recompressing the bytes."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .archives import directory
from .commands import clean_environment, need, run
from .images import OCI, Image
from .registry import Registry


@dataclass(frozen=True)
class Skopeo:
    folder: Path
    registry: Registry

    @classmethod
    def here(cls, folder: Path, registry: Registry) -> "Skopeo":
        need("skopeo")
        home = folder / "skopeo"
        home.mkdir(exist_ok=True)
        return cls(home, registry)

    def _run(self, *words: str | Path) -> str:
        registries = self.folder / "registries.conf"
        registries.write_text("")
        env = clean_environment(
            self.folder,
            CONTAINERS_REGISTRIES_CONF=str(registries),
            # As root, skopeo keeps what it knows of blobs in /var: this moves that below HOME.
            _CONTAINERS_ROOTLESS_UID="1000",
        )
        return run(["skopeo", "--insecure-policy", *words], env, timeout=180)

    def _credentials(self, side: str) -> list[str]:
        return [f"--{side}creds", self.registry.credentials] if self.registry.credentials else []

    def login(self) -> None:
        words = [
            "--username",
            self.registry.username or "",
            "--password",
            self.registry.password or "",
        ]
        place: list[str | Path] = ["--authfile", self.folder / "auth.json", "--tls-verify=false"]
        self._run("login", *words, *place, self.registry.host)

    def name(self, repository: str, reference: str = "latest") -> str:
        separator = "@" if reference.startswith("sha256:") else ":"
        return f"docker://{self.registry.host}/{repository}{separator}{reference}"

    def push(self, image: Image, repository: str, tag: str = "latest") -> None:
        """As it is, all platforms, with not one byte changed."""
        source = f"oci:{image.folder}:latest"
        if image.kind is not OCI:  # skopeo's oci: would convert Docker's media types
            place = self.folder / f"dir-{image.name}"
            source = f"dir:{place if place.exists() else directory(image, place)}"
        self.copy_in(source, repository, tag, "--all", "--preserve-digests")

    def copy_in(self, source: str, repository: str, tag: str = "latest", *options: str) -> None:
        """Any source skopeo knows; without --preserve-digests it may compress anew."""
        creds = self._credentials("dest-")
        target = self.name(repository, tag)
        self._run("copy", "--dest-tls-verify=false", *creds, *options, source, target)

    def pull(self, repository: str, reference: str, target: str) -> None:
        """To `oci:FOLDER:TAG` or `dir:FOLDER`, all platforms, unchanged."""
        options = ["--src-tls-verify=false", "--all", "--preserve-digests"]
        source = self.name(repository, reference)
        self._run("copy", *options, *self._credentials("src-"), source, target)

    def copy_out(self, repository: str, target: str) -> None:
        """To any form skopeo knows, the host's platform only, converted as the form needs."""
        source = self.name(repository)
        self._run("copy", "--src-tls-verify=false", *self._credentials("src-"), source, target)

    def copy_across(self, repository: str, other: str) -> None:
        """From one repository of this registry to another."""
        creds = [*self._credentials("src-"), *self._credentials("dest-")]
        options = ["--src-tls-verify=false", "--dest-tls-verify=false", "--all"]
        options += ["--preserve-digests", *creds]
        self._run("copy", *options, self.name(repository), self.name(other))

    def inspect(self, repository: str, tag: str = "latest", *options: str) -> Any:
        creds = self._credentials("")
        said = self._run(
            "inspect", "--tls-verify=false", *creds, *options, self.name(repository, tag)
        )
        return json.loads(said)

    def tags(self, repository: str) -> list[str]:
        name = f"docker://{self.registry.host}/{repository}"
        said = self._run("list-tags", "--tls-verify=false", *self._credentials(""), name)
        return sorted(json.loads(said)["Tags"])

    def delete(self, repository: str, tag: str = "latest") -> None:
        self._run(
            "delete", "--tls-verify=false", *self._credentials(""), self.name(repository, tag)
        )
