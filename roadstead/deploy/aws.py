"""The `aws` command, which brings its own credentials; none is read or kept here."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from roadstead.failure import Failure


class DeployError(Failure):
    """Says what is wrong and what to do."""


@dataclass(frozen=True)
class Stack:
    """What CloudFormation says of a stack."""

    name: str
    status: str
    outputs: dict[str, str]
    changed: str
    region: str = ""
    parameters: dict[str, str] = field(default_factory=dict)

    @property
    def is_well(self) -> bool:
        return self.status in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")


@dataclass(frozen=True)
class Aws:
    """Runs `aws cloudformation ...`; ``options`` (--region, --profile) go with every call."""

    options: tuple[str, ...]
    say: Callable[[str], None]

    @property
    def region(self) -> str:
        """The one that was named; empty where the aws command takes its own."""
        words = self.options
        return words[words.index("--region") + 1] if "--region" in words else ""

    def at(self, region: str) -> Aws:
        """The same in another region."""
        words = list(self.options)
        if "--region" in words:
            start = words.index("--region")
            del words[start : start + 2]
        return Aws(("--region", region, *words), self.say)

    def cloudformation(self, *words: str) -> str:
        """Standard output. Raises: DeployError, with what aws said."""
        done = self._run(*words)
        if done.returncode:
            raise DeployError(
                f"aws cloudformation {words[0]} failed:\n{(done.stderr or done.stdout).strip()}"
            )
        return done.stdout

    def document(self, *words: str) -> Any:
        return json.loads(self.cloudformation(*words, "--output", "json"))

    def describe(self, name: str) -> Stack | None:
        """None for a stack that does not exist. Raises: DeployError."""
        words = ("describe-stacks", "--stack-name", name, "--output", "json")
        done = self._run(*words)
        if done.returncode:
            if "does not exist" in done.stderr:
                return None
            raise DeployError(f"aws cloudformation {words[0]} failed:\n{done.stderr.strip()}")
        found = json.loads(done.stdout)["Stacks"][0]
        outputs = {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs") or ()}
        changed = found.get("LastUpdatedTime") or found.get("CreationTime") or ""
        given = {
            each["ParameterKey"]: each["ParameterValue"]
            for each in found.get("Parameters") or ()
            if "ParameterValue" in each
        }
        # arn:aws:cloudformation:REGION:ACCOUNT:stack/NAME/ID
        region = (str(found.get("StackId") or "").split(":") + [""] * 4)[3]
        return Stack(name, found["StackStatus"], outputs, str(changed), region, given)

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        program = shutil.which("aws")
        if program is None:
            raise DeployError(
                "The `aws` command was not found. Install the AWS CLI and log in with it: "
                "https://docs.aws.amazon.com/cli/"
            )
        command = [program, "cloudformation", *words, *self.options]
        return subprocess.run(
            command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
        )
