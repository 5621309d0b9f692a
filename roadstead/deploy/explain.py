"""The stack of Lambda@Edge: beside the front, in us-east-1, whatever the stage's region is.

AWS copies the function to its edges, and lets the copies go only some hours after the last
distribution that ran it. Until then the stack cannot be deleted; nothing here waits for that.
"""

from __future__ import annotations

from collections.abc import Mapping

from roadstead.deploy.aws import Aws, DeployError, Stack
from roadstead.deploy.stacks import Names, Package, say_stack, show, stack_words

REGION = "us-east-1"
ARN = "ExplainArn"
LATER = (
    "AWS lets its copies at the edges go only some hours after the distribution. Until then its "
    "deletion fails; it costs nothing. Say `roadstead destroy` again then, with --region."
)


def region_of(aws: Aws, names: Names) -> str:
    """The stage's own region: that of its stacks, else the one that was named; empty if neither."""
    for name in (names.data, names.app):
        stack = aws.describe(name)
        if stack is not None and stack.region:
            return stack.region
    return aws.region


def is_wanted(aws: Aws, names: Names, package: Package, given: Mapping[str, str]) -> bool:
    """Whether there is, or will be, a front: as given, else as it is, else by default."""
    if ARN not in package.parameters("app"):
        return False
    if "Front" in given:
        return given["Front"] == "on"
    app = aws.describe(names.app)
    before = app.parameters.get("Front") if app else None
    return (before or package.default("app", "Front")) == "on"


def deploy(aws: Aws, names: Names, package: Package, given: Mapping[str, str]) -> str:
    """Make or update it; answers the version that the distribution is to run, empty for none."""
    if not is_wanted(aws, names, package, given):
        return ""
    there = aws.at(REGION)
    name = names.explain(region_of(aws, names))
    if not _is_free(there, name):
        there.say(f"{name}: refusals stay in AWS's words until a deployment after that.")
        return ""
    there.say(f"{name}: what API Gateway and S3 refuse, in words ({REGION})")
    try:
        there.cloudformation(*_words(names, package, name), "--no-fail-on-empty-changeset")
    except DeployError as error:
        raise DeployError(f"{error}\nWith --no-explain this stack is left out.") from error
    return _arn(there.describe(name))


def dry_run(aws: Aws, names: Names, package: Package, given: Mapping[str, str]) -> str:
    """Show what would change; answers the version that there is now."""
    if not is_wanted(aws, names, package, given):
        return ""
    there = aws.at(REGION)
    name = names.explain(region_of(aws, names))
    found = there.describe(name)
    if found is not None and found.status.startswith("DELETE_"):
        there.say(f"{name}: {found.status}; would be made anew once it is gone")
        return ""
    show(there, name, _words(names, package, name))
    arn = _arn(found)
    there.say(f"{names.app}: shown with {arn or 'no version'} of {name}")
    return arn


def destroy(aws: Aws, names: Names, region: str) -> None:
    """Begin to delete it, after all else."""
    if not region:
        aws.say("Say --region to have the stack of Lambda@Edge looked for as well.")
        return
    there, name = aws.at(REGION), names.explain(region)
    try:
        found = there.describe(name)
    except DeployError as error:
        # Where nobody may look into us-east-1 there is most likely nothing either.
        there.say(f"{name}: cannot be looked for in {REGION}: {error}")
        return
    if found is None:
        return
    there.cloudformation("delete-stack", "--stack-name", name)
    there.say(f"{name}: deleting, in {REGION}. {LATER}")


def status(aws: Aws, names: Names) -> bool:
    """Say how it is; whether all is well: not when the distribution runs another version."""
    app = aws.describe(names.app)
    used = app.parameters.get(ARN, "") if app else ""
    if app is None or not (used or "DistributionId" in app.outputs):
        return True
    region = region_of(aws, names)
    there, name = aws.at(REGION), names.explain(region)
    stack = there.describe(name)
    if stack is None:
        if used:
            aws.say(f"{name}: not there, and the distribution runs {used}")
        return not used
    say_stack(there, stack)
    if used and used != _arn(stack):
        there.say(f"  the distribution runs {used}: deploy once more")
        return False
    if not used:
        there.say("  no distribution of this stage runs it")
        return True
    return stack.is_well


def _is_free(there: Aws, name: str) -> bool:
    """Whether it can be made or updated: one that is being deleted is helped along first."""
    found = there.describe(name)
    if found is None or not found.status.startswith("DELETE_"):
        return True
    try:
        there.cloudformation("delete-stack", "--stack-name", name)
        there.cloudformation("wait", "stack-delete-complete", "--stack-name", name)
    except DeployError:
        there.say(f"{name}: AWS has not let its copies at the edges go yet ({found.status}).")
        return False
    return True


def _words(names: Names, package: Package, name: str) -> tuple[str, ...]:
    parameters = {"Stage": names.stage}
    words = stack_words(name, package.template("explain"), names, parameters)
    return (*words, "--capabilities", "CAPABILITY_IAM")


def _arn(stack: Stack | None) -> str:
    return stack.outputs.get(ARN, "") if stack else ""
