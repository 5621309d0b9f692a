"""The table of checks, in the order in which they are made, and the run through it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from roadstead.doctor import bytes as of_bytes
from roadstead.doctor import front
from roadstead.doctor.findings import Check, Finding, NotLookedAt, Verdict, Wrong
from roadstead.doctor.patient import Patient

_API_GATEWAY = (
    "API Gateway renames this header from 400 up: the distribution has to stand in front with its "
    "function answer.js, and clients have to use its name"
)
_EDGE = (
    "look at infra/edge/upload.js, the /_up/* behaviour, its origin access control, and the policy "
    "of the bucket"
)


def _not_used(_: Patient) -> str:
    raise NotLookedAt("Roadstead runs no Lambda Web Function")


CHECKS: tuple[Check, ...] = (
    Check("reached", "it answers", front.reached, "is the name right, and the stack deployed?"),
    Check("tls", "TLS", front.tls, "the certificate has to name this host, from us-east-1"),
    Check("clock", "clock", front.clock, "set this machine's clock: signed URLs end early or late"),
    Check("challenge", "the challenge is on every 401", front.challenge, _API_GATEWAY, proves="U6"),
    Check("wrong-login", "a wrong login", front.wrong_login, _API_GATEWAY, proves="U6"),
    Check("login", "the login", front.login, "log in with another; look at Auth and Challenge"),
    Check("version", "the version header", front.version, "something in front drops headers"),
    Check(
        "base64",
        "answers are not base64 text",
        front.not_base64,
        "the front has to send an Accept to API Gateway whose binary type is */* (front.js)",
    ),
    Check(
        "errors",
        "errors are the registry's own",
        front.error_shape,
        "switch off custom error pages of what stands in front",
    ),
    Check("location", "where uploads go", of_bytes.location, "the front has to pass the Host on"),
    Check(
        "pieces",
        "an upload by PATCH and PUT",
        of_bytes.pieces,
        "the Range of a 202 has to pass: look at what API Gateway makes of it",
        proves="U7",
    ),
    Check(
        "chunked",
        "a PATCH without a length",
        of_bytes.chunked,
        "the front does not stream bodies: clients of dialect A need a gateway of its own name",
        proves="U4",
    ),
    Check(
        "wrong-inline",
        "wrong bytes by way of the API",
        of_bytes.wrong_inline,
        "take the registry down: it serves what it has not proved",
    ),
    Check("edge-right", "right bytes by /_up", of_bytes.edge_right, _EDGE, proves="U1, U2"),
    Check(
        "edge-wrong",
        "wrong bytes by /_up",
        of_bytes.edge_wrong,
        "switch the /_up uploads off at once: S3 does not hold bytes against their checksum",
        proves="U1, U2",
    ),
    Check("edge-token", "an upload's address is checked", of_bytes.edge_token, _EDGE),
    Check(
        "above-lambda",
        "5 MB by PATCH",
        of_bytes.above_lambda,
        "upload.js should have refused it by its length; API Gateway's 413 has a template",
    ),
    Check(
        "above-api-gateway",
        "11 MB by PATCH",
        of_bytes.above_api_gateway,
        "API Gateway's REQUEST_TOO_LARGE should have the body that infra/app.json gives it",
    ),
    Check("manifest", "a manifest", of_bytes.manifest, "look at the function's log"),
    Check(
        "head",
        "HEAD of a manifest",
        of_bytes.head,
        "API Gateway recomputes the length: answer HEAD by a redirect instead",
        proves="U5",
    ),
    Check(
        "download",
        "a blob's way out",
        of_bytes.download,
        "look at the redirect's host, the role's s3:GetObject, and the clocks",
    ),
    Check("range", "a part of a blob", of_bytes.download_range, "Range has to reach S3"),
    Check("web-function", "the body cap of a Web Function", _not_used, "nothing", proves="U3"),
    Check(
        "large",
        "5 GB in one PUT",
        of_bytes.large,
        "lower the size up to which upload.js sends to the bucket",
        proves="U8",
    ),
    Check(
        "v1-ping", "v1: ping", front.v1_ping, "the default behaviour has to send /v1/ to the API"
    ),
    Check("v1-endpoints", "v1: X-Docker-Endpoints", front.v1_endpoints, "the header was dropped"),
    Check("v1-search", "v1: search", front.v1_search, "look at the function's log"),
    Check(
        "behind",
        "the API behind the front",
        front.behind,
        "set ROADSTEAD_EDGE_WORD, so that nobody goes around the distribution",
    ),
    Check("throttled", "when it is too much", front.throttled, "clients need to know when to come"),
    Check("renamed", "renamed headers", front.renamed, _API_GATEWAY, proves="U5, U6, U7"),
    Check("clean", "what this run made is gone", of_bytes.clean, "delete it by hand"),
)


def examine(patient: Patient, tell: Callable[[Finding], None] = lambda _: None) -> list[Finding]:
    """Make all checks, one after the other. ``tell`` hears each finding at once."""
    findings = []
    for finding in _findings(patient):
        tell(finding)
        findings.append(finding)
    return findings


def _findings(patient: Patient) -> Iterator[Finding]:
    for check in CHECKS:
        yield _made(check, patient)


def _made(check: Check, patient: Patient) -> Finding:
    name, title, proves = check.name, check.title, check.proves
    if check.name != "reached" and "answer" not in patient.facts:
        return Finding(name, title, Verdict.NOT_LOOKED_AT, "it does not answer", proves=proves)
    try:
        return Finding(name, title, Verdict.OK, check.look(patient), proves=proves)
    except NotLookedAt as why:
        return Finding(name, title, Verdict.NOT_LOOKED_AT, str(why), proves=proves)
    except Wrong as wrong:
        saw, should = wrong.saw, wrong.should
        return Finding(name, title, Verdict.WRONG, saw, should, check.do, proves)
