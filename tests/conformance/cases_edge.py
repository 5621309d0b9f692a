"""A registry behind the edge: who is let in, what is believed, uploads that no function sees.

The runner does at ``/_up/`` what the edge does there; see ``runner.put_by_edge``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from chalicelib.domain.access import Mode
from chalicelib.domain.bearer import SERVICE, Challenge
from chalicelib.domain.errors import ErrorCode
from chalicelib.domain.limits import UPLOAD_TTL_S
from tests.conformance import v1
from tests.conformance.bodies import CONFIG, LARGE, LAYER, OCI, OTHER, image, push
from tests.conformance.cases import (
    Case,
    Step,
    blob,
    case,
    delete,
    get,
    head,
    login,
    of,
    patch,
    post,
    put,
    refused,
    start,
)
from tests.support.world import EDGE_KEY, EDGE_WORD

R, HOST = "acme/app", "registry.example.com"
UPLOADS = f"/v2/{R}/blobs/uploads/"
SETTINGS: Mapping[str, Any] = {"edge_word": EDGE_WORD, "edge_key": EDGE_KEY}
EDGE = {"X-Roadstead-Edge": EDGE_WORD, "X-Forwarded-Host": HOST, "X-Forwarded-Proto": "https"}
IN_BUCKET = (CONFIG, LAYER)


def through(*steps: Step | tuple[Step, ...], **headers: str) -> tuple[Step, ...]:
    """The same steps as the edge hands them on."""
    flat = case("", "", *steps).steps
    return tuple(replace(step, headers={**EDGE, **headers, **step.headers}) for step in flat)


def edged(name: str, *steps: Step | tuple[Step, ...], **more: Any) -> Case:
    return case(name, "ours", *steps, **{"settings": SETTINGS, **more})


def carried(step: Step, challenge: str) -> Step:
    """The step with a 401 for an answer, in the form that passes API Gateway."""
    answers = {
        "X-Roadstead-Status": "401",
        "X-Roadstead-Challenge": challenge,
        "WWW-Authenticate": None,
        "Content-Type": "application/json",
    }
    return replace(step, status=299, answers=answers)


def begun(repository: str = R) -> Step:
    return start(
        repository, save={"location": "header:Location", "id": "header:Docker-Upload-UUID"}
    )


def by_edge(data: bytes, repository: str = R, status: int = 201) -> tuple[Step, ...]:
    """A blob in dialect B: POST, and one PUT that S3 answers."""
    sent = put(f"{{location}}&digest={of(data)}", data, status=status)
    return (*through(begun(repository)), sent)


def absent(data: bytes, repository: str = R) -> tuple[Step, ...]:
    url = f"/v2/{repository}/blobs/{of(data)}"
    return through(refused(get(url), ErrorCode.BLOB_UNKNOWN), head(url, status=404))


def present(data: bytes, repository: str = R) -> tuple[Step, ...]:
    url = f"/v2/{repository}/blobs/{of(data)}"
    return (
        *through(
            head(url, status=307, answers={"Docker-Content-Digest": of(data)}),
            get(url, status=307, save={"at_s3": "header:Location"}),
        ),
        get("{at_s3}", answer_body=data),
    )


def lacking(step: Step) -> Step:
    return refused(step, ErrorCode.MANIFEST_BLOB_UNKNOWN)


PUT_IMAGE = put(f"/v2/{R}/manifests/latest", image(), headers={"Content-Type": OCI})
PLAIN = {"Location": f"/v2/{R}/blobs/uploads/{{id}}"}
SCOPE = f'scope="repository:{R}:pull"'

ENTRANCE = (
    edged(
        "who does not come through the edge is told where to go, in every family",
        refused(get("/v2/"), ErrorCode.NOT_THE_EDGE),
        refused(get("/v1/_ping"), ErrorCode.NOT_THE_EDGE),
        refused(get("/"), ErrorCode.NOT_THE_EDGE),
        refused(get("/nowhere"), ErrorCode.NOT_THE_EDGE),
        refused(post(UPLOADS), ErrorCode.NOT_THE_EDGE),
        refused(get(f"/v1/repositories/{R}/images"), ErrorCode.NOT_THE_EDGE),
    ),
    edged(
        "a refusal at the edge's entrance names the registry's own host",
        get(
            "/v2/",
            status=403,
            answer_json={
                "errors": [
                    {
                        "code": "DENIED",
                        "message": f"{ErrorCode.NOT_THE_EDGE.value.message}; "
                        f"the registry is at {HOST}",
                    }
                ]
            },
        ),
        get(
            "/v1/_ping",
            status=403,
            answer_json={
                "error": f"{ErrorCode.NOT_THE_EDGE.value.message}; the registry is at {HOST}"
            },
        ),
        settings={**SETTINGS, "host": HOST},
    ),
    *(
        edged(
            f"a word of the edge that is {what} opens nothing",
            refused(get("/v2/", headers={"X-Roadstead-Edge": word}), ErrorCode.NOT_THE_EDGE),
        )
        for what, word in {
            "another": "ab" * 32,
            "half of it": EDGE_WORD[:32],
            "empty": "",
            "not ASCII": "\u00fc" * 64,
        }.items()
    ),
    edged("the edge's word opens the door", through(get("/v2/"), get("/v1/_ping"), get("/"))),
    edged(
        "the host that the edge names is the one that v1 clients go on with",
        through(v1.register(R, v1.image(1), answers={"X-Docker-Endpoints": HOST})),
    ),
    edged(
        "v1 clients send their layers where the operator says",
        through(v1.register(R, v1.image(1), answers={"X-Docker-Endpoints": "a.test,b.test:5000"})),
        settings={**SETTINGS, "v1_endpoints": ("a.test", "b.test:5000")},
    ),
    case(
        "without an edge nobody's word for the host counts, and uploads stay here",
        "ours",
        v1.register(
            R,
            v1.image(1),
            headers={**EDGE, "Host": "hub.test"},
            answers={"X-Docker-Endpoints": "hub.test"},
        ),
        replace(begun(), headers=EDGE),
        get("{location}", headers=EDGE, status=204, answers=PLAIN),
    ),
    edged(
        "a 401 passes API Gateway as 299, and the edge turns it back",
        through(
            carried(get(f"/v2/{R}/tags/list"), 'Basic realm="Roadstead"'),
            carried(get(f"/v1/repositories/{R}/images"), 'Basic realm="auth required",Token'),
            carried(get(f"/v1/images/{'a' * 64}/json"), "Token"),
            carried(post(UPLOADS), 'Basic realm="Roadstead"'),
        ),
        mode=Mode.ACCOUNTS,
    ),
    edged(
        "a Bearer challenge behind the edge names the host that the client called",
        through(
            carried(
                get(f"/v2/{R}/tags/list"),
                f'Bearer realm="https://{HOST}/v2/token",service="{SERVICE}",{SCOPE}',
            )
        ),
        mode=Mode.ACCOUNTS,
        challenge=Challenge.BEARER,
    ),
    edged(
        "what is not a 401 is answered behind the edge as anywhere",
        through(
            refused(get(f"/v2/{R}/manifests/none"), ErrorCode.MANIFEST_UNKNOWN),
            get("/v2/", answers={"X-Roadstead-Status": None}),
        ),
    ),
)

UPLOADED = (
    edged(
        "an image whose blobs came through the edge is there with its manifest",
        *(by_edge(data) for data in IN_BUCKET),
        through(push(R, "latest", image()), get(f"/v2/{R}/manifests/latest")),
        *(present(data) for data in IN_BUCKET),
    ),
    edged(
        "a blob that came through the edge is there for whoever asks",
        absent(LAYER),
        by_edge(LAYER),
        present(LAYER),
        present(LAYER),
    ),
    edged(
        "other bytes than those of the digest never come to be",
        through(begun()),
        put(f"{{location}}&digest={of(LAYER)}", OTHER, status=400),
        absent(LAYER),
        put(f"{{location}}&digest={of(LAYER)}", LAYER),
        present(LAYER),
    ),
    edged(
        "a manifest whose blobs never came is refused, with those that are missing",
        by_edge(CONFIG),
        through(lacking(PUT_IMAGE)),
        by_edge(LAYER),
        through(PUT_IMAGE),
    ),
    edged(
        "a manifest that lies about a size of what the edge took is refused",
        by_edge(CONFIG),
        by_edge(LAYER),
        through(
            refused(
                replace(PUT_IMAGE, body=image().replace(b'"size": 20', b'"size": 21')),
                ErrorCode.MANIFEST_INVALID,
            )
        ),
    ),
    edged(
        "what one repository was brought, another does not find",
        by_edge(LAYER),
        absent(LAYER, "acme/other"),
        present(LAYER),
        absent(LAYER, "acme/other"),
    ),
    edged(
        "what one repository was brought can be mounted from it",
        by_edge(LAYER),
        through(
            post(f"/v2/acme/b/blobs/uploads/?mount={of(LAYER)}&from={R}", status=201),
            post(f"/v2/acme/b/blobs/uploads/?mount={of(OTHER)}&from={R}", status=202),
        ),
        present(LAYER, "acme/b"),
    ),
    edged(
        "the bytes that a team has already are served from where they are",
        through(blob("acme/other", LAYER)),
        absent(LAYER),
        by_edge(LAYER),
        present(LAYER),
    ),
    edged(
        "a repository that is deleted and made anew finds nothing of what was brought before",
        *(by_edge(data) for data in (*IN_BUCKET, OTHER)),
        through(
            push(R, "latest", image()),
            delete(f"/v1/repositories/{R}/", status=200),
        ),
        *(absent(data) for data in (*IN_BUCKET, OTHER)),
        through(lacking(PUT_IMAGE), begun()),
        *(absent(data) for data in (*IN_BUCKET, OTHER)),
        *(by_edge(data) for data in IN_BUCKET),
        through(push(R, "latest", image())),
        absent(OTHER),
    ),
    edged(
        "an address of before a deletion brings nothing to the repository of after it",
        by_edge(CONFIG),
        by_edge(LAYER),
        through(push(R, "latest", image()), begun(), delete(f"/v1/repositories/{R}/", status=200)),
        put(f"{{location}}&digest={of(OTHER)}", OTHER),
        absent(OTHER),
        by_edge(LAYER),
        absent(OTHER),
    ),
    edged(
        "a blob that was taken away stays away until it is brought again",
        by_edge(LAYER),
        present(LAYER),
        through(delete(f"/v2/{R}/blobs/{of(LAYER)}", status=202)),
        absent(LAYER),
        by_edge(OTHER),
        absent(LAYER),
        by_edge(LAYER),
        present(LAYER),
        present(OTHER),
    ),
    edged(
        "v1 clients pull what came through the edge",
        *(by_edge(data) for data in IN_BUCKET),
        through(
            push(R, "latest", image()),
            get(f"/v1/repositories/{R}/tags/latest", save={"image": "json:"}),
        ),
        through(get("/v1/images/{image}/layer", status=302, save={"at_s3": "header:Location"})),
        get("{at_s3}", answer_body=LAYER),
    ),
    edged(
        "once a byte has been appended, the rest follows it here",
        through(
            begun(),
            get(f"{UPLOADS}{{id}}", status=204, answers={"Location": "{location}"}),
            patch(f"{UPLOADS}{{id}}", LAYER, answers=PLAIN),
            get(f"{UPLOADS}{{id}}", status=204, answers=PLAIN),
            put(f"{UPLOADS}{{id}}?digest={of(LAYER + OTHER)}", OTHER),
        ),
        present(LAYER + OTHER),
    ),
    edged(
        "an upload that is closed here needs no edge",
        through(begun(), put(f"{UPLOADS}{{id}}?digest={of(LARGE)}", LARGE)),
        present(LARGE),
    ),
    edged(
        "an upload of another digest than sha256 is not the edge's",
        through(
            post(f"{UPLOADS}?digest-algorithm=sha512", save={"id": "header:Docker-Upload-UUID"})
        ),
        through(get(f"{UPLOADS}{{id}}", status=204, answers=PLAIN)),
        absent(LAYER),
    ),
    edged(
        "an address at the edge ends with its upload",
        through(begun()),
        put(f"{{location}}&digest={of(LAYER)}", LAYER, status=403, wait_s=UPLOAD_TTL_S),
        through(refused(get(f"{UPLOADS}{{id}}"), ErrorCode.BLOB_UPLOAD_UNKNOWN)),
    ),
    edged(
        "without a key no upload goes to the edge",
        through(begun(), get(f"{UPLOADS}{{id}}", status=204, answers=PLAIN)),
        settings={"edge_word": EDGE_WORD},
    ),
    edged(
        "a team whose name has a dot uploads through the functions",
        through(
            login(
                "a.b",
                replace(start("a.b/app"), save={"id": "header:Docker-Upload-UUID"}),
                get(
                    "/v2/a.b/app/blobs/uploads/{id}",
                    status=204,
                    answers={"Location": "/v2/a.b/app/blobs/uploads/{id}"},
                ),
            )
        ),
        mode=Mode.ACCOUNTS,
    ),
)

CASES = (*ENTRANCE, *UPLOADED)
