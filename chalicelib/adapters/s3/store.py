"""S3Blobs: BlobStore; whole small objects by ``objects``, the rest by botocore's S3 client.

The client is built when the first call needs it: that costs a cold start 100 ms, and most
requests only sign a URL or move one small object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from threading import Lock
from typing import Any

import botocore.session
import urllib3
from botocore.config import Config

from chalicelib.adapters.aws import shared_session
from chalicelib.adapters.s3.errors import translated
from chalicelib.adapters.s3.objects import Objects, checksum_header
from chalicelib.adapters.s3.presign import Address, Credentials, address_of, presign
from chalicelib.domain import limits
from chalicelib.domain.upload import Part
from chalicelib.ports import Clock, Conflict, Missing, PartRefused, Unavailable

PIECE_BYTES = limits.MIB

# Two attempts must end within the 29 s of API Gateway. S3 sends blanks while it joins or copies.
CONNECT_TIMEOUT_S = 2
READ_TIMEOUT_S = 12
ATTEMPTS = 2
MAX_CONNECTIONS = 32


class S3Blobs:
    """BlobStore in one bucket; safe for any number of threads.

    ``endpoint_url`` is where we call (None: AWS), ``public_endpoint_url`` where presigned URLs
    lead, when clients reach the same server by another name. ``on_request`` hears the operation
    of each HTTP request, for counting.
    """

    def __init__(
        self,
        bucket: str,
        region: str,
        endpoint_url: str | None = None,
        public_endpoint_url: str | None = None,
        *,
        clock: Clock,
        session: botocore.session.Session | None = None,
        on_request: Callable[[str], None] | None = None,
        read_timeout_s: float = READ_TIMEOUT_S,
    ) -> None:
        self._bucket = bucket
        self._region = region
        self._endpoint_url = endpoint_url
        self._address: Address = address_of(bucket, region, public_endpoint_url or endpoint_url)
        self._clock = clock
        self._session = session or shared_session()
        self._on_request = on_request
        self._read_timeout_s = read_timeout_s
        self._objects = Objects(
            address_of(bucket, region, endpoint_url),
            region,
            self._credentials,
            clock,
            _make_pool(read_timeout_s),
            attempts=ATTEMPTS,
            on_request=on_request,
        )
        self._lock = Lock()
        self._made: Any = None

    # --- presigned URLs -----------------------------------------------------------------------

    def presign_get(self, key: str, *, method: str = "GET", ttl_s: int) -> str:
        return self._presign(method, key, ttl_s)

    def presign_part(self, key: str, multipart_id: str, number: int, *, ttl_s: int) -> str:
        query = {"uploadId": multipart_id, "partNumber": str(number)}
        return self._presign("PUT", key, ttl_s, query)

    def presign_put(self, key: str, *, ttl_s: int, sha256_hex: str | None = None) -> str:
        headers = None if sha256_hex is None else checksum_header(sha256_hex)
        return self._presign("PUT", key, ttl_s, headers=headers)

    def _presign(
        self,
        method: str,
        key: str,
        ttl_s: int,
        query: dict[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> str:
        return presign(
            self._address,
            self._region,
            self._credentials(),
            method,
            key,
            ttl_s=ttl_s,
            now_s=self._clock.now_s(),
            query=query,
            headers=headers,
        )

    def _credentials(self) -> Credentials:
        # Asked for each time: the session renews a role's credentials before they run out.
        found = self._session.get_credentials()
        if found is None:
            raise Unavailable("S3: no AWS credentials")
        frozen = found.get_frozen_credentials()
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token)

    # --- objects ------------------------------------------------------------------------------

    def put(self, key: str, data: bytes, *, sha256_hex: str | None = None) -> None:
        self._objects.put(key, data, sha256_hex)

    def get(self, key: str, *, start: int = 0, end: int | None = None) -> bytes:
        whole = start == 0 and end is None
        byte_range = None if whole else f"bytes={start}-{'' if end is None else end}"
        return self._objects.get(key, byte_range)

    def read(self, key: str) -> Iterator[bytes]:
        # The call goes out here and not at the first piece, so that Missing comes from `read`.
        with translated(key):
            body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"]
        return self._pieces(key, body)

    def _pieces(self, key: str, body: Any) -> Iterator[bytes]:
        with translated(key), body:
            yield from body.iter_chunks(PIECE_BYTES)

    def size_bytes(self, key: str) -> int | None:
        try:
            with translated(key):
                answer = self._client.head_object(Bucket=self._bucket, Key=key)
        except Missing:
            return None
        return int(answer["ContentLength"])

    def checked_size_bytes(self, key: str, *, sha256_hex: str) -> int | None:
        return self._objects.checked_size_bytes(key, sha256_hex)

    def copy(self, source_key: str, key: str) -> None:
        with translated(f"{source_key} to {key}"):
            self._client.copy_object(Bucket=self._bucket, Key=key, CopySource=self._at(source_key))

    def _at(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": key}

    # --- objects in parts ---------------------------------------------------------------------

    def create_multipart(self, key: str) -> str:
        with translated(key):
            answer = self._client.create_multipart_upload(Bucket=self._bucket, Key=key)
        return str(answer["UploadId"])

    def put_part(self, key: str, multipart_id: str, number: int, data: bytes) -> Part:
        with translated(f"part {number} of {key}"):
            answer = self._client.upload_part(
                Bucket=self._bucket,
                Key=key,
                UploadId=multipart_id,
                PartNumber=number,
                Body=data,
            )
        return Part(number, str(answer["ETag"]), len(data))

    def copy_part(
        self, source_key: str, key: str, multipart_id: str, number: int, size_bytes: int
    ) -> Part:
        with translated(f"{source_key} to part {number} of {key}"):
            answer = self._client.upload_part_copy(
                Bucket=self._bucket,
                Key=key,
                UploadId=multipart_id,
                PartNumber=number,
                CopySource=self._at(source_key),
            )
        # SeaweedFS leaves the quotes away here; AWS has them, and `Part` says they are there.
        etag = str(answer["CopyPartResult"]["ETag"]).strip('"')
        return Part(number, f'"{etag}"', size_bytes)

    def complete_multipart(self, key: str, multipart_id: str, parts: Sequence[Part]) -> None:
        if not parts:
            # S3 calls an empty list malformed XML, and that is nobody's mistake but the caller's.
            raise PartRefused(f"S3: {key}: no parts")
        listed = [{"PartNumber": part.number, "ETag": part.etag} for part in parts]
        with translated(key):
            self._client.complete_multipart_upload(
                Bucket=self._bucket,
                Key=key,
                UploadId=multipart_id,
                MultipartUpload={"Parts": listed},
            )

    def abort_multipart(self, key: str, multipart_id: str) -> None:
        try:
            with translated(key):
                self._client.abort_multipart_upload(
                    Bucket=self._bucket, Key=key, UploadId=multipart_id
                )
        except Missing:
            return

    # --- the client ---------------------------------------------------------------------------

    @property
    def _client(self) -> Any:
        if self._made is None:
            with self._lock:
                if self._made is None:
                    self._made = self._make_client()
        return self._made

    def _make_client(self) -> Any:
        client = _create_client(
            self._session, self._region, self._endpoint_url, self._read_timeout_s
        )
        if self._on_request is not None:
            hear = self._on_request
            client.meta.events.register(
                "before-send.s3", lambda event_name, **_: hear(event_name.rpartition(".")[2])
            )
        return client


def _make_pool(read_timeout_s: float) -> urllib3.PoolManager:
    return urllib3.PoolManager(
        maxsize=MAX_CONNECTIONS,
        retries=False,
        timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT_S, read=read_timeout_s),
    )


def create_bucket(
    bucket: str,
    region: str,
    endpoint_url: str,
    *,
    session: botocore.session.Session | None = None,
) -> None:
    """Create the bucket where it does not exist, for local use; on AWS the template does it.

    Raises: Unavailable.
    """
    client = _create_client(session or shared_session(), region, endpoint_url)
    place = {}
    if region != "us-east-1":
        place["CreateBucketConfiguration"] = {"LocationConstraint": region}
    try:
        with translated(bucket):
            client.create_bucket(Bucket=bucket, **place)
    except Conflict:
        return
    finally:
        client.close()


def _create_client(
    session: botocore.session.Session,
    region: str,
    endpoint_url: str | None,
    read_timeout_s: float = READ_TIMEOUT_S,
) -> Any:
    with translated("client"):
        return session.create_client(
            "s3",
            region_name=region,
            endpoint_url=endpoint_url,
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path" if endpoint_url else "virtual"},
                connect_timeout=CONNECT_TIMEOUT_S,
                read_timeout=read_timeout_s,
                retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
                max_pool_connections=MAX_CONNECTIONS,
                # Where a checksum proves something we send it ourselves; a CRC over every body
                # proves only what TCP and TLS have.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )
