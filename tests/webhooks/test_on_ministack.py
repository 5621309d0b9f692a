"""The queue's adapter against an SQS that is not ours, and the deliverer fed by it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.adapters.aws import open_session
from chalicelib.adapters.queue import SqsQueue
from chalicelib.api.deliverer import deliver
from chalicelib.ports import PortError
from chalicelib.webhook_ports import Wake
from tests.deploy.ministack import REGION, running
from tests.webhooks.scene import TEAM, Reaper, Scene


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    session = open_session("AKIDEXAMPLE", "a-secret-key")
    with running(tmp_path_factory.mktemp("ministack")) as url:
        made = session.create_client("sqs", region_name=REGION, endpoint_url=url)
        yield made
        made.close()


@pytest.fixture
def queue_url(client: Any, team: str) -> str:
    url: str = client.create_queue(QueueName=team, Attributes={"VisibilityTimeout": "0"})[
        "QueueUrl"
    ]
    # As the server names itself, which is not where it listens.
    return f"{client.meta.endpoint_url}/{url.split('/', 3)[3]}"


def queue_at(url: str) -> SqsQueue:
    return SqsQueue(url, REGION, session=open_session("AKIDEXAMPLE", "a-secret-key"))


def received(client: Any, url: str) -> list[dict[str, str]]:
    """What is there, as Lambda would hand it over; it is deleted."""
    found = []
    while messages := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        for each in messages:
            client.delete_message(QueueUrl=url, ReceiptHandle=each["ReceiptHandle"])
            found.append({"messageId": each["MessageId"], "body": each["Body"]})
    return found


def test_every_wake_arrives_as_it_was_sent(client: Any, queue_url: str) -> None:
    wakes = [Wake("acme", f"acme/caf\u00e9{number}", "h", number) for number in range(23)]
    queue_at(queue_url).send(wakes)
    bodies = [each["body"] for each in received(client, queue_url)]
    assert sorted(bodies) == sorted(wake.text() for wake in wakes)


def test_what_is_delayed_is_not_there_yet(client: Any, queue_url: str) -> None:
    queue_at(queue_url).send([Wake("acme", "r")], delay_s=900)
    assert received(client, queue_url) == []
    asked = client.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["All"])["Attributes"]
    assert asked["ApproximateNumberOfMessagesDelayed"] == "1"


def test_a_queue_that_is_not_there_is_no_passing_trouble(queue_url: str) -> None:
    with pytest.raises(PortError) as raised:
        queue_at(f"{queue_url}-none").send([Wake("acme", "r")])
    assert type(raised.value) is PortError


def test_the_deliverer_works_on_what_comes_out_of_it(client: Any, queue_url: str) -> None:
    scene = Scene()
    hook = scene.add_hook("all")
    scene.queue = queue_at(queue_url)  # type: ignore[assignment]
    for _ in range(3):
        scene.happens("acme/app")
    scene.meter(Reaper())
    while records := received(client, queue_url):
        answer = deliver(scene.work(Reaper()), {"Records": records}, lambda: 180_000)
        assert answer == {"batchItemFailures": []}
    assert scene.told(hook) == ["evt_1", "evt_2", "evt_3"]
    assert scene.store.pending_lanes(TEAM, hook.hook_id) == []
