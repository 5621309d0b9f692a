"""Checksums of v1 layers, against those that real clients and moby's own tests computed."""

from __future__ import annotations

import hashlib
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.archive import XATTR, Archive
from chalicelib.domain.errors import ErrorCode
from chalicelib.domain.tarsum import TARSUM_LABELS, payload_checksum, tarsum
from chalicelib.domain.unpack import Unpacked
from tests.files.archives import END, PACKINGS, header, member, record, size_of, special, tar, zeros
from tests.support.refusals import refusal_of

DATA = Path(__file__).parents[1] / "data" / "tarsum"
FIRST = "46af0962ab5afeb5ce6740d4d91652e69206fc991fd5328c1a94d364ad00e457"
SECOND = "511136ea3c5a64f264b78b5433614aec563103b4d4702f3ba7d4d2698e22c158"

# Version 1: moby's tests call it "tarsum.dev", and do not have the second.
VECTORS = [
    (0, FIRST, "e58fcf7418d4390dec8e8fb69d88c06ec07039d651fedd3aa72af9972e7d046b"),
    (0, SECOND, "ac672ee85da9ab7f9667ae3c32841d3e42f33cc52c273c23341dabba1c8b0c8b"),
    (0, "xattr", "e86f81a4d552f13039b1396ed03ca968ea9717581f9577ef1876ea6ff9b38c98"),
    (1, FIRST, "486b86e25c4db4551228154848bc4663b15dd95784b1588980f4ba1cb42e83e9"),
    (1, "xattr", "6235cd3a2afb7501bac541772a3d61a3634e95bc90bb39a4676e2cb98d08390d"),
]


def read(name: str) -> tuple[bytes, bytes]:
    return (DATA / name / "json").read_bytes(), (DATA / name / "layer.tar").read_bytes()


@pytest.mark.parametrize("packing", sorted(PACKINGS))
@pytest.mark.parametrize(("version", "name", "expected"), VECTORS)
def test_case_59_tarsums_are_those_of_real_clients(
    version: int, name: str, expected: str, packing: str
) -> None:
    raw_json, layer = read(name)
    packed = PACKINGS[packing](layer)
    assert tarsum(version, raw_json, [packed]) == TARSUM_LABELS[version] + expected
    assert tarsum(version, raw_json + b" ", [packed]) != TARSUM_LABELS[version] + expected


def _go_file(name: str) -> bytes:
    """A member as Go's tar.Writer has it when its header says nothing else."""
    return tar(member(name, mode=0), form=tarfile.USTAR_FORMAT)


MEBIBYTE = b"".join(zeros(1 << 20))
# moby pkg/tarsum/tarsum_test.go: TestTarSums, TestIteration, TestEmptyTar.
MADE = [
    (0, END, hashlib.sha256().hexdigest()),
    (0, b"", hashlib.sha256().hexdigest()),
    (
        0,
        header(b"/testdata0", b"\0", mode=b"0000755\0", size=size_of(1 << 20)) + MEBIBYTE + END,
        "8bf12d7e67c51ee2e8306cba569398b1b9f419969521a12ffb9d8875e8836738",
    ),
    (
        0,
        header(b"/testdata0", b"0", mode=b"0000755\0", size=size_of(1 << 20)) + MEBIBYTE + END,
        "75258b2c5dcd9adfe24ce71eeca5fc5019c7e669912f15703ede92b1a60cb11f",
    ),
    (0, _go_file("file.txt"), "626c4a2e9a467d65c33ae81f7f3dedd4de8ccaee72af73223c4bc4718cbc7bbd"),
    (1, _go_file("file.txt"), "6ffd43a1573a9913325b4918e124ee982a99c0f3cba90fc032a65f5e20bdd465"),
    (
        1,
        tar(
            member(
                "xattrs.txt",
                b"test",
                mode=0,
                uid=1000,
                gid=1000,
                pax_headers={f"{XATTR}user.key2": "value2", f"{XATTR}user.key1": "value1"},
            )
        ),
        "4b1ba03544b49d96a32bacc77f8113220bd2f6a77e7e6d1e7b33cd87117d88e7",
    ),
]


@pytest.mark.parametrize(("version", "layer", "expected"), MADE)
def test_tarsums_are_those_of_moby(version: int, layer: bytes, expected: str) -> None:
    assert tarsum(version, b"", [layer]) == TARSUM_LABELS[version] + expected


def test_case_60_extended_attributes_are_kept() -> None:
    _, layer = read("xattr")
    (only,) = Archive(Unpacked([layer])).members()
    assert only.pax.keys() == {f"{XATTR}security.capability"}
    value = only.pax[f"{XATTR}security.capability"].encode("utf-8", "surrogateescape")
    assert value.startswith(b"\x01\0\0\2")


PAYLOADS = [
    (FIRST, "18d68bf937c1af14"),
    (SECOND, "728301b48ba3badf"),
    ("xattr", "4ec4a1a5726966b0"),
]


@pytest.mark.parametrize(("name", "beginning"), PAYLOADS)
def test_payload_checksums_are_those_of_real_clients(name: str, beginning: str) -> None:
    raw_json, layer = read(name)
    found = payload_checksum(raw_json, [layer[:100], layer[100:]])
    assert found.startswith(f"sha256:{beginning}")
    assert found == "sha256:" + hashlib.sha256(raw_json + b"\n" + layer).hexdigest()


def test_case_58_a_payload_checksum_without_a_layer() -> None:
    empty, test = payload_checksum(b"", []), payload_checksum(b"test", [])
    assert empty == f"sha256:{hashlib.sha256(bytes([10])).hexdigest()}"
    assert empty.startswith("sha256:01ba4719")
    assert empty.endswith("546b")
    assert test.startswith("sha256:f2ca1bb6")
    assert test.endswith("6fd2")


CHANGES: dict[str, dict[str, Any]] = {
    "name": {"name": "other"},
    "content": {"content": b"other"},
    "mode": {"mode": 0o600},
    "uid": {"uid": 1},
    "gid": {"gid": 1},
    "type": {"type": tarfile.CONTTYPE},
    "uname": {"uname": "other"},
    "gname": {"gname": "other"},
    "mtime": {"mtime": 1},
    "xattr": {"pax_headers": {f"{XATTR}user.x": "y"}},
    "comment": {"pax_headers": {"comment": "y"}},
    "fraction": {"pax_headers": {"mtime": "0.5"}},
}
UNSEEN = {0: {"xattr", "comment", "fraction"}, 1: {"mtime", "comment", "fraction"}}


@pytest.mark.parametrize("version", [0, 1])
@pytest.mark.parametrize("change", CHANGES)
def test_what_a_tarsum_covers(version: int, change: str) -> None:
    usual: dict[str, Any] = {"name": "file", "content": b"test!", "mtime": 0, "pax_headers": {}}
    before = tarsum(version, b"{}", [tar(member(**usual))])
    after = tarsum(version, b"{}", [tar(member(**{**usual, **CHANGES[change]}))])
    assert (before == after) == (change in UNSEEN[version])


@given(st.permutations([member(name, name.encode()) for name in ("a", "b", "c", "d")]))
def test_the_order_of_the_members_does_not_count(
    shuffled: list[tuple[tarfile.TarInfo, bytes]],
) -> None:
    ordered = sorted(shuffled, key=lambda each: each[0].name)
    assert tarsum(0, b"{}", [tar(*shuffled)]) == tarsum(0, b"{}", [tar(*ordered)])


REFUSED = {
    "text": (b"text" * 1000, ErrorCode.V1_LAYER_UNSUPPORTED),
    "broken off": (tar(member("a", b"x" * 2000))[:1024], ErrorCode.V1_LAYER_UNSUPPORTED),
    "sparse": (header(kind=b"S", tail=b"\0" + size_of(9)) + END, ErrorCode.V1_LAYER_UNSUPPORTED),
    "sparse in PAX": (
        special(b"x", record("GNU.sparse.size", "9")) + header() + END,
        ErrorCode.V1_LAYER_UNSUPPORTED,
    ),
    "huge": (header(size=size_of(1 << 60)), ErrorCode.V1_LAYER_TOO_LARGE),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_layer_without_a_tarsum_is_refused(case: str) -> None:
    layer, code = REFUSED[case]
    assert refusal_of(tarsum, 0, b"{}", [layer]).code is code
