"""Cold starts of our package beside a naive Chalice + boto3 + PynamoDB function, in one run.

    python -m benchmarks.coldstart [--runs N]

Each start is a process of its own under AWS's runtime interface client, against the same local
DynamoDB and S3: until it asks for its first event (init), and until that event, a manifest by
tag, is answered (first). Interleaved, each in turn in each run; the first run is not counted.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import tempfile
import time
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from roadstead.package import archive, function, wheels
from tests.package import lambda_runtime
from tests.package.conftest import DOWNLOADS, make_stores, settings_of
from tests.package.lambda_runtime import Function
from tests.package.test_replay import EVENTS
from tests.support.stack import Stack, running_stack
from tests.web.events import Event, v2_event

NAIVE = Path(__file__).with_name("naive")
TABLE = "coldstart"
PUSH = ("config, inline", "layer, inline", "manifest PUT")
OURS, OURS_BARE = "roadstead", "roadstead, without bytecode"
NAIVE_NAMES = AS_CHALICE_PACKS, WITH_BYTECODE = "naive", "naive, with bytecode"
FLOOR = "nothing (Python and the runtime client)"
EMPTY = b"def app(event, context):\n    return {'statusCode': 200, 'body': ''}\n"


@dataclass
class Figures:
    """Milliseconds of one kind of function, a value for each run."""

    init: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    second: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    rss_mb: list[float] = field(default_factory=list)

    @property
    def total(self) -> list[float]:
        return [a + b for a, b in zip(self.init, self.first, strict=True)]


def cpu_ms(pid: int) -> float:
    """Time on a CPU of all threads so far, in nanoseconds from the scheduler."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((each / "schedstat").read_text().split()[0]) for each in threads) / 1e6


def peak_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def naive_zip(path: Path, *, bytecode: bool) -> None:
    """As `chalice package` packs it: every file of every wheel, and no bytecode."""
    target = wheels.local_target()
    place = DOWNLOADS / f"naive-{target.name}"
    if not any(place.glob("boto3-*.whl")):
        place.mkdir(parents=True, exist_ok=True)
        wheels.download([*target.pip_options, "-r", str(NAIVE / "requirements.txt")], place)
    files = {"app.py": (NAIVE / "app.py").read_bytes()}
    for wheel in place.glob("*.whl"):
        with zipfile.ZipFile(wheel) as opened:
            files.update({name: opened.read(name) for name in opened.namelist() if name[-1] != "/"})
    if bytecode:
        python = archive.find_python(target.python)
        assert python
        files = archive.with_bytecode(files, python)
    archive.write_zip(files, path)


def packages(folder: Path) -> Iterator[tuple[str, Path]]:
    """What is measured: a name, and where its zip is."""
    for name in (FLOOR, OURS, OURS_BARE, *NAIVE_NAMES):
        path = folder / f"{name.partition(' (')[0].replace(', ', '-').replace(' ', '-')}.zip"
        if name in (OURS, OURS_BARE):
            function.build_zip(wheels.local_target(), path, DOWNLOADS, bytecode=name == OURS)
        elif name == FLOOR:
            archive.write_zip({"app.py": EMPTY}, path)
        else:
            naive_zip(path, bytecode=name == WITH_BYTECODE)
        yield name, path


def request_for(name: str) -> Event:
    """A manifest by tag: ours was pushed, the naive function has a row of its own."""
    repository = "app" if name in NAIVE_NAMES else "acme/app"
    return v2_event("GET", f"{repository}/manifests/1.0")


def fill(stack: Stack, task: Path, client: Path, folder: Path) -> None:
    """The image that ours serves, and the naive function's row."""
    make_stores(stack, TABLE)
    settings = settings_of(stack, TABLE, ROADSTEAD_AUTH="off")
    with lambda_runtime.running(task, client, settings, folder / "fill.log") as ours:
        for name, sent, status in EVENTS:
            if name in PUSH:
                answer = ours(sent)
                assert answer["statusCode"] == status, answer
    made = stack.session.create_client(
        "dynamodb", region_name=stack.region, endpoint_url=stack.endpoints.dynamodb_url
    )
    row = {"PK": "naive#app", "SK": "1.0", "document": "{}" * 300, "media_type": "text/plain"}
    made.put_item(TableName=TABLE, Item={name: {"S": value} for name, value in row.items()})
    made.close()


def measure(
    name: str, task: Path, client: Path, settings: dict[str, str], log: Path, figures: Figures
) -> None:
    with lambda_runtime.running(task, client, settings, log) as started:
        ready = wait_for_first_next(started)
        times = []
        for _ in range(2):
            began = time.perf_counter()
            answer = started(request_for(name))
            times.append((time.perf_counter() - began) * 1000)
            assert answer["statusCode"] == 200, (name, answer, started.said())
            if len(times) == 1:
                figures.cpu.append(cpu_ms(started.process.pid))
                figures.rss_mb.append(peak_mb(started.process.pid))
    figures.init.append(ready * 1000)
    figures.first.append(times[0])
    figures.second.append(times[1])


def wait_for_first_next(started: Function) -> float:
    """Seconds from the start of the process to its first question for an event."""
    while started.api.moments.first_next is None:
        assert started.process.poll() is None, started.said()
        time.sleep(0.0005)
    return started.api.moments.first_next


def report(figures: dict[str, Figures], sizes: dict[str, int]) -> Iterator[str]:
    yield (
        f"{'function':42}{'zip MB':>7}{'init ms':>9}{'first ms':>10}{'both ms':>9}"
        f"{'(lowest..highest)':>19}{'CPU ms':>8}{'peak MB':>9}{'second ms':>11}"
    )
    median = statistics.median
    for name, each in figures.items():
        span = f"({min(each.total):.0f}..{max(each.total):.0f})"
        yield (
            f"{name:42}{sizes[name] / 1e6:7.1f}{median(each.init):9.0f}{median(each.first):10.0f}"
            f"{median(each.total):9.0f}{span:>19}{median(each.cpu):8.0f}{median(each.rss_mb):9.0f}"
            f"{median(each.second):11.1f}"
        )
    ours = figures[OURS]
    for name in NAIVE_NAMES:
        other = figures[name]
        wall = median(a / b for a, b in zip(ours.total, other.total, strict=True))
        cpu = median(a / b for a, b in zip(ours.cpu, other.cpu, strict=True))
        yield f"{OURS} / {name}: {wall:.2f} of the time, {cpu:.2f} of the CPU (median of the pairs)"


def main() -> int:
    parser = argparse.ArgumentParser(description="Cold starts beside a naive function")
    parser.add_argument("--runs", type=int, default=15)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="roadstead-coldstart-") as name:
        folder = Path(name)
        client = lambda_runtime.runtime_client(folder / "client")
        tasks, sizes = {}, {}
        for kind, path in packages(folder):
            tasks[kind] = lambda_runtime.unpack(path, folder / path.stem)
            sizes[kind] = path.stat().st_size
        figures: dict[str, Figures] = defaultdict(Figures)
        with running_stack(folder / "stack") as stack:
            fill(stack, tasks[OURS], client, folder)
            settings = settings_of(stack, TABLE, ROADSTEAD_AUTH="off")
            for number in range(asked.runs + 1):
                order = list(tasks.items())
                for kind, task in order if number % 2 else order[::-1]:
                    kept = figures[kind] if number else Figures()
                    measure(kind, task, client, settings, folder / "log", kept)
        print("\n".join(report({kind: figures[kind] for kind in tasks}, sizes)))
    print(
        f"runs: {asked.runs}, Python {platform.python_version()} on {platform.machine()}, "
        f"load average now: {os.getloadavg()[0]:.1f}, CPUs: {os.cpu_count()}"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
