"""Where objects lie in the bucket: every key begins with its team.

<team>/sha256/<2 hex>/<64 hex>      proved blobs that came whole: named by what they are
<team>/objects/<upload id>          blobs that came in parts (S3 cannot rename): a row points here
<team>/whole/<upload id>/<hex>      blobs that came whole by a URL that takes no others: likewise
<team>/edge/<word>/<hex>            blobs that the edge takes for a repository: S3 checks them
<team>/uploads/<upload id>/<word>   tails of running uploads; nothing else ever points to them
<team>/documents/<alg>/<hex>        manifests and v1 json too large for a row
<team>/answers/<kind>/<alg>/<hex>   what was computed of layers; may be deleted at any time
"""

from __future__ import annotations

from chalicelib.domain.digest import Digest


def blob_key(team: str, digest: Digest) -> str:
    """The content-addressed key; two levels, so that a listing can be cut into 256 shares."""
    return f"{team}/{digest.algorithm}/{digest.hex[:2]}/{digest.hex}"


def multipart_key(team: str, upload_id: str) -> str:
    return f"{team}/objects/{upload_id}"


def whole_key(team: str, upload_id: str, digest: Digest) -> str:
    """Where an uploader puts a whole blob: whatever lies here has this digest.

    Every URL for it demands the digest as checksum. The upload's id keeps it from who only knows
    the digest of a blob that somebody else has pushed.
    """
    return f"{team}/whole/{upload_id}/{digest.hex}"


def edge_place(team: str, word: str) -> str:
    """Where the edge puts what it takes for the repository that has this word."""
    return f"{team}/edge/{word}"


def edge_key(team: str, word: str, digest: Digest) -> str:
    """Where the edge has put a blob, whose SHA-256 S3 was asked to check."""
    return f"{edge_place(team, word)}/{digest.hex}"


def tail_key(team: str, upload_id: str, word: str) -> str:
    return f"{team}/uploads/{upload_id}/{word}"


def document_key(team: str, digest: Digest) -> str:
    return f"{team}/documents/{digest.algorithm}/{digest.hex}"


def answer_key(team: str, kind: str, digest: Digest) -> str:
    """A computed answer, named by what it was computed from and by how (``kind``)."""
    return f"{team}/answers/{kind}/{digest.algorithm}/{digest.hex}"
