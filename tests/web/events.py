"""Events in the shape in which API Gateway's REST proxy sends them, as recorded by its users."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from tests.support.world import app_of, memory_world

Event = dict[str, Any]
Answer = dict[str, Any]


def event(
    method: str,
    path: str,
    resource: str,
    variables: Mapping[str, str] | None = None,
    **changes: Any,
) -> Event:
    """A request as it arrives in Lambda; ``changes`` replace keys, ``...`` leaves one out."""
    recorded: Event = {
        "resource": resource,
        "path": path,
        "httpMethod": method,
        "headers": {
            "Accept": "*/*",
            "CloudFront-Viewer-Country": "DE",
            "Host": "abc123.execute-api.eu-central-1.amazonaws.com",
            "User-Agent": "docker/24.0.5 go/go1.20.3 os/linux arch/amd64",
            "X-Amzn-Trace-Id": "Root=1-5e66d96f-7491f09xmpl79d18acf3d050",
            "X-Forwarded-For": "203.0.113.9",
            "X-Forwarded-Port": "443",
            "X-Forwarded-Proto": "https",
        },
        "multiValueHeaders": {
            "Accept": ["*/*"],
            "Host": ["abc123.execute-api.eu-central-1.amazonaws.com"],
            "User-Agent": ["docker/24.0.5 go/go1.20.3 os/linux arch/amd64"],
        },
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": dict(variables) if variables else None,
        "stageVariables": None,
        "requestContext": {
            "resourceId": "2gxmpl",
            "resourcePath": resource,
            "httpMethod": method,
            "extendedRequestId": "JJbxmplHYosFVYQ=",
            "requestTime": "10/Mar/2026:00:03:59 +0000",
            "path": f"/api{path}",
            "accountId": "123456789012",
            "protocol": "HTTP/1.1",
            "stage": "api",
            "requestTimeEpoch": 1583798639428,
            "requestId": "77375676-xmpl-4b79-853a-f982474efe18",
            "identity": {"sourceIp": "203.0.113.9", "userAgent": "docker/24.0.5"},
            "domainName": "abc123.execute-api.eu-central-1.amazonaws.com",
            "apiId": "abc123",
        },
        "body": None,
        "isBase64Encoded": False,
    }
    return {key: value for key, value in {**recorded, **changes}.items() if value is not ...}


def v2_event(method: str, tail: str, **changes: Any) -> Event:
    """A request below the greedy route of v2."""
    return event(method, f"/v2/{tail}", "/v2/{proxy+}", {"proxy": tail}, **changes)


def answer_to(request: Event, **world: Any) -> Answer:
    """The app's answer on a fresh world, held to what API Gateway takes."""
    answer = app_of(memory_world(**world))(request, None)
    assert isinstance(answer["statusCode"], int)
    headers = {**answer["headers"], **answer["multiValueHeaders"]}
    assert all(isinstance(value, str) for value in headers.values()), headers
    assert isinstance(answer["body"], str)
    json.dumps(answer)
    return dict(answer)


def body_of(answer: Answer) -> bytes:
    body = answer["body"]
    return base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()


def error_of(answer: Answer) -> str:
    """The code of a v2 error, or the sentence of a v1 error."""
    document = json.loads(body_of(answer))
    return str(document["errors"][0]["code"] if "errors" in document else document["error"])
