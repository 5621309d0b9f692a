"""One stack, whichever it is: its name, its template, and what is asked of CloudFormation."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from roadstead.deploy.aws import Aws, DeployError, Stack

# What the command itself fills in.
_OURS = frozenset({"Stage", "DataStack", "GatewayKeyArn", "Distribution", "ExplainArn", "Ends"})
_CHANGE_SET = re.compile(r"--change-set-name\s+(\S+)")


@dataclass(frozen=True)
class Names:
    """What belongs to a stage is called by its name; ``ends``: when it removes itself, if it does.

    Raises: DeployError for a bad name.
    """

    stage: str
    ends: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9-]{0,19}", self.stage) or self._is_taken():
            raise DeployError(
                f"{self.stage!r} cannot be a stage: a letter, then up to 19 of a-z, 0-9 and -, "
                "not ending in -data or -end, and without -explain-."
            )

    def _is_taken(self) -> bool:
        """Whether its application's stack would be called as another stage's other stack is."""
        return self.stage.endswith(("-data", "-end")) or "-explain-" in self.stage

    @property
    def app(self) -> str:
        return f"roadstead-{self.stage}"

    @property
    def data(self) -> str:
        return f"roadstead-{self.stage}-data"

    @property
    def end(self) -> str:
        return f"roadstead-{self.stage}-end"

    @property
    def tags(self) -> tuple[str, ...]:
        """Of each of its stacks; CloudFormation hands them on to what they hold."""
        ends = (f"roadstead:ends={self.ends}",) if self.ends else ()
        return (f"roadstead:stage={self.stage}", *ends)

    def explain(self, region: str) -> str:
        """Of a stage in this region: those of all regions are neighbours in us-east-1."""
        return f"roadstead-{self.stage}-explain-{region}"


@dataclass(frozen=True)
class Package:
    """What `make package` has left in its folder."""

    folder: Path

    def template(self, name: str) -> Path:
        """Raises: DeployError when it has not been built."""
        path = self.folder / f"{name}.json"
        for needed in (path, self.folder / "deployment.zip"):
            if not needed.exists():
                raise DeployError(f"{needed} is not there. Run `make package` first.")
        return path

    def parameters(self, name: str) -> set[str]:
        document = json.loads(self.template(name).read_text())
        return set(document["Parameters"])

    def default(self, name: str, parameter: str) -> str:
        """A parameter's default; empty for none."""
        document = json.loads(self.template(name).read_text())
        return str(document["Parameters"].get(parameter, {}).get("Default", ""))

    def warnings(self) -> Iterator[str]:
        """What whoever deploys this package should know."""
        facts = self.folder / "package.json"
        if facts.exists() and not json.loads(facts.read_text())["bytecode"]:
            yield (
                "warning: the zip holds no bytecode, so that a cold start takes twice as long. "
                "Build it where Lambda's Python is: make package LAMBDA_PYTHON=/path/to/python3.12"
            )

    def sort(self, given: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
        """The given parameters, by the stack that knows them. Raises: DeployError."""
        data, app = self.parameters("data") - _OURS, self.parameters("app") - _OURS
        unknown = sorted(given.keys() - data - app)
        if unknown:
            if "Ends" in unknown:
                raise DeployError("The parameter Ends is set by --expires.")
            raise DeployError(
                f"No template has a parameter {', '.join(unknown)}. "
                f"There are: {', '.join(sorted(data | app))}."
            )
        return (
            {name: value for name, value in given.items() if name in data},
            {name: value for name, value in given.items() if name in app},
        )


def put_code(
    aws: Aws, names: Names, package: Package, template: str, without: str
) -> tuple[Mapping[str, str], Path, tuple[str, ...]]:
    """Put a template's code into the artefacts' bucket.

    The answer is what the data stack says, the template that names the code, and the words of
    where. Raises: DeployError: without a data stack that is well, and ``without`` says what then.
    """
    data = aws.describe(names.data)
    if data is None or not data.is_well:
        state = data.status if data else "not there"
        raise DeployError(f"{names.data} is {state}: {without}.")
    place = ("--s3-bucket", data.outputs["ArtefactsBucket"], "--s3-prefix", names.stage)
    packaged = package.folder / f"{template}-{names.stage}.json"
    aws.cloudformation(
        "package",
        "--template-file",
        str(package.template(template)),
        *place,
        "--output-template-file",
        str(packaged),
        "--use-json",
    )
    return data.outputs, packaged, place


def stack_words(
    stack: str, template: Path, names: Names, parameters: Mapping[str, str]
) -> tuple[str, ...]:
    return (
        "deploy",
        "--stack-name",
        stack,
        "--template-file",
        str(template),
        "--tags",
        *names.tags,
        "--parameter-overrides",
        *(f"{name}={value}" for name, value in parameters.items()),
    )


def is_made(aws: Aws, stack: str) -> bool:
    """Whether there is more than a change set, which makes an empty stack to stand in."""
    found = aws.describe(stack)
    return found is not None and found.status != "REVIEW_IN_PROGRESS"


def show(aws: Aws, stack: str, words: tuple[str, ...]) -> None:
    """Say what a deployment in these words would change, and change nothing."""
    was_made = is_made(aws, stack)
    said = aws.cloudformation(*words, "--no-execute-changeset", "--no-fail-on-empty-changeset")
    found = _CHANGE_SET.search(said)
    if found is None:
        aws.say(f"{stack}: nothing would change")
        return
    try:
        document = aws.document("describe-change-set", "--change-set-name", found[1])
        aws.say(f"{stack}: would change")
        for line in changes(document):
            aws.say(line)
    finally:
        aws.cloudformation("delete-change-set", "--change-set-name", found[1])
        if not was_made:
            aws.cloudformation("delete-stack", "--stack-name", stack)


def changes(document: Mapping[str, Any]) -> Iterator[str]:
    """A change set, one line a resource."""
    for each in document.get("Changes", ()):
        change = each["ResourceChange"]
        replaced = change.get("Replacement")
        note = "  REPLACED" if replaced == "True" else "  replaced?" if replaced else ""
        note = "" if replaced == "False" else note
        yield (
            f"  {change['Action']:8}{change['LogicalResourceId']:34}{change['ResourceType']}{note}"
        )


def delete_stack(aws: Aws, stack: str) -> None:
    if aws.describe(stack) is None:
        aws.say(f"{stack} is not there")
        return
    aws.say(f"{stack}: deleting")
    aws.cloudformation("delete-stack", "--stack-name", stack)
    aws.cloudformation("wait", "stack-delete-complete", "--stack-name", stack)


def say_stack(aws: Aws, stack: Stack) -> None:
    aws.say(f"{stack.name}: {stack.status}  {stack.changed}")
    for key, value in sorted(stack.outputs.items()):
        aws.say(f"  {key:20}{value}")
