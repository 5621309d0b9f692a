"""The two stacks: what they must say, and that cfn-lint and SAM take them."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from chalicelib.adapters.dynamo.models import EXPIRY, PARTITION_KEY, SORT_KEY
from chalicelib.api.deliverer import MARGIN_S
from chalicelib.config import (
    LogSettings,
    read_log_settings,
    read_settings,
    read_table_settings,
)
from chalicelib.domain.errors import ErrorCode
from chalicelib.service.deliver import ATTEMPT_S, LEASE_S
from chalicelib.service.meter import Terms
from chalicelib.web import lines
from roadstead.package import explain, function, template, translate
from roadstead.package.errors import PackageError
from tests.support.world import app_of, memory_world

INFRA = function.PROJECT / "infra"
Document = dict[str, Any]
# What an API of API Gateway can hold without asking AWS for more.
MAX_API_RESOURCES = 300
# Other servers than AWS's: never on Lambda.
LOCAL_SETTINGS = {
    "ROADSTEAD_DYNAMODB_ENDPOINT",
    "ROADSTEAD_S3_ENDPOINT",
    "ROADSTEAD_S3_PUBLIC_ENDPOINT",
}
KEPT_FOREVER = {
    "AWS::DynamoDB::Table",
    "AWS::S3::Bucket",
    "AWS::S3::BucketPolicy",
    "AWS::SecretsManager::Secret",
}


@cache
def packaged() -> str:
    return json.dumps(template.build_template(INFRA / "app.json"))


@pytest.fixture
def app() -> Document:
    """The finished template of the application."""
    document: Document = json.loads(packaged())
    return document


@pytest.fixture
def data() -> Document:
    document: Document = json.loads((INFRA / "data.json").read_text())
    return document


def resources(document: Document, kind: str) -> dict[str, Document]:
    found = document["Resources"].items()
    return {name: each.get("Properties", {}) for name, each in found if each["Type"] == kind}


def walk(node: Any) -> Iterator[Any]:
    yield node
    for child in (
        node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    ):
        yield from walk(child)


# --- lint -------------------------------------------------------------------------------------


def lint(*paths: Path) -> str:
    program = Path(sys.executable).with_name("cfn-lint")
    done = subprocess.run([program, *paths], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_cfn_lint_has_nothing_to_say(app: Document, tmp_path: Path) -> None:
    before, after = tmp_path / "app.json", tmp_path / "app-translated.json"
    before.write_text(json.dumps(app))
    after.write_text(json.dumps(translate.translate(copy.deepcopy(app))))
    of_the_edge = tmp_path / "explain.json"
    of_the_edge.write_text(json.dumps(explain.build_template(INFRA / "explain.json")))
    assert lint(INFRA / "data.json", of_the_edge, before, after) == ""


def test_cfn_lint_would_find_a_mistake(data: Document, tmp_path: Path) -> None:
    data["Resources"]["Table"]["Properties"]["KeySchema"][0]["KeyType"] = "HASHED"
    path = tmp_path / "data.json"
    path.write_text(json.dumps(data))
    assert "HASHED" in lint(path)


# --- data -------------------------------------------------------------------------------------


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
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["DeletionProtectionEnabled"] is True
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


# --- application ------------------------------------------------------------------------------


def test_the_runtime_is_pinned_and_snapstart_is_a_choice(app: Document) -> None:
    functions = resources(app, "AWS::Serverless::Function")
    assert set(functions) == {"APIHandler", "VerifierHandler", "Meter", "Collect", "Webhooks"}
    for each in functions.values():
        assert each["Runtime"] == "python3.12"
        assert each["Architectures"] == ["arm64"]
        assert each["CodeUri"] == f"./{template.ZIP_NAME}"
    api = functions["APIHandler"]
    assert api["SnapStart"] == {"ApplyOn": {"Ref": "SnapStart"}}
    assert app["Parameters"]["SnapStart"]["Default"] == "None"


def test_the_api_calls_the_alias_which_snapstart_needs(app: Document) -> None:
    alias = app["Resources"]["APIHandler"]["Properties"]["AutoPublishAlias"]
    body = app["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]
    addresses = {
        node["uri"]["Fn::Sub"] for node in walk(body) if isinstance(node, dict) and "uri" in node
    }
    (address,) = addresses
    assert address.endswith(f"/functions/${{APIHandler.Arn}}:{alias}/invocations")
    permissions = resources(app, "AWS::Lambda::Permission").values()
    callers = {each["Principal"]: each["FunctionName"] for each in permissions}
    assert callers["apigateway.amazonaws.com"] == {"Ref": "APIHandler.Alias"}


def test_the_api_has_every_route_of_the_application(app: Document) -> None:
    body = app["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]
    declared = {(path, method) for path, methods in body["paths"].items() for method in methods}
    routes = app_of(memory_world()).routes
    assert declared == {
        (path, method.lower()) for path, methods in routes.items() for method in methods
    }
    assert body["x-amazon-apigateway-binary-media-types"] == ["*/*"]
    prefixes = {
        path[: at or len(path)]
        for path in body["paths"]
        for at in [n for n, sign in enumerate(path) if sign == "/"] + [0]
    }
    assert len(prefixes) < MAX_API_RESOURCES


def test_the_verifier_is_called_by_the_api_and_by_itself_and_knows_no_key(app: Document) -> None:
    verifier = app["Resources"]["VerifierHandler"]["Properties"]
    api = app["Resources"]["APIHandler"]["Properties"]
    assert verifier["Timeout"] == 900
    assert api["Environment"]["Variables"]["ROADSTEAD_VERIFIER"] == {"Ref": "VerifierHandler"}
    callers = {
        role: [
            statement["Resource"]
            for policy in app["Resources"][role]["Properties"]["Policies"]
            for statement in policy["PolicyDocument"]["Statement"]
            if "lambda:InvokeFunction" in statement["Action"]
        ]
        for role in ("ApiHandlerRole", "VerifierHandlerRole")
    }
    its_arn = {"Fn::GetAtt": ["VerifierHandler", "Arn"]}
    # A role that named its own function would wait for it, and the function for the role.
    assert callers == {"ApiHandlerRole": [its_arn], "VerifierHandlerRole": []}
    (policy,) = resources(app, "AWS::IAM::Policy").values()
    assert policy["Roles"] == [{"Ref": "VerifierHandlerRole"}]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert (statement["Action"], statement["Resource"]) == (["lambda:InvokeFunction"], its_arn)
    given = {"ROADSTEAD_TABLE": "t", "ROADSTEAD_BUCKET": "b"}
    assert set(verifier["Environment"]["Variables"]) - {"ROADSTEAD_AUTH"} == set(given)
    by_lambda = {"AWS_REGION": "eu-central-1", "AWS_LAMBDA_FUNCTION_NAME": "f"}
    assert read_settings({**given, **by_lambda}, signs=False).verifier == "f"
    assert (
        read_settings({**given, **by_lambda, "ROADSTEAD_SIGNING_KEY": "0f" * 32}).verifier is None
    )


def test_the_function_gets_settings_that_it_takes(app: Document) -> None:
    """Each setting is one that `config.py` reads, and none that it needs is missing."""
    variables = app["Resources"]["APIHandler"]["Properties"]["Environment"]["Variables"]
    plain = {
        "ROADSTEAD_SIGNING_KEY": "0f" * 32,
        "ROADSTEAD_GATEWAY_KEY": "f0" * 32,
        "ROADSTEAD_EDGE_WORD": "e0" * 32,
        "ROADSTEAD_EDGE_KEY": "0e" * 32,
        "ROADSTEAD_HOST": "registry.example",
        "ROADSTEAD_V1_ENDPOINTS": "gateway.example",
        "ROADSTEAD_TABLE": "t",
        "ROADSTEAD_BUCKET": "b",
        "ROADSTEAD_VERIFIER": "f",
        "ROADSTEAD_WEBHOOK_QUEUE": "https://sqs.example/1/q",
    }
    for name, value in variables.items():
        if isinstance(value, dict) and value.get("Ref") in app["Parameters"]:
            plain[name] = str(app["Parameters"][value["Ref"]].get("Default", "dev"))
    assert set(plain) == set(variables)
    read_settings({**plain, "AWS_REGION": "eu-central-1"})
    assert read_log_settings(plain) == LogSettings("dev", "stage")
    source = (function.PROJECT / "chalicelib" / "config.py").read_text()
    known = set(re.findall(r"ROADSTEAD_[A-Z0-9_]*[A-Z0-9]\b", source))
    collector = app["Resources"]["Collect"]["Properties"]["Environment"]["Variables"]
    assert set(collector) - set(variables) == {"ROADSTEAD_GRACE_HOURS"}
    deliverer = app["Resources"]["Webhooks"]["Properties"]["Environment"]["Variables"]
    assert known - {*variables, *collector, *deliverer} == LOCAL_SETTINGS
    assert set(variables) <= known


@pytest.mark.parametrize(
    ("parameter", "setting"),
    [
        ("Auth", "ROADSTEAD_AUTH"),
        ("SignUp", "ROADSTEAD_SIGNUP"),
        ("NewRepositories", "ROADSTEAD_NEW_REPOSITORIES"),
        ("Challenge", "ROADSTEAD_CHALLENGE"),
        ("SparseManifests", "ROADSTEAD_SPARSE_MANIFESTS"),
        ("TagExpiry", "ROADSTEAD_TAG_EXPIRY"),
    ],
)
def test_every_value_that_a_parameter_allows_is_one_that_the_function_takes(
    app: Document, parameter: str, setting: str
) -> None:
    for value in app["Parameters"][parameter]["AllowedValues"]:
        read_settings(
            {
                "ROADSTEAD_SIGNING_KEY": "0f" * 32,
                "ROADSTEAD_TABLE": "t",
                "ROADSTEAD_BUCKET": "b",
                "AWS_REGION": "eu-central-1",
                setting: value,
            }
        )


def test_no_secret_stands_in_a_template(app: Document, data: Document) -> None:
    variables = app["Resources"]["APIHandler"]["Properties"]["Environment"]["Variables"]
    for name in ("SIGNING_KEY", "GATEWAY_KEY", "EDGE_WORD", "EDGE_KEY"):
        assert "{{resolve:secretsmanager:${Arn}}}" in json.dumps(variables[f"ROADSTEAD_{name}"])
    for document in (app, data):
        defaults = [each.get("Default") for each in document["Parameters"].values()]
        assert not any(isinstance(value, str) and len(value) > 20 for value in defaults)


def test_nothing_of_the_application_needs_a_name_that_could_be_taken(app: Document) -> None:
    """A stage can be made anew beside what a failed one has left."""
    for kind, key in (
        ("AWS::Serverless::Function", "FunctionName"),
        ("AWS::IAM::Role", "RoleName"),
        ("AWS::IAM::ManagedPolicy", "ManagedPolicyName"),
        ("AWS::SNS::Topic", "TopicName"),
        ("AWS::CloudWatch::Alarm", "AlarmName"),
    ):
        for name, properties in resources(app, kind).items():
            assert key not in properties, name


def test_logs_are_kept_for_so_long_and_the_function_writes_there(app: Document) -> None:
    for group in resources(app, "AWS::Logs::LogGroup").values():
        assert group["RetentionInDays"] == {"Ref": "LogDays"}
    api = app["Resources"]["APIHandler"]["Properties"]
    assert api["LoggingConfig"] == {"LogGroup": {"Ref": "ApiLogs"}}


def test_the_meter_gets_the_lines_of_requests_and_nothing_of_its_own(app: Document) -> None:
    (subscription,) = resources(app, "AWS::Logs::SubscriptionFilter").values()
    assert subscription["LogGroupName"] == {"Ref": "ApiLogs"}
    assert subscription["FilterPattern"] == '{ $.kind = "request" }'
    assert subscription["DestinationArn"] == {"Fn::GetAtt": ["Meter", "Arn"]}
    meter = app["Resources"]["Meter"]["Properties"]
    assert meter["LoggingConfig"]["LogGroup"] != subscription["LogGroupName"], (
        "it would feed itself"
    )
    permission = app["Resources"]["MeterPermission"]["Properties"]
    assert permission["Principal"] == "logs.amazonaws.com"
    assert permission["SourceArn"] == {"Fn::GetAtt": ["ApiLogs", "Arn"]}
    assert permission["SourceAccount"] == {"Ref": "AWS::AccountId"}


def test_what_the_meter_fails_at_comes_again_until_nobody_would_count_it(app: Document) -> None:
    meter = app["Resources"]["Meter"]["Properties"]
    queue = app["Resources"]["Uncounted"]["Properties"]
    where = {"Fn::GetAtt": ["Uncounted", "Arn"]}
    assert meter["EventInvokeConfig"]["DestinationConfig"]["OnFailure"]["Destination"] == where
    assert meter["Events"]["Again"]["Properties"] == {"Queue": where, "BatchSize": 1}
    assert meter["Events"]["Hourly"]["Properties"]["Schedule"] == "rate(1 hour)"
    terms = Terms()
    assert terms.late_s is not None
    # A day is left for CloudWatch Logs, which tries for so long to hand lines over.
    assert queue["MessageRetentionPeriod"] == terms.late_s - 24 * 3600
    assert queue["VisibilityTimeout"] >= meter["Timeout"]
    read_table_settings({"ROADSTEAD_TABLE": "t", "AWS_REGION": "eu-central-1"})
    assert "ROADSTEAD_TABLE" in meter["Environment"]["Variables"]


def test_the_deliverer_is_handed_messages_and_none_is_lost_without_an_alarm(app: Document) -> None:
    function = app["Resources"]["Webhooks"]["Properties"]
    queue = app["Resources"]["WebhookQueue"]["Properties"]
    (event,) = function["Events"].values()
    assert event["Properties"] == {
        "Queue": {"Fn::GetAtt": ["WebhookQueue", "Arn"]},
        "BatchSize": 10,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "ScalingConfig": {"MaximumConcurrency": {"Ref": "WebhookConcurrency"}},
    }
    # Each message of a batch has time for an attempt, and nobody else has it meanwhile.
    assert function["Timeout"] >= 10 * (ATTEMPT_S + MARGIN_S)
    assert queue["VisibilityTimeout"] >= 2 * function["Timeout"]
    assert queue["VisibilityTimeout"] > LEASE_S
    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == {"Fn::GetAtt": ["WebhookDead", "Arn"]}
    watched = {
        dimension["Value"]["Fn::GetAtt"][0]
        for alarm in resources(app, "AWS::CloudWatch::Alarm").values()
        for dimension in alarm.get("Dimensions", ())
        if alarm["Namespace"] == "AWS/SQS"
    }
    assert watched == {"Uncounted", "WebhookQueue", "WebhookDead"}


def test_the_deliverer_and_the_meter_know_the_queue_and_no_key(app: Document) -> None:
    parameters = app["Parameters"]
    for name in ("Webhooks", "Meter"):
        variables = app["Resources"][name]["Properties"]["Environment"]["Variables"]
        assert variables["ROADSTEAD_WEBHOOK_QUEUE"] == {"Ref": "WebhookQueue"}
        assert "KEY" not in json.dumps(list(variables))
    assert parameters["WebhookNetworks"]["Default"] == ""
    read = read_table_settings(
        {
            "ROADSTEAD_TABLE": "t",
            "AWS_REGION": "eu-central-1",
            "ROADSTEAD_WEBHOOK_QUEUE": "https://sqs.eu-central-1.amazonaws.com/1/q",
            "ROADSTEAD_WEBHOOK_NETWORKS": "10.0.0.0/8, fd00::/8",
        }
    )
    assert read.webhook_queue == "https://sqs.eu-central-1.amazonaws.com/1/q"
    assert [str(each) for each in read.webhook_networks] == ["10.0.0.0/8", "fd00::/8"]
    assert re.fullmatch(parameters["WebhookNetworks"]["AllowedPattern"], "10.0.0.0/8, fd00::/8")


def test_requests_are_throttled(app: Document) -> None:
    (settings,) = app["Resources"]["RestAPI"]["Properties"]["MethodSettings"]
    assert settings["ResourcePath"] == "/*"
    assert settings["HttpMethod"] == "*"
    assert settings["ThrottlingRateLimit"] == {"Ref": "RatePerSecond"}
    assert settings["ThrottlingBurstLimit"] == {"Ref": "Burst"}


GATEWAY_ERRORS = {
    "THROTTLED": (ErrorCode.TOOMANYREQUESTS, 429),
    "QUOTA_EXCEEDED": (ErrorCode.TOOMANYREQUESTS, 429),
    "REQUEST_TOO_LARGE": (ErrorCode.SIZE_EXCEEDED, 413),
    "MISSING_AUTHENTICATION_TOKEN": (ErrorCode.NOT_FOUND, 404),
    "INTEGRATION_TIMEOUT": (ErrorCode.UNAVAILABLE, 504),
    "INTEGRATION_FAILURE": (ErrorCode.UNAVAILABLE, 502),
    "DEFAULT_4XX": (ErrorCode.UNSUPPORTED, None),
    "DEFAULT_5XX": (ErrorCode.UNKNOWN, None),
}


def test_what_the_gateway_refuses_itself_is_readable_by_clients(app: Document) -> None:
    answers = app["Resources"]["RestAPI"]["Properties"]["GatewayResponses"]
    assert set(answers) == set(GATEWAY_ERRORS)
    for name, (code, status) in GATEWAY_ERRORS.items():
        answer = answers[name]
        assert answer.get("StatusCode") == (str(status) if status else None)
        body = json.loads(answer["ResponseTemplates"]["application/json"])
        (error,) = body["errors"]
        assert error["code"] == code.value.code
        assert body["error"] == error["message"], "v1 clients read this one"
        # VTL: a $ or # would begin an expression.
        assert not set("$#") & set(error["message"])
    retried = {n for n, a in answers.items() if "Retry-After" in a["ResponseParameters"]["Headers"]}
    assert retried == {"THROTTLED", "QUOTA_EXCEEDED", "INTEGRATION_TIMEOUT", "INTEGRATION_FAILURE"}


def test_every_alarm_tells_somebody(app: Document) -> None:
    alarms = resources(app, "AWS::CloudWatch::Alarm")
    assert len(alarms) == 12
    (ours,) = [alarm for alarm in alarms.values() if alarm["Namespace"] == lines.NAMESPACE]
    assert ours["MetricName"] in lines.UNITS
    assert ours["Dimensions"] == [{"Name": "stage", "Value": {"Ref": "Stage"}}]
    for alarm in alarms.values():
        assert alarm["AlarmActions"] == [{"Ref": "Alarms"}]
        assert alarm["TreatMissingData"] == "notBreaching", "a registry without visitors is well"


def test_the_dashboard_is_a_document(app: Document) -> None:
    (dashboard,) = resources(app, "AWS::CloudWatch::Dashboard").values()
    body, names = dashboard["DashboardBody"]["Fn::Sub"]
    widgets = json.loads(body)["widgets"]
    assert len(widgets) == 9
    ours = [m for w in widgets for m in w["properties"]["metrics"] if m[0] == lines.NAMESPACE]
    assert {metric[1] for metric in ours} < set(lines.UNITS), "metrics that lines really send"
    assert all(metric[2:] == ["stage", "${Stage}"] for metric in ours)
    assert set(names) == {"Table"}


def test_the_brake_takes_every_function_from_its_data(app: Document) -> None:
    (brake,) = resources(app, "AWS::Budgets::BudgetsAction").values()
    braked = {each["Ref"] for each in brake["Definition"]["IamActionDefinition"]["Roles"]}
    functions = resources(app, "AWS::Serverless::Function").values()
    assert braked == {each["Role"]["Fn::GetAtt"][0] for each in functions}
    # Budgets acts in this role's name, and may touch no other.
    (policy,) = app["Resources"]["BrakeRole"]["Properties"]["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert braked == {each["Fn::GetAtt"][0] for each in statement["Resource"]}
    (policy,) = resources(app, "AWS::IAM::ManagedPolicy").values()
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"
    assert set(statement["Action"]) == {"s3:*", "dynamodb:*"}
    assert app["Parameters"]["BudgetUsd"]["Default"] == 0
    guarded = {n for n, each in app["Resources"].items() if each.get("Condition") == "WithBudget"}
    assert guarded == {"Budget", "Brake", "BrakePolicy", "BrakeRole"}


# --- post-processing --------------------------------------------------------------------------


def test_a_role_names_exactly_the_resources_of_its_stage(app: Document) -> None:
    for role in resources(app, "AWS::IAM::Role").values():
        for policy in role["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                assert not isinstance(statement["Resource"], str)
                assert "*" not in json.dumps(statement["Resource"]).replace("${Arn}/*", "")


def test_a_resource_that_nobody_made_exact_is_refused() -> None:
    with pytest.raises(PackageError, match="No exact resource is known"):
        template.exact(["arn:aws:s3:::roadstead-*", "arn:aws:sqs:*:*:queue"])


def test_what_chalice_cannot_package_is_an_error_in_words(tmp_path: Path) -> None:
    broken = tmp_path / "merge.json"
    broken.write_text("{")
    with pytest.raises(PackageError, match="chalice package failed"):
        template.build_template(broken)


def test_the_terraform_package_is_what_chalice_gives(tmp_path: Path) -> None:
    template.chalice_package(tmp_path, "--pkg-format", "terraform")
    document = json.loads((tmp_path / "chalice.tf.json").read_text())
    functions = document["resource"]["aws_lambda_function"]
    assert len(functions) == 5
    assert all(each["architectures"] == ["arm64"] for each in functions.values())
    assert document["resource"]["aws_api_gateway_rest_api"]
