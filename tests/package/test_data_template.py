"""The data stack: what it must say, and what of it stays or goes."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chalicelib.adapters.dynamo.models import EXPIRY, PARTITION_KEY, SORT_KEY
from roadstead.deploy import ending
from tests.package.templates import Document, app_template, lint, plain_template, resources, walk

KEPT_FOREVER = {
    "AWS::DynamoDB::Table",
    "AWS::S3::Bucket",
    "AWS::S3::BucketPolicy",
    "AWS::SecretsManager::Secret",
}


@pytest.fixture
def app() -> Document:
    return app_template()


@pytest.fixture
def data() -> Document:
    return plain_template("data")


def test_no_resource_of_the_data_stack_goes_with_it(data: Document) -> None:
    for name, each in data["Resources"].items():
        assert each["Type"] in KEPT_FOREVER, name
        assert each["DeletionPolicy"] == "Retain", name
        assert each["UpdateReplacePolicy"] == "Retain", name


def test_the_table_is_the_one_that_the_adapters_know(data: Document) -> None:
    (table,) = resources(data, "AWS::DynamoDB::Table").values()
    keys = {each["KeyType"]: each["AttributeName"] for each in table["KeySchema"]}
    assert keys == {"HASH": PARTITION_KEY, "RANGE": SORT_KEY}
    assert table["TimeToLiveSpecification"] == {"AttributeName": EXPIRY, "Enabled": True}
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert "GlobalSecondaryIndexes" not in table


def test_no_bucket_is_open_to_anybody(data: Document) -> None:
    buckets = resources(data, "AWS::S3::Bucket")
    assert set(buckets) == {"Bucket", "Artefacts"}
    for bucket in buckets.values():
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        (ownership,) = bucket["OwnershipControls"]["Rules"]
        assert ownership == {"ObjectOwnership": "BucketOwnerEnforced"}
        assert bucket["BucketEncryption"]
    policies = resources(data, "AWS::S3::BucketPolicy").values()
    assert {policy["Bucket"]["Ref"] for policy in policies} == set(buckets)
    for policy in policies:
        statement = policy["PolicyDocument"]["Statement"][0]
        assert statement["Effect"] == "Deny"
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_the_distribution_may_put_uploads_into_the_bucket_and_nothing_else(data: Document) -> None:
    _, allowed, denied = data["Resources"]["BucketPolicy"]["Properties"]["PolicyDocument"][
        "Statement"
    ]
    condition, statement, otherwise = allowed["Fn::If"]
    assert condition == "WithDistribution"
    assert otherwise == {"Ref": "AWS::NoValue"}
    assert statement["Effect"] == "Allow"
    assert statement["Principal"] == denied["Principal"] == {"Service": "cloudfront.amazonaws.com"}
    assert statement["Action"] == "s3:PutObject"
    assert statement["Resource"] == {"Fn::Sub": "${Bucket.Arn}/*/edge/*"}
    arn = "arn:${AWS::Partition}:cloudfront::${AWS::AccountId}:distribution/${Distribution}"
    assert statement["Condition"] == {
        "StringEquals": {
            "aws:SourceAccount": {"Ref": "AWS::AccountId"},
            "aws:SourceArn": {"Fn::Sub": arn},
        }
    }
    # Where a request would end that upload.js has not seen.
    assert denied["Effect"] == "Deny"
    assert denied["Action"] == "s3:*"
    assert denied["Resource"] == {"Fn::Sub": "${Bucket.Arn}/_up/*"}
    (artefacts,) = data["Resources"]["ArtefactsPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert artefacts["Effect"] == "Deny"


def test_deleted_objects_can_be_brought_back_and_left_overs_go(data: Document) -> None:
    bucket = data["Resources"]["Bucket"]["Properties"]
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    rules = bucket["LifecycleConfiguration"]["Rules"]
    assert all(rule["Status"] == "Enabled" for rule in rules)
    said = {key for rule in rules for key in rule} - {"Id", "Status"}
    assert said == {
        "AbortIncompleteMultipartUpload",
        "NoncurrentVersionExpiration",
        "ExpiredObjectDeleteMarker",
    }
    (abort,) = (rule for rule in rules if "AbortIncompleteMultipartUpload" in rule)
    # An upload session lives 24 hours: S3 counts in days, from midnight on.
    assert abort["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] == 2


def test_the_keys_are_made_by_aws_in_hex(data: Document) -> None:
    secrets = resources(data, "AWS::SecretsManager::Secret")
    assert set(secrets) == {"SigningKey", "GatewaySecret", "EdgeKey", "EdgeWord"}
    for secret in secrets.values():
        made = secret["GenerateSecretString"]
        left = set("abcdefghijklmnopqrstuvwxyz0123456789") - set(made["ExcludeCharacters"])
        assert left == set("0123456789abcdef")
        assert made["PasswordLength"] == 64
        assert made["ExcludeUppercase"] is made["ExcludePunctuation"] is True


def test_everything_that_the_application_imports_is_exported(app: Document, data: Document) -> None:
    imported = {
        node["Fn::ImportValue"]["Fn::Sub"].removeprefix("${DataStack}-")
        for node in walk(app)
        if isinstance(node, dict) and "Fn::ImportValue" in node
    }
    exported = {name for name, each in data["Outputs"].items() if "Export" in each}
    assert imported
    assert imported <= exported
    for name in exported:
        wanted = {"Name": {"Fn::Sub": f"${{AWS::StackName}}-{name}"}}
        assert data["Outputs"][name]["Export"] == wanted


def test_only_what_has_an_end_can_lose_its_table(data: Document) -> None:
    """Deleted with point-in-time recovery, a table would leave a backup for 35 days."""
    (table,) = resources(data, "AWS::DynamoDB::Table").values()
    stays = {"Fn::If": ["Stays", True, False]}
    assert table["DeletionProtectionEnabled"] == stays
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": stays}
    assert data["Conditions"]["Stays"] == {"Fn::Equals": [{"Ref": "Ends"}, ""]}
    assert data["Parameters"]["Ends"]["Default"] == ""


@pytest.mark.parametrize(
    ("ends", "fits"),
    [
        ("", True),
        ("2027-01-31T12:00:00Z", True),
        ("2027-01-31T12:00:00+01:00", False),
        ("2027-01-31", False),
        ("never", False),
    ],
)
def test_an_end_is_a_time_in_utc_or_none(data: Document, ends: str, fits: bool) -> None:
    for document in (data, plain_template("end")):
        pattern = document["Parameters"]["Ends"]["AllowedPattern"]
        wanted = fits and (ends != "" or document is data)
        assert bool(re.fullmatch(pattern, ends)) is wanted


@pytest.mark.parametrize("expires", ["15m", "366d", "2027-01-31T13:00:00+01:00", "never"])
def test_an_end_is_written_as_the_templates_take_it(data: Document, expires: str) -> None:
    end = ending.parse(expires, datetime(2026, 11, 24, 12, 0, 0, 5, tzinfo=UTC))
    assert re.fullmatch(data["Parameters"]["Ends"]["AllowedPattern"], end)
    assert not end or re.fullmatch(
        plain_template("end")["Parameters"]["Ends"]["AllowedPattern"], end
    )


def test_cfn_lint_would_find_a_mistake(data: Document, tmp_path: Path) -> None:
    data["Resources"]["Table"]["Properties"]["KeySchema"][0]["KeyType"] = "HASHED"
    path = tmp_path / "data.json"
    path.write_text(json.dumps(data))
    assert "HASHED" in lint(path)
