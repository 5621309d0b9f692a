"""Archives that are meant to hurt: refused in words of their own, in little memory."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from pathlib import Path

import pytest

from chalicelib.domain import limits
from chalicelib.domain.archive import Archive
from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.listing import files_document, list_files
from chalicelib.domain.unpack import Unpacked
from tests.files.archives import (
    greedy_xz,
    gzip_bomb,
    header,
    member,
    record,
    size_of,
    special,
    tar,
    zeros,
)

ROOT = Path(__file__).parents[2]
EXPANDS = "Layer expands too much to be listed"
TOO_LARGE = "Layer is too large to be listed"
TOO_MANY = "Layer has too many files to be listed"
PIECES = "Layer is compressed in too many pieces"
HEADER = "Layer has a file header that is too large"
HEADERS = "Layer has too many file headers to be listed"
LONG = "Layer has a file name that is too long"
MEMORY = "Layer needs too much memory to be uncompressed"


def long_name(kind: bytes) -> Iterator[bytes]:
    yield header(kind=kind, size=size_of(2 << 30))
    yield from zeros(2 << 30)


def many_names() -> Iterator[bytes]:
    # A control character takes six in JSON.
    for number in range(1200):
        yield special(b"x", record("path", "\x01" * 4000 + str(number))) + header()


def map_of_blocks() -> Iterator[bytes]:
    yield header(kind=b"S", tail=b"\1")
    yield from repeat(bytes(504) + b"\1" + bytes(7), 1 << 22)


HALF = special(b"x", record("comment", b"x" * (limits.MAX_FILE_HEADER_BYTES // 2)))

# What arrives, and the words it is refused with.
HOSTILE: dict[str, tuple[Callable[[], Iterator[bytes]], str]] = {
    "a bomb of 2 GB": (
        lambda: iter([gzip_bomb(header(size=size_of(2 << 30)), 2048)]),
        EXPANDS,
    ),
    "a bomb in a header": (
        lambda: iter([gzip_bomb(header(kind=b"x", size=size_of(2 << 30)), 2048)]),
        HEADER,
    ),
    "a tar of 3 GB": (
        lambda: chain(*((header(size=size_of(1 << 30)), *zeros(1 << 30)) for _ in range(3))),
        TOO_LARGE,
    ),
    "a file of 8 EB": (lambda: iter([header(size=size_of(2**63))]), TOO_LARGE),
    "a file of 8 EB in PAX": (
        lambda: iter([special(b"x", record("size", str(2**63 - 1))) + header()]),
        TOO_LARGE,
    ),
    "a PAX header of 2 GB": (lambda: long_name(b"x"), HEADER),
    "a global header of 2 GB": (lambda: long_name(b"g"), HEADER),
    "a long name of 2 GB": (lambda: long_name(b"L"), HEADER),
    "a long link of 2 GB": (lambda: long_name(b"K"), HEADER),
    "long names one after another": (lambda: repeat(special(b"L", b"x" * 5000)), HEADER),
    "large headers, file after file": (lambda: repeat(HALF + header()), HEADERS),
    "a name of 5000 characters": (
        lambda: iter([special(b"x", record("path", "x" * 5000)) + header()]),
        LONG,
    ),
    "a sparse map without end": (map_of_blocks, TOO_MANY),
    "streams without end": (lambda: repeat(gzip.compress(b"") * 50_000), PIECES),
    "a dictionary of 128 MiB": (lambda: iter([greedy_xz()]), MEMORY),
    "a listing without end": (many_names, TOO_MANY),
}


def list_hostile(name: str) -> str:
    """What a hostile archive is told."""
    arriving, _ = HOSTILE[name]
    with pytest.raises(RegistryError) as caught:
        files_document(list_files(Unpacked(arriving())))
    assert caught.value.code is ErrorCode.V1_LAYER_TOO_LARGE
    return caught.value.message


MEASURE = """
import json, resource
from tests.files import archives
from tests.files.test_hostile import HOSTILE, list_hostile
from chalicelib.domain.listing import files_document, list_files
from chalicelib.domain.unpack import Unpacked
files_document(list_files(Unpacked([archives.files("warm")])))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for name in HOSTILE:
    message = list_hostile(name)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps([name, message, (after - before) / 1024]))
"""
# The listing that is refused in the end is held until then, and grows by being copied.
LAST = "a listing without end"


@pytest.fixture(scope="module")
def told() -> dict[str, tuple[str, float]]:
    """What each is told, and the mebibytes that a process of its own has grown by up to then."""
    command = [sys.executable, "-c", MEASURE]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    lines = map(json.loads, done.stdout.splitlines())
    return {name: (message, grown_mib) for name, message, grown_mib in lines}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_archive_is_refused_in_little_memory(
    name: str, told: dict[str, tuple[str, float]]
) -> None:
    message, grown_mib = told[name]
    assert message == HOSTILE[name][1]
    assert grown_mib < (56 if name == LAST else 32)


@pytest.mark.parametrize("kind", [b"0", b"5", b"x", b"g", b"L", b"V"])
def test_headers_without_end_are_counted(kind: bytes) -> None:
    archive = Archive(Unpacked(repeat(header(kind=kind))), most_headers=1000)
    with pytest.raises(RegistryError, match=TOO_MANY):
        for _ in archive.members():
            pass


def test_zeros_that_compress_well_are_listed_while_they_are_few() -> None:
    few = limits.RATIO_FREE_BYTES - 2 * limits.MIB
    packed = gzip_bomb(header(size=size_of(few)), few // limits.MIB + 1)
    assert len(packed) < 1 << 20
    (row,) = json.loads(files_document(list_files(Unpacked([packed]))))
    assert row[3] == few


def test_two_gigabytes_of_nothing_but_zeros_are_an_empty_archive() -> None:
    def endless() -> Iterator[bytes]:
        yield bytes(1 << 16)
        raise AssertionError("read behind the end mark")

    assert json.loads(files_document(list_files(Unpacked(endless())))) == []


def test_names_as_long_as_linux_has_them_are_listed() -> None:
    name = "x" * limits.MAX_FILE_NAME_CHARS
    (row,) = json.loads(files_document(list_files(Unpacked([tar(member(name))]))))
    assert row[0] == f"/{name}"


def test_a_source_that_fails_fails_in_its_own_words() -> None:
    def failing() -> Iterator[bytes]:
        yield header(size=size_of(10))
        raise OSError("the network is gone")

    with pytest.raises(OSError, match="the network is gone"):
        list(list_files(Unpacked(failing())))
