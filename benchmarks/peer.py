"""Roadstead beside Debian's docker-registry: the same images, the same clients, one run.

    python -m benchmarks.peer [--runs N] [--images NAME ...] [--clients skopeo plain]

Interleaved A B B A, with new bytes in each run; `sync` before each measurement, so that nobody
waits for what another left in the page cache. Every pulled blob is hashed and compared.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import process, servers, wire
from tests.clients.images import Builder, File, Image, many_layers

MIB = 1 << 20
# What docker, crane and skopeo have under way at once is 3 to 6.
WORKERS = 4
READ_BYTES = 256 * 1024


def _one_layer(builder: Builder, seed: str) -> Image:
    layer = builder.layer(seed, [File("large.bin", size=300 * MIB)], level=0)
    return builder.image("300MB", builder.manifest([layer]))


def _two_platforms(builder: Builder, seed: str) -> Image:
    common = builder.layer(f"{seed} common", [File("common", size=MIB)])
    made = []
    for name in ("amd64", "arm64"):
        own = builder.layer(f"{seed} {name}", [File(name, size=50_000)])
        made.append(builder.manifest([common, own], None, name))
    return builder.image("multi-arch", *made, index=True)


IMAGES: dict[str, Callable[[Builder, str], Image]] = {
    "5x1MB": lambda builder, seed: many_layers(seed, 5, MIB)(builder),
    "30x100KB": lambda builder, seed: many_layers(seed, 30, 100_000)(builder),
    "multi-arch": _two_platforms,
    "300MB": _one_layer,
}


# --- clients ----------------------------------------------------------------------------------


def skopeo_push(host: str, image: Image, repository: str, folder: Path) -> None:
    source, target = f"oci:{image.folder}:latest", f"docker://{host}/{repository}:latest"
    _skopeo(folder, "--dest-tls-verify=false", source, target)


def skopeo_pull(host: str, image: Image, repository: str, folder: Path) -> None:
    source, place = f"docker://{host}/{repository}:latest", folder / "pulled"
    _skopeo(folder, "--src-tls-verify=false", source, f"oci:{place}:latest")


def _skopeo(folder: Path, *words: str) -> None:
    """A skopeo that remembers nothing: its cache of known blobs would mount instead of push."""
    registries = folder / "registries.conf"
    registries.write_text("")
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "XDG_RUNTIME_DIR": str(folder),
        "CONTAINERS_REGISTRIES_CONF": str(registries),
        "_CONTAINERS_ROOTLESS_UID": "1000",
        "NO_PROXY": "*",
    }
    command = ["skopeo", "--insecure-policy", "copy", "--all", "--preserve-digests", *words]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]


def plain_push(host: str, image: Image, repository: str, folder: Path) -> None:
    """As crane does it: HEAD, then dialect A for each blob, a few at once; then manifests."""

    def push(digest: str) -> None:
        with closing(wire.Client(host)) as client:
            assert client.ask("HEAD", f"/v2/{repository}/blobs/{digest}").status == 404
            assert client.push_chunked(repository, _pieces(image.path(digest))) == digest

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(push, image.blobs))
    with closing(wire.Client(host)) as client:
        for blob in (*(manifest.blob for manifest in image.manifests), image.top):
            last = blob.digest == image.top.digest
            path = f"/v2/{repository}/manifests/{'latest' if last else blob.digest}"
            kind = {"Content-Type": blob.media_type}
            client.expect(201, "PUT", path, image.read(blob.digest), kind)


def plain_pull(host: str, image: Image, repository: str, folder: Path) -> None:
    """Hash everything, write nothing: the registry is all there is to wait for."""
    with closing(wire.Client(host)) as client:
        kind = {"Accept": image.top.media_type}
        answer = client.expect(200, "GET", f"/v2/{repository}/manifests/latest", None, kind)
        assert wire.sha256_of([answer.body]) == image.top.digest

    def pull(digest: str) -> None:
        found = wire.pull(host, f"/v2/{repository}/blobs/{digest}")
        assert found == (digest, image.blobs[digest])

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(pull, image.blobs))


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while piece := stream.read(READ_BYTES):
            yield piece


Step = Callable[[str, Image, str, Path], None]
CLIENTS: dict[str, tuple[Step, Step]] = {
    "skopeo": (skopeo_push, skopeo_pull),
    "plain": (plain_push, plain_pull),
}


# --- measuring --------------------------------------------------------------------------------


@dataclass
class Figures:
    """Wall and CPU seconds by (client, image, step, registry)."""

    wall_s: dict[tuple[str, ...], list[float]] = field(default_factory=lambda: defaultdict(list))
    cpu_s: dict[tuple[str, ...], list[float]] = field(default_factory=lambda: defaultdict(list))

    def time(self, key: tuple[str, ...], served: servers.Served, step: Callable[[], None]) -> None:
        os.sync()
        before, began_s = sum(process.cpu_by_name(served.pid).values()), time.perf_counter()
        step()
        self.wall_s[key].append(time.perf_counter() - began_s)
        self.cpu_s[key].append(sum(process.cpu_by_name(served.pid).values()) - before)


def measure(
    registries: Sequence[servers.Served], image: Image, client: str, repository: str
) -> Iterator[tuple[str, servers.Served, Callable[[], None]]]:
    """The steps of one run of one client, to be timed in this order."""
    push, pull = CLIENTS[client]
    for step_name, step in (("push", push), ("pull", pull)):
        for served in registries:
            with tempfile.TemporaryDirectory(prefix="roadstead-client-") as name:
                folder = Path(name)
                yield step_name, served, lambda: step(served.host, image, repository, folder)  # noqa: B023
                if step_name == "pull" and client == "skopeo":
                    _compare(folder / "pulled", image)


def _compare(pulled: Path, image: Image) -> None:
    for digest, size in image.everything.items():
        path, seen = pulled / "blobs" / digest.replace(":", "/"), hashlib.sha256()
        for piece in _pieces(path):
            seen.update(piece)
        assert f"sha256:{seen.hexdigest()}" == digest, digest
        assert path.stat().st_size == size, digest


def run(registries: list[servers.Served], asked: argparse.Namespace, folder: Path) -> Figures:
    figures = Figures()
    for number in range(asked.runs + 1):  # run 0 warms up, and is not counted
        for name in asked.images:
            for client in asked.clients:
                place = folder / "image"
                image = IMAGES[name](Builder(place), f"{time.time_ns()} {name}")
                repository = f"bench/{client}-{name.lower()}-{number}"
                order = registries if number % 2 else registries[::-1]
                for step, served, work in measure(order, image, client, repository):
                    if number == 0 and name == "300MB":
                        work()
                    else:
                        kept = figures if number else Figures()
                        kept.time((client, name, step, served.name), served, work)
                shutil.rmtree(place)
        print(f"run {number} of {asked.runs} done", file=sys.stderr, flush=True)
    return figures


def table(figures: Figures, asked: argparse.Namespace) -> Iterator[str]:
    """Medians, and the median of the ratios of runs that lie side by side."""
    yield (
        f"{'client':8}{'image':12}{'step':6}{'roadstead s':>12}{'peer s':>9}{'ratio':>7}"
        f"{'(lowest..highest)':>19}{'cpu s':>8}{'peer cpu':>9}"
    )
    for client in asked.clients:
        for name in asked.images:
            for step in ("push", "pull"):
                ours, peer = ((client, name, step, who) for who in ("roadstead", servers.PEER))
                a, b = figures.wall_s[ours], figures.wall_s[peer]
                ratios = [x / y for x, y in zip(a, b, strict=True)]
                cpu = [statistics.median(figures.cpu_s[key]) for key in (ours, peer)]
                yield (
                    f"{client:8}{name:12}{step:6}{statistics.median(a):12.2f}"
                    f"{statistics.median(b):9.2f}{statistics.median(ratios):7.2f}"
                    f"{f'({min(ratios):.2f}..{max(ratios):.2f})':>19}{cpu[0]:8.2f}{cpu[1]:9.2f}"
                )


def main() -> int:
    parser = argparse.ArgumentParser(description="Roadstead beside docker-registry")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--images", nargs="+", default=list(IMAGES), choices=list(IMAGES))
    parser.add_argument("--clients", nargs="+", default=list(CLIENTS), choices=list(CLIENTS))
    asked = parser.parse_args()
    if servers.peer_program() is None:
        print("NOT RUN: docker-registry is not installed (apt-get install docker-registry)")
        return 0
    if "skopeo" in asked.clients and shutil.which("skopeo") is None:
        print("skopeo: NOT RUN: it is not installed (apt-get install skopeo)")
        asked.clients.remove("skopeo")
    with tempfile.TemporaryDirectory(prefix="roadstead-peer-") as name:
        folder = Path(name)
        with servers.roadstead(folder) as ours, servers.peer(folder) as peer:
            figures = run([ours, peer], asked, folder)
    print("\n".join(table(figures, asked)))
    print(f"runs: {asked.runs}, load average now: {os.getloadavg()[0]:.1f}, CPUs: {os.cpu_count()}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
