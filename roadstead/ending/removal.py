"""One run of the removal. It is repeated until nothing is left that could repeat it.

    application   deleted first: from then on nobody is served
    Lambda@Edge   after it; AWS lets its copies at the edges go some hours later
    buckets       emptied meanwhile, and deleted when the distribution is gone: until then the name
                  of a deleted bucket could be taken by a stranger, who would be sent the uploads
    table, keys   after the application
    data stack    when all else is gone: it carries the mark that this stage has an end at all
    end stack     the last, with the function in which this runs

Nothing is kept between runs. Each looks at what is there, does what can be done, and says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from roadstead.ending.cloud import EXPLAIN_REGION, Bound, Cloud, Found, Refused

Say = Callable[[str], None]


@dataclass(frozen=True)
class Run:
    """What a run has at hand; ``has_time``: whether a further page may be begun."""

    cloud: Cloud
    bound: Bound
    now_s: int
    has_time: Callable[[], bool]
    say: Say


def remove(run: Run) -> None:
    """Take one stage further towards nothing."""
    bound, say = run.bound, run.say
    data = run.cloud.stack(bound.region, bound.data)
    if data is None:
        _remove_itself(run)
        return
    if not _has_ended(run, data):
        return
    app_gone = _tried(run, bound.app, lambda: _stack_gone(run, bound.region, bound.app))
    explain_gone = app_gone and _tried(
        run, bound.explain, lambda: _stack_gone(run, EXPLAIN_REGION, bound.explain)
    )
    emptied = [_tried(run, each, partial(_emptied, run, each)) for each in bound.buckets]
    if not app_gone:
        say(f"{bound.app}: not gone yet; buckets, table and keys wait for it")
        return
    if not _contents_gone(run, emptied):
        return
    if not explain_gone:
        say(f"{bound.explain}: not gone yet; {bound.data} waits for it")
        return
    if _tried(run, bound.explain_logs, lambda: _logs_gone(run)):
        _tried(run, bound.data, lambda: _data_gone(run))


def _has_ended(run: Run, data: Found) -> bool:
    """Whether this stage is marked, and its end has come: else nothing at all is touched."""
    bound, say = run.bound, run.say
    if data.stage != bound.stage:
        say(f"{bound.data}: is of the stage {data.stage!r}, not {bound.stage!r}: nothing is done")
        return False
    try:
        ends_at_s = data.ends_at_s()
    except ValueError:
        say(f"{bound.data}: its end is no time, {data.ends!r}: nothing is done")
        return False
    if ends_at_s is None:
        say(f"{bound.data}: has no end: nothing is done")
        return False
    if ends_at_s > run.now_s:
        say(f"{bound.data}: ends at {data.ends}: nothing is done yet")
        return False
    if data.status.endswith("_IN_PROGRESS") and data.status != "DELETE_IN_PROGRESS":
        # Perhaps its end is being moved at this moment.
        say(f"{bound.data}: {data.status}: nothing is done yet")
        return False
    return True


def _tried(run: Run, what: str, work: Callable[[], bool]) -> bool:
    """Whether it is done; what AWS refuses is said, and tried again by the next run."""
    try:
        return work()
    except Refused as refused:
        run.say(f"{what}: {refused}")
        return False


def _stack_gone(run: Run, region: str, name: str) -> bool:
    found = run.cloud.stack(region, name)
    if found is None:
        return True
    # A change set that was never carried out: a stack without anything in it, parameters neither.
    is_empty = found.status == "REVIEW_IN_PROGRESS"
    if found.stage != run.bound.stage and not is_empty:
        raise Refused(f"is of the stage {found.stage!r}: it is left alone")
    if found.status.endswith("_IN_PROGRESS") and not is_empty:
        run.say(f"{name}: {found.status}")
        return False
    run.say(f"{name}: {found.status}; deleting")
    run.cloud.delete_stack(region, name)
    return False


def _data_gone(run: Run) -> bool:
    found = run.cloud.stack(run.bound.region, run.bound.data)
    if found is not None and found.status != "DELETE_IN_PROGRESS":
        run.cloud.unprotect(run.bound.region, run.bound.data)
    return _stack_gone(run, run.bound.region, run.bound.data)


def _emptied(run: Run, bucket: str) -> bool:
    pages = 0
    while run.has_time():
        if run.cloud.empty_page(bucket):
            run.say(f"{bucket}: empty, after {pages} pages")
            return True
        pages += 1
    run.say(f"{bucket}: {pages} pages deleted; the next run goes on")
    return False


def _contents_gone(run: Run, emptied: list[bool]) -> bool:
    bound, cloud = run.bound, run.cloud
    gone = all(emptied)
    for bucket, is_empty in zip(bound.buckets, emptied, strict=True):
        if is_empty:
            gone &= _tried(run, bucket, partial(_done, cloud.delete_bucket, bucket))
    table_gone = _tried(run, bound.table, lambda: cloud.delete_table(bound.table))
    if not table_gone:
        run.say(f"{bound.table}: not gone yet")
    for arn in bound.secrets:
        gone &= _tried(run, arn, partial(_done, cloud.delete_secret, arn))
    return gone and table_gone


def _done(work: Callable[[str], None], name: str) -> bool:
    work(name)
    return True


def _logs_gone(run: Run) -> bool:
    for region in run.cloud.regions():
        run.cloud.delete_logs(region, run.bound.explain_logs)
    return True


def _remove_itself(run: Run) -> None:
    """Only when there is nothing else: without the data stack there can be no application."""
    bound = run.bound
    for region, name in ((bound.region, bound.app), (EXPLAIN_REGION, bound.explain)):
        if run.cloud.stack(region, name) is not None:
            run.say(f"{name}: is there without {bound.data}: nothing is done")
            return
    run.say(f"{bound.end}: nothing else is left of the stage {bound.stage}; it goes as well")
    _tried(run, bound.end, lambda: _stack_gone(run, bound.region, bound.end))
