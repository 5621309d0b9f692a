"""The function that removes a stage at its end: a zip of its modules, and nothing else.

AWS's SDK is in Lambda's runtime. Bytecode would save a tenth of a second every five minutes.
"""

from __future__ import annotations

from pathlib import Path

from roadstead.package import archive
from roadstead.package.function import PROJECT

ZIP_NAME = "end.zip"
FOLDER = PROJECT / "roadstead" / "ending"


def build_zip(path: Path) -> None:
    """Write it; the same sources give the same bytes."""
    modules = (PROJECT / "roadstead" / "__init__.py", *sorted(FOLDER.glob("*.py")))
    files = {str(each.relative_to(PROJECT)): each.read_bytes() for each in modules}
    archive.write_zip(files, path)
