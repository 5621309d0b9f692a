"""What S3 refuses before it looks at a body. Pure: a head in, a refusal out.

Most of it is what local servers take: see docs/aws-at-home.md for what SeaweedFS says by itself.
Spec: S3 API reference, Error responses; Authenticating requests (SigV4).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape
from urllib.parse import parse_qsl

MOST_OF_ONE_PUT_BYTES = 5 * 1024**3
METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS")
# Of the algorithms, only checksums of the CRC family can be made of the parts' own.
COMPOSITE_ONLY = ("sha256", "sha1")
_SIGNED_HEADERS = re.compile(r"SignedHeaders=([^,\s]+)")


@dataclass(frozen=True)
class Head:
    """A request's head; header names lower-case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]

    @property
    def parameters(self) -> dict[str, str]:
        return dict(parse_qsl(self.query, keep_blank_values=True))


@dataclass(frozen=True)
class S3Refusal:
    """An answer of S3's own."""

    status: int
    code: str
    message: str
    more: Mapping[str, str] = field(default_factory=dict)

    def document(self, path: str) -> bytes:
        """The error XML."""
        parts = {
            "Code": self.code,
            "Message": self.message,
            **self.more,
            "Resource": path,
            "RequestId": "0123456789ABCDEF",
            "HostId": "roadstead-at-home",
        }
        inside = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in parts.items())
        return f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{inside}</Error>'.encode()


def refusal_of(head: Head) -> S3Refusal | None:
    """The first of the rules that the request breaks."""
    return next((found for rule in RULES if (found := rule(head))), None)


def _method(head: Head) -> S3Refusal | None:
    if head.method in METHODS:
        return None
    message = "The specified method is not allowed against this resource."
    return S3Refusal(405, "MethodNotAllowed", message, {"Method": head.method})


def _two_logins(head: Head) -> S3Refusal | None:
    if "authorization" not in head.headers or "X-Amz-Algorithm" not in head.parameters:
        return None
    message = (
        "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature "
        "query string parameter or the Authorization header should be specified"
    )
    return S3Refusal(400, "InvalidArgument", message, {"ArgumentName": "Authorization"})


def _chunked(head: Head) -> S3Refusal | None:
    if "transfer-encoding" not in head.headers:
        return None
    message = "A header you provided implies functionality that is not implemented"
    return S3Refusal(501, "NotImplemented", message, {"Header": "Transfer-Encoding"})


def _no_length(head: Head) -> S3Refusal | None:
    if head.method != "PUT" or "content-length" in head.headers:
        return None
    return S3Refusal(
        411, "MissingContentLength", "You must provide the Content-Length HTTP header."
    )


def _too_large(head: Head) -> S3Refusal | None:
    length = head.headers.get("content-length", "0")
    if head.method != "PUT" or not length.isdigit() or int(length) <= MOST_OF_ONE_PUT_BYTES:
        return None
    more = {"ProposedSize": length, "MaxSizeAllowed": str(MOST_OF_ONE_PUT_BYTES)}
    message = "Your proposed upload exceeds the maximum allowed size"
    return S3Refusal(400, "EntityTooLarge", message, more)


def _unsigned(head: Head) -> S3Refusal | None:
    """Every x-amz-* header has to be signed, whichever way the request is."""
    signed = head.parameters.get("X-Amz-SignedHeaders")
    if signed is None:
        found = _SIGNED_HEADERS.search(head.headers.get("authorization", ""))
        signed = found[1] if found else None
    if signed is None:
        return None
    known = signed.lower().split(";")
    unsigned = [name for name in head.headers if name.startswith("x-amz-") and name not in known]
    if not unsigned:
        return None
    message = "There were headers present in the request which were not signed"
    return S3Refusal(403, "AccessDenied", message, {"HeadersNotSigned": ", ".join(unsigned)})


def _whole_sha256_of_parts(head: Head) -> S3Refusal | None:
    named = head.headers.get("x-amz-checksum-algorithm", "").lower()
    kind = head.headers.get("x-amz-checksum-type", "").upper()
    starts = head.method == "POST" and "uploads" in head.parameters
    if not starts or kind != "FULL_OBJECT" or named not in COMPOSITE_ONLY:
        return None
    message = f"The FULL_OBJECT checksum type cannot be used with the {named} checksum algorithm."
    return S3Refusal(400, "InvalidRequest", message)


RULES: tuple[Callable[[Head], S3Refusal | None], ...] = (
    _method,
    _two_logins,
    _chunked,
    _no_length,
    _too_large,
    _unsigned,
    _whole_sha256_of_parts,
)
