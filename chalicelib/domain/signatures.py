"""What a webhook is sent: the body, the headers that sign it, and when it is tried again.

    signature ::= "v1," base64( HMAC-SHA256(secret, id "." timestamp "." body) )
    secret    ::= "whsec_" base64( 32 bytes )

Spec: Standard Webhooks 1.0, "Signature scheme"; RFC 2104.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from chalicelib import __version__
from chalicelib.domain.webhooks import Answer, Delivery, Event, Outcome

SECRET_BYTES = 32
_PREFIX = "whsec_"
USER_AGENT = f"Roadstead/{__version__}"

# After the first attempt, the second, and so on; the last pause stays.
PAUSES_S = (10, 30, 120, 600, 1800, 3600, 3 * 3600, 6 * 3600)
# What nobody has taken for so long is given up; what waited behind it has one attempt at least.
GIVE_UP_AFTER_S = 24 * 3600


def show_secret(secret: bytes) -> str:
    """As its owner is shown it, once."""
    return _PREFIX + base64.b64encode(secret).decode()


def read_secret(text: str) -> bytes:
    """Raises: ValueError."""
    if not text.startswith(_PREFIX):
        raise ValueError(f"a secret begins with {_PREFIX}")
    try:
        return base64.b64decode(text[len(_PREFIX) :], validate=True)
    except binascii.Error as error:
        raise ValueError("a secret is base64") from error


def sign(secret: bytes, message_id: str, timestamp_s: int, body: bytes) -> str:
    """The value of ``webhook-signature``."""
    text = f"{message_id}.{timestamp_s}.".encode() + body
    mac = hmac.new(secret, text, hashlib.sha256).digest()
    return "v1," + base64.b64encode(mac).decode()


def body_of(event: Event) -> bytes:
    """The same bytes at each attempt: facts in the order of their names, ASCII only."""
    at = datetime.fromtimestamp(event.at_ms // 1000, UTC)
    data = {**event.facts, "team": event.team}
    if event.repository:
        data["repository"] = event.repository
    document = {
        "type": event.kind.value,
        "timestamp": f"{at:%Y-%m-%dT%H:%M:%S}.{event.at_ms % 1000:03d}Z",
        "data": data,
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def headers_for(event: Event, secret: bytes, body: bytes, *, now_s: int) -> Mapping[str, str]:
    """What goes along with the body at an attempt."""
    return {
        "content-type": "application/json",
        "user-agent": USER_AGENT,
        "webhook-id": event.event_id,
        "webhook-timestamp": str(now_s),
        "webhook-signature": sign(secret, event.event_id, now_s, body),
    }


def after_attempt(delivery: Delivery, answer: Answer) -> Delivery:
    """What an attempt has made of a delivery: over, or due again after a pause."""
    attempts = delivery.attempts + 1
    if answer.is_taken:
        return replace(delivery, attempts=attempts, outcome=Outcome.DELIVERED, answer=answer)
    pause_s = PAUSES_S[min(attempts, len(PAUSES_S)) - 1]
    next_at_s = answer.at_s + pause_s
    if next_at_s > delivery.event.at_ms // 1000 + GIVE_UP_AFTER_S:
        return replace(delivery, attempts=attempts, outcome=Outcome.GIVEN_UP, answer=answer)
    return replace(delivery, attempts=attempts, next_at_s=next_at_s, answer=answer)
