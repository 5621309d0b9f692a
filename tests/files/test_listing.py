"""``/files`` and ``/diff``: the note's cases 61 to 63, names, whiteouts, and a model of a diff."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.listing import (
    Diff,
    FileEntry,
    files_document,
    list_files,
    read_document,
)
from chalicelib.domain.unpack import Unpacked
from tests.files.archives import END, PACKINGS, files, header, member, tar
from tests.files.test_archive import members


def rows(data: bytes) -> list[list[Any]]:
    document: list[list[Any]] = json.loads(files_document(list_files(Unpacked([data]))))
    return document


# --- files ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("packing", sorted(PACKINGS))
def test_case_61_files_are_listed_in_every_packing(packing: str) -> None:
    names = ["A1B2C", "./D3E4F", "/G5H6I"]
    assert rows(PACKINGS[packing](files(*names))) == [
        [name, "f", False, 512, 0, 0o644, 0, 0] for name in ("/A1B2C", "/D3E4F", "/G5H6I")
    ]


NAMES = {
    ".": ("/", False),
    "./": ("/", False),
    "/": ("/", False),
    "./ab": ("/ab", False),
    "ab": ("/ab", False),
    "/ab": ("/ab", False),
    "./a/b": ("/a/b", False),
    "../a": ("/../a", False),
    ".hidden": ("/.hidden", False),
    "./.wh.x": ("/x", True),
    ".wh.x": ("/x", True),
    "/.wh.x": ("/x", True),
    "a/b/.wh.x": ("/a/b/x", True),
    "./a/.wh..x": ("/a/.x", True),
    "a/x.wh.y": ("/a/x.wh.y", False),
    ".wh.": ("/.wh.", False),
    "./.wh..wh.": None,
    ".wh..wh.aufs": None,
    "./.wh..wh.plnk/12.34": None,
    "a/.wh..wh..opq": None,
    "caf\u00e9": ("/caf\u00e9", False),
    "caf\udce9": ("/caf\\xe9", False),
    'a"\n\\\t': ('/a"\n\\\t', False),
}


@pytest.mark.parametrize("name", NAMES)
def test_case_62_a_name_is_shown_as_its_path(name: str) -> None:
    kind = tarfile.DIRTYPE if name.endswith(("/", ".")) else tarfile.REGTYPE
    expected = NAMES[name]
    shown = [tuple(row[:3:2]) for row in rows(tar(member(name, type=kind)))]
    assert shown == ([expected] if expected else [])


LETTERS = {
    b"0": "f",
    b"\0": "f",
    b"1": "l",
    b"2": "s",
    b"3": "c",
    b"4": "b",
    b"5": "d",
    b"6": "i",
    b"7": "t",
    b"S": "S",
    b"V": "u",
    b"D": "u",
    b"~": "u",
}


@pytest.mark.parametrize("kind", LETTERS)
def test_a_type_has_its_letter(kind: bytes) -> None:
    assert rows(header(kind=kind) + END)[0][1] == LETTERS[kind]


@given(st.lists(members(), max_size=8), st.sampled_from(sorted(PACKINGS)))
def test_a_listing_is_what_tarfile_sees(
    wanted: list[tuple[tarfile.TarInfo, bytes]], packing: str
) -> None:
    plain = tar(*wanted)
    with tarfile.open(fileobj=io.BytesIO(plain), errors="surrogateescape") as oracle:
        seen = [
            [info.size, info.mtime, info.mode, info.uid, info.gid]
            for info in oracle.getmembers()
            if ".wh..wh." not in info.name
        ]
    listed = rows(PACKINGS[packing](plain))
    assert [row[3:] for row in listed] == seen
    assert all(row[0].startswith("/") and row[1] in "lscbditLKSfu" for row in listed)


_entries = st.builds(
    FileEntry,
    st.text(st.characters(exclude_categories=["Cs"])).map("/".__add__),
    st.sampled_from("fdls"),
    st.booleans(),
    st.integers(0, 2**63),
    st.integers(-(2**40), 2**40),
    st.integers(0, 0o7777),
    st.integers(),
    st.integers(),
)


@given(st.lists(_entries))
def test_a_kept_listing_is_read_back_as_it_was(entries: list[FileEntry]) -> None:
    assert list(read_document(files_document(entries))) == entries


# --- diff -----------------------------------------------------------------------------------------


def entry(name: str, *, size: int = 512) -> FileEntry:
    """A file; with a minus before its name, its whiteout."""
    return FileEntry(name.removeprefix("-"), "f", name.startswith("-"), size, 0, 0o644, 0, 0)


def diff_of(top: Sequence[str], *below: Sequence[str]) -> dict[str, dict[str, list[Any]]]:
    compared = Diff(files_document(map(entry, top)))
    for layer in below:
        compared.show(files_document(map(entry, layer)))
    document: dict[str, dict[str, list[Any]]] = json.loads(compared.document())
    return document


def groups_of(top: Sequence[str], *below: Sequence[str]) -> dict[str, list[str]]:
    return {group: sorted(rows) for group, rows in diff_of(top, *below).items()}


def test_case_63_each_file_is_in_its_group() -> None:
    diff = diff_of(["-/deleted", "/changed", "/created"], ["/deleted", "/changed"])
    assert diff == {
        "deleted": {"/deleted": ["f", True, 512, 0, 0o644, 0, 0]},
        "changed": {"/changed": ["f", False, 512, 0, 0o644, 0, 0]},
        "created": {"/created": ["f", False, 512, 0, 0o644, 0, 0]},
    }


DIFFS: dict[str, tuple[list[list[str]], str, str, str]] = {
    "an empty image": ([[]], "", "", ""),
    "a root image": ([["/a", "-/b"]], "", "/a", "/b"),
    "an empty layer": ([[], ["/a"]], "", "", ""),
    "the nearest layer decides: there": ([["/a"], ["/a"], ["-/a"]], "/a", "", ""),
    "the nearest layer decides: deleted": ([["/a"], ["-/a"], ["/a"]], "", "/a", ""),
    "a layer further down": ([["/a"], [], ["/b"], ["/a"]], "/a", "", ""),
    "deleted twice": ([["-/a"], ["-/a"]], "", "", "/a"),
    "deleted and made anew in one layer": ([["-/a", "/a"], ["/a"]], "/a", "", ""),
    "made and deleted in one layer": ([["/a", "-/a"], ["/a"]], "/a", "", ""),
    "below, deleted and made anew in one layer": ([["/a"], ["-/a", "/a"]], "/a", "", ""),
    "below a folder that was deleted": ([["/d/a"], ["-/d"], ["/d/a"]], "", "/d/a", ""),
    "beside a folder that was deleted": (
        [["/da", "/d0"], ["-/d"], ["/da", "/d0"]],
        "/d0 /da",
        "",
        "",
    ),
    "folders deleted within each other": (
        [["/d/e/f", "/d/e/g", "/d/x", "/e"], ["-/d/e", "-/d", "-/d/e/f"], ["/d/e/f", "/e"]],
        "/e",
        "/d/e/f /d/e/g /d/x",
        "",
    ),
    "names in no order": (
        [["/z", "/d/a", "/a"], ["-/d"], ["/z", "/d/a", "/a"]],
        "/a /z",
        "/d/a",
        "",
    ),
}


@pytest.mark.parametrize("case", DIFFS)
def test_a_diff(case: str) -> None:
    layers, changed, created, deleted = DIFFS[case]
    assert groups_of(*layers) == {
        "changed": changed.split(),
        "created": created.split(),
        "deleted": deleted.split(),
    }


_paths = st.lists(st.sampled_from("ab0-"), min_size=1, max_size=4).map(lambda p: "/" + "/".join(p))
_layers = st.lists(st.one_of(_paths, _paths.map("-".__add__)), max_size=6)


def merged(layers: Sequence[Sequence[str]]) -> set[str]:
    """The file system of layers, the lowest last."""
    there: set[str] = set()
    for layer in reversed(layers):
        gone = [name[1:] for name in layer if name.startswith("-")]
        there = {n for n in there if not any(n == g or n.startswith(f"{g}/") for g in gone)}
        there |= {name for name in layer if name.startswith("/")}
    return there


@given(_layers, st.lists(_layers, max_size=4))
def test_a_diff_is_against_the_merged_file_system(top: list[str], below: list[list[str]]) -> None:
    there, present = merged(below), {name for name in top if name.startswith("/")}
    assert groups_of(top, *below) == {
        "changed": sorted(present & there),
        "created": sorted(present - there),
        "deleted": sorted({name[1:] for name in top if name.startswith("-")} - present),
    }


def test_a_diff_is_complete_once_every_file_is_found() -> None:
    compared = Diff(files_document(map(entry, ["/a", "-/b"])))
    assert not compared.is_complete
    compared.show(files_document([entry("/a")]))
    assert compared.is_complete
