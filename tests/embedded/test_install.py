"""Which engine is taken, and what is said where none can be had. Programs are fakes in a folder."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from roadstead.embedded import EmbeddedStackError, Machine, install
from roadstead.embedded.errors import EngineUnavailableError
from roadstead.embedded.folder import DataFolder
from roadstead.embedded.machine import DiskUsage
from roadstead.embedded.stack import EmbeddedStack

REQUIREMENTS = Path(__file__).parents[2] / "requirements-ministack.txt"


def fake_programs(folder: Path, **scripts: str) -> Machine:
    """Make a machine on which nothing but these shell scripts can be found."""
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    return Machine(
        find_program=lambda name: str(folder / name) if name in scripts else None,
        disk_usage=lambda _: DiskUsage(10**12, 10**11),
    )


def no_log(line: str) -> None:
    pass


def test_java_missing(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailableError, match=r"no java was found\. Install one"):
        install.find_java(fake_programs(tmp_path))


@pytest.mark.parametrize("version", ["1.8.0_422", "11.0.2"])
def test_java_too_old(tmp_path: Path, version: str) -> None:
    machine = fake_programs(tmp_path, java=f"""echo 'openjdk version "{version}"' >&2""")
    with pytest.raises(EngineUnavailableError, match=r"needs Java 17 or newer, and .* is Java \d"):
        install.find_java(machine)


@pytest.mark.parametrize("version", ["17.0.15", "21", "26-ea"])
def test_java_new_enough(tmp_path: Path, version: str) -> None:
    machine = fake_programs(tmp_path, java=f"""echo 'openjdk version "{version}"' >&2""")
    assert install.find_java(machine) == tmp_path / "java"


def test_java_broken(tmp_path: Path) -> None:
    machine = fake_programs(tmp_path, java="echo 'cannot open libjvm.so' >&2; exit 1")
    with pytest.raises(EngineUnavailableError, match=r"failed: cannot open libjvm.so"):
        install.find_java(machine)


def test_npm_missing(tmp_path: Path) -> None:
    with pytest.raises(EngineUnavailableError, match=r"no npm was found\. Install Node.js"):
        install.install_dynamodb_local(tmp_path / "cache", fake_programs(tmp_path), no_log)


def test_npm_offline(tmp_path: Path) -> None:
    machine = fake_programs(tmp_path, npm="echo 'npm error code ENOTFOUND' >&2; exit 1")
    with pytest.raises(EngineUnavailableError, match=r"ENOTFOUND\. .* check the network"):
        install.install_dynamodb_local(tmp_path / "cache", machine, no_log)
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["install.lock"]


def test_npm_brings_another_package_than_was_pinned(tmp_path: Path) -> None:
    machine = fake_programs(tmp_path, npm="echo evil > amplify-dynamodb-simulator-2.9.30.tgz")
    with pytest.raises(EmbeddedStackError, match=r"is not the one that was pinned .* not used"):
        install.install_dynamodb_local(tmp_path / "cache", machine, no_log)
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["install.lock"]


def test_what_is_in_the_cache_needs_no_npm(tmp_path: Path) -> None:
    folder = tmp_path / "dynamodb-local-amplify-dynamodb-simulator-2.9.30"
    folder.mkdir()
    found = install.install_dynamodb_local(tmp_path, fake_programs(tmp_path), no_log)
    assert found == folder


def test_a_full_disk_under_the_cache(tmp_path: Path) -> None:
    machine = Machine(
        find_program=fake_programs(tmp_path, npm="exit 1").find_program,
        disk_usage=lambda _: DiskUsage(10**12, 2**20),
    )
    with pytest.raises(EmbeddedStackError, match=r"cache folder .* is full: 1 MiB are free"):
        install.install_dynamodb_local(tmp_path / "cache", machine, no_log)


def test_a_cache_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("")
    machine = fake_programs(tmp_path, npm="exit 1")
    with pytest.raises(EmbeddedStackError, match=r"cache folder .* set XDG_CACHE_HOME"):
        install.install_dynamodb_local(tmp_path / "cache", machine, no_log)


def test_data_of_dynamodb_local_is_never_shown_through_another_engine(
    tmp_path: Path, make_stack: Callable[..., EmbeddedStack]
) -> None:
    folder = DataFolder(tmp_path / "data", Machine())
    folder.open()
    folder.remember_engine("dynamodb-local")
    folder.close()
    with pytest.raises(EmbeddedStackError, match=r"belongs to DynamoDB Local\. .* no java"):
        make_stack(machine=fake_programs(tmp_path)).start()


def test_the_pins_are_those_of_the_requirements_file() -> None:
    lines = REQUIREMENTS.read_text().splitlines()
    pins = [re.split(r"[\s;#]", line)[0] for line in lines if line and not line.startswith("#")]
    assert tuple(pins) == install.MINISTACK_PINS
