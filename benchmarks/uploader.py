"""Resident memory of `roadstead push`, `pull` and `proxy`, against nothing but Lambda and S3.

    python -m benchmarks.uploader [--size-mb N] [--layers N] [--whole-mb N]

Each command is a process of its own; the registry's functions and S3's door live in this one, and
SeaweedFS and DynamoDB Local beside it. Every pulled byte is hashed (by `pull`). Exit status 1
above the bound of 200 MB.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from contextlib import closing, suppress
from pathlib import Path

from benchmarks import process, wire
from tests.clients.images import OCI, Blob, Builder, Layer
from tests.support.stack import running_stack
from tests.uploader.conftest import Remote, remote_of

BOUND_BYTES = 200_000_000
MB = 1_000_000
SAMPLE_S = 0.02


def layout(folder: Path, seed: str, sizes_bytes: list[int]) -> Path:
    """An image whose layers are noise; the registry does not look inside."""
    builder = Builder(folder)
    layers = []
    for number, size_bytes in enumerate(sizes_bytes):
        digest = wire.sha256_of(wire.noise(f"{seed} {number}", size_bytes))
        with (folder / "blobs" / digest.replace(":", "/")).open("wb") as sink:
            sink.writelines(wire.noise(f"{seed} {number}", size_bytes))
        layers.append(Layer(Blob(digest, size_bytes, OCI.layer), digest))
    builder.image(seed, builder.manifest(layers))
    return folder


def run(home: Path, *words: str) -> tuple[int, float]:
    """Run a command to its end: its highest resident bytes, and its seconds.

    The kernel's own high-water mark, read until the end; wait4's would carry ours with it.
    """
    env = {"PATH": os.environ["PATH"], "HOME": str(home)}
    began_s, peak_bytes = time.perf_counter(), 0
    command = [sys.executable, "-m", "roadstead", *words]
    with subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL) as started:
        while started.poll() is None:
            with suppress(OSError, ValueError):  # it has ended meanwhile
                peak_bytes = max(peak_bytes, process.resident_bytes(started.pid, "VmHWM"))
            time.sleep(SAMPLE_S)
    assert started.returncode == 0, words
    return peak_bytes, time.perf_counter() - began_s


def report(name: str, peak_bytes: int, seconds: float, size_bytes: int) -> int:
    rate = size_bytes / MB / seconds
    print(f"{name:26}{peak_bytes / MB:12.1f}{seconds:9.1f}{rate:8.0f}", flush=True)
    return peak_bytes


def commands(remote: Remote, folder: Path, name: str, sizes_bytes: list[int]) -> int:
    """`push` and `pull` of one image; the higher peak."""
    remote.mend()
    source, target = layout(folder / name, name, sizes_bytes), f"{remote.host}/bench/{name}"
    total, peaks = sum(sizes_bytes), []
    for step, words in {
        "push": ("push", "--quiet", f"oci:{source}", target),
        "pull": ("pull", "--quiet", target, f"oci:{folder / f'{name}-out'}"),
    }.items():
        peak, seconds = run(folder, *words)
        peaks.append(report(f"{step} {name}", peak, seconds, total))
    return max(peaks)


def proxied(remote: Remote, folder: Path, size_bytes: int) -> int:
    """One layer through `roadstead proxy`, in each dialect."""
    env = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    command = [sys.executable, "-m", "roadstead", "proxy", "--port", "0", "--to", remote.api.url]
    peaks = []
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as started:
        try:
            assert started.stdout is not None
            ready = next(line for line in started.stdout if line.startswith("ready"))
            host = ready.split()[1].removeprefix("http://")
            digest = wire.sha256_of(wire.noise("B", size_bytes))
            for dialect in ("A", "B"):
                remote.mend()
                noise = wire.noise(dialect, size_bytes)
                with process.watched(started.pid) as watch, closing(wire.Client(host)) as client:
                    if dialect == "A":
                        client.push_chunked("bench/proxy-a", noise)
                    else:
                        client.push_whole("bench/proxy-b", digest, size_bytes, noise)
                peak = max(watch.peak_bytes, watch.sampled_bytes)
                peaks.append(report(f"proxy {dialect}", peak, watch.seconds, size_bytes))
        finally:
            started.terminate()
            started.wait()
    return max(peaks)


def main() -> int:
    parser = argparse.ArgumentParser(description="Resident memory of the uploader's faces")
    parser.add_argument("--size-mb", type=int, default=1000, help="one layer, sent in parts")
    parser.add_argument("--layers", type=int, default=6, help="layers of 100 MB, side by side")
    parser.add_argument("--whole-mb", type=int, default=1200, help="one layer, sent whole")
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="roadstead-uploader-") as place,
        running_stack(Path(place) / "stack") as stack,
        remote_of(stack) as remote,
    ):
        folder = Path(place)
        print(f"{'command':26}{'peak MB':>12}{'s':>9}{'MB/s':>8}")
        peak = max(
            commands(remote, folder, "one-layer", [asked.size_mb * MB]),
            commands(remote, folder, "many-layers", [100 * MB] * asked.layers),
            commands(remote, folder, "whole-layer", [asked.whole_mb * MB]),
            proxied(remote, folder, asked.size_mb * MB),
        )
    within = peak <= BOUND_BYTES
    print(f"peak {peak / MB:.1f} MB: {'within' if within else 'ABOVE'} {BOUND_BYTES // MB} MB")
    return 0 if within else 1


if __name__ == "__main__":
    raise SystemExit(main())
