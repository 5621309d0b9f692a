"""A stage that has an end: `roadstead deploy --expires`, and the stack that removes it then.

The data stack's parameter `Ends` says it, and nothing else: without it the function of the end
stack touches nothing. The end stack comes right after the data stack, so that a deployment that
breaks off has its end as well.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

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

NEVER = "never"
SOONEST = timedelta(minutes=15)
LATEST = timedelta(days=366)
# A deployment that moves the end needs some moments until it stands.
TOO_NEAR = timedelta(minutes=5)
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DURATION = re.compile(r"([1-9][0-9]{0,5})([mhdw])", re.ASCII)
_SECRETS = ("SigningKeyArn", "EdgeKeyArn", "EdgeWordArn", "GatewayKeyArn")


def parse(text: str, now: datetime) -> str:
    """The end that `--expires` asks for, as 2027-01-31T12:00:00Z; empty for `never`.

    Raises: DeployError: nonsense, or too soon, or too late.
    """
    if text == NEVER:
        return ""
    at = _time_of(text, now)
    if at is None:
        raise DeployError(
            f"--expires {text!r} is no end: say a duration like 2h, 7d or 1w, "
            "a time with its zone like 2027-01-31T12:00:00Z, or never."
        )
    if at < now + SOONEST:
        raise DeployError(f"--expires {text}: a deployment takes its time; 15m is the least.")
    if at > now + LATEST:
        raise DeployError(f"--expires {text}: the end must come within a year.")
    return written(at)


def _time_of(text: str, now: datetime) -> datetime | None:
    found = _DURATION.fullmatch(text)
    if found is not None:
        # However long it is: beyond a year it is too late, and beyond what a date can hold as well.
        return now + min(timedelta(**{_UNITS[found[2]]: int(found[1])}), 2 * LATEST)
    try:
        at = datetime.fromisoformat(text)
        # A bare date would be midnight in some zone.
        return at.astimezone(UTC) if at.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None


def written(at: datetime) -> str:
    """As CloudFormation and EventBridge Scheduler take it: UTC, in seconds."""
    return at.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")


def ends_of(data: Stack | None) -> str:
    """As the data stack is marked; empty for a stage without an end."""
    return data.parameters.get("Ends", "") if data else ""


def wanted(
    aws: Aws, names: Names, expires: str | None, confirmed: str | None, now: datetime
) -> str:
    """The end that the stage is to have: as asked, else as it is; empty for none.

    Raises: DeployError: nonsense; it has ended; or it was made to stay, which is said twice.
    """
    asked = None if expires is None else parse(expires, now)
    data = aws.describe(names.data)
    before = ends_of(data)
    if before and before <= written(now):
        raise DeployError(
            f"The stage {names.stage} ended at {before} and is being removed. Deploy it anew when "
            f"`roadstead status --stage {names.stage}` says that it is gone."
        )
    if before and before <= written(now + TOO_NEAR):
        raise DeployError(
            f"The stage {names.stage} ends at {before}, in less than five minutes: too near for "
            "anything to be changed safely."
        )
    stays = data is not None and data.status != "REVIEW_IN_PROGRESS" and not before
    if asked and stays and confirmed != names.data:
        raise DeployError(
            f"{names.data} is there and has no end: with one, all its images are deleted at "
            f"{asked}. If that is meant, say it again: --confirm {names.data}. Nothing was changed."
        )
    return before if asked is None else asked


def deploy(aws: Aws, names: Names, package: Package) -> None:
    """Make or update what removes the stage, or take it away from one that stays."""
    if not names.ends:
        if aws.describe(names.end) is not None:
            aws.say(f"{names.end}: the stage has no end any more")
            delete_stack(aws, names.end)
        return
    found = aws.describe(names.end)
    if found is not None and found.status.startswith("DELETE_"):
        # Of an earlier stage of this name, whose last piece it is.
        delete_stack(aws, names.end)
    aws.say(f"{names.end}: removes the stage from {names.ends} on")
    aws.cloudformation(*_words(aws, names, package), "--no-fail-on-empty-changeset")


def dry_run(aws: Aws, names: Names, package: Package) -> None:
    """Show what `deploy` would change."""
    if not names.ends:
        if aws.describe(names.end) is not None:
            aws.say(f"{names.end}: would be deleted, and the stage would stay")
        return
    aws.say(f"The stage would be removed from {names.ends} on.")
    if is_made(aws, names.data):
        show(aws, names.end, _words(aws, names, package))


def _words(aws: Aws, names: Names, package: Package) -> tuple[str, ...]:
    without = "nothing can be made to remove it"
    outputs, packaged, place = put_code(aws, names, package, "end", without)
    parameters = {
        "Stage": names.stage,
        "Ends": names.ends,
        "Bucket": outputs["BucketName"],
        "Artefacts": outputs["ArtefactsBucket"],
        "Table": outputs["TableName"],
        "Secrets": ",".join(outputs[each] for each in _SECRETS if each in outputs),
    }
    words = stack_words(names.end, packaged, names, parameters)
    return (*words, *place, "--capabilities", "CAPABILITY_IAM")


def destroy(aws: Aws, names: Names, kept: Stack | None) -> None:
    """Take the end stack away; ``kept``: the data stack, if it stays."""
    found = aws.describe(names.end)
    if found is None:
        return
    delete_stack(aws, names.end)
    if ends_of(kept):
        aws.say(
            f"Nothing removes {names.data} at {ends_of(kept)} any more; the next deployment "
            "arranges for it again."
        )


def status(aws: Aws, names: Names, now: datetime) -> bool:
    """Say when the stage ends; whether something is there that removes it then."""
    ends, stack = ends_of(aws.describe(names.data)), aws.describe(names.end)
    if not ends and stack is None:
        return True
    if stack is not None:
        say_stack(aws, stack)
    if not ends:
        aws.say(f"  no end is set, so that {names.end} removes nothing: destroy or deploy it away")
        return False
    if ends <= written(now):
        aws.say(f"The stage ended at {ends} and is being removed.")
    else:
        aws.say(f"The stage ends at {ends}, in {_distance(ends, now)}.")
    if stack is None:
        aws.say(f"{names.end}: not there, so that nothing removes it: deploy once more")
        return False
    return stack.is_well


def _distance(ends: str, now: datetime) -> str:
    minutes = int((datetime.fromisoformat(ends) - now).total_seconds() // 60)
    days, hours = minutes // 1440, minutes // 60 % 24
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes % 60} min"
