"""None of the uploader's faces holds AWS credentials: no AWS variable is read, no AWS library
imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients.images import Shelf
from tests.uploader.conftest import Remote

AWS_LIBRARIES = ("botocore", "boto3", "pynamodb", "chalice", "s3transfer")

# Runs a command in an environment that tells which variables were read of it.
WATCHED = """
import os, sys, threading, _thread
read = set()
class Environ(os.environ.__class__):
    def __getitem__(self, key):
        read.add(key)
        return super().__getitem__(key)
    def __iter__(self):
        return super().__iter__()
os.environ.__class__ = Environ
real = os.environ
def getenv(key, default=None):
    read.add(key)
    return real.get(key, default)
os.getenv = getenv
from roadstead.cli import main
if sys.argv[1] == "proxy":
    # As Ctrl-C, once it serves.
    import roadstead.proxy.run as proxy
    announce = proxy._announce
    def announced(*given):
        announce(*given)
        threading.Timer(0.3, _thread.interrupt_main).start()
    proxy._announce = announced
status = main(sys.argv[1:])
print("status", status)
print("read", *sorted(read))
print("modules", *sorted({name.partition(".")[0] for name in sys.modules}))
"""

COMMANDS = {
    "push": ("push", "--quiet", "oci:{folder}", "{host}/{repository}"),
    "pull": ("pull", "--quiet", "{host}/{repository}", "oci:{out}"),
    "proxy": ("proxy", "--port", "0", "--to", "http://{host}"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_neither_reads_an_aws_variable_nor_imports_an_aws_library(
    remote: Remote, images: Shelf, repository: str, tmp_path: Path, name: str
) -> None:
    names = {
        "folder": images["thirty-mb"].folder,
        "host": remote.host,
        "repository": repository,
        "out": tmp_path / "out",
    }
    steps = ["push", "pull"] if name == "pull" else [name]
    env = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "AWS_ACCESS_KEY_ID": "nobody's",
           "AWS_SECRET_ACCESS_KEY": "nobody's", "AWS_PROFILE": "none"}  # fmt: skip
    for step in steps:
        words = [word.format(**names) for word in COMMANDS[step]]
        ended = subprocess.run(
            [sys.executable, "-c", WATCHED, *words],
            env=env, capture_output=True, text=True, timeout=120, check=True,
        )  # fmt: skip
    said = dict(line.partition(" ")[::2] for line in ended.stdout.splitlines() if " " in line)
    assert said["status"] == "0", ended.stderr
    assert "HOME" in said["read"].split() or name == "proxy", "the watch works"
    assert [key for key in said["read"].split() if key.startswith("AWS")] == []
    assert set(said["modules"].split()).isdisjoint(AWS_LIBRARIES)
