"""What SeaweedFS must refuse, because AWS does: a stack without that proves nothing."""

import http.client
import urllib.parse
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from roadstead.embedded import StackEndpoints

from .aws import BUCKET, s3_client


@pytest.fixture(scope="module", autouse=True)
def _object(endpoints: StackEndpoints) -> Iterator[None]:
    with s3_client(endpoints) as s3:
        s3.create_bucket(Bucket=BUCKET)
        s3.put_object(Bucket=BUCKET, Key="a", Body=b"bytes")
        yield


def send(method: str, url: str, body: bytes | None = None) -> int:
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
    try:
        connection.request(method, f"{parts.path}?{parts.query}", body=body)
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_an_unsigned_request_is_refused(endpoints: StackEndpoints, method: str) -> None:
    assert send(method, f"{endpoints.s3_url}/{BUCKET}/a", b"x" if method == "PUT" else None) == 403


def test_a_presigned_url_works_and_a_tampered_one_does_not(endpoints: StackEndpoints) -> None:
    with s3_client(endpoints) as s3:
        url = s3.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": "a"})
    assert send("GET", url) == 200
    assert send("GET", url.replace(f"/{BUCKET}/a", f"/{BUCKET}/b")) == 403
    assert send("DELETE", url) == 403


def test_another_secret_is_refused(endpoints: StackEndpoints) -> None:
    with s3_client(endpoints, secret_key="0" * 40) as s3, pytest.raises(ClientError) as caught:
        s3.get_object(Bucket=BUCKET, Key="a")
    assert caught.value.response["Error"]["Code"] == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    ("port_offset", "path"),
    [(1, "/dir/assign"), (2, "/1,0"), (3, f"/buckets/{BUCKET}/a"), (3, f"/buckets/{BUCKET}/")],
)
def test_the_inner_servers_are_no_way_round(
    endpoints: StackEndpoints, port_offset: int, path: str
) -> None:
    port = (urllib.parse.urlsplit(endpoints.s3_url).port or 0) + port_offset
    assert send("GET", f"http://127.0.0.1:{port}{path}") in (401, 404)
    assert send("PUT", f"http://127.0.0.1:{port}{path}", b"x") in (401, 404, 405)
