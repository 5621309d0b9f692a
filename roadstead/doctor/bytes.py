"""Checks of bytes: uploads by each way in, what is refused, pulls, and the way out again."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

from roadstead.doctor.findings import NotLookedAt, Wrong, expect
from roadstead.doctor.patient import Patient, Reply, digest_of, in_pieces

MB = 1_000_000
# More than a function takes, and more than API Gateway takes.
ABOVE_LAMBDA_BYTES = 5 * MB
ABOVE_API_GATEWAY_BYTES = 11 * MB
CHUNKED_BYTES = 1 * MB
LARGE_BYTES = 5 * 1024**3
LARGE_ANSWER_S = 30.0
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
_RANGE = re.compile(r"(?:bytes=)?0-(\d+)")


def _unique(patient: Patient, name: str, size_bytes: int = 64) -> bytes:
    seed = f"roadstead doctor {patient.word} {name} ".encode()
    return (seed * (size_bytes // len(seed) + 1))[: max(size_bytes, len(seed))]


def _plain(place: str) -> str:
    """The same session without the edge's address: what goes there reaches the API."""
    parts = urlsplit(place)
    return parts._replace(path=parts.path.removeprefix("/_up"), query="").geturl()


def _check_created(patient: Patient, reply: Reply, digest: str) -> None:
    expect(reply.status == 201, f"{reply}: {reply.text}", "201")
    found = reply.header("Docker-Content-Digest")
    expect(found == digest, f"{reply} with Docker-Content-Digest: {found}", digest)
    expect(patient.is_visible(digest), "HEAD of the blob does not find it", "found")


def location(patient: Patient) -> str:
    place = patient.begin_upload()
    parts = urlsplit(place)
    expect(
        (parts.scheme, parts.netloc) == (patient.host.scheme, patient.host.name),
        f"an upload's Location is at {parts.scheme}://{parts.netloc}",
        f"{patient.host.url}: oras and helm refuse another host",
    )
    patient.facts["uploads"] = place
    if parts.path.startswith("/_up/"):
        patient.facts["edge"] = place
    return "on the same host"


def pieces(patient: Patient) -> str:
    patient.need("uploads")
    data = _unique(patient, "inline")
    place = patient.begin_upload()
    reply = patient.ask("PATCH", place, body=data)
    _check_range(reply, len(data))
    reply = patient.ask("PUT", patient.with_digest(_next(patient, reply), data))
    _check_created(patient, reply, digest_of(data))
    patient.facts["blob"] = data
    return "PATCH and PUT, 202 with its Range, 201 with its digest"


def _check_range(reply: Reply, size_bytes: int) -> None:
    expect(reply.status == 202, f"{reply}: {reply.text}", "202")
    found = reply.header("Range")
    match = _RANGE.fullmatch(found or "")
    good = bool(match) and int(match[1] if match else 0) == size_bytes - 1
    expect(good, f"{reply} with Range: {found}", f"Range: 0-{size_bytes - 1}")


def _next(patient: Patient, reply: Reply) -> str:
    found = reply.header("Location")
    if not found:
        raise Wrong(f"{reply} without Location", "where the upload goes on")
    return found


def chunked(patient: Patient) -> str:
    patient.need("uploads")
    data = _unique(patient, "chunked", CHUNKED_BYTES)
    reply = patient.ask("PATCH", patient.begin_upload(), body=in_pieces(data))
    _check_range(reply, len(data))
    reply = patient.ask("PUT", patient.with_digest(_next(patient, reply), data))
    _check_created(patient, reply, digest_of(data))
    return f"{len(data)} bytes whose length was not declared came whole"


def wrong_inline(patient: Patient) -> str:
    patient.need("uploads")
    _check_refused(patient, _plain(patient.begin_upload()), "inline")
    return "refused, and not to be seen"


def _check_refused(patient: Patient, place: str, name: str) -> None:
    promised, sent = _unique(patient, f"promised {name}"), _unique(patient, f"sent {name}")
    reply = patient.ask("PUT", patient.with_digest(place, promised), body=sent)
    seen = patient.is_visible(digest_of(promised))
    expect(not seen, f"{reply}, and the digest is served with other bytes", "never to be seen")
    good = 400 <= reply.status < 500
    expect(good, f"{reply} to bytes of another digest: {reply.text}", "400 DIGEST_INVALID")


def edge_right(patient: Patient) -> str:
    place = _edge(patient)
    data = _unique(patient, "edge", 256 * 1024)
    reply = patient.ask("PUT", patient.with_digest(place, data), body=data)
    _check_created(patient, reply, digest_of(data))
    return "201 with its digest, and it is seen"


def edge_wrong(patient: Patient) -> str:
    _check_refused(patient, _edge(patient), "edge")
    return "S3 refuses them, and they are not to be seen"


def edge_token(patient: Patient) -> str:
    place = _edge(patient)
    token = parse_qs(urlsplit(place).query).get("_up", [""])[0]
    end_s, _, rest = token.partition(".")
    flipped = token[:-1] + ("0" if token[-1:] != "0" else "1")
    forged = {
        "forged": flipped,
        "expired": f"{int(time.time()) - 60}.{rest}",
        "prolonged": f"{int(end_s or 0) + 3600 if end_s.isdigit() else 0}.{rest}",
        "missing": "",
    }
    base = place.partition("?")[0]
    for name, text in forged.items():
        data = _unique(patient, f"token {name}")
        reply = patient.ask("PUT", patient.with_digest(f"{base}?_up={text}", data), body=data)
        expect(reply.status in (401, 403), f"{reply} to a token that is {name}", "403")
        expect(not patient.is_visible(digest_of(data)), f"{name}: its bytes are seen", "not seen")
    return "forged, expired, prolonged and missing ones are refused"


def _edge(patient: Patient) -> str:
    patient.need("uploads")
    if "edge" not in patient.facts:
        raise NotLookedAt("this deployment gives no /_up addresses: bytes go by the API")
    return patient.begin_upload()


def above_lambda(patient: Patient) -> str:
    return _above(patient, ABOVE_LAMBDA_BYTES)


def above_api_gateway(patient: Patient) -> str:
    return _above(patient, ABOVE_API_GATEWAY_BYTES)


def _above(patient: Patient, size_bytes: int) -> str:
    patient.need("uploads")
    data = _unique(patient, f"above {size_bytes}", size_bytes)
    reply = patient.ask("PATCH", patient.begin_upload(), body=data)
    if reply.status == 202:
        _check_range(reply, len(data))
        place = _next(patient, reply)
        patient.ask("DELETE", place)
        return f"{size_bytes} bytes are taken: a gateway is there"
    expect(
        reply.status == 413 and reply.code == "SIZE_INVALID",
        f"{reply}, {reply.header('Content-Type')}: {reply.text}",
        "202, or 413 in JSON with the code SIZE_INVALID",
    )
    says = [word for word in ("roadstead push", "gateway") if word in reply.text]
    expect(bool(says), f"413: {reply.text}", "a sentence that names `roadstead push` or a gateway")
    return "413 with the sentence that says what to do"


def manifest(patient: Patient) -> str:
    layer = patient.need("blob")
    config = json.dumps({"architecture": "amd64", "os": "linux", "doctor": patient.word}).encode()
    place = _plain(patient.begin_upload())
    reply = patient.ask("PUT", patient.with_digest(place, config), body=config)
    _check_created(patient, reply, digest_of(config))
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": _described(OCI_CONFIG, config),
        "layers": [_described(OCI_LAYER, layer)],
    }
    raw = json.dumps(document).encode()
    reply = patient.ask(
        "PUT",
        patient.path(f"manifests/{patient.tag}"),
        body=raw,
        headers={"Content-Type": OCI_MANIFEST},
    )
    expect(reply.status == 201, f"{reply}: {reply.text}", "201")
    patient.facts["manifest"] = raw
    reply = patient.ask(
        "GET", patient.path(f"manifests/{patient.tag}"), headers={"Accept": OCI_MANIFEST}
    )
    expect(reply.body == raw, f"{reply} with other bytes: {reply.text}", "the manifest's own bytes")
    found = reply.header("Docker-Content-Digest")
    expect(found == digest_of(raw), f"Docker-Content-Digest: {found}", digest_of(raw))
    kind = reply.header("Content-Type")
    expect(kind == OCI_MANIFEST, f"Content-Type: {kind}", OCI_MANIFEST)
    return "pushed by tag, pulled byte for byte"


def _described(media_type: str, data: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": digest_of(data), "size": len(data)}


def head(patient: Patient) -> str:
    raw = patient.need("manifest")
    for reference in (patient.tag, digest_of(raw)):
        place = patient.path(f"manifests/{reference}")
        reply = patient.ask("HEAD", place, headers={"Accept": OCI_MANIFEST})
        found = reply.header("Content-Length")
        good = reply.status == 200 and found == str(len(raw))
        expect(good, f"{reply} with Content-Length: {found}", f"Content-Length: {len(raw)}")
    return f"Content-Length: {len(raw)}"


def download(patient: Patient) -> str:
    data = patient.need("blob")
    reply, place = _followed(patient, {})
    got = hashlib.sha256(reply.body).hexdigest()
    good = reply.status == 200 and got == hashlib.sha256(data).hexdigest()
    expect(good, f"{reply} with {len(reply.body)} bytes of sha256:{got}", digest_of(data))
    return f"from {place}, and its bytes have the digest"


def download_range(patient: Patient) -> str:
    data = patient.need("blob")
    reply, _ = _followed(patient, {"Range": "bytes=3-9"})
    expect(
        (reply.status, reply.body) == (206, data[3:10]),
        f"{reply} with {len(reply.body)} bytes",
        "206 with 7 bytes",
    )
    return "206 with the bytes that were asked for"


def _followed(patient: Patient, headers: dict[str, str]) -> tuple[Reply, str]:
    place = patient.path(f"blobs/{digest_of(patient.need('blob'))}")
    reply = patient.ask("GET", place, headers=headers)
    if reply.status in (200, 206):
        return reply, "the registry itself"
    expect(reply.status in (302, 307), f"{reply}: {reply.text}", "307, or the bytes")
    target = _next(patient, reply)
    # To another host `ask` sends no login: S3 refuses a request with two permissions.
    return patient.ask("GET", target, headers=headers), urlsplit(target).netloc


def large(patient: Patient) -> str:
    if not patient.large_bytes:
        raise NotLookedAt("it sends 5 GB: say --large")
    place = _edge(patient)
    sent_at = [0.0]
    digest = hashlib.sha256()
    for piece in _zeros(patient.large_bytes):
        digest.update(piece)

    def body() -> Iterator[bytes]:
        yield from _zeros(patient.large_bytes)
        sent_at[0] = time.monotonic()

    name = f"sha256:{digest.hexdigest()}"
    patient.made_digests.add(name)
    glue = "&" if "?" in place else "?"
    headers = {"Content-Length": str(patient.large_bytes)}
    reply = patient.ask("PUT", f"{place}{glue}digest={name}", body=body(), headers=headers)
    waited_s = time.monotonic() - sent_at[0]
    _check_created(patient, reply, name)
    expect(waited_s < LARGE_ANSWER_S, f"{waited_s:.0f} s until the answer", "less than 30 s")
    return f"taken, answered after {waited_s:.0f} s"


def _zeros(size_bytes: int) -> Iterator[bytes]:
    piece = bytes(1024 * 1024)
    for at in range(0, size_bytes, len(piece)):
        yield piece[: size_bytes - at]


def clean(patient: Patient) -> str:
    """Takes away what the run has made: the repository if it may, else tag, manifest and blobs."""
    patient.need("uploads")
    if "manifest" in patient.facts:
        for reference in (patient.tag, digest_of(patient.facts["manifest"])):
            patient.ask("DELETE", patient.path(f"manifests/{reference}"))
    for digest in sorted(patient.made_digests):
        patient.ask("DELETE", patient.path(f"blobs/{digest}"))
    if f"doctor-{patient.word}" in patient.repository:
        patient.ask("DELETE", f"/v1/repositories/{patient.repository}/")
    left = [digest for digest in sorted(patient.made_digests) if patient.is_visible(digest)]
    reply = patient.ask("HEAD", patient.path(f"manifests/{patient.tag}"))
    expect(reply.status == 404, f"{reply} after it was deleted", "404")
    expect(not left, f"{len(left)} blobs are still served", "none")
    return "nothing of this run is left to see"
