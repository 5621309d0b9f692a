"""Small requests, one after the other on one connection: the median of each, beside the peer's.

python -m benchmarks.latency [--rounds N]
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from benchmarks import servers, wire

REPOSITORY = "bench/latency"
WARM_ROUNDS = 10


class Rounds:
    """The requests under measure, against one registry."""

    def __init__(self, served: servers.Served) -> None:
        self.name, self._client = served.name, wire.Client(served.host)
        self._layer = os.urandom(1024)
        raw = self._client.push_manifest(REPOSITORY, "latest", b"{}", self._layer)
        self._manifest, self._made = raw, 0
        self.times_s: dict[str, list[float]] = defaultdict(list)

    def round(self) -> None:
        """Each request once."""
        base, digest = f"/v2/{REPOSITORY}", wire.sha256_of([self._layer])
        media_type = "application/vnd.oci.image.manifest.v1+json"
        kind, accept = {"Content-Type": media_type}, {"Accept": media_type}
        fresh = os.urandom(1024)
        named = f"digest={wire.sha256_of([fresh])}"
        ask, time_it, latest = self._client.ask, self._time, f"{base}/manifests/latest"
        time_it("GET /v2/", 200, lambda: ask("GET", "/v2/"))
        time_it("GET manifest by tag", 200, lambda: ask("GET", latest, None, accept))
        # The peer serves the bytes at once; Roadstead says where they are.
        time_it("GET blob 1 KB", None, lambda: ask("GET", f"{base}/blobs/{digest}"))
        time_it("HEAD blob, unknown", 404, lambda: ask("HEAD", f"{base}/blobs/sha256:{'0' * 64}"))
        place = time_it("POST upload", 202, lambda: ask("POST", f"{base}/blobs/uploads/", b""))
        place = time_it("PATCH 1 KB", 202, lambda: ask("PATCH", place, fresh))
        glue = "&" if "?" in place else "?"
        time_it("PUT, empty", 201, lambda: ask("PUT", f"{place}{glue}{named}", b""))
        other = os.urandom(1024)
        place = str(ask("POST", f"{base}/blobs/uploads/", b"").headers["Location"])
        named = f"{'&' if '?' in place else '?'}digest={wire.sha256_of([other])}"
        time_it("PUT blob 1 KB", 201, lambda: ask("PUT", place + named, other))
        self._made += 1
        path = f"{base}/manifests/t{self._made}"
        time_it("PUT manifest", 201, lambda: ask("PUT", path, self._manifest, kind))

    def _time(self, name: str, status: int | None, request: Callable[[], wire.Answer]) -> str:
        began_s = time.perf_counter()
        answer = request()
        self.times_s[name].append(time.perf_counter() - began_s)
        assert status in (None, answer.status), (self.name, name, answer.status, answer.body)
        return str(answer.headers.get("Location", ""))


def main() -> int:
    parser = argparse.ArgumentParser(description="The latency of small requests")
    parser.add_argument("--rounds", type=int, default=100)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="roadstead-latency-") as name:
        folder = Path(name)
        if servers.peer_program() is None:
            print("NOT RUN: docker-registry is not installed (apt-get install docker-registry)")
            return 0
        with servers.roadstead(folder) as ours, servers.peer(folder) as peer:
            rounds = [Rounds(ours), Rounds(peer)]
            for number in range(WARM_ROUNDS + asked.rounds):
                for each in rounds:
                    each.round()
                    if number < WARM_ROUNDS:
                        each.times_s.clear()
    print(f"{'request':22}{'roadstead p50 ms':>18}{'p95':>8}{'peer p50 ms':>13}{'p95':>8}")
    for request in rounds[0].times_s:
        columns = []
        for each in rounds:
            times = each.times_s[request]
            p95 = statistics.quantiles(times, n=20)[-1]
            columns += [statistics.median(times) * 1000, p95 * 1000]
        print(f"{request:22}{columns[0]:18.2f}{columns[1]:8.2f}{columns[2]:13.2f}{columns[3]:8.2f}")
    print(f"rounds: {asked.rounds}, load average now: {os.getloadavg()[0]:.1f}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
