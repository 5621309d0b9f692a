"""A request's line: what stands in it, what does not, and the metrics that are made of it."""

from __future__ import annotations

import json
import logging
from collections import Counter
from typing import Any

import jsonschema
import pytest

from chalicelib.domain.access import Action, Mode
from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.ports import Unavailable
from chalicelib.trace import Trace, hearing, note
from chalicelib.web.edge import RegistryApp
from chalicelib.web.lines import UNITS, Metrics, message_line, rendered, request_line, struck
from tests.conformance.bodies import CONFIG, LAYER, OCI, image
from tests.conformance.cases import of
from tests.logs import emf
from tests.logs.heard import heard
from tests.support.world import Registry, memory_world

RAW = image()
R = "acme/app"


def line_of(trace: Trace, metrics: Metrics = Metrics.STAGE, **changes: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {"at_ms": 1_800_000_000_000, "duration_ms": 1.26, "cold": False}
    facts |= {"stage": "dev", "metrics": metrics, **changes}
    return json.loads(rendered(request_line(trace, **facts)))  # type: ignore[no-any-return]


PULL = Trace(
    method="GET",
    request_id="7737-5",
    endpoint="v2.manifest.get",
    family="v2",
    action="pull",
    team="acme",
    repository="acme/app",
    actor="alice",
    status=200,
    bytes_out=500,
    pulls=1,
    calls=Counter({"dynamodb.GetItem": 1}),
)


def test_a_pulls_line() -> None:
    line = line_of(PULL)
    directive = line.pop("_aws")["CloudWatchMetrics"]
    assert line == {
        "kind": "request",
        "stage": "dev",
        "endpoint": "v2.manifest.get",
        "family": "v2",
        "action": "pull",
        "method": "GET",
        "status": 200,
        "request_id": "7737-5",
        "team": "acme",
        "repository": "acme/app",
        "actor": "alice",
        "calls": {"dynamodb.GetItem": 1},
        "requests": 1,
        "duration_ms": 1.3,
        "bytes_out": 500,
        "pulls": 1,
    }
    assert [each["Dimensions"] for each in directive] == [[["stage"]]]


CLASSES: dict[str, tuple[Trace, set[str]]] = {
    "an answer": (Trace(status=200), set()),
    "a question for a login": (Trace(status=401, error="UNAUTHORIZED"), {"client_errors"}),
    "a wrong login": (
        Trace(status=401, error="UNAUTHORIZED", wrong_login=1),
        {"client_errors", "auth_failures"},
    ),
    "too many wrong ones": (
        Trace(status=429, error="TOOMANYREQUESTS"),
        {"client_errors", "auth_failures"},
    ),
    "a busy store": (Trace(status=429, error="THROTTLED"), {"client_errors", "throttled"}),
    "nothing there": (Trace(status=404, error="NAME_UNKNOWN"), {"client_errors"}),
    "a bug": (Trace(status=500, error="UNKNOWN"), {"server_errors"}),
    "a store that is away": (Trace(status=503, error="UNAVAILABLE"), {"server_errors"}),
}
ALL_CLASSES = {"client_errors", "auth_failures", "throttled", "server_errors"}


@pytest.mark.parametrize(("trace", "expected"), CLASSES.values(), ids=CLASSES)
def test_errors_are_counted_by_whose_fault_they_are(trace: Trace, expected: set[str]) -> None:
    assert ALL_CLASSES & set(line_of(trace)) == expected


TRACES = {
    "a pull": PULL,
    "nobody's": Trace(status=404, error="NOT_FOUND"),
    **{name: trace for name, (trace, _) in CLASSES.items()},
    "everything at once": Trace(
        "PUT", "r", "e", "f", "push", "t", "r", "a", "i", "THROTTLED", 1, 503, *range(1, 7)
    ),
}


@pytest.mark.parametrize("metrics", [m for m in Metrics if m is not Metrics.OFF], ids=str)
@pytest.mark.parametrize("trace", TRACES.values(), ids=TRACES)
def test_a_line_is_a_document_of_the_embedded_metric_format(trace: Trace, metrics: Metrics) -> None:
    emf.check(line_of(trace, metrics))


def test_the_check_of_the_format_can_fail() -> None:
    line = line_of(PULL)
    for broken in (
        {**line, "duration_ms": "1"},
        {**line, "stage": 3},
        {key: value for key, value in line.items() if key != "pulls"},
        {**line, "_aws": {"CloudWatchMetrics": []}},
    ):
        with pytest.raises((AssertionError, KeyError, jsonschema.ValidationError)):
            emf.check(broken)


def test_without_metrics_there_are_none() -> None:
    assert "_aws" not in line_of(PULL, Metrics.OFF)
    assert line_of(PULL, Metrics.OFF)["at_ms"] == 1_800_000_000_000


def test_only_the_setting_for_it_makes_metrics_of_teams() -> None:
    """Each combination of dimensions is billed: their number is bounded but for this setting."""
    names: dict[Metrics, set[str]] = {}
    for metrics in Metrics:
        directives = line_of(PULL, metrics).get("_aws", {"CloudWatchMetrics": []})
        names[metrics] = {
            name for each in directives["CloudWatchMetrics"] for name in each["Dimensions"][0]
        }
    assert names == {
        Metrics.OFF: set(),
        Metrics.STAGE: {"stage"},
        Metrics.ACTION: {"stage", "action"},
        Metrics.TEAM: {"stage", "team"},
    }
    assert len(Action) < 10
    assert len(UNITS) == 12


# --- through the app ----------------------------------------------------------------------------


def test_every_request_has_one_line_and_what_it_did() -> None:
    registry = Registry(memory_world())
    with heard() as log:
        for body in (CONFIG, LAYER):
            registry.send("POST", f"/v2/{R}/blobs/uploads/?digest={of(body)}", body)
        registry.send("PUT", f"/v2/{R}/manifests/1.0", RAW, {"content-type": OCI})
        registry.send("GET", f"/v2/{R}/manifests/1.0")
        registry.send("HEAD", f"/v2/{R}/manifests/1.0")
        registry.send("GET", f"/v2/{R}/blobs/{of(LAYER)}")
        registry.send("GET", f"/v2/{R}/manifests/none")
        registry.send("GET", "/v2/no/such/endpoint")
    shown = [
        (line["endpoint"], line["status"], line.get("error"), line.get("pulls"), line.get("pushes"))
        for line in log.requests
    ]
    assert shown == [
        ("v2.upload.start", 201, None, None, None),
        ("v2.upload.start", 201, None, None, None),
        ("v2.manifest.put", 201, None, None, 1),
        ("v2.manifest.get", 200, None, 1, None),
        ("v2.manifest.get", 200, None, None, None),
        ("v2.blob.get", 307, None, None, None),
        ("v2.manifest.get", 404, "MANIFEST_UNKNOWN", None, None),
        ("none", 404, "NOT_FOUND", None, None),
    ]
    assert [line.get("cold") for line in log.requests] == [True] + [None] * 7
    by_bytes = [
        tuple(line.get(f"bytes_{way}", 0) for way in ("in", "pushed", "pulled"))
        for line in log.requests[:6]
    ]
    assert by_bytes == [
        (len(CONFIG), len(CONFIG), 0),
        (len(LAYER), len(LAYER), 0),
        (len(RAW), len(RAW), 0),
        (0, 0, 0),
        (0, 0, 0),
        (0, 0, len(LAYER)),
    ]
    assert log.requests[3]["bytes_out"] == len(RAW)
    assert "bytes_out" not in log.requests[4], "the body of a HEAD stays"
    assert all(line["repository"] == R for line in log.requests[:7])
    assert log.messages == []


def test_a_manifest_by_its_digest_is_no_push_of_its_own() -> None:
    registry = Registry(memory_world(sparse_manifests=True))
    with heard() as log:
        registry.send("PUT", f"/v2/{R}/manifests/{of(RAW)}", RAW, {"content-type": OCI})
    assert [line.get("pushes") for line in log.requests] == [None]


def test_a_login_is_named_and_a_wrong_one_is_not() -> None:
    registry = Registry(memory_world(Mode.ACCOUNTS))
    registry.add_user("alice", "alice-secret")
    with heard() as log:
        registry.send("GET", "/v2/", login=("alice", "alice-secret"))
        registry.send("GET", "/v2/", login=("alice", "guess"))
        registry.send("GET", "/v2/")
    shown = [
        (each["status"], each.get("actor"), each.get("auth_failures")) for each in log.requests
    ]
    assert shown == [(200, "alice", None), (401, None, 1), (401, None, None)]


def test_calls_of_the_back_end_are_counted() -> None:
    """By what each adapter says of its requests; the budgets' tests count the very same."""

    class Store:
        def find_repository(self, *_: object) -> None:
            hearing("dynamodb")("GetItem")
            hearing("s3")("PutObject")
            hearing("s3")("PutObject")
            raise Unavailable("away")

        __getattr__ = lambda self, name: self.find_repository  # noqa: E731

    broken: Any = Store()
    registry = Registry(memory_world(metadata=broken))
    with heard() as log:
        registry.send("GET", f"/v2/{R}/tags/list")
    (line,) = log.requests
    assert line["calls"] == {"dynamodb.GetItem": 1, "s3.PutObject": 2}
    assert line["error"] == "UNAVAILABLE"
    (message,) = log.messages
    assert message["level"] == "WARNING"
    assert "away" in message["message"]


def test_outside_of_a_request_notes_are_lost() -> None:
    note(actor="nobody")
    hearing("s3")("GetObject")


def test_nothing_is_made_where_nobody_listens() -> None:
    with heard(requests=False) as log:
        Registry(memory_world()).send("GET", "/v2/")
    assert log.text == ""


def test_what_chalice_answers_itself_has_a_line_too() -> None:
    with heard() as log:
        RegistryApp("bare")(
            {"requestContext": {"resourcePath": "/x"}, "httpMethod": "BREW", "path": "/v2/x"}, None
        )
    (line,) = log.requests
    assert (line["endpoint"], line["method"]) == ("none", "OTHER")
    assert line["status"] >= 400


# --- messages -----------------------------------------------------------------------------------


def record(message: str, *arguments: object, error: BaseException | None = None) -> Any:
    info = (type(error), error, error.__traceback__) if error else None
    return logging.LogRecord("roadstead", 30, __file__, 1, message, arguments, info)


def test_a_message_is_one_object_with_its_level_and_logger() -> None:
    line = message_line(record("S3 at %s", "host\nnext \x1b[31mred"))
    assert (line["kind"], line["level"], line["logger"]) == ("message", "WARNING", "roadstead")
    assert "\n" not in rendered(line)
    assert "\x1b" not in rendered(line)
    assert json.loads(rendered(line))["message"] == "S3 at host\nnext \x1b[31mred"


@pytest.mark.parametrize("text", ["\u2028", "\u0085", "\ud800", "\x7f\x1b", "é", "\N{BELL}"])
def test_a_line_is_ascii_whatever_stands_in_it(text: str) -> None:
    written = rendered(message_line(record(f"a{text}b")))
    assert written.isascii()
    assert json.loads(written)["message"] == f"a{text}b"


def raised(error: BaseException, cause: BaseException | None = None) -> BaseException:
    try:
        raise error from cause
    except BaseException as caught:
        return caught


def test_a_foreign_exception_shows_its_way_and_not_its_text() -> None:
    line = message_line(record("x", error=raised(KeyError("hunter2"), ValueError("hunter2"))))
    assert "hunter2" not in rendered(line)
    found: Any = line["exceptions"]
    assert [each["type"] for each in found] == ["KeyError", "ValueError"]
    assert any("test_lines.py" in frame for frame in found[0]["at"])


@pytest.mark.parametrize(
    "error",
    [Unavailable("the table is away"), RegistryError(ErrorCode.UNKNOWN, "the table is away")],
)
def test_our_own_exceptions_show_their_text(error: Exception) -> None:
    assert "the table is away" in rendered(message_line(record("x", error=raised(error))))


@pytest.mark.parametrize(
    "text",
    [
        "GET https://b/k?X-Amz-Signature=SECRET&X-Amz-Credential=SECRET",
        "X-Amz-Security-Token=SECRET",
        "/_up/v2/a/blobs/uploads/u?_up=SECRET.place.SECRET",
        "Authorization: Basic SECRET",
        "authorization: bearer SECRET",
        'Token signature=SECRET,repository="a/b"',
        '{"password": "SECRET"}',
        "refresh_token=SECRET",
        "the token rst_0123_SECRET has ended",
        "eyJhbGciOi.SECRET.x is no token",
    ],
)
def test_what_looks_like_a_secret_is_struck_out(text: str) -> None:
    assert "SECRET" not in struck(text)


def test_a_long_message_is_cut() -> None:
    assert len(rendered(message_line(record("%s", "x" * 1_000_000)))) < 4000


def test_a_message_that_cannot_be_made_is_said_as_it_is() -> None:
    assert message_line(record("%d", "no number"))["message"] == "%d"


def test_what_libraries_say_is_one_object_as_well() -> None:
    with heard() as log:
        logging.getLogger("botocore").warning("a\nb")
    (line,) = log.messages
    assert (line["logger"], line["message"]) == ("botocore", "a\nb")
