"""Checks of what stands in front: TLS, headers, challenges, errors, limits, v1."""

from __future__ import annotations

import base64
import email.utils
import json
import time
from urllib.parse import urlsplit

from roadstead.doctor.findings import NotLookedAt, Wrong, expect
from roadstead.doctor.patient import BUSY, NOBODY, STRANGER, Patient, challenges_of

MAX_CLOCK_DIFFERENCE_S = 60
API_VERSION = "Docker-Distribution-Api-Version"
UNKNOWN = "sha256:" + "0" * 64
RENAMED = "x-amzn-remapped-"
# What somebody without a login asks for: each kind of endpoint has a challenge of its own.
WITHOUT_LOGIN = (
    ("GET", "/v2/"),
    ("HEAD", "/v2/"),
    ("GET", "/v2/_catalog"),
    ("GET", "{}manifests/latest"),
    ("HEAD", "{}manifests/latest"),
    ("GET", "{}tags/list"),
    ("HEAD", "{}blobs/" + UNKNOWN),
    ("POST", "{}blobs/uploads/"),
    ("PATCH", "{}blobs/uploads/" + "0" * 32),
    ("PUT", "{}manifests/latest"),
    ("DELETE", "{}manifests/latest"),
    ("GET", "/v2/token?service=Roadstead&offline_token=true"),
    ("GET", "/v1/users/"),
    ("PUT", "/v1/repositories/doctor/none/"),
)


def reached(patient: Patient) -> str:
    reply = patient.ask("GET", "/v2/", who=NOBODY)
    expect(reply.status in (200, 401), f"{reply}: {reply.text}", "200 or 401")
    patient.facts["answer"] = reply
    return f"{patient.host.url} answers {reply.status}"


def tls(patient: Patient) -> str:
    if patient.host.scheme != "https":
        raise NotLookedAt("it was asked for over plain HTTP")
    patient.need("answer")
    return "the certificate is good for the name"


def clock(patient: Patient) -> str:
    date = patient.need("answer").header("Date")
    sent = email.utils.parsedate_to_datetime(date) if date else None
    if sent is None:
        raise NotLookedAt("answers have no Date")
    difference_s = round(sent.timestamp() - time.time())
    expect(
        abs(difference_s) <= MAX_CLOCK_DIFFERENCE_S,
        f"its clock is {difference_s:+d} s from this machine's",
        f"less than {MAX_CLOCK_DIFFERENCE_S} s apart",
    )
    return f"{difference_s:+d} s apart"


def challenge(patient: Patient) -> str:
    asked = 0
    for method, place in WITHOUT_LOGIN:
        reply = patient.ask(method, place.format(f"/v2/{patient.repository}/"), who=NOBODY)
        if reply.status != 401:
            continue
        asked += 1
        expect(
            bool(challenges_of(reply)),
            f"{reply} without WWW-Authenticate"
            + (", which comes renamed" if reply.header(f"{RENAMED}www-authenticate") else ""),
            "a 401 with the challenge, or clients cannot log in",
        )
    if not asked:
        raise NotLookedAt("nothing asks for a login here")
    return f"on each of {asked} refusals"


def wrong_login(patient: Patient) -> str:
    answers = [
        patient.ask("GET", "/v2/", who=STRANGER),
        patient.ask("GET", patient.path("tags/list"), authorization="Bearer not.a.token"),
        patient.ask("GET", "/v1/users/", who=STRANGER),
    ]
    if answers[0].status == 200:
        raise NotLookedAt("a wrong login is let in: the registry is open to everybody")
    for reply in answers:
        if reply.status == 429:
            wait = reply.header("Retry-After")
            raise NotLookedAt(f"too many wrong logins came from here; again in {wait} s")
        expect(reply.status == 401, f"{reply} to a wrong login", "401")
        expect(
            bool(challenges_of(reply)),
            f"{reply} without WWW-Authenticate",
            "a 401 with a challenge",
        )
    return "a wrong password and a wrong token get a 401 with a challenge"


def login(patient: Patient) -> str:
    """Comes in as a client would, and leaves the way in to the checks that follow."""
    first = patient.ask("GET", "/v2/", who=NOBODY)
    found = challenges_of(first)
    bearer = next((each for each in found if each.scheme == "bearer"), None)
    if patient.login is None:
        if first.status == 200:
            return "none is needed"
        if bearer is not None:
            patient.take_anonymous_token(bearer)
        raise NotLookedAt("no login was given: say --user")
    reply = patient.ask("GET", "/v2/")
    expect(reply.status == 200, f"{reply}: {reply.text}", "200 with this login")
    version = reply.header(API_VERSION)
    expect(version == "registry/2.0", f"{API_VERSION}: {version}", "registry/2.0")
    if bearer is None:
        return "by Basic"
    realm = bearer.fields.get("realm", "")
    expect(
        urlsplit(realm).netloc == patient.host.name,
        f"the challenge sends for tokens to {realm}",
        f"{patient.host.url}/v2/token",
    )
    token = patient.token(bearer, [f"repository:{patient.repository}:pull"])
    reply = patient.ask("GET", "/v2/", authorization=f"Bearer {token}")
    expect(reply.status == 200, f"{reply} to the token: {reply.text}", "200")
    return "by Basic and by the token that the challenge leads to"


def version(patient: Patient) -> str:
    reply = patient.ask("GET", patient.path(f"blobs/{UNKNOWN}"))
    found = reply.header(API_VERSION)
    expect(found == "registry/2.0", f"{reply} with {API_VERSION}: {found}", "registry/2.0")
    return "on errors too"


def not_base64(patient: Patient) -> str:
    """API Gateway hands base64 on as it is when Accept names no binary type."""
    for headers in ({}, {"Accept": "application/json"}, {"Accept": "*/*"}):
        reply = patient.ask("GET", patient.path("tags/list?n=1"), headers=headers)
        named = headers.get("Accept", "none")
        try:
            json.loads(reply.body)
            continue
        except ValueError:
            pass
        try:
            coded = base64.b64decode(reply.body, validate=True).startswith(b"{")
        except ValueError:
            coded = False
        what = "base64 text" if coded else "no JSON"
        raise Wrong(f"{reply}, Accept {named}, with {what}: {reply.text}", "JSON")
    return "with no Accept, and with two others"


def error_shape(patient: Patient) -> str:
    for place in ("manifests/no-such-tag", f"blobs/{UNKNOWN}", "no/such/endpoint"):
        reply = patient.ask("GET", patient.path(place))
        kind = reply.header("Content-Type") or "none"
        expect(
            400 <= reply.status < 500 and bool(reply.code),
            f"{reply}, {kind}: {reply.text}",
            'a 4xx with {"errors": [{"code": ...}]}',
        )
    return "in JSON"


def renamed(patient: Patient) -> str:
    for reply in patient.replies:
        for name in reply.headers:
            expect(not name.lower().startswith(RENAMED), f"{reply} with {name}", "its own name")
    return f"none in {len(patient.replies)} answers"


def throttled(patient: Patient) -> str:
    met = [reply for reply in patient.replies if reply.status in BUSY]
    if not met:
        raise NotLookedAt("no request was throttled; none is sent only for that")
    for reply in met:
        wait = reply.header("Retry-After") or ""
        expect(wait.isdigit(), f"{reply} without Retry-After", "429 or 503 with Retry-After")
    return f"{len(met)} answers, each with Retry-After"


def behind(patient: Patient) -> str:
    if not patient.api_url:
        raise NotLookedAt("its own address was not told: say --api-url")
    base = patient.api_url.rstrip("/")
    for headers in ({}, {"x-roadstead-edge": "guess"}):
        reply = patient.ask("GET", f"{base}/v2/", who=NOBODY, headers=headers)
        expect(reply.status == 403, f"{reply} at the API's own address", "403")
    return "it answers 403"


def v1_ping(patient: Patient) -> str:
    reply = patient.ask("GET", "/v1/_ping", who=NOBODY)
    found = reply.header("X-Docker-Registry-Version")
    expect(reply.status == 200 and bool(found), f"{reply}, version {found}", "200 and a version")
    reply.document()
    return f"version {found}"


def v1_endpoints(patient: Patient) -> str:
    place = f"/v1/repositories/{patient.repository}/images"
    reply = patient.ask("GET", place, headers={"X-Docker-Token": "true"})
    if reply.status in (401, 403, 404):
        raise NotLookedAt(f"{reply}: there is no image for this login to list")
    found = reply.header("X-Docker-Endpoints")
    expect(bool(found), f"{reply} without X-Docker-Endpoints", "the host that layers go to")
    return str(found)


def v1_search(patient: Patient) -> str:
    reply = patient.ask("GET", "/v1/search?q=doctor", who=NOBODY)
    expect(reply.status == 200, f"{reply}: {reply.text}", "200")
    found = reply.document()
    expect("results" in found, reply.text, '{"results": [...]}')
    return f"{len(found['results'])} results"
