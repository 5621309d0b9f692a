"""Look at the data before the servers do: SeaweedFS starts on a damaged index as if it were empty.

Only first bytes are read, so this costs nothing; damage further in is for the servers to tell.
"""

import re
from pathlib import Path
from typing import Final

from roadstead.embedded.errors import EmbeddedStackError
from roadstead.embedded.folder import DataFolder

_SQLITE_MAGIC: Final = b"SQLite format 3\0"
_NEWEST_VOLUME_VERSION: Final = 3


def check_data(folder: DataFolder) -> None:
    """Refuse data that is visibly damaged.

    Raises: EmbeddedStackError
    """
    for path in sorted(folder.dynamodb.glob("*.db")):
        # An empty file is a database that was never written to.
        if _first_bytes(path, len(_SQLITE_MAGIC)) not in (b"", _SQLITE_MAGIC):
            raise _damaged(path, "users, repositories and tags", folder)
    for store in sorted((folder.s3 / "filerldb2").glob("*")):
        current = store / "CURRENT"
        if not _names_a_manifest(current):
            raise _damaged(current, "the list of objects in S3", folder)
    for path in sorted(folder.s3.glob("*.dat")):
        version = _first_bytes(path, 1)
        if version and not 1 <= version[0] <= _NEWEST_VOLUME_VERSION:
            raise _damaged(path, "layers", folder)


def _names_a_manifest(current: Path) -> bool:
    """LevelDB replaces CURRENT by a rename, so a kill cannot leave half of one."""
    found = re.fullmatch(rb"(MANIFEST-\d+)\n", _first_bytes(current, 100))
    return found is not None and (current.parent / found[1].decode()).is_file()


def _first_bytes(path: Path, size_bytes: int) -> bytes:
    with path.open("rb") as file:
        return file.read(size_bytes)


def _damaged(path: Path, what: str, folder: DataFolder) -> EmbeddedStackError:
    return EmbeddedStackError(
        f"{path}, which holds {what}, is damaged. Nothing was started and nothing changed. "
        f"Put {folder.path} back from a copy, or start on a new folder."
    )
