"""What runs the edge's functions here: node, and njs, whose dialect CloudFront Functions speak.

After each call the outcome is held against what CloudFront answers 502 to.
"""

from __future__ import annotations

import copy
import json
import re
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.clients.commands import find

EDGE = Path(__file__).resolve().parents[2] / "infra" / "edge"
FUNCTIONS = ("front.js", "upload.js", "answer.js")
PLACEHOLDER = "const SETTINGS = {}; // settings"
MAX_BYTES = 10_240

Event = dict[str, Any]
Settings = dict[str, Any]


def with_settings(name: str, settings: Settings) -> str:
    """The text of a function as it is deployed."""
    text = (EDGE / name).read_text()
    assert text.count(PLACEHOLDER) == 1, name
    return text.replace(PLACEHOLDER, f"const SETTINGS = {json.dumps(settings)};")


@dataclass
class Outcome:
    """What a function returned, and the origins that it chose."""

    result: dict[str, Any]
    origins: list[str] = field(default_factory=list)

    @property
    def refused(self) -> bool:
        """Of a viewer request function: whether it answered by itself."""
        return "statusCode" in self.result

    @property
    def status(self) -> int:
        return int(self.result["statusCode"])

    @property
    def headers(self) -> dict[str, str]:
        return {name: each["value"] for name, each in self.result["headers"].items()}

    @property
    def error(self) -> dict[str, Any]:
        """The one error of an answer in v2's shape."""
        (error,) = json.loads(self.result["body"]["data"])["errors"]
        return dict(error)


class Node:
    """One node process that runs one call after the other."""

    def __init__(self) -> None:
        node = find("node")
        assert node is not None
        self._process = subprocess.Popen(
            [node, "--use_strict", str(Path(__file__).with_name("run.js"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def close(self) -> None:
        self._process.stdin.close()  # type: ignore[union-attr]
        self._process.stdout.close()  # type: ignore[union-attr]
        self._process.wait(timeout=30)

    def run(self, source: str, event: Event, now_s: int) -> Outcome:
        pipe, answers = self._process.stdin, self._process.stdout
        assert pipe is not None
        assert answers is not None
        pipe.write(json.dumps({"source": source, "event": event, "now_s": now_s}) + "\n")
        pipe.flush()
        return _outcome(json.loads(answers.readline()))


class Njs:
    """The njs command, started anew for each call, with the `import` lines as they are."""

    def close(self) -> None:
        """Nothing runs on."""

    def run(self, source: str, event: Event, now_s: int) -> Outcome:
        njs = find("njs")
        assert njs is not None
        with tempfile.TemporaryDirectory(prefix="roadstead-njs-") as name:
            folder = Path(name)
            (folder / "cloudfront.js").write_text(
                "const origins = [];\n"
                "function choose(id) { origins.push(id); }\n"
                "export default {selectRequestOriginById: choose, origins: origins};\n"
            )
            imported = "import cf from 'cloudfront';"
            text = source if imported in source else f"{imported}\n{source}"
            (folder / "function.js").write_text(
                f"{text.replace(imported, imported.replace('cloudfront', 'cloudfront.js'))}\n"
                f"Date.now = function () {{ return {now_s * 1000}; }};\n"
                f"const EVENT = {json.dumps(event)};\n"
                "const RESULT = handler(EVENT);\n"
                "console.log(JSON.stringify({result: RESULT, origins: cf.origins}));\n"
            )
            done = subprocess.run(
                [njs, "-p", str(folder), str(folder / "function.js")],
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
        assert not done.stderr, done.stderr
        assert done.stdout.startswith("{"), done.stdout
        return _outcome(json.loads(done.stdout))


def _outcome(answer: dict[str, Any]) -> Outcome:
    assert "fault" not in answer, answer["fault"]
    return Outcome(answer["result"], answer["origins"])


@dataclass
class Edge:
    """CloudFront around the functions, as far as it may say 502."""

    engine: Node | Njs
    now_s: int = 1_800_000_000

    def call(self, name: str, settings: Settings, event: Event) -> Outcome:
        source = with_settings(name, settings)
        assert len(source.encode()) < MAX_BYTES, name
        outcome = self.engine.run(source, copy.deepcopy(event), self.now_s)
        assert not (wrong := violations(event, outcome)), wrong
        return outcome


# Spec: CloudFront developer guide, "Restrictions on all edge functions".
DISALLOWED = re.compile(
    r"connection|expect|keep-alive|proxy-authenticate|proxy-authorization|proxy-connection|trailer"
    r"|upgrade|x-accel-(buffering|charset|limit-rate|redirect)|x-amz-cf-.*|x-amzn-(auth|cf-billing"
    r"|cf-id|cf-xff|errortype|fle-profile|header-count|header-order|lambda-integration-tag"
    r"|requestid)|x-cache|x-edge-.*|x-forwarded-proto|x-real-ip"
)
READ_ONLY = {
    "viewer-request": ("content-length", "host", "transfer-encoding", "via"),
    "viewer-response": ("warning", "via"),
}


def violations(event: Event, outcome: Outcome) -> list[str]:
    """Why CloudFront would answer 502 to what a function returned."""
    kind, result = event["context"]["eventType"], outcome.result
    before = event["response" if kind == "viewer-response" else "request"]["headers"]
    own = kind == "viewer-request" and outcome.refused
    wrong = [name for name in result["headers"] if name != name.lower()]
    wrong += [
        name for name in result["headers"] if DISALLOWED.fullmatch(name) and name not in before
    ]
    if not own:
        wrong += [
            name for name in READ_ONLY[kind] if before.get(name) != result["headers"].get(name)
        ]
    for name, each in result["headers"].items():
        if not isinstance(each.get("value"), str) or re.search(r"[\r\n]", each["value"]):
            wrong.append(f"value of {name}")
    if kind == "viewer-request" and not own:
        same = ("method", "version")
        wrong += [key for key in same if event["request"].get(key) != result.get(key)]
        wrong += [] if result["uri"].startswith("/") else ["uri"]
    if kind == "viewer-request" and own and outcome.origins:
        wrong.append("an origin was chosen and not asked")
    if len(outcome.origins) > 1:
        wrong.append("several origins")
    return wrong


def fields(values: dict[str, str | list[str]]) -> dict[str, Any]:
    """Headers or a query in CloudFront's shape; a list is what came repeatedly."""
    return {
        name: {"value": value}
        if isinstance(value, str)
        else {"value": value[0], "multiValue": [{"value": each} for each in value]}
        for name, value in values.items()
    }


def request_event(
    method: str,
    uri: str,
    *,
    query: dict[str, str | list[str]] | None = None,
    headers: dict[str, str | list[str]] | None = None,
) -> Event:
    """A viewer request; the Host is `registry.example` unless told."""
    return {
        "version": "1.0",
        "context": {"eventType": "viewer-request", "distributionId": "EXAMPLE"},
        "viewer": {"ip": "198.51.100.7"},
        "request": {
            "method": method,
            "uri": uri,
            "querystring": fields(query or {}),
            "headers": fields({"host": "registry.example", **(headers or {})}),
            "cookies": {},
        },
    }


def response_event(request: Event, status: int, headers: dict[str, str | list[str]]) -> Event:
    """The answer of an origin to a request, at viewer response."""
    return {
        **request,
        "context": {**request["context"], "eventType": "viewer-response"},
        "response": {
            "statusCode": status,
            "statusDescription": "",
            "headers": fields(headers),
            "cookies": {},
        },
    }
