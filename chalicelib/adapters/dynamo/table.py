"""The only module that speaks to DynamoDB: one connection, strong reads.

What it says instead of an answer is in ``refusals.py``.
No method describes the table: PynamoDB takes the schema from ``_schema``.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar, cast

import botocore.session
from pynamodb.connection import Connection
from pynamodb.connection.base import MetaTable
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path
from pynamodb.expressions.update import Action

from chalicelib.adapters.dynamo.keys import Key
from chalicelib.adapters.dynamo.models import KIND, PARTITION_KEY, SORT_KEY, Row
from chalicelib.adapters.dynamo.refusals import Contended, item_in_the_way, translated
from chalicelib.ports import Conflict, Throttled

R = TypeVar("R", bound=Row)
T = TypeVar("T")

# Two attempts of at most seven seconds each: half of what API Gateway gives a request.
CONNECT_TIMEOUT_S = 2
READ_TIMEOUT_S = 5
ATTEMPTS = 2
# A gateway has as many threads as it likes; a Lambda function uses one.
MAX_CONNECTIONS = 32

CONFLICT_TRIES = 6
FIRST_PAUSE_S = 0.02

BATCH_READ_KEYS = 100
BATCH_READ_TRIES = 5
TRANSACTION_ITEMS = 100


class _Connection(Connection):
    """PynamoDB's connection over a session that was made elsewhere."""

    def __init__(
        self,
        session: botocore.session.Session,
        region: str,
        url: str | None,
        read_timeout_s: float,
    ) -> None:
        super().__init__(
            region=region,
            host=url,
            connect_timeout_seconds=CONNECT_TIMEOUT_S,
            read_timeout_seconds=read_timeout_s,
            max_pool_connections=MAX_CONNECTIONS,
            retry_configuration={"total_max_attempts": ATTEMPTS, "mode": "standard"},
        )
        self._shared = session

    @property
    def session(self) -> botocore.session.Session:
        return self._shared


class Table:
    """Reads and writes of rows; ``on_request`` hears the operation of every HTTP request sent."""

    def __init__(
        self,
        name: str,
        region: str,
        endpoint_url: str | None,
        session: botocore.session.Session,
        *,
        sleep: Callable[[float], None] = time.sleep,
        on_request: Callable[[str], None] | None = None,
        read_timeout_s: float = READ_TIMEOUT_S,
    ) -> None:
        self.name = name
        self.connection = _Connection(session, region, endpoint_url, read_timeout_s)
        self.connection.add_meta_table(_schema(name))
        self._sleep = sleep
        self._random = random.SystemRandom()
        # Here and not at the first call: creating clients is not safe among threads, and the
        # init phase of a Lambda function has a whole CPU.
        events = self.connection.client.meta.events
        if on_request is not None:
            hear = on_request
            events.register(
                "before-send.dynamodb",
                lambda event_name, **_: hear(event_name.rpartition(".")[2]),
            )

    # --- reads --------------------------------------------------------------------------------

    def get(self, model: type[R], key: Key) -> R | None:
        answer = self._try(
            lambda: self.connection.get_item(self.name, key.pk, key.sk, consistent_read=True)
        )
        item = answer.get("Item")
        return model.from_raw_data(item) if item else None

    def batch_get(self, wanted: Iterable[Key]) -> list[Row]:
        """Those rows of them that exist, in no order."""
        distinct = list(dict.fromkeys(wanted))
        rows: list[Row] = []
        for at in range(0, len(distinct), BATCH_READ_KEYS):
            rows += self._batch_get(distinct[at : at + BATCH_READ_KEYS])
        return rows

    def _batch_get(self, wanted: Sequence[Key]) -> list[Row]:
        left: list[Any] = [{PARTITION_KEY: key.pk, SORT_KEY: key.sk} for key in wanted]
        rows: list[Row] = []
        for attempt in range(BATCH_READ_TRIES):
            answer = self._read_batch(left)
            rows += [Row.from_raw_data(item) for item in answer["Responses"].get(self.name, ())]
            left = answer.get("UnprocessedKeys", {}).get(self.name, {}).get("Keys", [])
            if not left:
                return rows
            self._pause(attempt)
        raise Throttled("DynamoDB left keys of a batch unread")

    def _read_batch(self, left: list[Any]) -> dict[str, Any]:
        answer: dict[str, Any] = self._try(
            lambda: self.connection.batch_get_item(self.name, left, consistent_read=True)
        )
        return answer

    def query(
        self,
        model: type[R],
        pk: str,
        span: tuple[str, str],
        limit: int | None = None,
        *,
        backwards: bool = False,
    ) -> tuple[list[R], bool]:
        """Rows of a partition in the order of their sort keys, and whether more follow them.

        Costs: 1 query; without a limit 1 more for each MB.
        """
        rows: list[R] = []
        start: dict[str, Any] | None = None
        while True:
            answer = self._query_page(pk, span, limit, start, backwards=backwards)
            rows += [model.from_raw_data(item) for item in answer["Items"]]
            start = answer.get("LastEvaluatedKey")
            if start is None or limit is not None:
                return rows, start is not None

    def gather(
        self, model: type[R], pk: str, span: tuple[str, str], *, most: int = 1_000_000
    ) -> list[R]:
        """Rows of a partition in order, at most so many. Costs: 1 query for each MB."""
        rows: list[R] = []
        start: dict[str, Any] | None = None
        while len(rows) < most:
            answer = self._query_page(pk, span, most - len(rows), start)
            rows += [model.from_raw_data(item) for item in answer["Items"]]
            start = answer.get("LastEvaluatedKey")
            if start is None:
                break
        return rows

    def scan(self, *models: type[Row]) -> Iterator[Row]:
        """Every row of these models in the table, eventually consistent.

        Costs: 1 scan for each MB of the table.
        """
        kinds = [{"S": model.kind.get_discriminator(model)} for model in models]
        wanted = Path([KIND]).is_in(*kinds)
        start: Any = None
        while True:
            answer = self._scan_page(wanted, start)
            for item in answer["Items"]:
                yield Row.from_raw_data(item)
            start = answer.get("LastEvaluatedKey")
            if start is None:
                return

    def _scan_page(self, wanted: Condition, start: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self._try(
            lambda: self.connection.scan(
                self.name, filter_condition=wanted, exclusive_start_key=start
            )
        )
        return answer

    def _query_page(
        self,
        pk: str,
        span: tuple[str, str],
        limit: int | None,
        start: dict[str, Any] | None,
        *,
        backwards: bool = False,
    ) -> dict[str, Any]:
        between = Path([SORT_KEY]).between({"S": span[0]}, {"S": span[1]})
        answer: dict[str, Any] = self._try(
            lambda: self.connection.query(
                self.name,
                pk,
                range_key_condition=between,
                consistent_read=True,
                limit=limit,
                exclusive_start_key=start,
                scan_index_forward=not backwards,
            )
        )
        return answer

    def scan_page(
        self, start: Key | None, limit: int | None, attributes: Sequence[str]
    ) -> tuple[list[dict[str, Any]], Key | None]:
        """Items of the whole table in its own order, and the last of them unless they end there.

        Costs: 1 scan of at most 1 MB.
        """
        after = (
            None if start is None else {PARTITION_KEY: _text(start.pk), SORT_KEY: _text(start.sk)}
        )
        answer: dict[str, Any] = self._try(
            lambda: self.connection.scan(
                self.name,
                exclusive_start_key=cast("Any", after),
                limit=limit,
                attributes_to_get=list(attributes),
                consistent_read=True,
            )
        )
        last = answer.get("LastEvaluatedKey")
        key = None if last is None else Key(last[PARTITION_KEY]["S"], last[SORT_KEY]["S"])
        return answer["Items"], key

    # --- writes -------------------------------------------------------------------------------

    def put(self, row: Row, condition: Condition | None = None) -> None:
        """Store a row. Raises: Conflict when the condition does not hold.

        It need not hold when this very row is there already: then an earlier try has stored it,
        and only its answer was lost.
        """
        arguments = self.arguments(
            Key(row.pk, row.sk),
            key="Item",
            attributes=row.serialize(),
            condition=condition,
            return_values_on_condition_failure="ALL_OLD" if condition is not None else None,
        )
        try:
            self._try(lambda: self.connection.dispatch("PutItem", arguments))
        except Conflict as conflict:
            found = item_in_the_way(conflict)
            if not found or Row.from_raw_data(found).serialize() != row.serialize():
                raise

    def update(
        self,
        model: type[R],
        key: Key,
        actions: Sequence[Action],
        condition: Condition | None = None,
    ) -> R:
        """The row as it is afterwards. Raises: Conflict."""
        answer = self._try(
            lambda: self.connection.update_item(
                self.name, key.pk, key.sk, actions, condition=condition, return_values="ALL_NEW"
            )
        )
        return model.from_raw_data(answer["Attributes"])

    def delete(self, key: Key) -> None:
        self._try(lambda: self.connection.delete_item(self.name, key.pk, key.sk))

    def transaction(self) -> Transaction:
        """Writes that happen together or not at all, at most a hundred."""
        return Transaction(self)

    # --- how a call goes out ------------------------------------------------------------------

    def arguments(self, item: Key, **arguments: Any) -> dict[str, Any]:
        """One write, as DynamoDB takes it alone or in a transaction."""
        return cast(
            "dict[str, Any]",
            self.connection.get_operation_kwargs(self.name, item.pk, item.sk, **arguments),
        )

    def _try(self, operation: Callable[[], T]) -> Any:
        for attempt in range(CONFLICT_TRIES):
            try:
                return translated(operation)
            except Contended:
                if attempt == CONFLICT_TRIES - 1:
                    raise
            self._pause(attempt)
        raise AssertionError("the last try returns or raises")

    def _pause(self, attempt: int) -> None:
        self._sleep(self._random.uniform(0, FIRST_PAUSE_S * 2 ** (attempt + 1)))


class Transaction:
    """Collects writes; ``commit`` sends them as one. An item may stand in it only once."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._puts: list[dict[str, Any]] = []
        self._updates: list[dict[str, Any]] = []
        self._deletes: list[dict[str, Any]] = []
        self._checks: list[dict[str, Any]] = []

    def put(self, row: Row, condition: Condition | None = None) -> None:
        attributes = row.serialize()
        self._puts.append(
            self._table.arguments(
                Key(row.pk, row.sk), condition=condition, attributes=attributes, key="Item"
            )
        )

    def update(
        self, key: Key, actions: Sequence[Action], condition: Condition | None = None
    ) -> None:
        self._updates.append(
            self._table.arguments(key, condition=condition, actions=actions, key="Key")
        )

    def delete(self, key: Key, condition: Condition | None = None) -> None:
        self._deletes.append(self._table.arguments(key, condition=condition, key="Key"))

    def check(self, key: Key, condition: Condition) -> None:
        """Let the writes stand or fall with an item that they do not touch."""
        self._checks.append(self._table.arguments(key, condition=condition, key="Key"))

    def commit(self) -> None:
        """Raises: Conflict when one of the conditions does not hold. Costs: 1 transaction."""
        self._table._try(
            lambda: self._table.connection.transact_write_items(
                condition_check_items=self._checks,
                delete_items=self._deletes,
                put_items=self._puts,
                update_items=self._updates,
            )
        )


def _text(value: str) -> dict[str, str]:
    return {"S": value}


def _schema(name: str) -> MetaTable:
    return MetaTable(
        {
            "TableName": name,
            "KeySchema": [
                {"AttributeName": PARTITION_KEY, "KeyType": "HASH"},
                {"AttributeName": SORT_KEY, "KeyType": "RANGE"},
            ],
            "AttributeDefinitions": [
                {"AttributeName": PARTITION_KEY, "AttributeType": "S"},
                {"AttributeName": SORT_KEY, "AttributeType": "S"},
            ],
        }
    )
