"""The uploader's side door: claims, part URLs, and reports of what has been stored.

Documents, in both directions:

    whole    {"digest", "size_bytes"}      -> {"url", "headers", "offset_bytes"}
    claim    {"content_range"?, "length_bytes"?, "claim"?}
             -> {"upload_id", "claim", "offset_bytes", "algorithm", "provable_bytes", "hash_state"?,
                 "digest"?,
                 "stored": [[number, etag, size]...], "held_tail"?: {"key", "size_bytes", "url"},
                 "parts": [{"number", "url", "size_bytes"}...], "tail": {"key", "url"}}
    parts    {"claim", "first"}           -> {"parts": [...], "tail": {"key", "url"}}
    advance  {"claim", "offset_bytes", "stored", "tail"?: {"key", "size_bytes"},
              "digest"?, "hash_state"?, "proof"?}
             -> {"offset_bytes", "location", "range"}
"""

from __future__ import annotations

import base64
import binascii
import re

from chalicelib.api.documents import read_object
from chalicelib.domain.digest import parse_digest
from chalicelib.domain.errors import ErrorCode, RegistryError
from chalicelib.domain.ranges import parse_content_range, render_received
from chalicelib.domain.upload import Part, RunningHash, Tail, upload_path
from chalicelib.service import remote
from chalicelib.service.teams import check_room
from chalicelib.web.messages import Response, json_response
from chalicelib.web.pipeline import Call, handles

_WORD = re.compile(r"[0-9a-f]{32}", re.ASCII)


@handles("uploader.whole")
def whole(call: Call) -> Response:
    asked, upload_id = _body(call), call.request.params["upload_id"]
    digest = parse_digest(text_of(asked, "digest"))
    size_bytes = number_of(asked, "size_bytes")
    check_room(call.world, call.name, size_bytes)
    found = remote.whole_url(call.world, call.name, upload_id, digest, size_bytes)
    checksum = base64.b64encode(bytes.fromhex(digest.hex)).decode()
    return json_response(
        {
            "url": found.url,
            "headers": {"x-amz-checksum-sha256": checksum},
            "offset_bytes": found.offset_bytes,
        }
    )


@handles("uploader.claim")
def claim(call: Call) -> Response:
    asked = _body(call)
    content_range, length = asked.get("content_range"), asked.get("length_bytes")
    span = parse_content_range(content_range) if isinstance(content_range, str) else None
    length_bytes = length if isinstance(length, int) else None
    upload_id = call.request.params["upload_id"]
    handed = remote.claim(call.world, call.name, upload_id, span, length_bytes, _word(asked))
    return json_response(render_handed(handed))


@handles("uploader.parts")
def parts(call: Call) -> Response:
    asked, upload_id = _body(call), call.request.params["upload_id"]
    word, first = text_of(asked, "claim"), number_of(asked, "first")
    handed = remote.more_parts(call.world, call.name, upload_id, word, first)
    return json_response(render_urls(handed))


@handles("uploader.advance")
def advance(call: Call) -> Response:
    asked, upload_id = _body(call), call.request.params["upload_id"]
    word, report = text_of(asked, "claim"), read_report(asked)
    session = remote.advance(call.world, call.name, upload_id, word, report)
    return json_response(
        {
            "offset_bytes": session.offset_bytes,
            "location": upload_path(session.repository, session.upload_id),
            "range": render_received(session.offset_bytes),
        }
    )


def render_handed(handed: remote.Handed) -> dict[str, object]:
    """A claim's answer as a document; the keys stand in the module's docstring."""
    session, document = handed.session, dict[str, object]()
    document["upload_id"] = session.upload_id
    document["claim"] = session.claim
    document["offset_bytes"] = session.offset_bytes
    document["algorithm"] = session.algorithm
    document["proof_lost"] = session.proof_lost
    document["provable_bytes"] = handed.provable_bytes
    document["stored"] = [[part.number, part.etag, part.size_bytes] for part in session.parts]
    document |= render_urls(handed)
    if session.running:
        document["digest"] = str(session.running.digest)
        if session.running.state:
            document["hash_state"] = base64.b64encode(session.running.state).decode()
    if session.tail:
        document["held_tail"] = {
            "key": session.tail.key,
            "size_bytes": session.tail.size_bytes,
            "url": handed.held_tail_url,
        }
    return document


def render_urls(handed: remote.Handed) -> dict[str, object]:
    """The URLs of parts and of the tail."""
    return {
        "parts": [
            {"number": part.number, "url": part.url, "size_bytes": part.size_bytes}
            for part in handed.parts
        ],
        "tail": {"key": handed.tail_key, "url": handed.tail_url},
    }


def read_report(asked: dict[str, object]) -> remote.Report:
    """An uploader's report. Raises: RegistryError(BLOB_UPLOAD_INVALID)."""
    tail, stored = asked.get("tail"), asked.get("stored")
    if not isinstance(stored, list):
        raise _malformed("stored")
    parts = tuple(_part(entry) for entry in stored)
    held = (
        Tail(text_of(tail, "key"), number_of(tail, "size_bytes"))
        if isinstance(tail, dict)
        else None
    )
    return remote.Report(
        offset_bytes=number_of(asked, "offset_bytes"),
        parts=parts,
        tail=held,
        running=_running(asked),
        proof=str(asked.get("proof") or ""),
    )


def _running(asked: dict[str, object]) -> RunningHash | None:
    digest_text, state_text = asked.get("digest"), asked.get("hash_state")
    if not isinstance(digest_text, str):
        return None
    digest = parse_digest(digest_text)
    try:
        state = base64.b64decode(state_text, validate=True) if isinstance(state_text, str) else None
    except binascii.Error:
        raise _malformed("hash_state") from None
    return RunningHash(digest.algorithm, digest, state)


def _part(entry: object) -> Part:
    match entry:
        case [int(number), str(etag), int(size_bytes)] if bool not in map(type, entry):
            return Part(number, etag, size_bytes)
    raise _malformed("stored")


def _word(asked: dict[str, object]) -> str | None:
    """The claim's word, when the uploader chooses it: it becomes a part of a key."""
    word = text_of(asked, "claim") if "claim" in asked else None
    if word is not None and not _WORD.fullmatch(word):
        raise _malformed("claim")
    return word


def _body(call: Call) -> dict[str, object]:
    return read_object(call.request.body, ErrorCode.BLOB_UPLOAD_INVALID)


def text_of(asked: dict[str, object], key: str) -> str:
    value = asked.get(key)
    if not isinstance(value, str):
        raise _malformed(key)
    return value


def number_of(asked: dict[str, object], key: str) -> int:
    value = asked.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise _malformed(key)
    return value


def _malformed(key: str) -> RegistryError:
    return RegistryError(ErrorCode.BLOB_UPLOAD_INVALID, f"`{key}` is missing or malformed")
