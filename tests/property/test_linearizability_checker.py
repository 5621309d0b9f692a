"""The checker itself: histories that are known to be good, and histories that are known not to be.

A history is drawn as in the papers: a line for each client, time runs to the right, an operation
stands between its brackets.
"""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from textwrap import dedent

import pytest

from tests.property.linearizability import Operation, TooLong, check
from tests.property.repository_model import DELETE, PUSH, READ, Asked, Model, Repository

A, B = "sha256:a", "sha256:b"


def read(drawn: str) -> list[Operation[Asked]]:
    """The operations of a drawing; what is not closed by a bracket was never answered for sure."""
    return [
        Operation(asked(text), start, end)
        for line in dedent(drawn).splitlines()
        for text, start, end in brackets(line)
    ]


def brackets(line: str) -> list[tuple[str, int, int | None]]:
    found, at = [], 0
    while (start := line.find("[", at)) >= 0:
        closes = line.find("]", start)
        end = closes if closes >= 0 else None
        found.append((line[start + 1 : end].strip(" -"), start, end))
        at = len(line) if end is None else end
    return found


def asked(text: str) -> Asked:
    """``push t=a 409``, ``push t,u=a``, ``del t``, ``del a 404``, ``t is a``, ``t?``."""
    words = text.split()
    if words[0] == "push":
        tags, _, digest = words[1].partition("=")
        return Asked(PUSH, status_of(words, 201), f"sha256:{digest}", tuple(tags.split(",")))
    if words[0] == "del":
        status = status_of(words, 202)
        if words[1] in ("a", "b"):
            return Asked(DELETE, status, f"sha256:{words[1]}")
        return Asked(DELETE, status, tags=(words[1],))
    subject, found = words[0].rstrip("?"), f"sha256:{words[2]}" if "is" in words else None
    status = 200 if found else 404
    if subject in ("a", "b"):
        return Asked(READ, status, f"sha256:{subject}", found=found)
    return Asked(READ, status, tags=(subject,), found=found)


def status_of(words: list[str], usual: int) -> int:
    return int(words[2]) if len(words) > 2 else usual


# `t?` is a read that found nothing.
GOOD = {
    "one after the other": """
        [t?] [push t=a] [t is a] [push t=b] [t is b] [del t] [t?] [del t 404]
    """,
    "a read beside a push sees either": """
        [push t=a] [--push t=b--]
                     [t is a]
                     [t is b]
    """,
    "two reads beside a push, the first sees the old": """
        [push t=a] [---------push t=b---------]
                     [t is a]  [t is b]
    """,
    "pushes beside each other in either order": """
        [push t=a-----]
        [-----push t=b] [t is a]
    """,
    "a push takes effect before its answer": """
        [--------push t=a--------]
            [t is a] [del t] [t?]
    """,
    "of two deletions one finds nothing": """
        [push t=a] [del t--------]
                   [----del t 404]
    """,
    "a manifest takes its tags along": """
        [push t,u=a] [push u=b] [del a] [t?] [u is b] [a?] [b is b]
    """,
    "a manifest comes back": """
        [push t=a] [del a] [a?] [push u=a] [a is a] [t?] [u is a]
    """,
    "what was not answered has happened": """
        [push t=a] [del t 503
                              [t?] [t?]
    """,
    "what was not answered has not happened": """
        [push t=a] [del t 503
                              [t is a] [t is a]
    """,
    "what was not answered happens late": """
        [push t=a] [push t=b 503
                                 [t is a] [del t] [t?] [t is b]
    """,
}

BAD = {
    "a read of what nobody has pushed": "[push t=a] [t is b]",
    "a read that sees an old tag": "[push t=a] [push t=b] [t is a]",
    "a push that is lost": "[push t=a] [t?]",
    "a deletion that is undone": "[push t=a] [del t] [t is a]",
    "a deletion of what is not there": "[del t]",
    "a deletion that finds nothing of what is there": "[push t=a] [del t 404]",
    "two reads beside a push, the second sees the old": """
        [push t=a] [---------push t=b---------]
                     [t is b]  [t is a]
    """,
    "two readers disagree on the order of two pushes": """
        [push t=a-----]
        [-----push t=b]
                        [t is a] [t is b]
    """,
    "two deletions that both find the tag": """
        [push t=a] [del t--------]
                   [--------del t]
    """,
    "a manifest leaves a tag behind": "[push t,u=a] [del a] [u is a]",
    "a manifest takes along a tag that was moved": "[push t=a] [push t=b] [del a] [t?]",
    "a tag points to a manifest that is gone": """
        [push t=a] [---del a---]
                   [push t=a---]
                                 [t is a] [a?]
    """,
    "half of a push of two tags": """
        [push t,u=a] [--------push t,u=b--------]
                       [t is b] [u is a]
    """,
    "what was not answered happens and is undone": """
        [push t=a] [push t=b 503
                                 [t is b] [t is a]
    """,
    "what was not answered happens before it was called": """
        [push t=a] [t?] [t is a]
                        [del t 503
    """,
}

# What is seen of the deletion of a manifest while it runs.
TAGS_FIRST = {
    "a tag is gone before its manifest": """
        [push t=a] [-------del a-------]
                     [t?] [a is a]
    """,
    "one tag is gone before another": """
        [push t,u=a] [-------del a-------]
                       [t?] [u is a]
    """,
    "a tag that comes meanwhile goes as well": """
        [push t=a] [-------------------------del a-------------------------]
                     [t?] [push u=a] [u is a]  [u?] [a is a]
    """,
    "another deletes the manifest between the tags and itself": """
        [push t=a] [---------------del a 404---------------]
                     [t?] [a is a] [del a]
    """,
    "nobody knows whether a deletion has got further than the tags": """
        [push t,u=a] [del a 503
                                [t?] [u is a] [a is a] [u?]
    """,
}

NEVER = {
    "a tag is gone before its manifest is deleted": """
        [push t=a] [t?] [a is a] [del a]
    """,
    "a tag comes back": """
        [push t=a] [-------------del a-------------]
                     [t?] [a is a] [t is a]
    """,
    "a refused deletion has taken a tag": """
        [push t=a] [-------del a 409-------]
                     [t?] [a is a]
    """,
    "a tag outlives its manifest": """
        [push t,u=a] [---del a---] [t?] [u is a]
    """,
}


@pytest.mark.parametrize("tags_first", [False, True])
@pytest.mark.parametrize("drawn", GOOD.values(), ids=GOOD)
def test_good_histories_are_explained(drawn: str, tags_first: bool) -> None:
    history = read(drawn)
    verdict = check(history, Repository(), *rules(Model(tags_first=tags_first)))
    assert verdict.is_linearizable
    assert in_time(verdict.order)
    assert {one for one in history if one.answered_at is not None} <= set(verdict.order)


@pytest.mark.parametrize("tags_first", [False, True])
@pytest.mark.parametrize("drawn", [*BAD.values(), *NEVER.values()], ids=[*BAD, *NEVER])
def test_bad_histories_are_not(drawn: str, tags_first: bool) -> None:
    verdict = check(read(drawn), Repository(), *rules(Model(tags_first=tags_first)))
    assert not verdict.is_linearizable
    assert len(verdict.order) < len(read(drawn))


@pytest.mark.parametrize("drawn", TAGS_FIRST.values(), ids=TAGS_FIRST)
def test_tags_that_go_first_need_the_model_that_says_so(drawn: str) -> None:
    history = read(drawn)
    assert check(history, Repository(), *rules(Model(tags_first=True))).is_linearizable
    assert not check(history, Repository(), *rules(Model())).is_linearizable


IMMUTABLE = (
    ("[push t=a] [push t=b 409] [push t=a] [t is a]", True),
    ("[push t=a] [del t] [push t=b] [push t=a 409]", True),
    ("[push t=a] [push t=b]", False),
    ("[push t=b 409]", False),
    ("[push u=a] [push u=b] [push t,u=b] [push u=a]", True),
    ("[push t=a] [push t,u=b 409] [u is b]", False),
)


@pytest.mark.parametrize(("drawn", "is_good"), IMMUTABLE)
def test_an_immutable_tag_is_pushed_once(drawn: str, is_good: bool) -> None:
    model = Model(immutable=frozenset("t"))
    assert check(read(drawn), Repository(), *rules(model)).is_linearizable is is_good


def rules(model: Model) -> tuple:
    return model.step, model.underway


def in_time(order: tuple[Operation[Asked], ...]) -> bool:
    """No operation stands before another that was answered before it was called."""
    return not any(
        later.answered_at is not None and later.answered_at < earlier.called_at
        for earlier, later in itertools.combinations(order, 2)
    )


@pytest.mark.parametrize("seed", range(150))
def test_the_search_agrees_with_trying_all_orders(seed: int) -> None:
    history = small_history(random.Random(seed))
    verdict = check(history, Repository(), Model().step)
    assert verdict.is_linearizable == any(map(explains, orders(history)))


def test_small_histories_are_of_both_kinds() -> None:
    verdicts = [
        check(small_history(random.Random(seed)), Repository(), Model().step).is_linearizable
        for seed in range(150)
    ]
    assert 30 < sum(verdicts) < 120


def small_history(chosen: random.Random) -> list[Operation[Asked]]:
    """Six operations as they really were, and of some histories two answers in each other's place.

    Moments may be the same: then neither was before the other.
    """
    texts = ("push t=a", "push t=b", "push t,u=b", "del t", "del a", "t?", "t?", "u?", "a?")
    state, told, moments = Repository(), list[Asked](), list[tuple[int, int]]()
    for number in range(6):
        one = asked(chosen.choice(texts))
        after, status, found = Model().answer(state, one)
        told.append(replace(one, status=status, found=found))
        at, state = 10 * number, after
        moments.append((at - chosen.randrange(15), at + chosen.randrange(15)))
    if chosen.random() < 0.9:
        one, other = chosen.sample(range(6), 2)
        told[one], told[other] = told[other], told[one]
    return [Operation(one, *when) for one, when in zip(told, moments, strict=True)]


def orders(history: list[Operation[Asked]]) -> list[tuple[Operation[Asked], ...]]:
    return [order for order in itertools.permutations(history) if in_time(order)]


def explains(order: tuple[Operation[Asked], ...]) -> bool:
    state = Repository()
    for one in order:
        after = Model().step(state, one.what)
        if not after:
            return False
        (state,) = after
    return True


def test_a_search_that_takes_too_long_says_so() -> None:
    history = [Operation(Asked(PUSH, 201, f"sha256:{n}", (f"t{n}",)), 0, 1) for n in range(12)] + [
        Operation(Asked(READ, 200, tags=("never",), found=A), 0, 1)
    ]
    with pytest.raises(TooLong):
        check(history, Repository(), Model().step, most=500)


def test_long_histories_of_few_clients_are_quick_to_look_through() -> None:
    chosen, state, history = random.Random(1), Repository(), []
    for number in range(400):
        one = Asked(PUSH, 201, chosen.choice((A, B)), (chosen.choice("tuv"),))
        (state,) = Model().step(state, one)
        # Four at a time, each answered long after it took effect.
        history.append(Operation(one, 2 * number, 2 * number + 7))
    assert check(history, Repository(), Model().step).looked_at < 20_000
