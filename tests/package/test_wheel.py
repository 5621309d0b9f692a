"""An installed wheel has what the tree has, also what is no Python."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("chalicelib", "roadstead")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from what git knows, so that nothing that lies about comes along."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", *_tracked()):
        place = source / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes((ROOT / name).read_bytes())
    words = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index"]
    words += ["--no-build-isolation", "--wheel-dir", str(target), str(source)]
    subprocess.run(words, check=True, timeout=300, capture_output=True)
    (built,) = target.glob("*.whl")
    return built


def _tracked() -> list[str]:
    words = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *PACKAGES]
    said = subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [name for name in said.splitlines() if (ROOT / name).is_file()]


def test_a_wheel_holds_every_file_of_its_packages(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert held == set(_tracked())


def test_prices_are_read_from_an_installed_wheel(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); "
        "from roadstead.usage import prices; "
        "print(prices.OWN, prices.read_prices(None).region)"
    )
    words = [sys.executable, "-c", code]
    said = subprocess.run(words, cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    place, region = said.split()
    assert Path(place).is_relative_to(tmp_path)
    assert region
