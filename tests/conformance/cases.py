"""What a conformance case is: a sentence, where it is specified, and steps that are data.

A step's texts may hold ``{names}``: values that an earlier step saved from its answer. The same
cases run in process and over a socket; ``runner.py`` knows how.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from chalicelib.domain.access import Mode
from chalicelib.domain.accounts import SignUp
from chalicelib.domain.bearer import Challenge
from chalicelib.domain.digest import digest_of
from chalicelib.domain.errors import ErrorCode

# Headers of an expectation may be a text, or one of these.
ABSENT = None
PRESENT = ...
# The method of a step that is no request, but a run of the verifier.
VERIFY = "VERIFY"
Wanted = Mapping[str, Any]


@dataclass(frozen=True)
class Form:
    """A body as a browser sends it."""

    fields: Mapping[str, str]


@dataclass(frozen=True)
class Step:
    """One request, and what its answer must be; what is not named may be anything.

    ``save`` maps a name to where its value stands: ``header:Location``, ``json:parts.0.url``,
    ``cookie:``, ``html:`` (a group of this expression).
    ``wait_s`` is how much time passes before the step.
    """

    method: str
    url: str
    body: bytes | object = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    login: str | None = None
    wait_s: int = 0
    status: int = 200
    code: ErrorCode | None = None
    answers: Wanted = field(default_factory=dict)
    answer_body: bytes | None = None
    answer_json: Any = PRESENT
    shows: tuple[str, ...] = ()
    save: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.method} {self.url}"


@dataclass(frozen=True)
class Case:
    """A sentence that the registry must make true. ``public`` repositories exist beforehand.
    A ``sparse`` case is of a registry that takes manifests whose parts are not all here; one with
    ``settings`` of a registry that has these.

    ``number`` is that of an old server's test (see ``cases_v1.py``). ``differs`` says why we answer
    otherwise than it did, and ``shown_in`` which file of tests holds a case that has no steps.
    """

    name: str
    spec: str
    steps: tuple[Step, ...]
    mode: Mode = Mode.OPEN
    public: tuple[str, ...] = ()
    signup: SignUp = SignUp.CLOSED
    sparse: bool = False
    challenge: Challenge = Challenge.BASIC
    settings: Mapping[str, Any] = field(default_factory=dict)
    number: int | None = None
    differs: str = ""
    shown_in: str = ""

    def __str__(self) -> str:
        return self.name


def case(name: str, spec: str, *steps: Step | tuple[Step, ...], **more: Any) -> Case:
    """A case; a tuple among its steps counts as the steps in it."""
    flat: list[Step] = []
    for step in steps:
        flat += step if isinstance(step, tuple) else (step,)
    return Case(name, spec, tuple(flat), **more)


def login(name: str, *steps: Step | tuple[Step, ...]) -> tuple[Step, ...]:
    """The same steps by somebody; see ``runner.PASSWORDS`` for who there is."""
    return tuple(replace(step, login=step.login or name) for step in case("", "", *steps).steps)


def get(url: str, **more: Any) -> Step:
    return Step("GET", url, **more)


def head(url: str, **more: Any) -> Step:
    """HEAD; whatever it answers has no body."""
    return Step("HEAD", url, **{"answer_body": b"", **more})


def put(url: str, body: bytes | object = b"", **more: Any) -> Step:
    return Step("PUT", url, body, **{"status": 201, **more})


def post(url: str, body: bytes | object = b"", **more: Any) -> Step:
    return Step("POST", url, body, **{"status": 202, **more})


def patch(url: str, body: bytes | object = b"", **more: Any) -> Step:
    return Step("PATCH", url, body, **{"status": 202, **more})


def delete(url: str, **more: Any) -> Step:
    return Step("DELETE", url, **{"status": 204, **more})


def refused(step: Step, code: ErrorCode, status: int | None = None, **answers: Any) -> Step:
    """The step with a refusal for an answer."""
    wanted = {"Content-Type": "application/json", **answers}
    return replace(step, code=code, status=status or code.status, answers=wanted, save={})


def verified(upload_id: str, outcome: str) -> Step:
    """A run of the verifier on an upload of the open registry, and what it came to."""
    return Step(VERIFY, upload_id, answer_json=outcome)


def of(data: bytes, algorithm: str = "sha256") -> str:
    """The digest of these bytes, as a text."""
    return str(digest_of(data, algorithm))


def blob(repository: str, data: bytes, **more: Any) -> Step:
    """Push a blob in one request."""
    return post(f"/v2/{repository}/blobs/uploads/?digest={of(data)}", data, status=201, **more)


def start(repository: str, **more: Any) -> Step:
    """Begin an upload, and keep its ``{location}``."""
    return post(
        f"/v2/{repository}/blobs/uploads/", **{"save": {"location": "header:Location"}, **more}
    )
