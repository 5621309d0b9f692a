"""The function's zip: app.py, chalicelib, and the trimmed wheels of its runtime."""

from __future__ import annotations

from pathlib import Path

from roadstead.package import archive, trim, wheels
from roadstead.package.errors import PackageError
from roadstead.package.trim import Files
from roadstead.package.wheels import Target

PROJECT = Path(__file__).resolve().parents[2]
LOCK = PROJECT / "infra" / "wheels.txt"
# Templates and assets of the web page; each file of these folders.
_PAGE_FOLDERS = ("chalicelib/page/templates", "chalicelib/page/assets")
# The stores in memory are for tests; nothing that is shipped imports them.
_NOT_SHIPPED = ("chalicelib/adapters/memory/",)


def sources() -> Files:
    """Our own part of the zip."""
    paths = [PROJECT / "app.py", *(PROJECT / "chalicelib").rglob("*.py")]
    paths += [path for folder in _PAGE_FOLDERS for path in (PROJECT / folder).iterdir()]
    files = {path.relative_to(PROJECT).as_posix(): path.read_bytes() for path in paths}
    return {name: data for name, data in files.items() if not name.startswith(_NOT_SHIPPED)}


def build_zip(target: Target, path: Path, downloads: Path, *, bytecode: bool = True) -> str | None:
    """Write the zip for a target. Answers the interpreter that made the bytecode, if one did.

    Without an interpreter of the target's version the zip holds none: it works, and starts slower.
    Raises: PackageError.
    """
    files = sources()
    for wheel in wheels.fetch(target, LOCK, downloads):
        added = trim.from_wheel(wheel)
        if clash := files.keys() & added.keys():
            raise PackageError(f"{wheel.name} brings files that are there already: {clash}")
        files.update(added)
    python = archive.find_python(target.python) if bytecode else None
    if python:
        files = archive.with_bytecode(files, python)
    path.parent.mkdir(parents=True, exist_ok=True)
    archive.write_zip(files, path)
    return python
