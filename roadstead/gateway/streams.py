"""Bodies too large for Lambda: claimed, streamed to S3 in parts, reported; then the client's
own request goes to the app with an empty body.

    dialect A   POST, PATCH (all bytes), PUT (empty)      the PATCH is streamed
    dialect B   POST, PUT (all bytes)                     streamed, then the PUT without its body
    one request POST ?digest= (all bytes)                 a POST, streamed, then a PUT
    v1          PUT layer (all bytes, length unknown)     claim, streamed, finish
"""

from __future__ import annotations

import asyncio
import base64
import functools
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from chalicelib.domain.digest import HEX_CHARS
from chalicelib.domain.edge import without_edge
from chalicelib.domain.errors import ErrorCode
from chalicelib.domain.ranges import parse_content_range
from chalicelib.service.remote import make_layer_proof, make_proof
from chalicelib.web.endpoints import url_for
from roadstead.gateway.checked import (
    UNPROVABLE,
    UnprovableError,
    plan_for,
    stream_checked,
)
from roadstead.gateway.events import HttpRequest, HttpResponse, refusal
from roadstead.gateway.intake import ClientGoneError, Intake
from roadstead.gateway.shared import CallerApi, Streaming, length_of, without_body
from roadstead.uploader import (
    ApiAnswer,
    PartPump,
    StorageFailed,
    Stored,
    UploadRefused,
    release_of,
    report_of,
)

log = logging.getLogger("roadstead.gateway")
BATCH_BYTES = 1024 * 1024


async def stream_blob(
    shared: Streaming, request: HttpRequest, params: Mapping[str, str], intake: Intake, held: bytes
) -> HttpResponse:
    """Stream a PATCH or a PUT into its upload session, and answer as the app would.

    Raises: UnprovableError, before anything is read, for a body that only we could vouch for.
    """
    if shared.key is None:
        plan = plan_for(request, shared.bounds)
        if plan is not None and plan.goes_whole:
            closed = await stream_checked(shared, request, params, intake, held, plan)
            if closed is not None:
                return closed
            if plan.size_bytes > shared.bounds.read_back_bytes:
                raise UnprovableError
    remote = {"repository": params["repository"], "upload_id": params["upload_id"]}
    api = CallerApi(shared.front, request)
    # A word of our own: a claim whose answer is lost can be repeated.
    asked = {
        "content_range": request.header("content-range"),
        "length_bytes": length_of(request),
        "claim": secrets.token_hex(16),
    }
    path, known = url_for("uploader.claim", **remote), {k: v for k, v in asked.items() if v}
    claimed = (await shared.run(api.post, path, known)).document()
    advance_path = url_for("uploader.advance", **remote)
    async with _claim(shared, api, advance_path, claimed):
        if _has_arrived(request, claimed):
            # An earlier PUT brought the very blob and broke off at its end; this one repeats it.
            while await intake.piece():
                pass
            report: Mapping[str, object] = release_of(claimed)
        else:
            parts_path = url_for("uploader.parts", **remote)
            report = await _stored(shared, request, api, parts_path, claimed, intake, held)
        advanced = (await shared.run(api.post, advance_path, report)).document()
    if request.method == "PATCH":
        return _accepted(claimed, advanced)
    return await shared.run(shared.front.call, without_body(request))


async def _stored(
    shared: Streaming,
    request: HttpRequest,
    api: CallerApi,
    parts_path: str,
    claimed: Mapping[str, Any],
    intake: Intake,
    held: bytes,
) -> Mapping[str, object]:
    """Send the whole body to S3; the answer is the report of it, proved where we can."""
    make_pump = functools.partial(PartPump, parts_path=parts_path)
    pump = await shared.run(make_pump, api, shared.storage, shared.hashing, claimed)
    stored = await _pumped(shared, pump, intake, held)
    _check_length(request, stored.offset_bytes - claimed["offset_bytes"])

    def prove(stored: Stored) -> str:
        if shared.key is None or stored.running is None:
            return ""
        word, upload_id = claimed["claim"], claimed["upload_id"]
        return make_proof(shared.key, upload_id, word, stored.offset_bytes, stored.running)

    return report_of(claimed, stored, prove)


def _accepted(claimed: Mapping[str, Any], advanced: Mapping[str, Any]) -> HttpResponse:
    """What the app answers to a PATCH that it took inline."""
    return HttpResponse(
        202,
        [
            ("Docker-Distribution-Api-Version", "registry/2.0"),
            ("Location", advanced["location"]),
            ("Range", advanced["range"]),
            ("Docker-Upload-UUID", claimed["upload_id"]),
            ("Content-Length", "0"),
        ],
    )


@asynccontextmanager
async def _claim(
    shared: Streaming, api: CallerApi, advance_path: str, claimed: Mapping[str, Any]
) -> AsyncIterator[None]:
    """Around what is done under a claim: whatever goes wrong, the claim is let go at once."""
    try:
        yield
    except BaseException:
        await asyncio.shield(shared.run(api.post, advance_path, release_of(claimed)))
        raise


def _has_arrived(request: HttpRequest, claimed: Mapping[str, Any]) -> bool:
    if request.method != "PUT" or claimed["offset_bytes"] == 0:
        return False
    known = claimed.get("digest")
    return known is not None and known == dict(parse_qsl(request.query)).get("digest")


def _check_length(request: HttpRequest, length_bytes: int) -> None:
    """Hold the Content-Range of a body of unknown length against the bytes that came.

    Raises: UploadRefused.
    """
    text = request.header("content-range")
    if not text or length_of(request) is not None:
        return
    size_bytes = parse_content_range(text).size_bytes
    # The two spellings of `domain.upload.check_chunk`.
    if length_bytes not in (size_bytes, size_bytes - 1):
        answer = refusal(request, ErrorCode.SIZE_INVALID)
        raise UploadRefused(ApiAnswer(answer.status, answer.headers, answer.body))


async def stream_whole(
    shared: Streaming, request: HttpRequest, params: Mapping[str, str], intake: Intake, held: bytes
) -> HttpResponse:
    """Serve POST ?digest= with many bytes as the three requests that it stands for."""
    query = parse_qsl(request.query)
    rest = [(name, value) for name, value in query if name != "digest"]
    algorithm = next(value.partition(":")[0] for name, value in query if name == "digest")
    if algorithm in HEX_CHARS:
        # So that the bytes are hashed as they pass, and need not be read again.
        rest.append(("digest-algorithm", algorithm))
    opened = await shared.run(shared.front.call, without_body(request, query=urlencode(rest)))
    location = opened.header("location")
    if opened.status != 202 or location is None:
        return opened
    location = without_edge(location)
    closing = replace(
        request,
        method="PUT",
        raw_path=location,
        query=urlencode([(name, value) for name, value in query if name == "digest"]),
    )
    session = {"repository": params["repository"], "upload_id": location.rsplit("/", 1)[-1]}
    return await stream_blob(shared, closing, session, intake, held)


async def stream_layer(
    shared: Streaming, request: HttpRequest, params: Mapping[str, str], intake: Intake, held: bytes
) -> HttpResponse:
    """Stream a v1 layer: its digest and its payload checksum are made as it passes."""
    image_id = params["image_id"]
    api = CallerApi(shared.front, request)
    claim_path = url_for("v1.image.layer.claim", image_id=image_id)
    claimed = (await shared.run(api.post, claim_path, {})).document()
    payload = shared.hashing.begin("sha256")
    payload.update(base64.b64decode(claimed["payload_prefix"]))
    pump = await shared.run(
        functools.partial(
            PartPump,
            api,
            shared.storage,
            shared.hashing,
            claimed,
            parts_path=url_for("v1.image.layer.parts", image_id=image_id),
            extra=payload,
        )
    )
    stored = await _pumped(shared, pump, intake, held)
    checksum = f"sha256:{stored.extra_hex}"

    def prove(stored: Stored) -> str:
        if shared.key is None or stored.running is None:
            return ""
        word, upload_id = claimed["claim"], claimed["upload_id"]
        return make_layer_proof(shared.key, upload_id, word, stored.running.digest, checksum)

    report = {**report_of(claimed, stored, prove), "payload_checksum": checksum}
    finish_path = url_for("v1.image.layer.finish", image_id=image_id)
    answer = await shared.run(api.post, finish_path, report)
    return HttpResponse(answer.status, answer.headers, answer.body)


async def _pumped(shared: Streaming, pump: PartPump, intake: Intake, held: bytes) -> Stored:
    """Feed the whole body; on any failure nothing is reported."""
    try:
        await _feed_all(shared, pump, intake, held)
        return await shared.run(pump.finish)
    except BaseException:
        await asyncio.shield(shared.run(pump.abandon))
        raise


async def _feed_all(shared: Streaming, pump: PartPump, intake: Intake, held: bytes) -> None:
    """Read the next batch while the one before it is hashed and sent."""
    batch, seen_bytes = bytearray(held), len(held)
    feeding: asyncio.Future[None] | None = None
    try:
        while data := await intake.piece():
            seen_bytes += len(data)
            if shared.key is None and seen_bytes > shared.bounds.read_back_bytes:
                raise UnprovableError
            batch += data
            if len(batch) >= BATCH_BYTES:
                if feeding is not None:
                    await feeding
                feeding = asyncio.ensure_future(shared.run(pump.feed, batch))
                batch = bytearray()
    finally:
        if feeding is not None:
            await feeding
    await shared.run(pump.feed, batch)


async def answered(request: HttpRequest, work: Callable[[], Any]) -> HttpResponse | None:
    """Run a stream; refusals become answers, and None means that nobody listens any more."""
    try:
        response: HttpResponse = await work()
    except UnprovableError:
        return refusal(request, ErrorCode.SIZE_EXCEEDED, UNPROVABLE)
    except UploadRefused as refused:
        answer = refused.answer
        return HttpResponse(answer.status, answer.headers, answer.body)
    except StorageFailed as failure:
        log.warning("%s", failure)
        message = "the store behind the registry did not take the bytes; try again"
        headers = {"Retry-After": "2"}
        return refusal(request, ErrorCode.UNAVAILABLE, message, headers=headers)
    except ClientGoneError:
        return None
    return response
