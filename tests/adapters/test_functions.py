"""What goes over the wire when the verifier is asked, and what its answers mean."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from chalicelib.adapters.aws import open_session
from chalicelib.adapters.functions import ATTEMPTS, FunctionVerifier
from chalicelib.ports import PortError, Unavailable

NAME = "roadstead-dev-verifier"


@dataclass
class Lambda:
    """Lambda's Invoke on loopback, which answers what the test says."""

    statuses: list[int]
    url: str = ""
    seen: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)


@contextmanager
def served(*statuses: int) -> Iterator[Lambda]:
    place = Lambda(list(statuses))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            place.seen.append((self.path, dict(self.headers.items()), body))
            self.send_response(place.statuses.pop(0))
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    place.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield place
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def verifier(url: str) -> FunctionVerifier:
    return FunctionVerifier(
        NAME, "eu-central-1", url, session=open_session("AKIDEXAMPLE", "a-secret-key")
    )


def test_an_upload_is_asked_for_without_waiting_for_its_end() -> None:
    with served(202) as place:
        verifier(place.url).ask("acme", "0" * 32)
    ((path, headers, body),) = place.seen
    assert path == f"/2015-03-31/functions/{NAME}/invocations"
    assert json.loads(body) == {"team": "acme", "upload_id": "0" * 32}
    lowered = {name.lower(): value for name, value in headers.items()}
    assert lowered["x-amz-invocation-type"] == "Event"
    assert lowered["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
    assert "/eu-central-1/lambda/aws4_request" in lowered["authorization"]


def test_the_signature_covers_what_was_sent() -> None:
    with served(202) as place:
        verifier(place.url).ask("acme", "0" * 32)
    ((path, headers, body),) = place.seen
    sent = {name.lower(): value for name, value in headers.items()}
    signed = sent["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    assert {"host", "x-amz-date", "x-amz-invocation-type"} <= set(signed)
    again = AWSRequest("POST", f"{place.url}{path}", {n: sent[n] for n in signed}, body)
    again.context["timestamp"] = sent["x-amz-date"]
    signer = SigV4Auth(Credentials("AKIDEXAMPLE", "a-secret-key"), "lambda", "eu-central-1")
    text = signer.string_to_sign(again, signer.canonical_request(again))
    assert sent["authorization"].endswith(f"Signature={signer.signature(text, again)}")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_may_pass_is_tried_again(status: int) -> None:
    with served(status, 202) as place:
        verifier(place.url).ask("acme", "0" * 32)
    assert len(place.seen) == 2
    with served(*[status] * ATTEMPTS) as place, pytest.raises(Unavailable):
        verifier(place.url).ask("acme", "0" * 32)


@pytest.mark.parametrize("status", [200, 307, 400, 403, 404])
def test_what_will_not_pass_is_an_error_at_once(status: int) -> None:
    with served(status) as place, pytest.raises(PortError) as raised:
        verifier(place.url).ask("acme", "0" * 32)
    assert type(raised.value) is PortError
    assert len(place.seen) == 1


def test_no_answer_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        verifier("http://127.0.0.1:9").ask("acme", "0" * 32)


def test_the_functions_region_is_where_it_is_asked() -> None:
    made = FunctionVerifier(NAME, "cn-north-1", session=open_session("a", "b"))
    assert made._url.startswith("https://lambda.cn-north-1.amazonaws.com.cn/")
