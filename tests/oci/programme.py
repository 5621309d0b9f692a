"""The OCI conformance programme: with every option on, and with no mercy for what it skips.

It is a Go program that `.ci/goclients.sh` builds. It ends with 0 when it could not read its
settings, and when its reports could not be written, so its reports are what is judged, and they
are removed before it starts.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import yaml

from chalicelib.domain.access import Mode
from chalicelib.domain.bearer import Challenge
from chalicelib.service import accounts
from roadstead import local
from roadstead.gateway.downloads import Downloads
from tests.support.registry import RunningRegistry, running_registry

PROGRAM = "conformance"
VERSION = "1.1+dev"
REPORTS = ("report.html", "junit.xml", "results.yaml")
TIMEOUT_S = 240

# Every switch that the programme has, those that are off by default included.
# `Result.switched_off` sees to it that none is missing here.
SWITCHES = (
    "API_PING",
    "API_PULL",
    "API_PUSH",
    "API_BLOBS_ATOMIC",
    "API_BLOBS_DELETE",
    "API_BLOBS_DIGEST_HEADER",
    "API_BLOBS_MOUNT_ANONYMOUS",
    "API_BLOBS_UPLOAD_CANCEL",
    "API_MANIFESTS_ATOMIC",
    "API_MANIFESTS_DELETE",
    "API_MANIFESTS_DIGEST_HEADER",
    "API_MANIFESTS_TAG_PARAM",
    "API_TAGS_ATOMIC",
    "API_TAGS_DELETE",
    "API_TAGS_LIST",
    "API_REFERRER",
    "DATA_IMAGE",
    "DATA_INDEX",
    "DATA_INDEX_LIST",
    "DATA_SPARSE",
    "DATA_ARTIFACT",
    "DATA_SUBJECT",
    "DATA_SUBJECT_MISSING",
    "DATA_ARTIFACT_LIST",
    "DATA_SUBJECT_LIST",
    "DATA_DATA_FIELD",
    "DATA_NONDISTRIBUTABLE",
    "DATA_CUSTOM_FIELDS",
    "DATA_NO_LAYERS",
    "DATA_EMPTY_BLOB",
    "DATA_SHA512",
)


@dataclass(frozen=True)
class Access:
    """How a registry of ours is opened to the programme."""

    mode: Mode
    challenge: Challenge = Challenge.BASIC


ACCESS: Mapping[str, Access] = {
    "open": Access(Mode.OPEN),
    "basic": Access(Mode.ACCOUNTS),
    "bearer": Access(Mode.ACCOUNTS, Challenge.BEARER),
}
USER, PASSWORD = "conformance", "conformance-password"


@dataclass(frozen=True)
class Result:
    """What the reports of one run say."""

    folder: Path
    output: str
    counts: Mapping[str, int]
    apis: Mapping[str, str]
    data: Mapping[str, str]
    config: Mapping[str, Any]
    scenarios: frozenset[str]
    complaints: tuple[str, ...]
    access: str = ""

    @property
    def passed(self) -> bool:
        return not self.shortcomings

    @property
    def shortcomings(self) -> list[str]:
        """Everything that keeps this run from being one in which all was tried and all passed."""
        found = [f"{count} {name}" for name, count in self.counts.items() if name != "tests"]
        found = [text for text in found if not text.startswith("0 ")]
        if self.counts["tests"] < 1:
            found.append("nothing was tested")
        for kind, statuses in (("API", self.apis), ("data", self.data)):
            found += [f"{kind} {name}: {got}" for name, got in statuses.items() if got != "Pass"]
        return found + [f"{name} is off" for name in self.switched_off] + list(self.complaints)

    @property
    def switched_off(self) -> list[str]:
        """The options that were off, by their names in the programme's own report."""
        return sorted(
            name
            for part in ("apis", "data")
            for name, value in _leaves(part, self.config[part])
            if value is not True
        )

    def summary(self) -> str:
        counts = self.counts
        passed = counts["tests"] - sum(n for name, n in counts.items() if name != "tests")
        rest = ", ".join(f"{n} {name}" for name, n in counts.items() if name != "tests")
        lines = [f"OCI conformance {VERSION}: {passed} of {counts['tests']} passed, {rest}"]
        lines += [f"  {text}" for text in self.shortcomings]
        return "\n".join(lines)


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(f"{path}.{name}", inner)
    else:
        yield path, value


def settings(registry: RunningRegistry, access: Access, folder: Path) -> dict[str, str]:
    """The environment of a run: nothing of the machine's own, and every switch on."""
    login = access.mode is Mode.ACCOUNTS
    return {
        "PATH": os.defpath,
        "HOME": str(folder),
        # An empty file: without it the programme would read one from where it is started.
        "OCI_CONFIGURATION": os.devnull,
        "OCI_VERSION": VERSION,
        "OCI_REGISTRY": registry.host,
        "OCI_TLS": "disabled",
        "OCI_REPO1": f"{USER}/repo1",
        "OCI_REPO2": f"{USER}/repo2",
        "OCI_USERNAME": USER if login else "",
        "OCI_PASSWORD": PASSWORD if login else "",
        "OCI_LOG": "error",
        "OCI_RESULTS_DIR": str(folder),
        **{f"OCI_{switch}": "true" for switch in SWITCHES},
    }


@contextmanager
def registry_for(access: Access) -> Iterator[RunningRegistry]:
    """A registry of ours that takes sparse manifests, with the account of the programme.

    Its downloads come through the gateway: behind a redirect it is S3 that answers, which has no
    Docker-Content-Digest.
    """
    choices = local.Choices(
        access.mode,
        challenge=access.challenge,
        sparse_manifests=True,
        downloads=Downloads.THROUGH,
    )
    with running_registry(**vars(choices)) as registry:
        if access.mode is Mode.ACCOUNTS:
            accounts.create(registry.world, USER, PASSWORD)
        yield registry


def run(program: str, access: Access, folder: Path) -> Result:
    """Run the programme against a registry of its own, and leave its reports in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in REPORTS:
        (folder / name).unlink(missing_ok=True)
    with registry_for(access) as registry:
        done = subprocess.run(
            [program],
            env=settings(registry, access, folder),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=TIMEOUT_S,
            check=False,
        )
    return read(folder, done.stdout.decode("utf-8", "replace"))


def read(folder: Path, output: str = "") -> Result:
    """The result that the reports in a folder hold.

    Raises: AssertionError: a report is missing, and with it the end of what the programme said.
    """
    missing = [name for name in REPORTS if not (folder / name).is_file()]
    assert not missing, f"the programme left no {', '.join(missing)}: {output[-2000:]}"
    suites = ElementTree.parse(folder / "junit.xml").getroot()
    results = yaml.safe_load((folder / "results.yaml").read_text())
    names = ("tests", "failures", "errors", "skipped", "disabled")
    cases = list(suites.iter("testcase"))
    return Result(
        folder,
        output,
        {name: int(suites.get(name) or 0) for name in names},
        results["apis"],
        results["data"],
        results["config"],
        frozenset(_scenario(case.get("name") or "") for case in cases),
        _complaints(case for case in cases if case.get("status") != "passed"),
    )


def _scenario(name: str) -> str:
    """``OCI Conformance Test/index/push/blob-put`` is a part of the scenario ``index/push``.

    A range is a scenario of its own, one level down. By which way a blob is pushed that is only
    needed is the programme's choice, and may be another one with the next registry.
    """
    first, *rest = name.split("/")[1:]
    if first == "invalid-digest-format" and rest[0].startswith("blob-"):
        return f"{first}/push"
    depth = 2 if rest[:1] == ["range requests"] and rest[1].startswith("range ") else 1
    return "/".join([first, *rest[:depth]])


def _complaints(cases: Iterable[ElementTree.Element]) -> tuple[str, ...]:
    """What was wrong and how often, with one place where to look; the same is said once."""
    places: dict[str, list[str]] = {}
    for case in cases:
        words = " ".join((case.findtext("system-out") or "").split())
        reason = re.sub(r"sha(256|512):[0-9a-f]+", r"sha\1:...", words)[:300]
        *_, leaf = (case.get("name") or "").split("/")
        places.setdefault(f"{case.get('status')}: {leaf}: {reason}", []).append(
            (case.get("name") or "").partition("/")[2]
        )
    return tuple(f"{len(at)} x {what} (first at {at[0]})" for what, at in places.items())
