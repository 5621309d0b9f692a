"""Events kept by the transaction that makes them happen: a row, and the record's last order.

The record's ``last_event`` grows with every event, on the condition that it is smaller: so the
orders of a repository's events are those in which their transactions were committed. Who has
looked at a record that has another ``last_event`` by now looks again.
"""

from __future__ import annotations

from collections.abc import Sequence

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.adapters.dynamo import keys
from chalicelib.adapters.dynamo.hook_models import HookEventRow
from chalicelib.adapters.dynamo.models import RepositoryRow
from chalicelib.adapters.dynamo.table import Transaction
from chalicelib.adapters.dynamo.team_models import TeamRow
from chalicelib.domain.names import RepositoryName
from chalicelib.domain.webhooks import Event

Record = type[RepositoryRow] | type[TeamRow]


def is_later(event: Event, columns: Record = RepositoryRow) -> Condition:
    """That an event comes after all that its record has seen."""
    last = columns.last_event
    condition: Condition = last.does_not_exist() | (last < event.order)
    return condition


def put_event(writes: Transaction, event: Event) -> Sequence[Action]:
    """Keep an event; the answer is what is to be done to its record, on ``is_later``."""
    writes.put(HookEventRow.of(event))
    return [RepositoryRow.last_event.set(event.order)]


def note_on_record(
    writes: Transaction, team: str, name: RepositoryName, event: Event | None
) -> None:
    """Keep an event with writes that do not touch the record otherwise, which must be there."""
    if event is None:
        return
    columns = RepositoryRow
    writes.update(
        keys.repository(team, name),
        actions=put_event(writes, event),
        condition=columns.pk.exists() & columns.going.does_not_exist() & is_later(event),
    )
