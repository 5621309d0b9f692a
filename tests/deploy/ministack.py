"""ministack as a substitute of AWS: its process, a template that it understands, a front before it.

What ministack 1.5.33 does otherwise than AWS, and what is done about it here:

| ministack | here |
|---|---|
| knows SAM only with a package that its own environment lacks | it gets the translated template |
| does not read binary media types out of the API's definition | they stand beside it too |
| ignores how GenerateSecretString is to make a secret | the signing key stands in the template |
| runs functions with its own Python, on this machine | the zip is built for this machine |
| is not where AWS's host names lead | the function is told its address |

It does not enforce policies, throttle, rename headers, or decode an answer for a client that sends
no Accept.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from roadstead.embedded import install
from roadstead.embedded.errors import EmbeddedStackError
from roadstead.embedded.machine import Machine
from roadstead.package import end, function, template, translate, wheels
from tests.clients.commands import Service, not_run, serving
from tests.package.conftest import DOWNLOADS, target_or_skip
from tests.support.world import SIGNING_KEY

REGION = "us-east-1"
_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length"})


def free_port() -> int:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        return int(server.server_address[1])


@contextlib.contextmanager
def running(folder: Path) -> Iterator[str]:
    """ministack with all its services; yields its address."""
    try:
        python = install.install_ministack(
            install.default_cache_folder(), Machine(), lambda line: None
        )
    except EmbeddedStackError as error:
        not_run(str(error))
    port = free_port()
    for name in ("state", "home", "tmp"):
        (folder / name).mkdir()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder / "tmp"),
        "GATEWAY_PORT": str(port),
        "EDGE_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "LAMBDA_EXECUTOR": "local",
        # Each would open a port of its own on all interfaces.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "PERSIST_STATE": "0",
        "STATE_DIR": str(folder / "state"),
        "PYTHONUNBUFFERED": "1",
    }
    service = Service([python, "-m", "ministack"], environment, folder / "ministack.log")
    with serving(service, lambda: answers(port)):
        yield f"http://127.0.0.1:{port}"


def answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/")
        connection.getresponse().read()
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return True


def aws_environment(url: str, home: Path) -> dict[str, str]:
    """For the `aws` command. Ends the test as not run where there is none that runs."""
    kept = ("PATH", "PYENV_ROOT", "LANG")
    environment = {name: os.environ[name] for name in kept if name in os.environ}
    environment |= {
        "HOME": str(home),
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "*",
    }
    try:
        subprocess.run(["aws", "--version"], check=True, capture_output=True, env=environment)
    except (OSError, subprocess.CalledProcessError):
        not_run("not installed: aws (the AWS CLI)")
    return environment


def package(folder: Path, url: str) -> Path:
    """What `make package` makes, as far as ministack understands it."""
    folder.mkdir()
    function.build_zip(target_or_skip(), folder / template.ZIP_NAME, DOWNLOADS)
    infra = function.PROJECT / "infra"
    (folder / "data.json").write_text((infra / "data.json").read_text())
    document = translate.translate(template.build_template(infra / "app.json"))
    (folder / "app.json").write_text(json.dumps(for_ministack(document, url)))
    ending: dict[str, Any] = json.loads((infra / "end.json").read_text())
    ending["Resources"]["EndFunction"]["Properties"]["Runtime"] = _runtime()
    (folder / "end.json").write_text(json.dumps(ending))
    end.build_zip(folder / end.ZIP_NAME)
    return folder


def _runtime() -> str:
    return f"python{wheels.local_target().python}"


def for_ministack(document: dict[str, Any], url: str) -> dict[str, Any]:
    for each in document["Resources"].values():
        properties = each["Properties"]
        if each["Type"] == "AWS::Lambda::Function":
            properties["Code"] = f"./{template.ZIP_NAME}"
            properties["Runtime"] = _runtime()
            properties["Environment"]["Variables"] |= {
                "ROADSTEAD_SIGNING_KEY": SIGNING_KEY.hex(),
                "ROADSTEAD_S3_ENDPOINT": url,
                "ROADSTEAD_DYNAMODB_ENDPOINT": url,
            }
        elif each["Type"] == "AWS::ApiGateway::RestApi":
            properties["BinaryMediaTypes"] = properties["Body"][
                "x-amazon-apigateway-binary-media-types"
            ]
    return document


class _Front(BaseHTTPRequestHandler):
    """Puts the API's stage before every path, as a distribution's origin path does."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    upstream: str
    prefix: str

    def forward(self) -> None:
        body = self._chunks() if self.headers.get("Transfer-Encoding") else self._counted()
        connection = http.client.HTTPConnection(self.upstream, timeout=60)
        try:
            sent = [(n, v) for n, v in self.headers.items() if n.lower() not in _HOP_BY_HOP]
            connection.putrequest(
                self.command, self.prefix + self.path, skip_host=True, skip_accept_encoding=True
            )
            for name, value in (*sent, ("Content-Length", str(len(body)))):
                connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            data = answer.read()
        finally:
            connection.close()
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(data))
        self.send_header("Content-Length", length or "0")
        self.end_headers()
        self.wfile.write(data)

    def _counted(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _chunks(self) -> bytes:
        whole = b""
        while size := int(self.rfile.readline(), 16):
            whole += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return whole

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = forward  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def front(url: str, api_id: str) -> Iterator[str]:
    """The API at the root of a host, where registry clients look for it; yields host:port."""
    places = {
        "upstream": url.removeprefix("http://"),
        "prefix": f"/restapis/{api_id}/api/_user_request_",
    }
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Front", (_Front,), places))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
