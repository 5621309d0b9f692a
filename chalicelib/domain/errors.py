"""The one table of errors, and the one exception that carries a row of it.

A row says what a client is told: the code, the status, the sentence, and where it is specified.
Which shape the body takes (v2, v1, Hub) is the renderer's business, not this module's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, unique


@dataclass(frozen=True)
class ErrorSpec:
    """One row: the wire code, the default HTTP status, the default sentence, and its source."""

    code: str
    status: int
    message: str
    spec: str


@unique
class ErrorCode(Enum):
    """Every error that may leave the service."""

    # OCI Distribution 1.1, "Error Codes" (code-1 to code-14).
    BLOB_UNKNOWN = ErrorSpec("BLOB_UNKNOWN", 404, "blob unknown to registry", "OCI code-1")
    BLOB_UPLOAD_INVALID = ErrorSpec("BLOB_UPLOAD_INVALID", 400, "blob upload invalid", "OCI code-2")
    BLOB_UPLOAD_UNKNOWN = ErrorSpec(
        "BLOB_UPLOAD_UNKNOWN",
        404,
        "blob upload unknown to registry: it has ended, expired or never began; start a new one",
        "OCI code-3",
    )
    UPLOAD_CLOSED = ErrorSpec(
        "BLOB_UPLOAD_INVALID",
        409,
        "this upload is closed, and its digest is being proved; repeat its closing PUT",
        "OCI code-2",
    )
    DIGEST_INVALID = ErrorSpec(
        "DIGEST_INVALID", 400, "provided digest did not match uploaded content", "OCI code-4"
    )
    MANIFEST_BLOB_UNKNOWN = ErrorSpec(
        "MANIFEST_BLOB_UNKNOWN",
        404,
        "manifest references a manifest or blob unknown to this repository; push it first",
        "OCI code-5",
    )
    MANIFEST_INVALID = ErrorSpec("MANIFEST_INVALID", 400, "manifest invalid", "OCI code-6")
    MANIFEST_UNKNOWN = ErrorSpec(
        "MANIFEST_UNKNOWN", 404, "manifest unknown to registry", "OCI code-7"
    )
    NAME_INVALID = ErrorSpec("NAME_INVALID", 400, "invalid repository name", "OCI code-8")
    NAME_UNKNOWN = ErrorSpec(
        "NAME_UNKNOWN", 404, "repository name not known to registry", "OCI code-9"
    )
    SIZE_INVALID = ErrorSpec(
        "SIZE_INVALID", 400, "provided length did not match content length", "OCI code-10"
    )
    UNAUTHORIZED = ErrorSpec("UNAUTHORIZED", 401, "authentication required", "OCI code-11")
    DENIED = ErrorSpec("DENIED", 403, "requested access to the resource is denied", "OCI code-12")
    # An origin's own address: said in every family's shape, and never as a v1 sentence.
    NOT_THE_EDGE = ErrorSpec(
        "DENIED", 403, "this address serves the registry's own front and nobody else", "ours"
    )
    FORM_REFUSED = ErrorSpec(
        "DENIED",
        403,
        "this form was not sent from this page, or is too old; open the page again and repeat it",
        "ours",
    )
    UNSUPPORTED = ErrorSpec("UNSUPPORTED", 405, "the operation is unsupported", "OCI code-13")
    TOOMANYREQUESTS = ErrorSpec("TOOMANYREQUESTS", 429, "too many requests", "OCI code-14")

    # The store's own bound; the row above is what wrong passwords lead to.
    THROTTLED = ErrorSpec(
        "TOOMANYREQUESTS",
        429,
        "the store behind the registry is busy; try again in a moment",
        "OCI code-14",
    )

    # What the state of the repository forbids, whoever asks: a refusal, but none of access.
    TAG_IMMUTABLE = ErrorSpec(
        "DENIED",
        409,
        "this tag is immutable here and points to something else already; push under another tag",
        "OCI code-12",
    )
    TAG_PROTECTED = ErrorSpec(
        "DENIED",
        409,
        "a rule of this repository protects this tag from deletion; its owner can change the rule",
        "OCI code-12",
    )
    MANIFEST_NAMED = ErrorSpec(
        "DENIED",
        409,
        "an index of this repository names this manifest; delete the index first",
        "OCI code-12",
    )
    QUOTA_EXCEEDED = ErrorSpec(
        "DENIED", 403, "the team has expired, or a quota of it is used up", "ours"
    )
    TOO_MANY_PULLS = ErrorSpec(
        "TOOMANYREQUESTS",
        429,
        "the team has had all its pulls of today; they begin anew tomorrow (UTC)",
        "ours",
    )
    TEAM_EXISTS = ErrorSpec(
        "DENIED", 409, "a team or an account has this name, or had it until just now", "ours"
    )
    TEAM_UNKNOWN = ErrorSpec("NAME_UNKNOWN", 404, "you are in no team of this name", "ours")
    WEBHOOK_UNKNOWN = ErrorSpec("NAME_UNKNOWN", 404, "no such webhook, or no such event", "ours")
    WEBHOOK_LIMIT = ErrorSpec("DENIED", 409, "the team has as many webhooks as it may", "ours")
    MEMBER_UNKNOWN = ErrorSpec("NAME_UNKNOWN", 404, "the team has no such member", "ours")
    LAST_OWNER = ErrorSpec(
        "DENIED", 409, "a team keeps an owner: make somebody else one first", "ours"
    )
    TOO_MANY_TAGS = ErrorSpec(
        "TAG_INVALID", 414, "too many tags in one push; push the rest in another", "OCI end-7"
    )
    MANIFEST_NOT_ACCEPTED = ErrorSpec(
        "MANIFEST_UNKNOWN",
        404,
        "the manifest of this tag is of a media type that the Accept of the request does not name, "
        "and cannot be shown in one that it names",
        "OCI code-7",
    )

    # Docker Registry v2 knew these as well; clients print them.
    TAG_INVALID = ErrorSpec("TAG_INVALID", 400, "invalid tag name", "Docker v2 errors")
    RANGE_INVALID = ErrorSpec(
        "RANGE_INVALID", 416, "chunk does not follow what has been received", "Docker v2 errors"
    )
    PAGINATION_NUMBER_INVALID = ErrorSpec(
        "PAGINATION_NUMBER_INVALID", 400, "invalid number of results requested", "Docker v2 errors"
    )
    SIZE_EXCEEDED = ErrorSpec(
        "SIZE_INVALID", 413, "request body is larger than this way in takes", "OCI code-10"
    )
    NOT_FOUND = ErrorSpec("UNSUPPORTED", 404, "no such endpoint", "OCI code-13")
    BAD_REQUEST = ErrorSpec("UNSUPPORTED", 400, "malformed request", "OCI code-13")
    UNAVAILABLE = ErrorSpec(
        "UNAVAILABLE", 503, "the store behind the registry did not answer; try again", "ours"
    )
    UNKNOWN = ErrorSpec("UNKNOWN", 500, "unexpected error; nothing was changed by it", "ours")

    # Docker Registry v1: texts to the letter, clients compare some of them.
    V1_IMAGE_ID_INVALID = ErrorSpec("V1", 404, "Invalid image ID", "v1 images")
    V1_IMAGE_UNKNOWN = ErrorSpec("V1", 404, "Image not found", "v1 images")
    V1_IMAGE_BUSY = ErrorSpec("V1", 400, "Image is being uploaded, retry later", "v1 images")
    V1_IMAGE_EXISTS = ErrorSpec("V1", 409, "Image already exists", "v1 images")
    V1_JSON_INVALID = ErrorSpec("V1", 400, "Invalid JSON", "v1 images")
    V1_JSON_TOO_LARGE = ErrorSpec("V1", 413, "Image JSON is larger than 1 MB", "v1 images")
    V1_JSON_ID_MISSING = ErrorSpec("V1", 400, "Missing key `id' in JSON", "v1 images")
    V1_JSON_ID_INVALID = ErrorSpec("V1", 400, "JSON data contains invalid id", "v1 images")
    V1_PARENT_INVALID = ErrorSpec("V1", 400, "JSON data contains invalid parent", "v1 images")
    V1_PARENT_UNKNOWN = ErrorSpec("V1", 400, "Image depends on a non existing parent", "v1 images")
    V1_ANCESTRY_TOO_LONG = ErrorSpec("V1", 400, "Image has too many ancestors", "v1 images")
    V1_CHECKSUM_HEADER_MISSING = ErrorSpec(
        "V1",
        412,
        "X-Docker-Checksum-Payload not set. "
        "You need to upgrade your Docker client to 0.10 or later",
        "v1 checksum",
    )
    V1_CHECKSUM_MISSING = ErrorSpec("V1", 400, "Missing Image's checksum", "v1 checksum")
    V1_CHECKSUM_CONFLICT = ErrorSpec("V1", 409, "Cannot set this image checksum", "v1 checksum")
    V1_CHECKSUM_MISMATCH = ErrorSpec("V1", 400, "Checksum mismatch", "v1 checksum")
    V1_LAYER_MISSING = ErrorSpec(
        "V1", 400, "Layer not uploaded: PUT the layer before its checksum", "v1 checksum"
    )
    V1_LAYER_UNSUPPORTED = ErrorSpec("V1", 400, "Layer format not supported", "v1 files")
    V1_LAYER_TOO_LARGE = ErrorSpec("V1", 400, "Layer is too large to be listed", "v1 files")
    V1_DIFF_BUSY = ErrorSpec("V1", 400, "Diff is being computed, retry later", "v1 files")
    V1_DIFF_TOO_LARGE = ErrorSpec("V1", 400, "Image is too large to be compared", "v1 files")
    V1_TAG_INVALID = ErrorSpec(
        "V1",
        400,
        "Invalid tag name (must match ^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$)",
        "v1 tags",
    )
    V1_TAG_UNKNOWN = ErrorSpec("V1", 404, "Tag not found", "v1 tags")
    V1_DATA_INVALID = ErrorSpec("V1", 400, "Invalid data", "v1 tags")
    V1_REPOSITORY_UNKNOWN = ErrorSpec("V1", 404, "Repository not found", "v1 tags")
    V1_REPOSITORY_INVALID = ErrorSpec("V1", 400, "Invalid repository name", "v1 tags")
    V1_IMAGES_UNKNOWN = ErrorSpec("V1", 404, "images not found", "v1 index")
    V1_JSON_UNREADABLE = ErrorSpec("V1", 400, "Error Decoding JSON", "v1 index")
    # `docker login` of old compares this body to the letter, quotes included: it is no map.
    V1_ACCOUNT_EXISTS = ErrorSpec("V1", 400, "Username or email already exists", "v1 users")
    V1_ACCOUNT_INVALID = ErrorSpec("V1", 400, "Invalid account data", "v1 users")
    V1_ACCOUNT_UNKNOWN = ErrorSpec("V1", 404, "User not found", "v1 users")
    V1_SIGN_UP_CLOSED = ErrorSpec(
        "V1", 403, "Sign-up is closed here; ask an administrator for an account", "v1 users"
    )
    V1_INVITATION_UNKNOWN = ErrorSpec(
        "V1", 403, "Sign-up needs an invitation, and this one is unknown or used up", "v1 users"
    )
    V1_TOO_MANY_FAILURES = ErrorSpec(
        "V1", 429, "Too many wrong passwords; wait before the next try", "v1 users"
    )
    V1_IMAGE_NOT_LISTED = ErrorSpec(
        "V1", 400, "This image does not belong to the repository", "v1 images"
    )
    V1_PARENT_NOT_LISTED = ErrorSpec(
        "V1", 400, "Image depends on an unauthorized parent", "v1 images"
    )
    V1_UNAUTHORIZED = ErrorSpec("V1", 401, "Requires authorization", "v1 auth")
    V1_DENIED = ErrorSpec("V1", 403, "Access denied", "v1 auth")

    @property
    def status(self) -> int:
        """The HTTP status that goes with the code unless the raiser says otherwise."""
        return self.value.status


@dataclass(frozen=True)
class ErrorItem:
    """One entry of the v2 ``errors`` list."""

    code: ErrorCode
    message: str
    detail: Mapping[str, object] | None = None


class RegistryError(Exception):
    """A refusal that the client is told about: one or more rows of the table, with facts.

    ``detail`` is data for machines; it holds no secret, no stack and no bucket name.
    ``headers`` travel with the answer (``Range`` of an upload, ``Retry-After``).
    """

    def __init__(
        self,
        code: ErrorCode,
        message: str | None = None,
        *,
        detail: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
        status: int | None = None,
        items: tuple[ErrorItem, ...] = (),
    ) -> None:
        self.code = code
        self.message = message or code.value.message
        self.status = status or code.status
        self.headers = dict(headers or {})
        self.items = items or (ErrorItem(code, self.message, detail),)
        super().__init__(f"{code.name}: {self.message}")
