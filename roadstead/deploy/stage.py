"""One stage: a data stack and an application stack, made in this order and never taken in one.

roadstead-<stage>-data   table, bucket, keys, artefacts; protected, and kept when deleted
roadstead-<stage>        functions, API, front, roles, alarms; imports what the data stack exports

The bucket's policy names the distribution that may put uploads into it, and the distribution comes
after the bucket. So the data stack is updated once more when there is another one than it names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from roadstead.deploy.aws import Aws, DeployError

# What the command itself fills in.
_OURS = frozenset({"Stage", "DataStack", "GatewayKeyArn", "Distribution"})
_CHANGE_SET = re.compile(r"--change-set-name\s+(\S+)")


@dataclass(frozen=True)
class Names:
    """What belongs to a stage is called by its name. Raises: DeployError for a bad one."""

    stage: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9-]{0,19}", self.stage) or self.stage.endswith("-data"):
            raise DeployError(
                f"{self.stage!r} cannot be a stage: a letter, then up to 19 of a-z, 0-9 and -, "
                "and not ending in -data."
            )

    @property
    def app(self) -> str:
        return f"roadstead-{self.stage}"

    @property
    def data(self) -> str:
        return f"roadstead-{self.stage}-data"


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
            raise DeployError(
                f"No template has a parameter {', '.join(unknown)}. "
                f"There are: {', '.join(sorted(data | app))}."
            )
        return (
            {name: value for name, value in given.items() if name in data},
            {name: value for name, value in given.items() if name in app},
        )


def deploy(aws: Aws, names: Names, package: Package, given: Mapping[str, str]) -> None:
    """Make or update both stacks. Parameters that are not given stay as they are."""
    for_data, for_app = package.sort(given)
    for warning in package.warnings():
        aws.say(warning)
    words = _words(names.data, package.template("data"), names, {"Stage": names.stage, **for_data})
    aws.say(f"{names.data}: table, bucket and keys")
    aws.cloudformation(*words, "--no-fail-on-empty-changeset")
    aws.cloudformation(
        "update-termination-protection",
        "--enable-termination-protection",
        "--stack-name",
        names.data,
    )
    aws.say(f"{names.app}: functions and API")
    aws.cloudformation(*_app_words(aws, names, package, for_app), "--no-fail-on-empty-changeset")
    _let_in(aws, names, package)
    status(aws, names)


def _let_in(aws: Aws, names: Names, package: Package) -> None:
    """Let the distribution that there is now, and no other, put uploads into the bucket."""
    data, app = aws.describe(names.data), aws.describe(names.app)
    front = app.outputs.get("DistributionId", "") if app else ""
    if data is None or data.outputs.get("FrontId", "") == front:
        return
    aws.say(f"{names.data}: uploads through {front or 'no distribution'}")
    parameters = {"Stage": names.stage, "Distribution": front}
    words = _words(names.data, package.template("data"), names, parameters)
    aws.cloudformation(*words, "--no-fail-on-empty-changeset")


def dry_run(aws: Aws, names: Names, package: Package, given: Mapping[str, str]) -> None:
    """Show what a deployment would change, by change sets that are thrown away again."""
    for_data, for_app = package.sort(given)
    for warning in package.warnings():
        aws.say(warning)
    words = _words(names.data, package.template("data"), names, {"Stage": names.stage, **for_data})
    _show(aws, names.data, words)
    if not _is_made(aws, names.data):
        aws.say(
            f"{names.app}: cannot be shown before {names.data} is there, for it imports from it "
            "and its code is put into a bucket of it."
        )
        return
    words = _app_words(aws, names, package, for_app)
    _show(aws, names.app, words)


def _app_words(
    aws: Aws, names: Names, package: Package, given: Mapping[str, str]
) -> tuple[str, ...]:
    """Put the code into the artefacts' bucket, and say how the application is deployed from it."""
    data = aws.describe(names.data)
    if data is None or not data.is_well:
        state = data.status if data else "not there"
        raise DeployError(f"{names.data} is {state}: the application cannot be deployed on it.")
    bucket = data.outputs["ArtefactsBucket"]
    place = ("--s3-bucket", bucket, "--s3-prefix", names.stage)
    packaged = package.folder / f"app-{names.stage}.json"
    aws.cloudformation(
        "package",
        "--template-file",
        str(package.template("app")),
        *place,
        "--output-template-file",
        str(packaged),
        "--use-json",
    )
    parameters = {
        "Stage": names.stage,
        "DataStack": names.data,
        "GatewayKeyArn": data.outputs.get("GatewayKeyArn", ""),
        **given,
    }
    words = _words(names.app, packaged, names, parameters)
    return (*words, *place, "--capabilities", "CAPABILITY_IAM")


def _words(
    stack: str, template: Path, names: Names, parameters: Mapping[str, str]
) -> tuple[str, ...]:
    return (
        "deploy",
        "--stack-name",
        stack,
        "--template-file",
        str(template),
        "--tags",
        f"roadstead:stage={names.stage}",
        "--parameter-overrides",
        *(f"{name}={value}" for name, value in parameters.items()),
    )


def _is_made(aws: Aws, stack: str) -> bool:
    """Whether there is more than a change set, which makes an empty stack to stand in."""
    found = aws.describe(stack)
    return found is not None and found.status != "REVIEW_IN_PROGRESS"


def _show(aws: Aws, stack: str, words: tuple[str, ...]) -> None:
    was_made = _is_made(aws, stack)
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


def destroy(aws: Aws, names: Names, *, data: bool, confirmed: str | None) -> None:
    """Delete the application; the data stack too when it is asked for twice.

    Raises: DeployError: it was asked for once only. Then nothing at all is deleted.
    """
    if data and confirmed != names.data:
        raise DeployError(
            f"--data would delete the stack {names.data} as well. If that is meant, say it again: "
            f"--confirm {names.data}. Nothing was deleted."
        )
    if confirmed and not data:
        raise DeployError("--confirm is for --data alone. Nothing was deleted.")
    _delete(aws, names.app)
    kept = aws.describe(names.data)
    if not data:
        if kept:
            aws.say(f"{names.data} is kept, with all images: {_where(kept.outputs)}")
        return
    if kept is None:
        aws.say(f"{names.data} is not there")
        return
    aws.cloudformation(
        "update-termination-protection",
        "--no-enable-termination-protection",
        "--stack-name",
        names.data,
    )
    _delete(aws, names.data)
    aws.say(f"What it held is still there, and costs: {_where(kept.outputs)}. Delete it by hand.")


def _where(outputs: Mapping[str, str]) -> str:
    wanted = (
        "TableName",
        "BucketName",
        "ArtefactsBucket",
        "SigningKeyArn",
        "EdgeKeyArn",
        "EdgeWordArn",
        "GatewayKeyArn",
    )
    return ", ".join(f"{name} {outputs[name]}" for name in wanted if name in outputs)


def _delete(aws: Aws, stack: str) -> None:
    if aws.describe(stack) is None:
        aws.say(f"{stack} is not there")
        return
    aws.say(f"{stack}: deleting")
    aws.cloudformation("delete-stack", "--stack-name", stack)
    aws.cloudformation("wait", "stack-delete-complete", "--stack-name", stack)


def status(aws: Aws, names: Names) -> bool:
    """Say how both stacks are; whether all is well."""
    well = True
    for name in (names.data, names.app):
        stack = aws.describe(name)
        if stack is None:
            aws.say(f"{name}: not there")
            well = False
            continue
        well = well and stack.is_well
        aws.say(f"{name}: {stack.status}  {stack.changed}")
        for key, value in sorted(stack.outputs.items()):
            aws.say(f"  {key:20}{value}")
        for line in _address(stack.outputs):
            aws.say(line)
    return well


def _address(outputs: Mapping[str, str]) -> Iterator[str]:
    """Where clients find the registry, and what is left to do for it."""
    registry, host = outputs.get("Registry"), outputs.get("DistributionHost")
    if registry is None:
        return
    yield f"The registry is at {registry}"
    if registry != f"https://{host}":
        yield f"Its name has to lead to {host}: a CNAME, or an alias in Route 53."
