"""`python -m tests.oci.run [--access open|basic|bearer] [FOLDER]`: what `make conformance` runs."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.clients.commands import find
from tests.oci.programme import ACCESS, PROGRAM, REPORTS, run

FOLDER = Path("build/conformance")


def main() -> int:
    """0 when all passed and nothing was left out; 1 otherwise; 2 when there is no programme."""
    grammar = argparse.ArgumentParser(prog="tests.oci.run", description=__doc__)
    grammar.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    grammar.add_argument("--access", choices=list(ACCESS), default="open")
    asked = grammar.parse_args()
    program = find(PROGRAM)
    if program is None:
        print("NOT RUN: the OCI conformance programme is not here (.ci/goclients.sh builds it)")
        return 2
    result = run(program, ACCESS[asked.access], asked.folder.resolve())
    print(result.summary())
    print(f"reports: {', '.join(str(asked.folder / name) for name in REPORTS)}")
    return 0 if result.passed else 1


if __name__ == "__main__":
    sys.exit(main())
