"""`.ci/goclients.sh` ends with 0 whatever is missing, and names what it left out and why."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from .commands import not_run

SCRIPT = Path(__file__).resolve().parents[2] / ".ci" / "goclients.sh"
PROGRAMS = ("conformance", "crane", "oras", "regctl")

# A `go` that knows its version, says of a program what it was built from, and builds by copying
# itself; `{fails}` is what its `install` does instead.
GO = """#!/bin/sh
case "$1" in
    env) echo {version} ;;
    version) tail -n 3 "$3" ;;
    install)
        {fails}
        package=${{2%@*}} version=${{2#*@}} name=${{package##*/}}
        echo "$name" >>"$GOBIN/../asked"
        printf '#!/bin/sh\\npath\\t%s\\nmod\\tmodule\\t%s\\n' "$package" "$version" >"$GOBIN/$name"
        chmod 755 "$GOBIN/$name" ;;
esac
"""
GONE = {
    "no Go": (None, "no Go here"),
    "an old Go": (GO.format(version="go1.23.9", fails=""), "go1.23.9 is older than 1.24"),
    "a build that fails": (
        GO.format(version="go1.24", fails="echo no network >&2; exit 1"),
        "its build failed, see .clients/regctl.log",
    ),
}


def checkout(folder: Path, go: str | None) -> Path:
    """A folder with the script and, beside the few tools that it needs, this `go`."""
    (folder / ".ci").mkdir()
    shutil.copy(SCRIPT, folder / ".ci")
    tools = folder / "tools"
    tools.mkdir()
    for tool in ("bash", "sh", "dirname", "mkdir", "rm", "awk", "tail", "chmod"):
        found = shutil.which(tool)
        if found is None:
            not_run(f"no {tool} here")
        (tools / tool).symlink_to(found)
    # `timeout` stands before `go install`: a network that never answers ends it.
    (tools / "timeout").write_text('#!/bin/sh\nshift\nexec "$@"\n')
    (tools / "timeout").chmod(0o755)
    if go is not None:
        (tools / "go").write_text(go)
        (tools / "go").chmod(0o755)
    return folder


def run_script(folder: Path) -> str:
    done = subprocess.run(
        ["bash", folder / ".ci" / "goclients.sh"],
        env={"PATH": str(folder / "tools"), "HOME": str(folder)},
        capture_output=True,
        check=False,
        cwd=os.sep,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.decode()


@pytest.mark.parametrize("name", GONE)
def test_what_cannot_be_had_is_named_and_left_out(tmp_path: Path, name: str) -> None:
    go, why = GONE[name]
    said = run_script(checkout(tmp_path, go))
    left_out = f"clients: left out: {' '.join(PROGRAMS)} ({why}); their tests report NOT RUN\n"
    assert said == left_out


def test_a_second_run_builds_nothing(tmp_path: Path) -> None:
    folder = checkout(tmp_path, GO.format(version="go1.26.8", fails=""))
    here = f"clients: in .clients/bin: {' '.join(PROGRAMS)}\n"
    asked = folder / ".clients" / "asked"

    assert run_script(folder) == here
    assert asked.read_text().split() == list(PROGRAMS)
    assert run_script(folder) == here
    assert asked.read_text().split() == list(PROGRAMS)


def test_what_was_built_at_another_version_is_built_again(tmp_path: Path) -> None:
    folder = checkout(tmp_path, GO.format(version="go1.26.8", fails=""))
    run_script(folder)
    crane = folder / ".clients" / "bin" / "crane"
    pinned = crane.read_text()
    crane.write_text(pinned.replace("\tv", "\tv9."))

    run_script(folder)

    assert crane.read_text() == pinned
