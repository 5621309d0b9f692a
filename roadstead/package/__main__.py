"""`make package`: everything that a deployment needs, in one folder.

build/package/
  deployment.zip   the function, for its runtime
  app.json         the application stack, naming deployment.zip
  data.json        the data stack
  explain.json     the stack of Lambda@Edge, for us-east-1
  end.json         the stack that removes a stage at its end, naming end.zip
  end.zip          its function
  package.json     sizes and hashes, and which Python made the bytecode
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import sys
from pathlib import Path

from roadstead.package import archive, end, explain, function, template, wheels
from roadstead.package.errors import PackageError

INFRA = function.PROJECT / "infra"
BUILD = function.PROJECT / "build"


def build(out: Path, downloads: Path) -> dict[str, object]:
    """Build all of it; answers what package.json says. Raises: PackageError."""
    out.mkdir(parents=True, exist_ok=True)
    document = template.build_template(INFRA / "app.json")
    (out / "app.json").write_text(archive.render(document))
    shutil.copyfile(INFRA / "data.json", out / "data.json")
    (out / "explain.json").write_text(
        archive.render(explain.build_template(INFRA / "explain.json"))
    )
    shutil.copyfile(INFRA / "end.json", out / "end.json")
    end.build_zip(out / end.ZIP_NAME)
    path = out / template.ZIP_NAME
    python = function.build_zip(wheels.LAMBDA, path, downloads)
    facts: dict[str, object] = {
        "target": wheels.LAMBDA.name,
        "bytecode": python is not None,
        **archive.describe(path),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    (out / "package.json").write_text(archive.render(facts))
    return facts


def terraform(out: Path, downloads: Path) -> None:
    """As far as Chalice gives it: functions, API and roles, with our zip. docs/deploying.md."""
    out.mkdir(parents=True, exist_ok=True)
    template.chalice_package(out, "--pkg-format", "terraform")
    function.build_zip(wheels.LAMBDA, out / template.ZIP_NAME, downloads)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m roadstead.package")
    parser.add_argument("--out", type=Path, default=BUILD / "package")
    parser.add_argument("--downloads", type=Path, default=BUILD / "wheels")
    parser.add_argument("what", nargs="?", choices=("all", "terraform", "lock"), default="all")
    asked = parser.parse_args()
    try:
        if asked.what == "lock":
            wheels.write_lock(function.LOCK, function.PROJECT / "requirements.txt")
        elif asked.what == "terraform":
            terraform(asked.out, asked.downloads)
        else:
            report(build(asked.out, asked.downloads), asked.out)
    except PackageError as error:
        print(f"package: {error}", file=sys.stderr)
        return 1
    return 0


def report(facts: dict[str, object], out: Path) -> None:
    print(f"{out}: {facts['zip_bytes']:,} bytes packed, {facts['unpacked_bytes']:,} unpacked")
    if not facts["bytecode"]:
        print(
            f"No Python {wheels.LAMBDA.python} is on the PATH, so the zip holds no bytecode: it "
            "works, and every cold start compiles it anew. LAMBDA_PYTHON=/path/to/python names one."
        )


if __name__ == "__main__":
    sys.exit(main())
