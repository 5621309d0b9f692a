"""containerd's `ctr`, with a containerd of its own: root, state and socket in one folder."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .archives import oci_archive
from .commands import CommandError, Service, clean_environment, find, need, not_run, run, serving
from .images import Image
from .registry import Registry

LOST_DAEMON = "rpc error: code = Internal desc = unexpected EOF"


@contextlib.contextmanager
def daemon(folder: Path) -> Iterator[Path]:
    """The socket of a containerd that lives as long as the block."""
    need("containerd", "ctr", root=True)
    socket = folder / "containerd.sock"
    config = folder / "containerd.toml"
    config.write_text(
        "version = 2\n"
        # The CRI plugin wants CNI and the machine's own sockets.
        'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n'
        f'root = "{folder / "root"}"\nstate = "{folder / "state"}"\n'
        f'[grpc]\naddress = "{socket}"\n'
    )
    env = clean_environment(folder)
    service = Service([find("containerd") or "", "--config", config], env, folder / "daemon.log")

    def ready() -> bool:
        if not socket.exists():
            return False
        with contextlib.suppress(CommandError):
            run(["ctr", "--address", socket, "version"], env, timeout=10)
            return True
        return False

    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(serving(service, ready))
        except CommandError as fault:
            not_run(f"containerd does not start here: {str(fault)[-600:]}")
        yield socket


@dataclass(frozen=True)
class Ctr:
    """`ctr` in a namespace of its own."""

    folder: Path
    socket: Path
    registry: Registry

    @property
    def store(self) -> Path:
        root = self.socket.parent / "root"
        return root / "io.containerd.content.v1.content" / "blobs" / "sha256"

    def _run(self, *words: str | Path) -> str:
        env = clean_environment(self.folder)
        return run(["ctr", "--address", self.socket, "--namespace", "tests", *words], env, 240)

    def _remote(self) -> list[str]:
        user = ["--user", self.registry.credentials] if self.registry.credentials else []
        return ["--plain-http", *user]

    def name(self, repository: str, reference: str = "latest") -> str:
        separator = "@" if reference.startswith("sha256:") else ":"
        return f"{self.registry.host}/{repository}{separator}{reference}"

    def take(self, image: Image, repository: str, tag: str = "latest") -> None:
        """Import without unpacking, under the name it will be pushed as."""
        name = self.name(repository, tag)
        archive = oci_archive(image, self.folder / "image.tar", name)
        self._run("images", "import", "--no-unpack", "--all-platforms", archive)
        archive.unlink()

    def push(self, repository: str, tag: str = "latest") -> None:
        words = ["images", "push", *self._remote(), self.name(repository, tag)]
        try:
            self._run(*words)
        except CommandError as error:
            # ctr lost its own daemon, from which it reads what it pushes; seen on a busy machine.
            if LOST_DAEMON not in str(error):
                raise
            self._run(*words)

    def fetch(self, repository: str, reference: str = "latest") -> None:
        """Every platform's content, not unpacked."""
        name = self.name(repository, reference)
        self._run("content", "fetch", "--all-platforms", *self._remote(), name)

    def pull(self, repository: str, reference: str = "latest") -> None:
        """As a node does it: the platform's content, unpacked into snapshots."""
        name = self.name(repository, reference)
        self._run("images", "pull", "--snapshotter", "native", *self._remote(), name)

    def snapshots(self) -> list[str]:
        said = self._run("snapshots", "--snapshotter", "native", "list")
        return [line.split()[0] for line in said.splitlines()[1:]]

    def wipe(self) -> None:
        """Forget everything, and let the collector delete it before this returns."""
        names = self._run("images", "list", "--quiet").split()
        if names:
            self._run("images", "remove", "--sync", *names)
        contents = self._run("content", "list", "--quiet").split()
        if contents:
            self._run("content", "remove", *contents)
        while listed := self.snapshots():
            self._run("snapshots", "--snapshotter", "native", "remove", listed[-1])
        assert not any(self.store.iterdir())
