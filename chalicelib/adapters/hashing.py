"""SHA-2 whose running state can leave the process, at the speed of hashlib.

hashlib cannot save a half-done hash. The OpenSSL that CPython's own `_hashlib` is linked with
can: its SHA256_CTX and SHA512_CTX are plain memory (openssl/sha.h, unchanged since 0.9.8). We
call it through ctypes, which gives up the GIL during each call.

    state    ::= version (1 byte) algorithm ":" byte order "\\n" context
    context  ::= chaining value, length in bits, one block, bytes in that block, bytes of digest

Where the symbols are missing (a Python with OpenSSL linked statically and stripped), hashlib does
the hashing, `state()` answers None, and `resume()` is Unavailable.
"""

from __future__ import annotations

import ctypes
import hashlib
import struct
import sys
from dataclasses import dataclass
from functools import cache

from chalicelib.ports import Hasher, Unavailable

_VERSION = b"\x01"
_PLATFORM = f"{sys.byteorder}\n".encode()
# A view of memory that we may not write to is hashed by copies of this size: they stay in cache.
_COPY_BYTES = 256 * 1024


@dataclass(frozen=True)
class _Functions:
    """OpenSSL's three functions for one algorithm, and the sizes of what they work on."""

    algorithm: str
    init: ctypes._NamedFuncPointer
    update: ctypes._NamedFuncPointer
    final: ctypes._NamedFuncPointer
    context_bytes: int
    block_bytes: int
    digest_bytes: int

    @property
    def header(self) -> bytes:
        return _VERSION + self.algorithm.encode() + b":" + _PLATFORM

    def accepts(self, context: bytes) -> bool:
        """Whether OpenSSL may be handed this memory: it trusts the counts at the end blindly."""
        if len(context) != self.context_bytes:
            return False
        buffered, digest_bytes = struct.unpack("=II", context[-8:])
        return bool(buffered < self.block_bytes and digest_bytes == self.digest_bytes)


# Prefix of the functions; sizes of the context, of a block and of the digest.
_SHAPES = {"sha256": ("SHA256", 112, 64, 32), "sha512": ("SHA512", 216, 128, 64)}


@cache
def _functions(algorithm: str) -> _Functions | None:
    prefix, *sizes = _SHAPES[algorithm]
    try:
        import _hashlib  # noqa: PLC0415  (absent where CPython has no OpenSSL)

        library = ctypes.CDLL(_hashlib.__file__)
        init, update, final = (
            getattr(library, f"{prefix}_{name}") for name in ("Init", "Update", "Final")
        )
    except (ImportError, AttributeError, OSError):
        return None
    init.argtypes = [ctypes.c_void_p]
    update.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]
    final.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    found = _Functions(algorithm, init, update, final, *sizes)
    return found if _agrees_with_hashlib(found) else None


def _agrees_with_hashlib(functions: _Functions) -> bool:
    """One known answer before we trust a layout in memory that no compiler has checked for us."""
    probe = _OpenSSLHasher(functions)
    probe.update(b"roadstead" * 100)
    expected = hashlib.new(functions.algorithm, b"roadstead" * 100).hexdigest()
    return probe.hexdigest() == expected


class _OpenSSLHasher:
    def __init__(self, functions: _Functions, context: bytes | None = None) -> None:
        self._functions = functions
        # Room to spare, should a future OpenSSL write past the size that we know.
        self._context = ctypes.create_string_buffer(functions.context_bytes + 64)
        if context is None:
            functions.init(self._context)
        else:
            ctypes.memmove(self._context, context, len(context))

    def update(self, data: bytes | memoryview) -> None:
        if isinstance(data, bytes):
            self._functions.update(self._context, data, len(data))
            return
        view = data.cast("B") if data.nbytes else memoryview(b"")
        if view.readonly:
            # ctypes takes no address of read-only memory.
            for at in range(0, view.nbytes, _COPY_BYTES):
                self.update(bytes(view[at : at + _COPY_BYTES]))
            return
        address = (ctypes.c_char * view.nbytes).from_buffer(view)
        self._functions.update(self._context, address, view.nbytes)

    def hexdigest(self) -> str:
        finished = ctypes.create_string_buffer(self._context.raw, len(self._context.raw))
        digest = ctypes.create_string_buffer(self._functions.digest_bytes)
        self._functions.final(digest, finished)
        return digest.raw.hex()

    def state(self) -> bytes | None:
        return self._functions.header + self._context.raw[: self._functions.context_bytes]


class _HashlibHasher:
    def __init__(self, algorithm: str) -> None:
        self._hash = hashlib.new(algorithm)

    def update(self, data: bytes | memoryview) -> None:
        self._hash.update(data)

    def hexdigest(self) -> str:
        return self._hash.hexdigest()

    def state(self) -> bytes | None:
        return None


class ResumableHashing:
    """Running hashes; ``portable=False`` behaves as where OpenSSL cannot be reached."""

    def __init__(self, *, portable: bool = True) -> None:
        self._portable = portable

    def begin(self, algorithm: str) -> Hasher:
        functions = _functions(algorithm) if self._portable else None
        return _OpenSSLHasher(functions) if functions else _HashlibHasher(algorithm)

    def resume(self, algorithm: str, state: bytes) -> Hasher:
        functions = _functions(algorithm) if self._portable else None
        if functions is None:
            raise Unavailable(f"this platform cannot continue a {algorithm} hash")
        header, context = state[: len(functions.header)], state[len(functions.header) :]
        if header != functions.header or not functions.accepts(context):
            raise Unavailable(f"not a state of a {algorithm} hash that this version can continue")
        return _OpenSSLHasher(functions, context)
