"""The reader of archives: it sees what ``tarfile`` sees, and what is no archive it refuses."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.domain.archive import Archive, Member
from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.unpack import Unpacked
from tests.files import archives
from tests.files.archives import END, PACKINGS, header, member, record, size_of, special, tar

KINDS = [
    tarfile.REGTYPE,
    tarfile.AREGTYPE,
    tarfile.LNKTYPE,
    tarfile.SYMTYPE,
    tarfile.CHRTYPE,
    tarfile.BLKTYPE,
    tarfile.DIRTYPE,
    tarfile.FIFOTYPE,
    tarfile.CONTTYPE,
    b"V",
]
WITH_CONTENT = {tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.CONTTYPE, b"V"}

_names = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=300
).filter(lambda name: not name.endswith("/"))
_bytes_names = st.binary(min_size=1, max_size=150).map(
    lambda raw: raw.replace(b"\0", b"0").rstrip(b"/").decode("utf-8", "surrogateescape") or "x"
)


@st.composite
def members(draw: st.DrawFn) -> tuple[tarfile.TarInfo, bytes]:
    kind = draw(st.sampled_from(KINDS))
    content = draw(st.binary(max_size=1500)) if kind in WITH_CONTENT else b""
    return member(
        draw(st.one_of(_names, _bytes_names)),
        content,
        type=kind,
        mode=draw(st.integers(0, 0o7777)),
        mtime=draw(st.one_of(st.integers(0, 2**40), st.integers(-9, -1))),
        uid=draw(st.sampled_from([0, 1000, 2**21, 2**31, 2**45])),
        gid=draw(st.integers(0, 2**20)),
        uname=draw(st.text("abc\u00e4", max_size=20)),
        gname=draw(st.text("abc", max_size=20)),
        linkname=draw(_names) if kind in (tarfile.LNKTYPE, tarfile.SYMTYPE) else "",
        devmajor=draw(st.integers(0, 255)),
        devminor=draw(st.integers(0, 255)),
    )


def cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def walk(data: bytes, piece_bytes: int = 1 << 20) -> list[tuple[Member, bytes]]:
    archive = Archive(Unpacked(cut(data, piece_bytes)))
    return [(each, b"".join(archive.content())) for each in archive.members()]


def only(data: bytes) -> Member:
    (each,) = Archive(Unpacked([data])).members()
    return each


def outcome(data: bytes) -> int | ErrorCode:
    """How many members it has, or why it is refused; nothing else may come of it."""
    try:
        return len(walk(data))
    except RegistryError as refusal:
        return refusal.code


FIELDS = ("name", "type", "size", "mtime", "mode", "uid", "gid", "linkname", "uname", "gname")


@given(
    st.lists(members(), max_size=6),
    st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT]),
    st.sampled_from(sorted(PACKINGS)),
    st.sampled_from([1, 7, 512, 100_000]),
)
def test_it_sees_what_tarfile_sees(
    wanted: list[tuple[tarfile.TarInfo, bytes]], form: int, packing: str, piece_bytes: int
) -> None:
    plain = tar(*wanted, form=form)
    seen = walk(PACKINGS[packing](plain), piece_bytes)
    with tarfile.open(fileobj=io.BytesIO(plain), errors="surrogateescape") as oracle:
        expected = oracle.getmembers()
        assert [[getattr(each, field) for field in FIELDS] for each, _ in seen] == [
            [getattr(info, field) for field in FIELDS] for info in expected
        ]
        for info, (_, content) in zip(expected, seen, strict=True):
            if info.type in WITH_CONTENT:
                file = oracle.extractfile(info)
                assert file is not None
                assert file.read() == content


@given(st.lists(members(), max_size=4), st.data())
def test_content_that_is_asked_for_in_part_or_not_at_all_is_passed_over(
    wanted: list[tuple[tarfile.TarInfo, bytes]], data: st.DataObject
) -> None:
    archive = Archive(Unpacked(cut(tar(*wanted), 300)))
    count = 0
    for _ in archive.members():
        count += 1
        pieces = archive.content()
        for _ in range(data.draw(st.integers(0, 3))):
            next(pieces, None)
    assert count == len(wanted)


@given(
    st.one_of(
        st.binary(max_size=3000),
        st.tuples(
            st.sampled_from([b"\x1f\x8b\x08", b"BZh91AY&SY", b"\xfd7zXZ\0"]),
            st.binary(max_size=500),
        ).map(b"".join),
    )
)
def test_arbitrary_bytes_are_refused_and_nothing_else(data: bytes) -> None:
    assert outcome(data) in (0, ErrorCode.V1_LAYER_UNSUPPORTED)


_SOUND = tar(member("a" * 150, b"content" * 100, uid=2**40), member("b", type=tarfile.DIRTYPE))
# The long name stands in a header of its own, which a patch can make a member like the others.
_HEADERS = 3
_TYPE_OF_THE_FIRST = 156 / len(_SOUND)


@given(
    st.sampled_from(sorted(PACKINGS)),
    st.lists(st.tuples(st.floats(0, 0.999), st.binary(min_size=1, max_size=8)), max_size=3),
    st.booleans(),
)
@example(packing="tar", changes=[(_TYPE_OF_THE_FIRST, tarfile.REGTYPE)], mends_sum=True)
def test_a_broken_archive_is_refused_or_read_and_nothing_else(
    packing: str, changes: list[tuple[float, bytes]], mends_sum: bool
) -> None:
    data = bytearray(_SOUND)
    for place, patch in changes:
        at = int(place * len(data))
        data[at : at + len(patch)] = patch
    if mends_sum:
        data[:512] = archives.with_sum(bytes(data[:512]))
    packed = bytearray(PACKINGS[packing](bytes(data)))
    for place, patch in changes[:1]:
        if packing != "tar" and not mends_sum:
            at = int(place * len(packed))
            packed[at : at + len(patch)] = patch
    refusals = (ErrorCode.V1_LAYER_UNSUPPORTED, ErrorCode.V1_LAYER_TOO_LARGE)
    assert outcome(bytes(packed)) in (*range(_HEADERS + 1), *refusals)


@pytest.mark.parametrize("packing", sorted(PACKINGS))
def test_an_archive_that_breaks_off_is_refused_wherever_it_does(packing: str) -> None:
    plain = tar(member("a", b"x" * 600), member("b", b"y" * 10))
    end_of_b = 512 + 1024 + 512 + 512
    packed = PACKINGS[packing](plain)
    assert outcome(packed) == 2
    # Between two members an archive may end; behind its end mark nobody reads on.
    may_end = {512 + 1024: 1} if packing == "tar" else {}
    for length in range(1, end_of_b if packing == "tar" else len(packed) // 2):
        assert outcome(packed[:length]) == may_end.get(length, ErrorCode.V1_LAYER_UNSUPPORTED)


EMPTY = {
    "no bytes": b"",
    "the end mark": END,
    "one zero block": bytes(512),
    "no bytes in gzip": PACKINGS["gzip"](b""),
    "the end mark in xz": PACKINGS["xz"](END),
    "what follows the end mark": END + b"anything at all",
}


@pytest.mark.parametrize("data", EMPTY.values(), ids=EMPTY)
def test_an_archive_may_be_empty(data: bytes) -> None:
    assert walk(data) == []


@pytest.mark.parametrize("packing", ["gzip", "bzip2", "xz"])
def test_streams_one_after_another_are_one_archive(packing: str) -> None:
    plain = archives.files("a", "b", "c")
    streams = [PACKINGS[packing](piece) for piece in cut(plain, 700)]
    streams.insert(2, PACKINGS[packing](b""))
    for between, piece_bytes in ((b"", 1), (b"", 999), (bytes(4), 1), (bytes(100_000), 1 << 20)):
        seen = walk(between.join(streams), piece_bytes)
        assert [each.name for each, _ in seen] == ["a", "b", "c"]


def test_a_file_may_be_named_like_a_format() -> None:
    assert only(archives.files("BZh91 is not bzip2")).name == "BZh91 is not bzip2"


BROKEN = {
    "text": b"no archive at all" * 100,
    "half a block": header()[:300],
    "a wrong sum": header()[:148] + b"000000\0 " + header()[156:],
    "zstd": b"\x28\xb5\x2f\xfd" + bytes(600),
    "rubbish behind a member": header() + b"r" * 512,
    "rubbish behind gzip": PACKINGS["gzip"](header()) + b"r" * 512,
    "a size of eights": header(size=b"88888888888\0"),
    "a size of letters": header(size=b"abc\0"),
    "a size with a sign": header(size=b"-1\0"),
    "a size with an underscore": header(size=b"1_0\0"),
    "a negative size": header(size=size_of(-512)),
    "a mode that is none": header(mode=b"rw-r--r-"),
    "a mode with an underscore": header(mode=b"000_644\0") + END,
    "a negative size in PAX": special(b"x", record("size", "-1")) + header(),
    "a size that is none in PAX": special(b"x", record("size", "1_0")) + header(),
    "a uid that is none in PAX": special(b"x", record("uid", "root")) + header(),
    "a time that is none in PAX": special(b"x", record("mtime", "nan")) + header(),
    "a time without end in PAX": special(b"x", record("mtime", "9" * 400)) + header(),
    "a record without length": special(b"x", b"path=x\n") + header(),
    "a record of length 0": special(b"x", b"0 path=x\n") + header(),
    "a record longer than its header": special(b"x", b"99 path=x\n") + header(),
    "a record without value": special(b"x", b"7 path\n") + header(),
    "a record without end": special(b"x", b"8 path=x") + header(),
    "PAX and then nothing": special(b"x", record("path", "x")),
    "PAX and then the end mark": special(b"x", record("path", "x")) + END,
    "a long name and then nothing": special(b"L", b"x\0"),
    "a special header that breaks off": special(b"x", record("path", "x" * 600))[:700],
    "sparse without a size": special(b"x", record("GNU.sparse.major", "1")) + header(),
    "sparse with a map that breaks off": header(kind=b"S", tail=b"\1"),
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_what_is_no_archive_is_refused(data: bytes) -> None:
    assert outcome(data) is ErrorCode.V1_LAYER_UNSUPPORTED


def _said(*headers: bytes) -> Member:
    return only(b"".join(headers) + header(b"short", uid=b"0000007\0") + END)


READ = [
    (_said(special(b"x", record("path", "long"))), {"name": "long", "uid": 7}),
    (_said(special(b"X", record("path", "solaris"))), {"name": "solaris"}),
    (_said(special(b"L", b"gnu\0rest")), {"name": "gnu"}),
    (_said(special(b"K", b"target\0")), {"linkname": "target"}),
    (_said(special(b"g", record("uid", "9"))), {"name": "short", "uid": 9}),
    (_said(special(b"g", record("uid", "9")), special(b"x", record("uid", "8"))), {"uid": 8}),
    (_said(special(b"g", record("uid", "9")), special(b"x", record("uid", ""))), {"uid": 7}),
    (_said(special(b"x", record("path", "1")), special(b"L", b"2\0")), {"name": "1"}),
    (_said(special(b"L", b"2\0"), special(b"x", record("path", "1"))), {"name": "2"}),
    (_said(special(b"x", record("path", b"\xff"))), {"name": "\udcff"}),
    (_said(special(b"x", record("a", "x\ny=z\n"))), {"pax": {"a": "x\ny=z\n"}}),
    (_said(special(b"x", record("mtime", "12.5"))), {"mtime": 12.5, "mtime_s": 12}),
    (_said(special(b"x", record("mtime", "12.0"))), {"mtime": 12, "mtime_s": 12}),
    (_said(special(b"x", record("mtime", "-1.5"))), {"mtime": -1.5, "mtime_s": -2}),
    (_said(special(b"x", record("mtime", "-0.5"))), {"mtime": -0.5, "mtime_s": -1}),
    (_said(special(b"x", record("mtime", "1350244992.999999999"))), {"mtime_s": 1350244992}),
    (only(header(uid=b"\xff" * 8) + END), {"uid": -1}),
    (only(header(uid=b"\x80" + b"\0" * 3 + b"\1" * 4) + END), {"uid": 0x01010101}),
    (only(header(uid=b"   17 \0\0") + END), {"uid": 0o17}),
    (only(header(uid=bytes(8)) + END), {"uid": 0}),
    (only(header(b"folder/", kind=b"\0") + END), {"name": "folder", "type": b"5"}),
    (only(header(kind=b"1", size=size_of(10**15)) + END), {"size": 10**15, "stored_bytes": 0}),
    (
        only(header(kind=b"S", tail=b"\0" + size_of(10**6)) + END),
        {"type": b"S", "size": 10**6, "stored_bytes": 0, "is_sparse": True},
    ),
    (
        only(header(kind=b"S", tail=b"\1" + size_of(9)) + b"x" * 504 + bytes(8) + END),
        {"type": b"S", "size": 9},
    ),
    (
        _said(special(b"x", record("GNU.sparse.name", "real") + record("GNU.sparse.size", "77"))),
        {"name": "real", "size": 77, "type": b"0", "is_sparse": True},
    ),
]


@pytest.mark.parametrize(("seen", "expected"), READ)
def test_a_header_is_read(seen: Member, expected: dict[str, object]) -> None:
    assert {field: getattr(seen, field) for field in expected} == expected


def test_sums_of_signed_characters_are_taken() -> None:
    block = header("ä".encode())
    bare = block[:148] + b" " * 8 + block[156:]
    signed = sum(byte - 256 if byte > 127 else byte for byte in bare)
    assert only(block[:148] + b"%06o\0 " % signed + block[156:] + END).name == "ä"


def test_a_name_in_two_halves_is_joined_only_where_the_format_has_them() -> None:
    block = bytearray(header(b"name"))
    block[345:351] = b"prefix"
    assert only(archives.with_sum(bytes(block)) + END).name == "prefix/name"
    block[257:265] = b"ustar  \0"
    assert only(archives.with_sum(bytes(block)) + END).name == "name"
