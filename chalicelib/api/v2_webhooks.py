"""v2: webhooks of a namespace, and what became of telling them; ours."""

from __future__ import annotations

from chalicelib.api.documents import read_object
from chalicelib.api.v2_tokens import NO_STORE
from chalicelib.domain.errors import ErrorCode
from chalicelib.domain.expiry import written
from chalicelib.domain.paging import parse_page
from chalicelib.domain.webhooks import Delivery, Outcome, Webhook
from chalicelib.service import webhooks
from chalicelib.web.endpoints import url_for
from chalicelib.web.messages import Response, json_response
from chalicelib.web.pipeline import Call, handles

DEFAULT_DELIVERIES = "20"


def _team(call: Call) -> str:
    return call.request.params["team"]


def _hook_id(call: Call) -> str:
    return call.request.params["hook_id"]


def _asked(call: Call) -> dict[str, object]:
    return read_object(call.request.body, ErrorCode.BAD_REQUEST)


def shown_hook(hook: Webhook) -> dict[str, object]:
    """A webhook as a document, without its secret."""
    return {
        "id": hook.hook_id,
        "url": hook.url,
        "repository": hook.repository,
        "kinds": sorted(kind.value for kind in hook.kinds),
        "label": hook.label,
        "paused": hook.is_paused,
        "created_at": written(hook.created_at_s),
        "created_by": hook.created_by,
    }


def shown_delivery(delivery: Delivery) -> dict[str, object]:
    """A delivery as a document, with what came of the last attempt."""
    event, answer = delivery.event, delivery.answer
    is_pending = delivery.outcome is Outcome.PENDING
    return {
        "event": event.event_id,
        "kind": event.kind.value,
        "repository": event.repository or None,
        "happened_at": written(event.at_ms // 1000),
        "facts": dict(event.facts),
        "outcome": delivery.outcome.value,
        "attempts": delivery.attempts,
        "next_at": written(delivery.next_at_s) if is_pending and delivery.next_at_s else None,
        "answer": None
        if answer is None
        else {
            "at": written(answer.at_s),
            "status": answer.status,
            "problem": answer.problem,
            "took_ms": answer.took_ms,
            "excerpt": answer.excerpt,
        },
    }


def _document(document: dict[str, object]) -> Response:
    return json_response(document, headers=NO_STORE)


def _begun(document: dict[str, object], team: str, hook_id: str, status: int = 202) -> Response:
    """Something that goes on; the webhook shows what comes of it."""
    place = url_for("v2.team.webhook.get", team=team, hook_id=hook_id)
    return json_response(document, status, {**NO_STORE, "Location": place})


@handles("v2.team.webhooks.get")
def list_webhooks(call: Call) -> Response:
    found = webhooks.list_all(call.world, call.actor, _team(call))
    return _document({"webhooks": [shown_hook(hook) for hook in found]})


@handles("v2.team.webhooks.post")
def make_webhook(call: Call) -> Response:
    # Nothing else needs it at a cold start.
    from chalicelib.domain.signatures import show_secret  # noqa: PLC0415

    made = webhooks.create(call.world, call.actor, _team(call), _asked(call))
    document = {**shown_hook(made), "secret": show_secret(made.secret)}
    return _begun(document, made.team, made.hook_id, 201)


@handles("v2.team.webhook.get")
def get_webhook(call: Call) -> Response:
    query = call.request.query
    page = parse_page(query.get("n") or DEFAULT_DELIVERIES, query.get("last"))
    shown = webhooks.show(call.world, call.actor, _team(call), _hook_id(call), page)
    listed = shown.deliveries
    more = listed.entries[-1].event.order if listed.more and listed.entries else None
    document = shown_hook(shown.hook)
    document["deliveries"] = [shown_delivery(each) for each in listed.entries]
    document["next"] = more
    return _document(document)


@handles("v2.team.webhook.put")
def change_webhook(call: Call) -> Response:
    changed = webhooks.change(call.world, call.actor, _team(call), _hook_id(call), _asked(call))
    return _document(shown_hook(changed))


@handles("v2.team.webhook.delete")
def delete_webhook(call: Call) -> Response:
    webhooks.delete(call.world, call.actor, _team(call), _hook_id(call))
    return Response(204)


@handles("v2.team.webhook.ping")
def ping_webhook(call: Call) -> Response:
    event = webhooks.ping(call.world, call.actor, _team(call), _hook_id(call))
    return _begun({"event": event.event_id}, _team(call), _hook_id(call))


@handles("v2.team.webhook.repeat")
def repeat_delivery(call: Call) -> Response:
    event_id = call.request.params["event_id"]
    again = webhooks.repeat(call.world, call.actor, _team(call), _hook_id(call), event_id)
    return _begun(shown_delivery(again), _team(call), _hook_id(call))
