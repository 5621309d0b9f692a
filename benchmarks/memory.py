"""One layer of 1 GB through the gateway, each way in, with its resident memory watched.

    python -m benchmarks.memory [--size-mb N] [--ways A B v1 skopeo]

The gateway is a process of its own (`roadstead up`); its servers are other processes, and are
printed apart. Every pulled byte is hashed. Exit status 1 above the bound of 200 MB.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from benchmarks import process, servers, wire
from benchmarks.peer import skopeo_pull, skopeo_push
from tests.clients.images import Builder, File

BOUND_BYTES = 200_000_000
MB = 1_000_000

Pull = Callable[[], None]


def way_a(host: str, size_bytes: int, folder: Path) -> Pull:
    """One chunked PATCH of unknown length."""
    with closing(wire.Client(host)) as client:
        digest = client.push_chunked("bench/a", wire.noise("a", size_bytes))
    return lambda: _pulled(host, f"/v2/bench/a/blobs/{digest}", digest, size_bytes)


def way_b(host: str, size_bytes: int, folder: Path) -> Pull:
    """One PUT with its length."""
    digest = wire.sha256_of(wire.noise("b", size_bytes))
    with closing(wire.Client(host)) as client:
        client.push_whole("bench/b", digest, size_bytes, wire.noise("b", size_bytes))
    return lambda: _pulled(host, f"/v2/bench/b/blobs/{digest}", digest, size_bytes)


def way_v1(host: str, size_bytes: int, folder: Path) -> Pull:
    """A v1 layer, chunked, as docker 1.x sends it; its checksum closes it."""
    image_id, digest = secrets.token_hex(32), hashlib.sha256()
    described = json.dumps({"id": image_id, "os": "linux"}).encode()
    payload = hashlib.sha256(described + b"\n")

    def passing() -> Iterator[bytes]:
        for block in wire.noise("v1", size_bytes):
            digest.update(block)
            payload.update(block)
            yield block

    with closing(wire.Client(host)) as client:
        listed = json.dumps([{"id": image_id, "Tag": "latest"}]).encode()
        kind = {"Content-Type": "application/json"}
        opened = client.expect(200, "PUT", "/v1/repositories/bench/v1/", listed, kind)
        token = {"Authorization": f"Token {opened.headers.get('X-Docker-Token', '')}"}
        path = f"/v1/images/{image_id}"
        client.expect(200, "PUT", f"{path}/json", described, {**kind, **token})
        chunked = {**token, "Transfer-Encoding": "chunked"}
        client.expect(200, "PUT", f"{path}/layer", passing(), chunked)
        sums = {**token, "X-Docker-Checksum-Payload": f"sha256:{payload.hexdigest()}"}
        client.expect(200, "PUT", f"{path}/checksum", b"", sums)
    name = f"sha256:{digest.hexdigest()}"
    return lambda: _pulled(host, f"{path}/layer", name, size_bytes)


def way_skopeo(host: str, size_bytes: int, folder: Path) -> Pull:
    """skopeo copies an image of one layer in and out."""
    builder = Builder(folder / "image")
    layer = builder.layer("skopeo", [File("large.bin", size=size_bytes)], level=0)
    image = builder.image("memory", builder.manifest([layer]))
    skopeo_push(host, image, "bench/skopeo", folder)

    def pull() -> None:
        skopeo_pull(host, image, "bench/skopeo", folder)
        path = folder / "pulled" / "blobs" / layer.blob.digest.replace(":", "/")
        with path.open("rb") as stream:
            assert f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}" == (
                layer.blob.digest
            )

    return pull


WAYS: dict[str, Callable[[str, int, Path], Pull]] = {
    "A": way_a,
    "B": way_b,
    "v1": way_v1,
    "skopeo": way_skopeo,
}


def _pulled(host: str, path: str, digest: str, size_bytes: int) -> None:
    assert wire.pull(host, path) == (digest, size_bytes), path


def measure(served: servers.Served, name: str, size_bytes: int) -> int:
    """Print one line for the push and one for the pull; return the higher peak."""
    peaks = []
    with tempfile.TemporaryDirectory(prefix="roadstead-memory-") as folder:
        with process.watched(served.pid) as watch:
            pull = WAYS[name](served.host, size_bytes, Path(folder))
        peaks.append(_report(name, "push", watch, size_bytes))
        with process.watched(served.pid) as watch:
            pull()
        peaks.append(_report(name, "pull", watch, size_bytes))
    return max(peaks)


def _report(name: str, step: str, watch: process.Watch, size_bytes: int) -> int:
    peak = max(watch.peak_bytes, watch.sampled_bytes)
    print(
        f"{name:8}{step:6}{watch.sampled_bytes / MB:12.1f}{watch.peak_bytes / MB:12.1f}"
        f"{watch.samples:9}{watch.seconds:9.1f}{size_bytes / MB / watch.seconds:8.0f}",
        flush=True,
    )
    return peak


def main() -> int:
    parser = argparse.ArgumentParser(description="Resident memory of the gateway, 1 GB layers")
    parser.add_argument("--size-mb", type=int, default=1000)
    parser.add_argument("--ways", nargs="+", default=list(WAYS), choices=list(WAYS))
    asked = parser.parse_args()
    if "skopeo" in asked.ways and shutil.which("skopeo") is None:
        print("skopeo: NOT RUN: it is not installed (apt-get install skopeo)")
        asked.ways.remove("skopeo")
    with (
        tempfile.TemporaryDirectory(prefix="roadstead-memory-") as folder,
        servers.roadstead(Path(folder)) as served,
    ):
        time.sleep(1)
        idle = process.resident_bytes(served.pid)
        print(f"gateway, idle: {idle / MB:.1f} MB resident")
        head = f"{'way':8}{'step':6}{'sampled MB':>12}{'VmHWM MB':>12}{'samples':>9}"
        print(f"{head}{'s':>9}{'MB/s':>8}")
        peak = max(measure(served, name, asked.size_mb * MB) for name in asked.ways)
        for pid in process.tree(served.pid)[1:]:
            most = process.resident_bytes(pid, "VmHWM") / MB
            print(f"beside it: {process.name_of(pid)}, {most:.0f} MB at most")
    within = peak <= BOUND_BYTES
    print(f"peak {peak / MB:.1f} MB: {'within' if within else 'ABOVE'} 200 MB")
    return 0 if within else 1


if __name__ == "__main__":
    raise SystemExit(main())
