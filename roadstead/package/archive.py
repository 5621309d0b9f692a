"""A zip that comes out the same byte for byte, and the bytecode that lies in it.

/var/task cannot be written to: without bytecode in the package, every cold start compiles every
module anew. Bytecode belongs to one minor version of Python and is made by that version; a Python
that does not know it ignores it.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from roadstead.package.errors import PackageError
from roadstead.package.trim import Files

# The oldest time that a zip can hold: a package says nothing about when it was built.
_EPOCH = (1980, 1, 1, 0, 0, 0)
_MODE = (stat.S_IFREG | 0o644) << 16
TASK_ROOT = "/var/task"

# Hash-based and unchecked: no time in it, and nothing to compare at a start.
_COMPILE = """
import compileall, py_compile, sys
compiled = compileall.compile_dir(
    sys.argv[1], quiet=1, stripdir=sys.argv[1], prependdir=sys.argv[2], force=True, maxlevels=99,
    invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
sys.exit(0 if compiled else 1)
"""


def write_zip(files: Files, path: Path) -> None:
    """Write files, sorted by name, with fixed times and modes; whole or not at all."""
    draft = path.with_suffix(".draft")
    with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system = 3  # Unix, wherever it is built: modes are read by it
            entry.external_attr = _MODE
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[name], compresslevel=9)
    draft.replace(path)


def find_python(version: str) -> str | None:
    """An interpreter of this version ("3.12"): $LAMBDA_PYTHON, this one, or one on the PATH."""
    named = os.environ.get("LAMBDA_PYTHON")
    for candidate in (named, sys.executable, shutil.which(f"python{version}")):
        if candidate and _version_of(candidate) == version:
            return candidate
    if named:
        raise PackageError(f"LAMBDA_PYTHON={named} is not a Python {version}.")
    return None


def _version_of(python: str) -> str | None:
    """None for what does not run: a version manager's stand-in answers only with advice."""
    program = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run(
            [python, "-I", "-c", program], capture_output=True, text=True, check=False
        )
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def with_bytecode(files: Files, python: str) -> Files:
    """The same files, and beside each module what ``python`` compiles it to.

    Raises: PackageError.
    """
    with tempfile.TemporaryDirectory(prefix="roadstead-compile-") as name:
        root = Path(name)
        for path in files:
            if path.endswith(".py"):
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_bytes(files[path])
        done = subprocess.run(
            [python, "-I", "-c", _COMPILE, name, TASK_ROOT],
            capture_output=True,
            text=True,
            check=False,
            env={"PYTHONHASHSEED": "0", "PATH": os.environ.get("PATH", os.defpath)},
        )
        if done.returncode:
            raise PackageError(f"a module does not compile with {python}:\n{done.stdout}")
        compiled = {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*.pyc")}
    return {**files, **compiled}


def describe(path: Path) -> dict[str, int]:
    """Bytes of a zip, packed and unpacked, and its number of files."""
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
    unpacked = sum(entry.file_size for entry in entries)
    return {"zip_bytes": path.stat().st_size, "unpacked_bytes": unpacked, "files": len(entries)}


def render(document: object) -> str:
    return json.dumps(document, indent=2) + "\n"
