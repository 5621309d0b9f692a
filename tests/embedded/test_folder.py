"""Sentences about data folders that cannot be used. No server is started here."""

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from roadstead.embedded import EmbeddedStack, EmbeddedStackError, Machine
from roadstead.embedded.checks import check_data
from roadstead.embedded.folder import DataFolder
from roadstead.embedded.machine import DiskUsage

MakeStack = Callable[..., EmbeddedStack]
GIB = 2**30


def opened(path: Path) -> DataFolder:
    folder = DataFolder(path, Machine())
    folder.open()
    return folder


def test_a_file_in_its_place(make_stack: MakeStack, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(EmbeddedStackError, match=r"data is a file, not a folder\. Move it away"):
        make_stack().start()


def test_a_file_on_the_way(make_stack: MakeStack, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(EmbeddedStackError, match=r"cannot be made: Not a directory"):
        make_stack("data/below").start()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_not_writable(make_stack: MakeStack, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o500)
    with pytest.raises(EmbeddedStackError, match=r"is not writable"):
        make_stack().start()


def test_somebody_elses_folder(make_stack: MakeStack, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "thesis.tex").write_text("")
    with pytest.raises(EmbeddedStackError, match=r"holds other things \(thesis.tex\)"):
        make_stack().start()
    assert (tmp_path / "data" / "thesis.tex").exists()


@pytest.mark.parametrize(
    ("marker", "sentence"),
    [
        ('{"format": 7}', r"has format 7, and this Roadstead reads format 1\. Use the Roadstead"),
        ("not json", r"roadstead.json is damaged"),
        ("[]", r"roadstead.json is damaged"),
    ],
)
def test_another_format(make_stack: MakeStack, tmp_path: Path, marker: str, sentence: str) -> None:
    opened(tmp_path / "data").close()
    (tmp_path / "data" / "roadstead.json").write_text(marker)
    with pytest.raises(EmbeddedStackError, match=sentence):
        make_stack().start()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"s3_access_key": "", "s3_secret_key": 1}', "\x00"]
)
def test_damaged_secrets(make_stack: MakeStack, tmp_path: Path, text: str) -> None:
    opened(tmp_path / "data").close()
    (tmp_path / "data" / "secrets.json").write_text(text)
    with pytest.raises(EmbeddedStackError, match=r"secrets.json is damaged .* or delete it"):
        make_stack().start()


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("dynamodb/shared-local-instance.db", "nonsense", "tags"),
        ("s3/filerldb2/00/CURRENT", "nonsense", "the list of objects in S3"),
        ("s3/filerldb2/00/CURRENT", "MANIFEST-000007\n", "the list of objects in S3"),
        ("s3/1.dat", "nonsense", "layers"),
    ],
)
def test_visibly_damaged_data(tmp_path: Path, name: str, content: str, what: str) -> None:
    folder = opened(tmp_path)
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    with pytest.raises(EmbeddedStackError, match=rf"{path.name}, which holds .*{what}, is damaged"):
        check_data(folder)
    folder.close()


def test_data_as_a_kill_may_leave_it(tmp_path: Path) -> None:
    folder = opened(tmp_path)
    (tmp_path / "s3" / "filerldb2" / "00").mkdir(parents=True)
    (tmp_path / "s3" / "filerldb2" / "00" / "CURRENT").write_text("MANIFEST-000007\n")
    (tmp_path / "s3" / "filerldb2" / "00" / "MANIFEST-000007").write_text("")
    (tmp_path / "s3" / "1.dat").write_text("")
    (tmp_path / "dynamodb" / "shared-local-instance.db").write_text("")
    check_data(folder)
    folder.close()


def test_a_full_disk(make_stack: MakeStack) -> None:
    machine = Machine(disk_usage=lambda folder: DiskUsage(100 * GIB, 50 * 2**20))
    with pytest.raises(EmbeddedStackError, match=r"is full: 50 MiB are free, and 200 MiB"):
        make_stack(machine=machine).start()


@pytest.mark.parametrize(
    ("free_bytes", "is_warned"), [(50 * GIB, False), (10 * GIB, True), (11 * GIB, False)]
)
def test_a_nearly_full_disk_is_warned_of(tmp_path: Path, free_bytes: int, is_warned: bool) -> None:
    machine = Machine(disk_usage=lambda folder: DiskUsage(1000 * GIB, free_bytes))
    warning = DataFolder(tmp_path, machine).room_warning()
    assert (warning is not None) == is_warned
    if warning is not None:
        assert "refuses uploads below 1 % of the disk (10240 MiB)" in warning


def test_a_failed_start_gives_the_folder_back(make_stack: MakeStack, tmp_path: Path) -> None:
    opened(tmp_path / "data").close()
    (tmp_path / "data" / "secrets.json").write_text("")
    for _ in range(2):
        with pytest.raises(EmbeddedStackError, match=r"secrets.json"):
            make_stack().start()
    opened(tmp_path / "data").close()


def test_secrets_are_private_random_and_kept(tmp_path: Path) -> None:
    one, other = opened(tmp_path / "one"), opened(tmp_path / "other")
    secrets = one.secrets()
    path = tmp_path / "one" / "secrets.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    assert one.secrets() == secrets
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert other.secrets() != secrets
    assert json.loads(path.read_text())["s3_secret_key"] == secrets.s3_secret_key
    one.close()
    other.close()
