"""The uploader: whoever holds many bytes sends them straight to S3.

It asks the registry's API for URLs and reports what it has stored; it needs a login of the
registry and no AWS credentials. Three faces use it: `roadstead push`, `roadstead proxy`, and the
gateway beside a registry.

    storage   PUTs to presigned URLs, with tries
    session   the API, part URLs that are renewed, reports
    pump      bytes pushed in by somebody else, in order (the gateway, the proxy)
    planned   bytes of known size that can be read anywhere, in parallel (`roadstead push`)
"""

from roadstead.uploader.pump import PartPump
from roadstead.uploader.session import (
    ApiAnswer,
    PartUrls,
    RegistryApi,
    Stored,
    UploadRefused,
    release_of,
    report_of,
)
from roadstead.uploader.storage import Blocks, PartStorage, StorageFailed

__all__ = [
    "ApiAnswer",
    "Blocks",
    "PartPump",
    "PartStorage",
    "PartUrls",
    "RegistryApi",
    "StorageFailed",
    "Stored",
    "UploadRefused",
    "release_of",
    "report_of",
]
