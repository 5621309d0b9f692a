"""v2: blobs and their uploads. Spec: OCI Distribution 1.1, end-2, end-4 to end-6, end-11 to 14."""

from __future__ import annotations

from dataclasses import replace

from chalicelib.domain.access import Action, reads_whole_team
from chalicelib.domain.digest import DEFAULT_ALGORITHM, HEX_CHARS, Digest, parse_digest
from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.names import parse_repository_name
from chalicelib.domain.ranges import ByteSpan, parse_content_range, render_received
from chalicelib.domain.records import Blob
from chalicelib.domain.upload import UploadSession, upload_path
from chalicelib.service import edge, pull, uploads
from chalicelib.service.teams import check_room
from chalicelib.trace import count
from chalicelib.web.endpoints import url_for
from chalicelib.web.messages import Response
from chalicelib.web.pipeline import Call, authorize, handles

RETRY_AFTER_S = "2"


@handles("v2.blob.get")
def get_blob(call: Call) -> Response:
    digest = parse_digest(call.request.params["digest"])
    wanted = call.request.headers.get("range")
    url = pull.blob_url(call.world, call.name, digest, call.request.method, wanted)
    headers = {
        "Location": url,
        "Docker-Content-Digest": str(digest),
        "Content-Type": "application/octet-stream",
        "Cache-Control": "no-store",
    }
    return Response(307, headers)


@handles("v2.blob.delete")
def delete_blob(call: Call) -> Response:
    pull.unlink_blob(call.world, call.name, parse_digest(call.request.params["digest"]))
    return Response(202)


@handles("v2.upload.start")
def start_upload(call: Call) -> Response:
    query = call.request.query
    if "mount" in query:
        mounted = _mounted(call, parse_digest(query["mount"]), query.get("from"))
        if mounted is not None:
            return _created(call, mounted)
    elif "digest" in query:
        digest = parse_digest(query["digest"])
        blob = uploads.put_whole(call.world, call.name, digest, call.request.body)
        count(bytes_pushed=blob.size_bytes)
        return _created(call, blob)
    algorithm = query.get("digest-algorithm", DEFAULT_ALGORITHM)
    if algorithm not in HEX_CHARS:
        raise RegistryError(ErrorCode.DIGEST_INVALID, "unsupported digest-algorithm")
    check_room(call.world, call.name)
    return _awaited(call, uploads.start(call.world, call.name, algorithm), 202)


def _mounted(call: Call, digest: Digest, source_text: str | None) -> Blob | None:
    # A mount that may not be answered must look like any upload: no error, and no hint.
    if source_text is None:
        # Without a source only who may read the whole team is answered: nobody else may learn
        # what lies in repositories that they cannot read.
        if reads_whole_team(call.world.mode, call.actor, call.name):
            return uploads.mount_any(call.world, call.name, digest)
        return None
    try:
        source = parse_repository_name(source_text)
        authorize(call.world, call.actor, Action.PULL, source)
    except RegistryError as refusal:
        if refusal.code is ErrorCode.UNAUTHORIZED and call.actor.is_renewable:
            # The token was got before the client thought of a mount: it may ask for another. If
            # that is refused for the source, it says so, and the mount becomes an upload.
            raise
        return None
    return uploads.mount(call.world, call.name, source, digest)


@handles("v2.upload.status")
def upload_status(call: Call) -> Response:
    session = uploads.status(call.world, call.name, call.request.params["upload_id"])
    return _awaited(call, session, 204)


@handles("v2.upload.append")
def append_upload(call: Call) -> Response:
    upload_id, body = call.request.params["upload_id"], call.request.body
    return _accepted(uploads.append(call.world, call.name, upload_id, body, _span(call)), 202)


@handles("v2.upload.close")
def close_upload(call: Call) -> Response:
    digest = required_digest(call)
    upload_id, body = call.request.params["upload_id"], call.request.body
    closed = uploads.close(call.world, call.name, upload_id, digest, body, _span(call))
    if isinstance(closed, UploadSession):
        # Neither 201, for the blob is not there, nor an error: whoever asks again is told the end.
        pending = _accepted(closed, 202)
        return replace(pending, headers={**pending.headers, "Retry-After": RETRY_AFTER_S})
    count(bytes_pushed=closed.size_bytes)
    return _created(call, closed)


@handles("v2.upload.cancel")
def cancel_upload(call: Call) -> Response:
    uploads.cancel(call.world, call.name, call.request.params["upload_id"])
    return Response(204)


def required_digest(call: Call) -> Digest:
    """The ``digest`` of the query. Raises: RegistryError(DIGEST_INVALID)."""
    text = call.request.query.get("digest")
    if not text:
        raise RegistryError(ErrorCode.DIGEST_INVALID, "the digest parameter is missing")
    return parse_digest(text)


def _span(call: Call) -> ByteSpan | None:
    text = call.request.headers.get("content-range")
    return parse_content_range(text) if text else None


def _awaited(call: Call, session: UploadSession, status: int) -> Response:
    # After the first chunk the rest belongs behind it, and not into an object of its own.
    if not call.request.through_edge:
        return _accepted(session, status)
    return _accepted(session, status, edge.location(call.world, session))


def _accepted(session: UploadSession, status: int, location: str | None = None) -> Response:
    headers = {
        "Location": location or upload_path(session.repository, session.upload_id),
        "Range": render_received(session.offset_bytes),
        "Docker-Upload-UUID": session.upload_id,
    }
    return Response(status, headers)


def _created(call: Call, blob: Blob) -> Response:
    digest = str(blob.digest)
    repository = call.request.params["repository"]
    headers = {
        "Location": url_for("v2.blob.get", repository=repository, digest=digest),
        "Docker-Content-Digest": digest,
    }
    return Response(201, headers)
