"""One stage: its stacks, made in this order and never taken in one.

roadstead-<stage>-data   table, bucket, keys, artefacts; protected, and kept when deleted
roadstead-<stage>        functions, API, front, roles, alarms; imports what the data stack exports
roadstead-<stage>-explain-<region>   in us-east-1: Lambda@Edge for the front (`explain.py`)
roadstead-<stage>-end    of a stage that has an end: what removes all of it then (`ending.py`)

The bucket's policy names the distribution that may put uploads into it, and the distribution comes
after the bucket. So the data stack is updated once more when there is another one than it names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from roadstead.deploy import ending, explain
from roadstead.deploy.aws import Aws, DeployError, Stack
from roadstead.deploy.stacks import (
    Names,
    Package,
    delete_stack,
    is_made,
    put_code,
    say_stack,
    show,
    stack_words,
)


def deploy(
    aws: Aws,
    names: Names,
    package: Package,
    given: Mapping[str, str],
    now: datetime,
    *,
    explains: bool = True,
) -> None:
    """Make or update the stacks. Parameters that are not given stay as they are."""
    for_data, for_app = package.sort(given)
    for warning in package.warnings():
        aws.say(warning)
    words = _data_words(aws, names, package, for_data)
    aws.say(f"{names.data}: table, bucket and keys")
    aws.cloudformation(*words, "--no-fail-on-empty-changeset")
    aws.cloudformation(
        "update-termination-protection",
        "--enable-termination-protection",
        "--stack-name",
        names.data,
    )
    ending.deploy(aws, names, package)
    for_app["ExplainArn"] = explain.deploy(aws, names, package, for_app) if explains else ""
    aws.say(f"{names.app}: functions and API")
    aws.cloudformation(*_app_words(aws, names, package, for_app), "--no-fail-on-empty-changeset")
    _let_in(aws, names, package)
    status(aws, names, now)


def _data_words(
    aws: Aws, names: Names, package: Package, given: Mapping[str, str]
) -> tuple[str, ...]:
    parameters = {"Stage": names.stage, **given}
    if names.ends or ending.ends_of(aws.describe(names.data)):
        parameters["Ends"] = names.ends
    return stack_words(names.data, package.template("data"), names, parameters)


def _let_in(aws: Aws, names: Names, package: Package) -> None:
    """Let the distribution that there is now, and no other, put uploads into the bucket."""
    data, app = aws.describe(names.data), aws.describe(names.app)
    front = app.outputs.get("DistributionId", "") if app else ""
    if data is None or data.outputs.get("FrontId", "") == front:
        return
    aws.say(f"{names.data}: uploads through {front or 'no distribution'}")
    parameters = {"Stage": names.stage, "Distribution": front}
    words = stack_words(names.data, package.template("data"), names, parameters)
    aws.cloudformation(*words, "--no-fail-on-empty-changeset")


def dry_run(
    aws: Aws, names: Names, package: Package, given: Mapping[str, str], *, explains: bool = True
) -> None:
    """Show what a deployment would change, by change sets that are thrown away again."""
    for_data, for_app = package.sort(given)
    for warning in package.warnings():
        aws.say(warning)
    words = _data_words(aws, names, package, for_data)
    show(aws, names.data, words)
    ending.dry_run(aws, names, package)
    if not is_made(aws, names.data):
        aws.say(
            f"{names.app}: cannot be shown before {names.data} is there, for it imports from it "
            "and its code is put into a bucket of it."
        )
        return
    for_app["ExplainArn"] = explain.dry_run(aws, names, package, for_app) if explains else ""
    words = _app_words(aws, names, package, for_app)
    show(aws, names.app, words)


def _app_words(
    aws: Aws, names: Names, package: Package, given: Mapping[str, str]
) -> tuple[str, ...]:
    """Put the code into the artefacts' bucket, and say how the application is deployed from it."""
    without = "the application cannot be deployed on it"
    outputs, packaged, place = put_code(aws, names, package, "app", without)
    parameters = {
        "Stage": names.stage,
        "DataStack": names.data,
        "GatewayKeyArn": outputs.get("GatewayKeyArn", ""),
        **given,
    }
    words = stack_words(names.app, packaged, names, parameters)
    return (*words, *place, "--capabilities", "CAPABILITY_IAM")


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
    kept = aws.describe(names.data)
    region = explain.region_of(aws, names)
    delete_stack(aws, names.app)
    if data:
        _delete_data(aws, names, kept)
    elif kept:
        aws.say(f"{names.data} is kept, with all images: {_where(kept.outputs)}")
    ending.destroy(aws, names, None if data else kept)
    explain.destroy(aws, names, region)


def _delete_data(aws: Aws, names: Names, kept: Stack | None) -> None:
    if kept is None:
        aws.say(f"{names.data} is not there")
        return
    aws.cloudformation(
        "update-termination-protection",
        "--no-enable-termination-protection",
        "--stack-name",
        names.data,
    )
    delete_stack(aws, names.data)
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


def status(aws: Aws, names: Names, now: datetime) -> bool:
    """Say how the stacks are; whether all is well."""
    well = True
    for name in (names.data, names.app):
        stack = aws.describe(name)
        if stack is None:
            aws.say(f"{name}: not there")
            well = False
            continue
        well = well and stack.is_well
        say_stack(aws, stack)
        for line in _address(stack.outputs):
            aws.say(line)
    well = explain.status(aws, names) and well
    return ending.status(aws, names, now) and well


def _address(outputs: Mapping[str, str]) -> Iterator[str]:
    """Where clients find the registry, and what is left to do for it."""
    registry, host = outputs.get("Registry"), outputs.get("DistributionHost")
    if registry is None:
        return
    yield f"The registry is at {registry}"
    if registry != f"https://{host}":
        yield f"Its name has to lead to {host}: a CNAME, or an alias in Route 53."
    if "TeamHosts" in outputs:
        yield f"Teams are at {outputs['TeamHosts']}, which has to lead to {host} as well."
