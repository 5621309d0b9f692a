"""The zip for Lambda: the right machine's wheels, nothing superfluous, and the same every time."""

from __future__ import annotations

import json
import re
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from roadstead.package import archive, function, trim, wheels
from roadstead.package.errors import PackageError
from tests.package.conftest import DOWNLOADS, target_or_skip
from tests.policy import test_policy

# Measured on 2026-11-24: 1.2 MB without bytecode, 3.0 MB with (unpacked 4.5 and 8.3). Lambda would
# take 50 MB, but a cold start pays for each: a new dependency, or a service that botocore brings,
# must not come in unseen. There is room for our own code to grow by half.
MAX_ZIP_BYTES = {False: 1_600_000, True: 4_100_000}
MAX_UNPACKED_BYTES = {False: 6_000_000, True: 11_000_000}
# ELF's number for AArch64.
AARCH64 = 183


@pytest.fixture(scope="session")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip that is deployed, without bytecode: any machine can build it."""
    path = tmp_path_factory.mktemp("shipped") / "deployment.zip"
    function.build_zip(target_or_skip(wheels.LAMBDA), path, DOWNLOADS, bytecode=False)
    return path


@pytest.fixture(scope="session")
def names(shipped: Path) -> list[str]:
    with zipfile.ZipFile(shipped) as opened:
        return opened.namelist()


def test_the_target_is_what_the_templates_say() -> None:
    merged = json.loads((function.PROJECT / "infra" / "app.json").read_text())
    config = json.loads((function.PROJECT / ".chalice" / "config.json").read_text())
    runtime = merged["Resources"]["APIHandler"]["Properties"]["Runtime"]
    assert runtime == f"python{wheels.LAMBDA.python}"
    assert {"arm64": "aarch64"}[config["lambda_architecture"]] == wheels.LAMBDA.machine


def test_its_size_is_bounded(shipped: Path) -> None:
    facts = archive.describe(shipped)
    assert facts["zip_bytes"] < MAX_ZIP_BYTES[False]
    assert facts["unpacked_bytes"] < MAX_UNPACKED_BYTES[False]


def test_its_size_with_bytecode_is_bounded(package: Path) -> None:
    facts = archive.describe(package)
    assert facts["zip_bytes"] < MAX_ZIP_BYTES[True]
    assert facts["unpacked_bytes"] < MAX_UNPACKED_BYTES[True]


@pytest.mark.parametrize(
    "unwanted",
    [
        r"boto3/",
        r"s3transfer/",
        r"pip/",
        r"(^|/)tests?/",
        r"^roadstead/",
        r"^chalice/(?!__init__|app)",
        r"^chalicelib/adapters/memory/",
        r"^cffi/|^pycparser/",
        r"\.(so|dll|dylib)$(?<!aarch64-linux-gnu\.so)(?<!abi3\.so)",
        r"botocore/data/(?!s3/|dynamodb/|[^/]+$)",
        r"\.(gz|rst|txt|pyi|c|h)$",
    ],
)
def test_what_must_not_be_in_it(names: list[str], unwanted: str) -> None:
    assert [name for name in names if re.search(unwanted, name)] == []


def test_all_of_our_own_code_is_in_it(names: list[str]) -> None:
    assert {"app.py", "chalicelib/bootstrap.py", "chalicelib/adapters/s3/store.py"} <= set(names)
    assert set(function.sources()) <= set(names)


def test_its_machine_code_is_for_lambdas_architecture(shipped: Path) -> None:
    with zipfile.ZipFile(shipped) as opened:
        libraries = [name for name in opened.namelist() if name.endswith(".so")]
        machines = [struct.unpack_from("<H", opened.read(name), 18)[0] for name in libraries]
    assert len(libraries) == 2
    assert machines == [AARCH64, AARCH64]
    assert any("cpython-312" in name for name in libraries)


@pytest.mark.parametrize("seed", ["1", "2"])
def test_it_comes_out_the_same_byte_for_byte(package: Path, tmp_path: Path, seed: str) -> None:
    """In another process, at another time, with another order of sets."""
    again = tmp_path / "deployment.zip"
    program = (
        "import sys; from pathlib import Path; from roadstead.package import function, wheels; "
        "function.build_zip(wheels.local_target(), Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    command = [sys.executable, "-c", program, str(again), str(DOWNLOADS)]
    subprocess.run(command, check=True, cwd=function.PROJECT, env={"PYTHONHASHSEED": seed})
    assert again.read_bytes() == package.read_bytes()


def test_its_entries_say_nothing_about_who_built_it_and_when(package: Path) -> None:
    with zipfile.ZipFile(package) as opened:
        entries = opened.infolist()
    assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert {entry.external_attr >> 16 for entry in entries} == {0o100644}
    here = str(function.PROJECT).encode()
    with zipfile.ZipFile(package) as opened:
        assert [name for name in opened.namelist() if here in opened.read(name)] == []


# --- botocore's data --------------------------------------------------------------------------


def api_name(call: str) -> str:
    """`create_multipart_upload` is CreateMultipartUpload; `dispatch` sends what it is told."""
    names = {"dispatch": "PutItem"}
    return names.get(call) or "".join(word[:1].upper() + word[1:] for word in call.split("_"))


def test_the_models_know_every_operation_that_the_adapters_call() -> None:
    # Lambda's one call is made without botocore's model of it.
    known = set().union(*trim.OPERATIONS.values()) | {"Invoke"}
    assert {api_name(call) for call in test_policy.NEEDS} - known == set()


def test_a_cut_model_keeps_what_its_operations_reach_and_no_prose() -> None:
    model = {
        "metadata": {"serviceId": "X"},
        "documentation": "prose",
        "operations": {
            "Kept": {"input": {"shape": "In"}, "documentation": "prose"},
            "Cut": {"input": {"shape": "Other"}},
        },
        "shapes": {
            "In": {
                "type": "structure",
                "members": {"documentation": {"shape": "Text", "documentation": "prose"}},
            },
            "Text": {"type": "string"},
            "Other": {"type": "string"},
            "Fault": {"type": "structure", "members": {}, "exception": True},
        },
    }
    assert trim.cut_model(model, frozenset({"Kept"})) == {
        "metadata": {"serviceId": "X"},
        "operations": {"Kept": {"input": {"shape": "In"}}},
        "shapes": {
            "Fault": {"type": "structure", "members": {}, "exception": True},
            "In": {"type": "structure", "members": {"documentation": {"shape": "Text"}}},
            "Text": {"type": "string"},
        },
    }


# --- wheels -----------------------------------------------------------------------------------


def test_the_lock_names_the_versions_of_the_requirements() -> None:
    pins = (function.PROJECT / "requirements.txt").read_text()
    wanted = {line.lower().replace("_", "-") for line in pins.splitlines() if "==" in line}
    locked = set(re.findall(r"^(\S+==\S+) \\$", function.LOCK.read_text(), re.MULTILINE))
    assert locked == wanted, "run `make lock`"


def test_a_wheel_with_another_hash_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target_or_skip()
    stored = DOWNLOADS / wheels.local_target().name
    forged = tmp_path / "wheels"
    forged.mkdir()
    for wheel in stored.glob("*.whl"):
        data = wheel.read_bytes()
        (forged / wheel.name).write_bytes(data + b"\0" if wheel.name.startswith("six") else data)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(forged))
    monkeypatch.setenv("PIP_CACHE_DIR", str(tmp_path / "cache"))
    with pytest.raises(PackageError, match="six"):
        wheels.fetch(wheels.local_target(), function.LOCK, tmp_path / "build")
    assert not (tmp_path / "build" / stored.name / "complete").exists()


def test_without_an_index_a_folder_of_wheels_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target_or_skip()
    stored = DOWNLOADS / wheels.local_target().name
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(stored))
    found = wheels.fetch(wheels.local_target(), function.LOCK, tmp_path)
    assert [path.name for path in found] == sorted(path.name for path in stored.glob("*.whl"))


def test_without_an_index_and_a_folder_the_error_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(PackageError, match="PIP_FIND_LINKS"):
        wheels.fetch(wheels.local_target(), function.LOCK, tmp_path)


def test_a_python_that_is_named_must_be_the_one_that_is_needed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LAMBDA_PYTHON", sys.executable)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(PackageError, match=r"is not a Python 2\.7"):
        archive.find_python("2.7")
