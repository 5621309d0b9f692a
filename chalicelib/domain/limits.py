"""The sizes and times that hold the design together; units stand in the names."""

KIB = 1024
MIB = 1024 * KIB

# OCI Distribution 1.1, "Pushing Manifests": a registry should accept at least 4 MiB.
MAX_MANIFEST_BYTES = 4 * MIB
# A DynamoDB item holds 400 KB with its keys and attributes; larger documents go to S3.
MAX_INLINE_DOCUMENT_BYTES = 300 * KIB
# What of a manifest's annotations is kept for lists of referrers: a row's size, with room to spare.
MAX_LISTED_ANNOTATION_BYTES = 200 * KIB
# DynamoDB takes 4 MB in a transaction; a tag carries its manifest along.
MAX_TRANSACTION_DOCUMENT_BYTES = 3 * MIB
# How many tags one push by digest may set: three items each, of a transaction's hundred.
MAX_TAGS_AT_ONCE = 30
MAX_MANIFEST_DESCRIPTORS = 2000
MAX_MANIFEST_DEPTH = 32

# Lambda takes 6 MB in an event, and base64 adds a third: 4.5 MB of bytes come through.
MAX_INLINE_BODY_BYTES = 4_500_000
# S3's smallest part but the last, its largest part, and its largest number of parts.
MIN_PART_BYTES = 5 * MIB
MAX_PART_BYTES = 5 * 1024 * MIB
MAX_PARTS = 10_000
FIRST_PART_BYTES = 8 * MIB
# S3's largest object by one PUT: whose SHA-256 S3 itself can check.
MAX_WHOLE_BYTES = 5 * 1024 * MIB
# What the registry is willing to read back itself to prove a digest, in one request of 30 s; then
# what it leaves to the verifier, where there is one, so that the request ends well within its time.
MAX_PROOF_READ_BYTES = 2048 * MIB
MAX_PROOF_INLINE_BYTES = 1024 * MIB
# S3's largest object in parts.
MAX_OBJECT_BYTES = 5 * 1024 * 1024 * MIB

# How many blobs one request looks for among those that the edge has taken.
MAX_ADOPTED_BLOBS = 500

UPLOAD_TTL_S = 24 * 3600
# How long a crashed request blocks its upload session for others.
CLAIM_TTL_S = 60
DOWNLOAD_URL_TTL_S = 1200
PART_URL_TTL_S = 3600
V1_TOKEN_TTL_S = 12 * 3600
# Longer than any push: some clients ask for a token once and never again.
BEARER_TTL_S = 12 * 3600
BEARER_ANONYMOUS_TTL_S = 3600
REFRESH_TTL_S = 90 * 24 * 3600
MAX_API_TOKENS = 100
# Longer than any name or id of ours, shorter than what DynamoDB refuses as a key.
MAX_ID_CHARS = 64
MAX_TEAMS = 100
MAX_MEMBERS = 1000
MAX_API_TOKEN_DAYS = 3650
V1_ANONYMOUS_TOKEN_TTL_S = 3600

MAX_PAGE_ENTRIES = 1000
# A page of referrers carries their annotations; it is cut where a manifest would be too large.
MAX_REFERRERS_PAGE_BYTES = 4 * MIB
DEFAULT_PAGE_ENTRIES = 100

MAX_IMAGE_JSON_BYTES = 1_000_000
MAX_ANCESTRY = 1024
MAX_INDEX_IMAGES = 4096

# What is unpacked of one layer to list its files, within a request of 30 s: bzip2 and xz are slow.
MAX_UNPACKED_BYTES = 2048 * MIB
MAX_UNPACKED_XZ_BYTES = 512 * MIB
MAX_UNPACKED_BZIP2_BYTES = 128 * MIB
# Deflate reaches 1030 to 1 on zeros, layers hardly 20: beyond this it is a bomb, once it is large.
MAX_UNPACK_RATIO = 250
RATIO_FREE_BYTES = 256 * MIB
# Headers of 512 bytes in one archive, the special ones (PAX, long names) included.
MAX_ARCHIVE_HEADERS = 300_000
# What special headers may say of one file: Go's archive/tar draws the same line. Then of all.
MAX_FILE_HEADER_BYTES = MIB
MAX_SPECIAL_HEADER_BYTES = 64 * MIB
# Linux' PATH_MAX: nothing deeper was ever packed from a file system.
MAX_FILE_NAME_CHARS = 4096
MAX_LISTING_BYTES = 24 * MIB
# What one request reads to tell an image from its ancestors: layers, bytes of their listings, and
# bytes unpacked after which no further layer is begun (it is there when the client asks again).
MAX_DIFF_LAYERS = 256
MAX_DIFF_LISTING_BYTES = 128 * MIB
MAX_DIFF_UNPACKED_BYTES = 512 * MIB


# Webhooks of a team and its repositories: an event is handed to all of them in one transaction.
MAX_WEBHOOKS = 20
MAX_WEBHOOK_LABEL_CHARS = 100
MAX_DELIVERIES_SHOWN = 100


def part_bytes(part_number: int) -> int:
    """How large the part of this number (from 1) is, so that few parts reach far.

    8 MiB a part up to 8 GB, then doubling each thousand up to 64 MiB: 10,000 parts hold 500 GB,
    while the sender never holds more than a few parts in memory.
    """
    return FIRST_PART_BYTES << min(3, (part_number - 1) // 1000)
