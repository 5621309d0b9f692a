"""A Docker daemon of our own: no network, plain folders, a private socket and containerd."""

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .commands import CommandError, Service, clean_environment, find, need, not_run, run, serving
from .registry import Registry


@contextlib.contextmanager
def daemon(folder: Path, containerd: Path) -> Iterator[Path]:
    """The socket of a dockerd that lives as long as the block."""
    need("dockerd", "docker", root=True)
    if not Path("/sys/fs/cgroup").is_mount():
        not_run("dockerd needs cgroups, which are not mounted here")
    socket = folder / "docker.sock"
    (folder / "daemon.json").write_text("{}")  # not the machine's own settings
    switches = ["--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false"]
    places = {
        "config-file": folder / "daemon.json",
        "data-root": folder / "data",
        "exec-root": folder / "exec",
        "pidfile": folder / "docker.pid",
        "host": f"unix://{socket}",
        "containerd": containerd,
        "storage-driver": "vfs",
        "insecure-registry": "127.0.0.0/8",
    }
    command = [find("dockerd") or "", *switches, *(f"--{key}={at}" for key, at in places.items())]
    env = clean_environment(folder)
    service = Service(command, env, folder / "daemon.log")

    def ready() -> bool:
        if not socket.exists():
            return False
        with contextlib.suppress(CommandError):
            run(["docker", "--host", f"unix://{socket}", "version"], env, timeout=10)
            return True
        return False

    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(serving(service, ready, timeout=60))
        except CommandError as fault:
            not_run(f"dockerd does not start here: {str(fault)[-600:]}")
        yield socket


@dataclass(frozen=True)
class Docker:
    """The `docker` command against that daemon, with a configuration of its own."""

    folder: Path
    socket: Path
    registry: Registry

    def _run(self, *words: str | Path) -> str:
        env = clean_environment(self.folder, DOCKER_CONFIG=str(self.folder / "config"))
        return run(["docker", "--host", f"unix://{self.socket}", *words], env, timeout=240)

    def name(self, repository: str, reference: str = "latest") -> str:
        separator = "@" if reference.startswith("sha256:") else ":"
        return f"{self.registry.host}/{repository}{separator}{reference}"

    def login(self) -> None:
        if self.registry.username is None:
            return
        words = ["--username", self.registry.username, "--password", self.registry.password or ""]
        self._run("login", *words, self.registry.host)

    def load(self, archive: Path) -> None:
        self._run("load", "--quiet", "--input", archive)

    def tag(self, name: str, other: str) -> None:
        self._run("tag", name, other)

    def push(self, repository: str, tag: str = "latest") -> str:
        return self._run("push", self.name(repository, tag))

    def pull(self, repository: str, reference: str = "latest") -> None:
        self._run("pull", "--quiet", self.name(repository, reference))

    def inspect(self, name: str) -> Any:
        (found,) = json.loads(self._run("image", "inspect", name))
        return found

    def save(self, name: str, target: Path) -> Path:
        self._run("save", "--output", target, name)
        return target

    def search(self, term: str) -> list[Any]:
        said = self._run("search", "--format", "{{json .}}", f"{self.registry.host}/{term}")
        return [json.loads(line) for line in said.splitlines()]

    def wipe(self) -> None:
        """Remove every image, and prove that nothing is left to be reused."""
        images = self._run("images", "--all", "--quiet", "--no-trunc").split()
        if images:
            self._run("image", "rm", "--force", *sorted(set(images)))
        assert self._run("images", "--all", "--quiet").split() == []
        layers = self.socket.parent / "data" / "image" / "vfs" / "layerdb" / "sha256"
        assert not layers.exists() or os.listdir(layers) == []  # noqa: PTH208
