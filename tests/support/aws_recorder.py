"""A proxy on loopback before DynamoDB and S3 that writes down every call as IAM would see it.

It reads what goes over the wire, whoever sent it: the adapters, botocore's own doings, and clients
with a presigned URL, which act with the permissions of the role that signed it.
Spec: Service Authorization Reference, "Amazon DynamoDB", "Amazon S3".
"""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})
# What stands in a transaction, and the permission that it needs.
_WITHIN = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
    "Get": "GetItem",
}
# S3: method, and a sign in the query or the headers that makes it another operation.
_S3_OBJECT = {
    ("GET", ""): "GetObject",
    ("HEAD", ""): "GetObject",
    ("PUT", ""): "PutObject",
    ("PUT", "partNumber"): "PutObject",
    ("POST", "uploads"): "PutObject",
    ("POST", "uploadId"): "PutObject",
    ("DELETE", "uploadId"): "AbortMultipartUpload",
    ("GET", "uploadId"): "ListMultipartUploadParts",
    ("DELETE", ""): "DeleteObject",
    ("DELETE", "versionId"): "DeleteObjectVersion",
    ("GET", "tagging"): "GetObjectTagging",
    ("PUT", "tagging"): "PutObjectTagging",
}
_S3_BUCKET = {
    ("GET", ""): "ListBucket",
    ("HEAD", ""): "ListBucket",
    ("GET", "versions"): "ListBucketVersions",
    ("GET", "uploads"): "ListBucketMultipartUploads",
    # Each object of it would need DeleteObject.
    ("POST", "delete"): "DeleteObject",
    ("PUT", ""): "CreateBucket",
}
# What else may stand in a query without making it another operation.
_PLAIN = frozenset({"list-type", "prefix", "max-keys", "delimiter", "start-after", "x-id"})
_MARKS = ("partNumber", "uploads", "uploadId", "versionId", "versions", "tagging", "delete")


@dataclass(frozen=True, order=True)
class Need:
    """A permission that a call needed, and on what, as an ARN without account and region."""

    action: str
    resource: str


@dataclass
class Recording:
    """The needs of all calls so far, each with the first request that had it."""

    dynamodb_url: str
    s3_url: str
    needs: dict[Need, str] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)

    def add(self, action: str, resource: str, request: str) -> None:
        self.needs.setdefault(Need(action, resource), request)

    def actions(self) -> set[str]:
        return {need.action for need in self.needs}


def dynamodb_needs(operation: str, body: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What a call of DynamoDB needs: an action and a table."""
    if operation in ("TransactWriteItems", "TransactGetItems"):
        for item in body["TransactItems"]:
            for kind, arguments in item.items():
                yield f"dynamodb:{_WITHIN[kind]}", arguments["TableName"]
    elif operation in ("BatchGetItem", "BatchWriteItem"):
        for table in body["RequestItems"]:
            yield f"dynamodb:{operation}", table
    else:
        yield f"dynamodb:{operation}", body["TableName"]


def s3_needs(method: str, target: str, headers: Any, status: int) -> Iterator[tuple[str, str]]:
    """What a call of S3 needs: an action and an ARN. Raises: KeyError for what is not known."""
    parts = urlsplit(target)
    bucket, _, key = unquote(parts.path).lstrip("/").partition("/")
    query = parse_qs(parts.query, keep_blank_values=True)
    mark = next((each for each in _MARKS if each in query), "")
    for name in query.keys() - _PLAIN - set(_MARKS):
        if not name.startswith(("X-Amz-", "response-")):
            raise KeyError(name)
    if not key:
        yield f"s3:{_S3_BUCKET[method, mark]}", f"arn:aws:s3:::{bucket}"
        return
    yield f"s3:{_S3_OBJECT[method, mark]}", f"arn:aws:s3:::{bucket}/{key}"
    source = headers.get("x-amz-copy-source")
    if source:
        yield "s3:GetObject", f"arn:aws:s3:::{unquote(source).lstrip('/')}"
    if status == 404 and method in ("GET", "HEAD") and not mark:
        # Whoever may not list a bucket is told 403 of what is not there.
        yield "s3:ListBucket", f"arn:aws:s3:::{bucket}"


class _Proxy(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, upstream: str, recording: Recording, *, is_s3: bool) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream, self.recording, self.is_s3 = urlsplit(upstream).netloc, recording, is_s3

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    server: _Proxy

    def handle(self) -> None:
        self.upstream = http.client.HTTPConnection(self.server.upstream, timeout=60)
        with contextlib.suppress(ConnectionError), contextlib.closing(self.upstream):
            super().handle()

    def forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        connection = self.upstream
        connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        # The host as it was sent, for it is signed.
        for name, value in self.headers.items():
            if name.lower() not in ("connection", "expect"):
                connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        data = answer.read()
        self.record(body, answer.status)
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(data))
        self.send_header("Content-Length", length or "0")
        self.end_headers()
        self.wfile.write(data)

    def record(self, body: bytes, status: int) -> None:
        recording = self.server.recording
        try:
            if self.server.is_s3:
                said = f"{self.command} {self.path.partition('X-Amz-')[0]}"
                needs = list(s3_needs(self.command, self.path, self.headers, status))
            else:
                said = self.headers["X-Amz-Target"].rpartition(".")[2]
                tables = dynamodb_needs(said, json.loads(body))
                needs = [(action, f"arn:aws:dynamodb:::table/{name}") for action, name in tables]
        except (KeyError, AttributeError):
            recording.unknown.add(f"{self.command} {self.path}")
            return
        for action, resource in needs:
            recording.add(action, resource, said)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = forward  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def recording(dynamodb_url: str, s3_url: str) -> Iterator[Recording]:
    """Proxies before both servers, for as long as the block runs."""
    record = Recording("", "")
    proxies = [
        _Proxy(dynamodb_url, record, is_s3=False),
        _Proxy(s3_url, record, is_s3=True),
    ]
    record.dynamodb_url, record.s3_url = (proxy.url for proxy in proxies)
    threads = [
        threading.Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        for proxy in proxies
    ]
    for thread in threads:
        thread.start()
    try:
        yield record
    finally:
        for proxy, thread in zip(proxies, threads, strict=True):
            proxy.shutdown()
            proxy.server_close()
            thread.join()
