"""The values that requests to v1 are made of: a few good ones, used over and over, and odd ones."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

from hypothesis import strategies as st

from tests.conformance.v1 import tar_of
from tests.support.world import basic

IDS = ("a" * 64, "b" * 64, "c" * 64, "d" * 16)
NAMES = ("alice/app", "alice/pub", "bob/app", "busybox", "library/busybox", "alice/a/b")
TAGS = ("latest", "1.0", "_")
USERS = ("alice", "bob", "root")
PASSWORD = "a-long-password"


@dataclass(frozen=True)
class Open:
    """Something that the run fills in: ``id``, ``token``, ``upload``, ``claim``, ``checksum``."""

    what: str
    which: int = 0
    before: str = ""
    after: str = ""


# Path elements as they stand on the wire: other ways to write, and what decodes to trouble.
ODD = (
    "..", ".", "%2E%2E", "%2F", "a%2Fb", "%2f%2f", "%", "%zz", "%f", "%00", "%0A", "a%0A", "%0D%0A",
    "%FF%FE", "%C3%A4", "%D9%A1", "%F0%9F%90%B3", "%ED%A0%80", "%25", "%2525", "{first}", "a%20b",
    "A", "-", "_", "a" * 300, "tags", "images", "json", "auth", "properties", "grants", "_ping",
    "proxy+", "$", "*", "a;b", "a:b", "a@b", "~", "%E2%80%8F", "%7Bx%7D", "+", "latest%0A",
    "library", "b" * 64 + "%0A", "layer", "checksum", "users", "search", "v2", "nobody", "e" * 64,
    "%09", "'",
)  # fmt: skip

LAYERS = (
    tar_of(("a", b"1")),
    tar_of(("./.wh.a", b"")),
    tar_of(("a", b"2"), packing="gz"),
    b"",
    b"x",
    b"\x1f\x8b",
)

JUNK = (
    b"", b" ", b"{", b"[]", b"{}", b"null", b"1", b'"x"', b'"\\ud800"', b"\xff\xfe", b"\x00",
    b"NaN", b"[" * 50_000, b'{"id":' * 50_000, b"1" * 5000, b"x" * 1_000_001, b'{"id": NaN}',
    b"[1e999]", [None], [[]], [{"id": None}], [{"id": "\ud800"}], {"id": {"id": 1}}, {"access": {}},
    {"username": "\ud800", "password": "\ud800" * 9, "email": "\ud800@x"}, {"upload_id": "\ud800"},
    {"parent": "\ud800"}, 10**40, -1, True, "\U0001f433", "\u0000",
    [{"id": "a" * 64, "checksum": {}}],
)  # fmt: skip

ACCOUNTS = st.builds(
    lambda name, password, email: {"username": name, "password": password, **email},
    st.sampled_from(("carol", "dora", "alice", "library", "c\u00e4", "x" * 65, 1, "\ud800")),
    st.sampled_from((PASSWORD, PASSWORD, "another-password", "short", 1, None, "\ud800" * 9)),
    st.sampled_from(
        [{"email": one} for one in ("c@example.com", "d@example.com", "none", "\ud800@x", 1)]
        + [{}, {"email": "e@example.com", "invitation": "x"}, {"invitation": 1}]
    ),
)

PARTS = st.sampled_from(
    [
        {"upload_id": Open("upload"), "claim": Open("claim"), **more}
        for more in (
            {"first": 1},
            {"first": 10**9},
            {"first": "1"},
            {"offset_bytes": 0, "stored": []},
            {"offset_bytes": 1, "stored": [], "tail": {"key": "x", "size_bytes": 1}},
            {"offset_bytes": 1, "stored": [], "payload_checksum": "x", "proof": 1},
            {"offset_bytes": 10**20, "stored": [{}], "tail": "!"},
            {"offset_bytes": -1, "stored": {}, "digest": "sha256:" + "0" * 64, "hash_state": "x"},
            {"offset_bytes": 0, "stored": [], "digest": "x", "hash_state": {}, "proof": "\u00e4"},
        )
    ]
    + [{"upload_id": Open("upload", 1)}, {"claim": "\ud800"}, {"upload_id": 1}, {"stored": [1]}, {}]
)  # fmt: skip

QUERIES = (
    "", "", "q=app", "q=", "q=alice&n=1&page=2", "n=x&page=-1", "q=%FF&n=%00", "=&=&", "%",
    "q=a&q=b", "q=" + "a+" * 99, "q=%ED%A0%80", "q=ships", "page=999999999999&n=%D9%A1",
)  # fmt: skip

_HEADERS = (
    ("X-Docker-Token", "true"),
    ("X-Docker-Token", ""),
    ("X-Docker-Endpoints", "registry.test"),
    ("X-Docker-Checksum-Payload", "sha256:" + "0" * 64),
    ("X-Docker-Checksum-Payload", "\u00e4"),
    ("X-Docker-Checksum", "tarsum+sha256:" + "0" * 64),
    ("X-Docker-Checksum", "tarsum.v1+sha256:x"),
    ("If-Modified-Since", "Thu, 01 Jan 1970 00:00:00 GMT"),
    ("Range", "bytes=0-1"),
    ("Range", "bytes=10240-10240"),
    ("Range", "bytes=99999999999999999999-"),
    ("User-Agent", "docker/1.12.6 go/go1.6.4 os/linux arch/amd64"),
    ("User-Agent", "docker/\u00e4 \u00e4/go /// ()"),
    ("Content-Type", "text/\u00e4"),
    ("Accept", "nothing/*"),
    ("Cookie", "session=x"),
    ("Host", "v1.test:5000"),
    ("Host", ""),
)  # fmt: skip
_SINGLE = [{name: value} for name, value in _HEADERS]
HEADERS = (
    *({},) * 60,
    *({"X-Docker-Token": "true"},) * 120,
    *_SINGLE,
    *({**one, **other} for one, other in combinations(_SINGLE, 2)),
)

AUTHORIZATIONS = (
    *(None,) * 6,
    # Those who own something, often enough to get somewhere.
    *(basic(name, PASSWORD) for name in (*USERS, *("alice",) * 8, "bob", "bob", "root", "root")),
    *(Open("token", which, before) for which in range(6) for before in ("", "Token ")),
    *(
        Open("token", 0, after=after)
        for after in (",access=delete", ',repository="bob/app"', ",signature=x.y", "x", ",\u00e4=")
    ),
    "", "Basic", "Basic Og==", "Basic !!!", "Basic gIA6gIA=", "Token", "Bearer x", "Token x",
    basic("alice", "wrong-password"), basic("nobody", PASSWORD), basic("\u00e4\0", "\U0001f433"),
    basic("alice", "x" * 2000), 'Token signature=e30.x,repository="alice/app",access=write',
    "Token " + "a" * 9000, "Token signature=\u00e4.\u00e4,repository=\u00e4,access=read",
)  # fmt: skip
