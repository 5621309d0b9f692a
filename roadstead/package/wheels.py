"""The wheels of one platform, through pip, each held to the hash that is written down.

pip asks its index once; what it fetched stays in the build folder. On a machine without an index,
PIP_NO_INDEX=1 and PIP_FIND_LINKS=folder are pip's own way to name a folder of wheels.
"""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from roadstead.package.errors import PackageError

# Lambda's Python 3.12 runs on Amazon Linux 2023: glibc 2.34 and every older promise.
_GLIBC = ("manylinux_2_34", "manylinux_2_28", "manylinux_2_26", "manylinux_2_17", "manylinux2014")


@dataclass(frozen=True)
class Target:
    """A Python version ("3.12") and a machine ("aarch64") that a package is built for."""

    python: str
    machine: str

    @property
    def name(self) -> str:
        return f"python{self.python}-{self.machine}"

    @property
    def pip_options(self) -> list[str]:
        options = ["--python-version", self.python, "--implementation", "cp"]
        for glibc in _GLIBC:
            options += ["--platform", f"{glibc}_{self.machine}"]
        return options


# The runtime of infra/app.json and the architecture of .chalice/config.json; a test compares.
LAMBDA = Target("3.12", "aarch64")
# Pythons on which the package can be run for the tests.
LOCAL_PYTHONS = ("3.11", "3.12", "3.13")


def local_target() -> Target:
    """The machine and the Python that this runs on, to run a package here.

    Raises: PackageError where Lambda's wheels have no counterpart.
    """
    if sys.platform != "linux" or platform.libc_ver()[0] != "glibc":
        raise PackageError("The function's zip can be run on Linux with glibc only.")
    return Target(f"{sys.version_info.major}.{sys.version_info.minor}", platform.machine())


def fetch(target: Target, requirements: Path, folder: Path) -> list[Path]:
    """The wheels that ``requirements`` name, with a hash each, for a target; sorted by name.

    Raises: PackageError, with pip's last words.
    """
    place = folder / target.name
    stamp = place / "complete"
    wanted = hashlib.sha256(requirements.read_bytes() + repr(target).encode()).hexdigest()
    if not stamp.exists() or stamp.read_text() != wanted:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        download([*target.pip_options, "--require-hashes", "-r", str(requirements)], place)
        stamp.write_text(wanted)
    return sorted(place.glob("*.whl"))


def download(arguments: list[str], place: Path) -> None:
    """What pip is asked for, into a folder. Raises: PackageError, with pip's last words."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--only-binary=:all:", "--dest", str(place), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PackageError(
            f"pip could not get the wheels for {place.name}:\n{done.stderr.strip()[-2000:]}\n"
            "A package index must be reachable once; or set PIP_NO_INDEX=1 and PIP_FIND_LINKS to "
            "a folder that holds them."
        )


def write_lock(lock_file: Path, pins: Path) -> None:
    """Write down the hash of each wheel of each target: `make lock`, after a pin has changed."""
    targets = [LAMBDA, *(Target(python, "x86_64") for python in LOCAL_PYTHONS)]
    hashes: dict[str, set[str]] = {}
    with tempfile.TemporaryDirectory(prefix="roadstead-lock-") as name:
        for target in targets:
            place = Path(name) / target.name
            place.mkdir()
            download([*target.pip_options, "-r", str(pins)], place)
            for wheel in place.glob("*.whl"):
                project, version = wheel.name.split("-")[:2]
                pin = f"{project.lower().replace('_', '-')}=={version}"
                found = hashlib.sha256(wheel.read_bytes()).hexdigest()
                hashes.setdefault(pin, set()).add(f"    --hash=sha256:{found}")
    lines = [
        "# Made by `make lock` from requirements.txt: what the function's zip is built of.",
        f"# Wheels for {', '.join(target.name for target in targets)}.",
        *(" \\\n".join([pin, *sorted(found)]) for pin, found in sorted(hashes.items())),
    ]
    lock_file.write_text("\n".join(lines) + "\n")
