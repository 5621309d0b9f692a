"""Our presigner against botocore's: the same URL, to the last character of the signature."""

from __future__ import annotations

import time
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials as BotocoreCredentials
from botocore.session import Session
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.adapters.s3.presign import Address, Credentials, address_of, presign

NOW_S = 1_800_000_000
KEYS = [
    "k",
    "team/sha256/ab/abc",
    "a b+c",
    "\u00fc/\u4f60",
    "~x.y_z-",
    "a%2Fb",
    "a&b=c?d#e",
    "//x/",
]
TOKENS = [None, "IQoJb3JpZ2luX2VjEHUaCXVzLWVhc3QtMSJ//+=="]
PART = {"uploadId": "a+b/c=~", "partNumber": "12"}


@pytest.fixture
def frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore reads the clock itself; here it reads ours."""
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(NOW_S))

    class Frozen(botocore.auth.S3SigV4QueryAuth):
        def add_auth(self, request: AWSRequest) -> None:
            request.context["timestamp"] = moment
            self._modify_request_before_signing(request)
            canonical = self.canonical_request(request)
            signature = self.signature(self.string_to_sign(request, canonical), request)
            self._inject_signature_to_request(request, signature)

    monkeypatch.setitem(botocore.auth.AUTH_TYPE_MAPS, "s3v4-query", Frozen)


def split(url: str) -> tuple[str, str, str, list[tuple[str, str]]]:
    parts = urlsplit(url)
    # botocore leaves a default port in the URL, though not in the host that it signs.
    host = parts.netloc.removesuffix(":443").removesuffix(":80")
    return parts.scheme, host, parts.path, sorted(parse_qsl(parts.query))


@cache
def client_of(region: str, endpoint_url: str | None, token: str | None) -> Any:
    session = Session()
    session.set_credentials("AKIDEXAMPLE", "secret/+key", token)
    style = "path" if endpoint_url else "virtual"
    config = Config(signature_version="s3v4", s3={"addressing_style": style})
    return session.create_client("s3", region_name=region, endpoint_url=endpoint_url, config=config)


def theirs(client: Any, method: str, key: str, part: dict[str, str] | None) -> str:
    verb = {"GET": "get_object", "HEAD": "head_object", "PUT": "put_object"}[method]
    params: dict[str, object] = {"Bucket": "bucket", "Key": key}
    if part:
        verb = "upload_part"
        params |= {"UploadId": part["uploadId"], "PartNumber": int(part["partNumber"])}
    url: str = client.generate_presigned_url(verb, params, ExpiresIn=900)
    return url


@pytest.mark.usefixtures("frozen")
@pytest.mark.parametrize("token", TOKENS, ids=["a user's keys", "a role's keys"])
@pytest.mark.parametrize(
    ("region", "endpoint_url"),
    [
        ("eu-west-1", None),
        ("ap-southeast-2", None),
        ("cn-north-1", None),
        ("us-east-1", "http://127.0.0.1:8333"),
        ("us-east-1", "https://s3.example.com:443"),
        ("eu-west-1", "http://s3.example.com:80/"),
    ],
)
@pytest.mark.parametrize(
    ("method", "part"),
    [("GET", None), ("HEAD", None), ("PUT", None), ("PUT", PART)],
    ids=["get", "head", "put", "part"],
)
def test_it_is_the_url_that_botocore_makes(
    method: str,
    part: dict[str, str] | None,
    region: str,
    endpoint_url: str | None,
    token: str | None,
) -> None:
    credentials = Credentials("AKIDEXAMPLE", "secret/+key", token)
    address = address_of("bucket", region, endpoint_url)
    client = client_of(region, endpoint_url, token)
    for key in KEYS:
        ours = presign(
            address, region, credentials, method, key, ttl_s=900, now_s=NOW_S, query=part
        )
        assert split(ours) == split(theirs(client, method, key, part))


@pytest.mark.usefixtures("frozen")
def test_us_east_1_is_the_regional_host() -> None:
    """botocore's own default there is the old global one, which is a redirect away from others."""
    ours = presign(
        address_of("bucket", "us-east-1"),
        "us-east-1",
        Credentials("AKIDEXAMPLE", "secret/+key"),
        "GET",
        "k",
        ttl_s=900,
        now_s=NOW_S,
    )
    assert ours.startswith("https://bucket.s3.us-east-1.amazonaws.com/k?")


def test_a_bucket_with_dots_gets_path_style() -> None:
    expected = Address("https", "s3.eu-west-1.amazonaws.com", "/my.bucket")
    assert address_of("my.bucket", "eu-west-1") == expected


@example(headers={"x-amz-acl": "two  blanks"}, query={"\u00fc": ""})
@given(
    headers=st.dictionaries(
        st.sampled_from(["x-amz-checksum-sha256", "Content-Type", "x-amz-acl", "Content-Length"]),
        st.text("abcXYZ019+/= ", min_size=1, max_size=12).map(str.strip),
    ),
    query=st.dictionaries(st.text("abcXYZ-+ \u00fc", min_size=1, max_size=5), st.text(max_size=5)),
)
def test_headers_and_queries_are_signed_as_botocore_signs_them(
    headers: dict[str, str], query: dict[str, str]
) -> None:
    address = Address("https", "bucket.s3.eu-west-1.amazonaws.com")
    credentials = Credentials("AKIDEXAMPLE", "secret/+key", "token")
    ours = presign(
        address,
        "eu-west-1",
        credentials,
        "PUT",
        "a b",
        ttl_s=60,
        now_s=NOW_S,
        query=query,
        headers=headers,
    )
    fields = dict(parse_qsl(urlsplit(ours).query, keep_blank_values=True))
    signature = fields.pop("X-Amz-Signature")
    signer = botocore.auth.S3SigV4QueryAuth(
        BotocoreCredentials("AKIDEXAMPLE", "secret/+key", "token"), "s3", "eu-west-1"
    )
    request = AWSRequest("PUT", ours.partition("&X-Amz-Signature=")[0], headers=headers)
    request.context["timestamp"] = fields["X-Amz-Date"]
    canonical = signer.canonical_request(request)
    assert signature == signer.signature(signer.string_to_sign(request, canonical), request)


def test_another_day_another_secret_and_another_region_sign_otherwise() -> None:
    def sign(secret: str = "s", region: str = "eu-west-1", now_s: int = NOW_S) -> str:
        credentials, address = Credentials("a", secret), Address("https", "host")
        url = presign(address, region, credentials, "GET", "k", ttl_s=1, now_s=now_s)
        return url.rpartition("=")[2]

    urls = [sign(), sign("t"), sign(region="eu-west-2"), sign(now_s=NOW_S + 86400), sign()]
    assert len(set(urls)) == 4
    assert urls[0] == urls[-1]
