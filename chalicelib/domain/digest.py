"""Digests: the identity of blobs and manifests.

    digest      ::= algorithm ":" encoded
    algorithm   ::= "sha256" | "sha512"           (the two that the specification registers)
    encoded     ::= [a-f0-9]{64} | [a-f0-9]{128}  (lower case only)

Spec: OCI Image 1.1, "Digests"; OCI Distribution 1.1 leaves other algorithms to the registry.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from chalicelib.domain.errors import ErrorCode, RegistryError

HEX_CHARS = {"sha256": 64, "sha512": 128}
DEFAULT_ALGORITHM = "sha256"

_HEX = re.compile(r"[a-f0-9]+", re.ASCII)


@dataclass(frozen=True, order=True)
class Digest:
    """An algorithm and its lower-case hex; build one with ``parse_digest`` or ``digest_of``."""

    algorithm: str
    hex: str

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"


def parse_digest(text: str) -> Digest:
    """Read ``algorithm:hex``.

    Raises: RegistryError(DIGEST_INVALID): unknown algorithm, wrong length, upper-case hex.
    """
    algorithm, _, encoded = text.partition(":")
    expected = HEX_CHARS.get(algorithm)
    if expected is None:
        raise RegistryError(
            ErrorCode.DIGEST_INVALID,
            "unsupported digest algorithm: use sha256 or sha512",
            detail={"digest": text[:200]},
        )
    if len(encoded) != expected or not _HEX.fullmatch(encoded):
        raise RegistryError(
            ErrorCode.DIGEST_INVALID,
            f"malformed digest: {algorithm} takes {expected} lower-case hex characters",
            detail={"digest": text[:200]},
        )
    return Digest(algorithm, encoded)


def digest_of(data: bytes, algorithm: str = DEFAULT_ALGORITHM) -> Digest:
    """The digest of these very bytes."""
    return Digest(algorithm, hashlib.new(algorithm, data).hexdigest())
