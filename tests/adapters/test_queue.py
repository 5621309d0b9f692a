"""What goes over the wire to SQS, and what its answers mean."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import botocore.session
import pytest

from chalicelib.adapters.aws import open_session
from chalicelib.adapters.queue import ATTEMPTS, SqsQueue
from chalicelib.ports import PortError, Unavailable
from chalicelib.webhook_ports import Wake

WAKES = [Wake("acme", f"acme/app{number}", "h", 5) for number in range(12)]
Answer = tuple[int, Any]


@dataclass
class Sqs:
    """SQS on loopback, which answers what the test says, and then 200."""

    answers: list[Answer]
    url: str = ""
    seen: list[tuple[dict[str, str], dict[str, Any]]] = field(default_factory=list)


@contextmanager
def served(*answers: Answer) -> Iterator[Sqs]:
    place = Sqs(list(answers))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            place.seen.append((headers, json.loads(body)))
            status, said = place.answers.pop(0) if place.answers else (200, {"Successful": []})
            data = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    place.url = f"http://127.0.0.1:{server.server_address[1]}/123456789012/queue"
    try:
        yield place
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def queue(url: str) -> SqsQueue:
    return SqsQueue(url, "eu-central-1", session=open_session("AKIDEXAMPLE", "a-secret-key"))


def entries(place: Sqs) -> list[list[dict[str, Any]]]:
    return [body["Entries"] for _, body in place.seen]


def test_ten_wakes_go_out_at_once() -> None:
    with served() as place:
        queue(place.url).send(WAKES, delay_s=7)
    assert [len(each) for each in entries(place)] == [10, 2]
    sent = [entry for each in entries(place) for entry in each]
    assert [Wake.parse(entry["MessageBody"]) for entry in sent] == WAKES
    assert {entry["DelaySeconds"] for entry in sent} == {7}
    assert len({entry["Id"] for entry in sent}) == 12


def test_nothing_is_asked_for_no_wakes() -> None:
    with served() as place:
        queue(place.url).send([])
    assert place.seen == []


@pytest.mark.parametrize(("asked", "sent"), [(-5, 0), (0, 0), (900, 900), (5000, 900)])
def test_a_delay_is_one_that_sqs_takes(asked: int, sent: int) -> None:
    with served() as place:
        queue(place.url).send(WAKES[:1], delay_s=asked)
    assert entries(place)[0][0]["DelaySeconds"] == sent


def test_it_goes_out_as_botocores_own_client_sends_it() -> None:
    with served((200, {"Successful": [], "Failed": []})) as place:
        queue(place.url).send(WAKES[:2], delay_s=3)
        session = botocore.session.Session()
        session.set_credentials("AKIDEXAMPLE", "a-secret-key")
        client = session.create_client(
            "sqs", region_name="eu-central-1", endpoint_url=place.url.rpartition("/12345")[0]
        )
        client.send_message_batch(QueueUrl=place.url, Entries=place.seen[0][1]["Entries"])
        client.close()
    (ours, our_body), (theirs, their_body) = place.seen
    assert our_body == their_body
    for name in ("x-amz-target", "content-type", "host"):
        assert ours[name] == theirs[name]
    scope = "/eu-central-1/sqs/aws4_request"
    assert scope in ours["authorization"]
    assert scope in theirs["authorization"]


def test_those_that_were_not_taken_are_sent_again() -> None:
    refused = {"Failed": [{"Id": "1", "Code": "InternalError", "SenderFault": False}]}
    with served((200, refused)) as place:
        queue(place.url).send(WAKES[:3])
    assert [[each["Id"] for each in batch] for batch in entries(place)] == [["0", "1", "2"], ["1"]]


@pytest.mark.parametrize(
    "answer",
    [(500, {}), (503, b""), (429, {}), (400, {"__type": "ThrottlingException"}), (200, b"<xml/>")],
)
def test_what_may_pass_is_tried_again(answer: Answer) -> None:
    with served(answer) as place:
        queue(place.url).send(WAKES[:1])
    assert len(place.seen) == 2
    with served(*[answer] * ATTEMPTS) as place, pytest.raises(Unavailable):
        queue(place.url).send(WAKES[:1])
    assert len(place.seen) == ATTEMPTS


@pytest.mark.parametrize(
    "answer",
    [
        (400, {"__type": "QueueDoesNotExist"}),
        (403, {}),
        (302, {}),
        (200, {"Failed": [{"Id": "0", "Code": "InvalidParameterValue", "SenderFault": True}]}),
    ],
)
def test_what_will_not_pass_is_an_error_at_once(answer: Answer) -> None:
    with served(answer) as place, pytest.raises(PortError) as raised:
        queue(place.url).send(WAKES[:1])
    assert type(raised.value) is PortError
    assert len(place.seen) == 1


def test_no_answer_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        queue("http://127.0.0.1:9/1/q").send(WAKES[:1])


# --- messages ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wake", [Wake("t", ""), Wake("t", "t/\u00e9", "h"), Wake("t", "r", "h", 7)]
)
def test_a_wake_comes_back_as_it_was_sent(wake: Wake) -> None:
    assert Wake.parse(wake.text()) == wake


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        '{"team": "t"}',
        '{"team": 1, "repository": ""}',
        '{"team": "t", "repository": "", "more": 1}',
        '{"team": "t", "repository": ["r"]}',
        '{"team": "t", "repository": "", "for_s": "x"}',
        "[" * 100_000,
    ],
)
def test_what_is_no_wake_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Wake.parse(text)
