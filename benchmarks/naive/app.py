"""What one would write first: Chalice, a PynamoDB model a table, a boto3 client. For comparison.

It serves a manifest by tag (one GetItem) and a blob (one GetItem, one presigned URL), as the
packaged function does; it has no login, no errors and no v1.
"""

import os

import boto3
from chalice import Chalice, Response
from pynamodb.attributes import UnicodeAttribute
from pynamodb.models import Model

REGION = os.environ["AWS_REGION"]
ENDPOINT = os.environ["ROADSTEAD_DYNAMODB_ENDPOINT"]


class Manifest(Model):
    class Meta:
        table_name = os.environ["ROADSTEAD_TABLE"]
        region = REGION
        host = ENDPOINT

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")
    document = UnicodeAttribute()
    media_type = UnicodeAttribute()


class Blob(Model):
    class Meta:
        table_name = os.environ["ROADSTEAD_TABLE"]
        region = REGION
        host = ENDPOINT

    pk = UnicodeAttribute(hash_key=True, attr_name="PK")
    sk = UnicodeAttribute(range_key=True, attr_name="SK")
    key = UnicodeAttribute()


s3 = boto3.client("s3", region_name=REGION, endpoint_url=os.environ["ROADSTEAD_S3_ENDPOINT"])
app = Chalice(app_name="naive")


@app.route("/v2/{proxy+}", methods=["GET", "HEAD"])
def read():
    name, kind, reference = app.current_request.uri_params["proxy"].rsplit("/", 2)
    if kind == "manifests":
        found = Manifest.get(f"naive#{name}", reference)
        return Response(found.document, headers={"Content-Type": found.media_type})
    blob = Blob.get(f"naive#{name}", reference)
    url = s3.generate_presigned_url(
        "get_object",
        Params={"Bucket": os.environ["ROADSTEAD_BUCKET"], "Key": blob.key},
    )
    return Response("", status_code=307, headers={"Location": url})
