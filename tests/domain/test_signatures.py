"""What a webhook is sent is signed as Standard Webhooks says, and tried again with pauses."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import pytest

from chalicelib.domain.signatures import (
    GIVE_UP_AFTER_S,
    PAUSES_S,
    after_attempt,
    body_of,
    headers_for,
    read_secret,
    show_secret,
    sign,
)
from chalicelib.domain.webhooks import Answer, Delivery, Event, EventKind, Outcome

EVENT = Event(
    "evt_1",
    EventKind.PUSH,
    "acme",
    "acme/app",
    1_700_000_000_123,
    "o",
    {"tags": ["latest", "caf\u00e9"], "size_bytes": 5, "actor": "<b>"},
)


def test_the_published_example_has_the_published_signature() -> None:
    """Of the libraries of Standard Webhooks, each of which tests with it."""
    secret = read_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    made = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert made == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_secret_comes_back_as_it_was_shown() -> None:
    assert read_secret(show_secret(b"\xff" * 32)) == b"\xff" * 32


@pytest.mark.parametrize("text", ["", "whsec", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_%%%"])
def test_what_is_no_secret_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        read_secret(text)


def test_the_body_says_what_happened_where_and_when() -> None:
    assert json.loads(body_of(EVENT)) == {
        "type": "push",
        "timestamp": "2023-11-14T22:13:20.123Z",
        "data": {
            "team": "acme",
            "repository": "acme/app",
            "tags": ["latest", "caf\u00e9"],
            "size_bytes": 5,
            "actor": "<b>",
        },
    }
    of_the_team = replace(EVENT, repository="", kind=EventKind.QUOTA, facts={"quota": "bytes"})
    assert json.loads(body_of(of_the_team))["data"] == {"team": "acme", "quota": "bytes"}


def test_the_body_is_the_same_bytes_whatever_the_order_of_the_facts() -> None:
    turned = replace(EVENT, facts=dict(reversed(EVENT.facts.items())))
    assert body_of(EVENT) == body_of(turned)
    assert body_of(EVENT).isascii()


def test_an_attempt_is_signed_with_its_own_time_and_the_events_id() -> None:
    body = body_of(EVENT)
    first, second = (headers_for(EVENT, b"k" * 32, body, now_s=at) for at in (5, 6))
    assert first["webhook-id"] == second["webhook-id"] == "evt_1"
    assert (first["webhook-timestamp"], second["webhook-timestamp"]) == ("5", "6")
    assert first["webhook-signature"] == sign(b"k" * 32, "evt_1", 5, body)
    assert first["webhook-signature"] != second["webhook-signature"]
    assert first["user-agent"].startswith("Roadstead/")


BORN_S = EVENT.at_ms // 1000


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_what_was_taken_is_over(status: int) -> None:
    after = after_attempt(Delivery("h", EVENT), Answer(BORN_S, status))
    assert (after.outcome, after.attempts) == (Outcome.DELIVERED, 1)


@pytest.mark.parametrize("status", [None, 100, 199, 300, 301, 404, 410, 429, 500, 599])
def test_what_was_not_taken_is_due_again_after_a_pause(status: int | None) -> None:
    after = after_attempt(Delivery("h", EVENT), Answer(BORN_S, status))
    assert (after.outcome, after.attempts) == (Outcome.PENDING, 1)
    assert after.next_at_s == BORN_S + PAUSES_S[0]


def test_pauses_grow_until_it_is_given_up() -> None:
    delivery, at_s, times = Delivery("h", EVENT), BORN_S, []
    while delivery.outcome is Outcome.PENDING:
        delivery = after_attempt(delivery, Answer(at_s, 500))
        times.append(at_s - BORN_S)
        at_s = delivery.next_at_s
    assert delivery.outcome is Outcome.GIVEN_UP
    assert times[:6] == [0, 10, 40, 160, 760, 2560]
    pauses = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert pauses == sorted(pauses)
    assert times[-1] <= GIVE_UP_AFTER_S < times[-1] + PAUSES_S[-1]


def test_an_event_that_has_waited_too_long_has_one_attempt_all_the_same() -> None:
    late_s = BORN_S + 2 * GIVE_UP_AFTER_S
    assert after_attempt(Delivery("h", EVENT), Answer(late_s, 200)).outcome is Outcome.DELIVERED
    assert after_attempt(Delivery("h", EVENT), Answer(late_s, 500)).outcome is Outcome.GIVEN_UP
