"""Files that only their owner can read."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def write_private(path: Path, document: dict[str, Any]) -> None:
    """Replace a file by JSON that only its owner can read, whole or not at all."""
    # Named by the process: two may write the same file, and the last one counts.
    draft = path.with_suffix(f".{os.getpid()}.draft")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        json.dump(document, stream)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(path)
