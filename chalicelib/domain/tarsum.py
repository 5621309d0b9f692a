"""Checksums of a v1 layer: tarsum, which sees through the packing, and the payload's, of the wire.

    tarsum(json, layer) ::= label ":" hex(SHA-256(json + sorted(hex(h) of each member)))
    h                   ::= SHA-256(fields + content)
    fields, v0          ::= name mode uid gid size mtime typeflag linkname uname gname
                            devmajor devminor
    fields, v1          ::= those without mtime, then the extended attributes in order
    payload checksum    ::= "sha256:" hex(SHA-256(json + LF + layer as it came over the wire))

A field is its name followed by its value; numbers are decimal, a folder's name ends with a slash.
Daemons before 0.10 know tarsum only, later ones send both.

Spec: moby ``pkg/tarsum``, before it dropped uname and gname (with Go 1.10, after v1 pushes).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from chalicelib.domain.archive import XATTR, Archive, Member
from chalicelib.domain.image import payload_prefix
from chalicelib.domain.tarheader import FOLDER
from chalicelib.domain.unpack import Unpacked, unsupported

TARSUM_LABELS = ("tarsum+sha256:", "tarsum.v1+sha256:")
PAYLOAD_LABEL = "sha256:"


def tarsum(version: int, raw_json: bytes, pieces: Iterable[bytes]) -> str:
    """The tarsum of version 0 or 1, with its label, of a layer in any packing.

    Sparse members are refused: what was summed of them is not what the archive has.
    Raises: RegistryError(V1_LAYER_UNSUPPORTED, V1_LAYER_TOO_LARGE), and what the pieces raise.
    """
    archive = Archive(Unpacked(pieces))
    sums = []
    for member in archive.members():
        if member.is_sparse:
            raise unsupported()
        one = hashlib.sha256(_fields(version, member))
        for piece in archive.content():
            one.update(piece)
        sums.append(one.digest())
    total = hashlib.sha256(raw_json)
    for digest in sorted(sums):
        total.update(digest.hex().encode())
    return TARSUM_LABELS[version] + total.hexdigest()


def _fields(version: int, member: Member) -> bytes:
    name = f"{member.name}/" if member.type == FOLDER else member.name
    fields = [f"name{name}mode{member.mode}uid{member.uid}gid{member.gid}size{member.size}"]
    if version == 0:
        fields.append(f"mtime{member.mtime_s}")
    head = "".join(fields).encode("utf-8", "surrogateescape")
    tail = (
        f"linkname{member.linkname}uname{member.uname}gname{member.gname}"
        f"devmajor{member.devmajor}devminor{member.devminor}"
    )
    if version == 1:
        tail += "".join(
            key.removeprefix(XATTR) + value
            for key, value in sorted(member.pax.items())
            if key.startswith(XATTR)
        )
    return head + b"typeflag" + member.type + tail.encode("utf-8", "surrogateescape")


def payload_checksum(raw_json: bytes, pieces: Iterable[bytes]) -> str:
    """The payload checksum with its label. Raises what the pieces raise."""
    whole = hashlib.sha256(payload_prefix(raw_json))
    for piece in pieces:
        whole.update(piece)
    return PAYLOAD_LABEL + whole.hexdigest()
