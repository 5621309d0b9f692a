"""The gateway's container: its recipe read as text, and its command really run and stopped.

There is no Docker engine among what the tests may ask for: nothing here builds the image.
"""

from __future__ import annotations

import hashlib
import http.client
import importlib.metadata
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from roadstead.package.function import PROJECT
from tests.package.conftest import make_stores, settings_of
from tests.support.stack import Stack

RECIPE = PROJECT / "infra" / "gateway" / "Dockerfile"
R = "acme/app"
MIB = 1 << 20


def instructions() -> list[tuple[str, str]]:
    """The recipe's instructions and their words, continued lines joined."""
    text = re.sub(r"\\\n", " ", RECIPE.read_text())
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(verb, rest.strip()) for verb, _, rest in (line.partition(" ") for line in lines)]


def last_stage() -> list[tuple[str, str]]:
    found = instructions()
    last = max(number for number, (verb, _) in enumerate(found) if verb == "FROM")
    return found[last:]


def one(verb: str) -> str:
    (found,) = (rest for name, rest in last_stage() if name == verb)
    return found


# --- the recipe -------------------------------------------------------------------------------


def test_it_is_built_in_stages_and_the_last_one_installs_nothing() -> None:
    bases = [rest for verb, rest in instructions() if verb == "FROM"]
    assert len(bases) == 2
    assert all(re.match(r"python:3\.12-slim-\w+( AS build)?$", base) for base in bases)
    ran = " ".join(rest for verb, rest in last_stage() if verb == "RUN")
    assert not re.search(r"\b(pip|apt-get|curl|wget)\b", ran)
    copied = [rest for verb, rest in last_stage() if verb == "COPY"]
    assert all(rest.startswith("--from=build ") for rest in copied)
    assert not any(verb == "ADD" for verb, _ in instructions())


def test_it_does_not_run_as_root() -> None:
    user = one("USER")
    assert user.isdigit(), "by number: ECS and Kubernetes can see that it is not 0"
    assert int(user) > 0
    verbs = [verb for verb, _ in last_stage()]
    assert "RUN" not in verbs[verbs.index("USER") :]


def test_it_holds_no_secret_and_no_setting() -> None:
    assert "ROADSTEAD_" not in RECIPE.read_text()
    assert "AWS_" not in RECIPE.read_text()


def test_every_file_that_it_copies_is_there_and_let_through() -> None:
    let_through = (PROJECT / ".dockerignore").read_text().splitlines()
    assert let_through[0] == "*"
    for verb, rest in instructions():
        if verb == "COPY" and not rest.startswith("--from"):
            for source in shlex.split(rest)[:-1]:
                assert (PROJECT / source).exists(), source
                assert f"!{source}" in let_through, source


def test_it_installs_exact_versions_and_all_of_them() -> None:
    pins: dict[str, str] = {}
    for name in ("requirements.txt", "requirements-gateway.txt"):
        for line in (PROJECT / name).read_text().splitlines():
            if found := re.match(r"([\w.-]+)==([\w.]+)", line):
                pins[found[1].lower().replace("_", "-")] = found[2]
    # Installed without dependencies, so that chalice brings none of its development tools.
    for project in ("uvicorn", "httptools", "uvloop", "pynamodb", "botocore", "argon2-cffi"):
        for need in importlib.metadata.requires(project) or ():
            if "extra ==" not in need:
                name = re.match(r"[\w-]+", need)
                assert name
                assert name[0].lower().replace("_", "-") in pins, (project, need)
    assert "--no-deps" in RECIPE.read_text()


def test_its_health_check_asks_what_costs_nothing() -> None:
    check = one("HEALTHCHECK")
    assert "http://127.0.0.1:8080/_ping" in check
    assert f"--port {one('EXPOSE')}" in one("CMD").replace('", "', " ")


def test_its_stop_is_graceful_and_shorter_than_ecs_allows() -> None:
    assert one("STOPSIGNAL") == "SIGTERM"
    grace = re.search(r'"--grace", "(\d+)"', one("CMD"))
    assert grace
    assert 30 <= int(grace[1]) < 120
    # In this form the gateway is process 1 and gets the signal itself; a shell would keep it.
    assert one("ENTRYPOINT").startswith("[")
    assert one("CMD").startswith("[")


# --- the command ------------------------------------------------------------------------------

PROGRAM = [sys.executable, "-m", "roadstead", "gateway", "--port", "0"]


def environment(**more: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "AWS_EC2_METADATA_DISABLED": "true", **more}


@pytest.fixture
def gateway(stack: Stack, team: str) -> Iterator[subprocess.Popen[str]]:
    make_stores(stack, team)
    settings = settings_of(stack, team, ROADSTEAD_AUTH="off")
    process = subprocess.Popen(
        [*PROGRAM, "--grace", "60"],
        cwd=PROJECT,
        env=environment(**settings),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        assert process.stdout
        process.stdout.close()


def host_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    found = re.fullmatch(r"ready http://(\S+)\n", process.stdout.readline())
    assert found
    return found[1]


def test_an_upload_under_way_is_finished_before_the_gateway_stops(
    gateway: subprocess.Popen[str],
) -> None:
    host = host_of(gateway)
    connection = http.client.HTTPConnection(host, timeout=60)
    connection.request("POST", f"/v2/{R}/blobs/uploads/")
    location = connection.getresponse()
    place = location.headers["Location"]
    location.read()
    pieces = [bytes([number]) * MIB for number in range(12)]
    digest = "sha256:" + hashlib.sha256(b"".join(pieces)).hexdigest()
    glue = "&" if "?" in place else "?"
    connection.putrequest("PUT", f"{place}{glue}digest={digest}")
    connection.putheader("Content-Length", str(len(pieces) * MIB))
    connection.endheaders()
    connection.send(b"".join(pieces[:6]))
    gateway.send_signal(signal.SIGTERM)
    wait_until_closed(host)
    assert gateway.poll() is None, "it waits for the upload"
    connection.send(b"".join(pieces[6:]))
    answer = connection.getresponse()
    assert answer.status == 201
    assert answer.headers["Docker-Content-Digest"] == digest
    answer.read()
    connection.close()
    assert gateway.wait(timeout=30) in (0, -signal.SIGTERM)


def test_downloads_through_it_reach_clients_that_do_not_reach_s3(stack: Stack, team: str) -> None:
    make_stores(stack, team)
    process = subprocess.Popen(
        [*PROGRAM, "--downloads", "through"],
        cwd=PROJECT,
        env=environment(**settings_of(stack, team, ROADSTEAD_AUTH="off")),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        connection = http.client.HTTPConnection(host_of(process), timeout=30)
        data = b"bytes of a blob"
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        connection.request("POST", f"/v2/{R}/blobs/uploads/?digest={digest}", data)
        assert connection.getresponse().read() == b""
        connection.request("GET", f"/v2/{R}/blobs/{digest}")
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, data)
        connection.close()
    finally:
        process.terminate()
        _, said = process.communicate(timeout=30)
    lines = [json.loads(line) for line in said.splitlines()]
    streams = [line for line in lines if line["kind"] == "stream"]
    assert [line["bytes_out"] for line in streams] == [len(data)]
    assert [line["endpoint"] for line in lines if line["kind"] == "request"] == [
        "v2.upload.start",
        "v2.blob.get",
    ]


def wait_until_closed(host: str) -> None:
    """Until no new connection is taken."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        probe = http.client.HTTPConnection(host, timeout=5)
        try:
            probe.request("GET", "/_ping")
            probe.getresponse().read()
        except (ConnectionError, http.client.HTTPException):
            return
        finally:
            probe.close()
        time.sleep(0.05)
    raise AssertionError("the gateway goes on listening")


def test_the_health_checks_own_program_is_content(gateway: subprocess.Popen[str]) -> None:
    host = host_of(gateway)
    found = re.search(r'CMD \["python", "-c", "(.+)"\]', one("HEALTHCHECK"))
    assert found
    program = found[1].replace("127.0.0.1:8080", host)
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
    gateway.kill()
    gateway.wait()
    ended = subprocess.run([sys.executable, "-c", program], check=False, stderr=subprocess.PIPE)
    assert ended.returncode != 0


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({}, "ROADSTEAD_SIGNING_KEY is not set."),
        ({"ROADSTEAD_SIGNING_KEY": "zz"}, "must be hex digits."),
    ],
)
def test_a_gateway_that_cannot_start_says_why(settings: dict[str, str], sentence: str) -> None:
    done = subprocess.run(
        PROGRAM,
        cwd=PROJECT,
        env=environment(**settings),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_it_imports_nothing_that_the_container_lacks() -> None:
    program = (
        "import sys; from roadstead import cli; from roadstead.gateway import command; "
        "cli.parser(); import roadstead.embedded; "
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    names = importlib.metadata.packages_distributions()
    used = {
        owner.lower().replace("_", "-") for n in done.stdout.split() for owner in names.get(n, ())
    }
    text = (PROJECT / "requirements.txt").read_text()
    text += (PROJECT / "requirements-gateway.txt").read_text()
    allowed = {each.lower().replace("_", "-") for each in re.findall(r"^([\w.-]+)==", text, re.M)}
    # botocore takes certifi's certificates where there are some, and its own where not.
    assert used - allowed - {"roadstead", "setuptools", "certifi"} == set()
