"""podman and buildah: one storage library, which unpacks on pull and compresses on push."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import wire
from .commands import clean_environment, need, run, wipe
from .images import Image
from .registry import Registry


@dataclass(frozen=True)
class Containers:
    """Either tool, with a storage root of its own."""

    tool: str
    folder: Path
    registry: Registry

    @classmethod
    def here(cls, tool: str, folder: Path, registry: Registry) -> "Containers":
        need(tool, root=True)
        home = folder / tool
        settings = home / ".config" / "containers"
        settings.mkdir(parents=True)
        policy = {"default": [{"type": "insecureAcceptAnything"}]}
        (settings / "policy.json").write_text(json.dumps(policy))
        (settings / "registries.conf").write_text("")
        places = f"graphroot = '{home / 'root'}'\nrunroot = '{home / 'run'}'\n"
        (settings / "storage.conf").write_text(f"[storage]\ndriver = 'vfs'\n{places}")
        # buildah wants the file to exist; the one command without --creds (search) reads it.
        auths = {registry.host: {"auth": wire.basic_credentials(registry)}}
        logins = {"auths": auths} if registry.credentials else {}
        (home / "auth.json").write_text(json.dumps(logins))
        network = f"[network]\nnetwork_config_dir = '{home / 'net'}'\n"
        engine = "[engine]\nevents_logger = 'none'\n"
        (settings / "containers.conf").write_text(engine + network)
        return cls(tool, home, registry)

    def _run(self, *words: str | Path, cwd: Path | None = None) -> str:
        settings = self.folder / ".config" / "containers"
        env = clean_environment(
            self.folder,
            CONTAINERS_REGISTRIES_CONF=str(settings / "registries.conf"),
            CONTAINERS_STORAGE_CONF=str(settings / "storage.conf"),
            CONTAINERS_CONF=str(settings / "containers.conf"),
            REGISTRY_AUTH_FILE=str(self.folder / "auth.json"),
        )
        storage: list[str | Path] = [
            "--root",
            self.folder / "root",
            "--runroot",
            self.folder / "run",
        ]
        command = [self.tool, *storage, "--storage-driver", "vfs"]
        if self.tool == "podman":
            command += ["--cgroup-manager", "cgroupfs", "--tmpdir", self.folder / "tmp"]
        return run([*command, *words], env, timeout=240, cwd=cwd)

    def _remote(self) -> list[str]:
        creds = ["--creds", self.registry.credentials] if self.registry.credentials else []
        return ["--tls-verify=false", *creds]

    def login(self) -> None:
        words = [
            "--username",
            self.registry.username or "",
            "--password",
            self.registry.password or "",
        ]
        self._run("login", "--tls-verify=false", *words, self.registry.host)

    def name(self, repository: str, reference: str = "latest") -> str:
        separator = "@" if reference.startswith("sha256:") else ":"
        return f"{self.registry.host}/{repository}{separator}{reference}"

    def take(self, image: Image) -> str:
        """Bring an image from disk into the store; the id is the config's digest."""
        # Relative: the path becomes the image's name, and a temporary folder's may be no valid one.
        source = f"oci:{image.folder.name}:latest"
        said = self._run("pull", "--quiet", source, cwd=image.folder.parent)
        return said.split()[-1].removeprefix("sha256:")

    def load(self, archive: Path) -> None:
        self._run("pull", "--quiet", f"docker-archive:{archive}")

    def push(self, local: str, repository: str, tag: str = "latest", *options: str) -> None:
        target = f"docker://{self.name(repository, tag)}"
        self._run("push", *self._remote(), *options, local, target)

    def pull(self, repository: str, reference: str = "latest") -> str:
        """The id of the pulled image."""
        said = self._run("pull", "--quiet", *self._remote(), self.name(repository, reference))
        return said.split()[-1].removeprefix("sha256:")

    def save(self, local: str, target: Path) -> Path:
        """As `docker save`: the layers are packed again from the files that were unpacked."""
        if self.tool == "podman":
            self._run("save", "--format", "docker-archive", "--output", target, local)
        else:
            self._run("push", local, f"docker-archive:{target}")
        return target

    def wipe(self) -> None:
        """Empty the store; `empty` proves it."""
        for name in ("root", "run"):
            wipe(self.folder / name)
        shutil.rmtree(self.folder / "tmp", ignore_errors=True)
        assert self.images() == []

    def images(self) -> list[Any]:
        form = "--json" if self.tool == "buildah" else "--format=json"
        return json.loads(self._run("images", form) or "[]") or []

    def push_list(self, source: str, repository: str, form: str) -> None:
        """podman only: a list of its own of all platforms in one repository, to another one."""
        options = self._remote()
        self._run("manifest", "create", "made-here")
        self._run(
            "manifest", "add", "--all", *options, "made-here", f"docker://{self.name(source)}"
        )
        target = f"docker://{self.name(repository)}"
        self._run("manifest", "push", "--all", "--format", form, *options, "made-here", target)

    def tags(self, repository: str) -> list[str]:
        """podman only."""
        name = f"{self.registry.host}/{repository}"
        said = self._run("search", "--tls-verify=false", "--list-tags", "--format=json", name)
        return sorted(json.loads(said)[0]["Tags"])

    def search(self, term: str) -> str:
        return self._run("search", "--tls-verify=false", f"{self.registry.host}/{term}")
