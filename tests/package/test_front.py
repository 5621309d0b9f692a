"""The distribution and its functions, as the application's template has them."""

from __future__ import annotations

import itertools
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from chalicelib.domain.accounts import RESERVED_NAMES
from chalicelib.domain.limits import MAX_INLINE_BODY_BYTES
from roadstead.package import edge, function, template
from roadstead.package.errors import PackageError
from tests.edge.engines import FUNCTIONS, MAX_BYTES

INFRA = function.PROJECT / "infra"
Document = dict[str, Any]
WITH_FRONT = {"FrontFunction", "UploadFunction", "AnswerFunction", "BucketAccess", "Distribution"}
KEY, OLD_KEY = "ab" * 32, "cd" * 32
# AWS's own policies, by their ids, which are the same in every account.
CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
ALL_VIEWER_EXCEPT_HOST_HEADER = "b689b0a8-53d0-40ab-baf2-68738e2966ac"


@cache
def packaged() -> str:
    return json.dumps(template.build_template(INFRA / "app.json"))


@pytest.fixture
def app() -> Document:
    document: Document = json.loads(packaged())
    return document


@pytest.fixture
def distribution(app: Document) -> Document:
    found: Document = app["Resources"]["Distribution"]["Properties"]["DistributionConfig"]
    return found


def resolved(node: Any, conditions: set[str], parameters: dict[str, str]) -> str:
    """A text as CloudFormation would make it, with one key behind each secret's name."""
    if isinstance(node, str):
        return node
    ((kind, given),) = node.items()
    if kind == "Fn::Join":
        return str(given[0]).join(resolved(each, conditions, parameters) for each in given[1])
    if kind == "Fn::If":
        return resolved(given[1 if given[0] in conditions else 2], conditions, parameters)
    if kind == "Ref":
        return parameters[given]
    assert kind == "Fn::Sub"
    text, names = given
    assert text == "{{resolve:secretsmanager:${Arn}}}"
    return OLD_KEY if names == {"Arn": {"Ref": "OldEdgeKeyArn"}} else KEY


def settings_of(app: Document, name: str, conditions: set[str], **given: str) -> Document:
    code = app["Resources"][name]["Properties"]["FunctionCode"]
    defaults = {
        key: str(each.get("Default", "")) for key, each in app["Parameters"].items()
    } | given
    text = resolved(code, conditions, defaults)
    assert len(text.encode()) < MAX_BYTES
    (line,) = re.findall(r"^const SETTINGS = (.*);$", text, re.M)
    found: Document = json.loads(line)
    return found


def bodies(gateway: str) -> Document:
    return {"gateway": gateway, "inlineBytes": MAX_INLINE_BODY_BYTES}


def hosts(team_hosts: str = "", host: str = "") -> Document:
    return {"teamHosts": team_hosts, "host": host, "reserved": sorted(RESERVED_NAMES)}


@pytest.mark.parametrize(
    ("name", "conditions", "given", "settings"),
    [
        (
            "FrontFunction",
            set(),
            {},
            {"challenge": "basic", "anonymous": "on", "v1Hosts": "", **hosts(), **bodies("off")},
        ),
        (
            "FrontFunction",
            {"WithGateway"},
            {
                "Challenge": "bearer",
                "AnonymousPull": "off",
                "V1Hosts": "a.example,b.example",
                "TeamHosts": "*.example.com",
                "HostName": "registry.example.com",
            },
            {
                "challenge": "bearer",
                "anonymous": "off",
                "v1Hosts": "a.example,b.example",
                **hosts("*.example.com", "registry.example.com"),
                **bodies("on"),
            },
        ),
        (
            "FrontFunction",
            {"Open"},
            {"Challenge": "bearer"},
            {"challenge": "off", "anonymous": "on", "v1Hosts": "", **hosts(), **bodies("off")},
        ),
        (
            "UploadFunction",
            set(),
            {},
            {"gateway": "off", "keys": [KEY], "inlineBytes": MAX_INLINE_BODY_BYTES},
        ),
        (
            "UploadFunction",
            {"WithGateway", "WithOldEdgeKey"},
            {},
            {"gateway": "on", "keys": [KEY, OLD_KEY], "inlineBytes": MAX_INLINE_BODY_BYTES},
        ),
        ("AnswerFunction", set(), {}, {}),
    ],
)
def test_a_function_gets_the_stages_settings(
    app: Document, name: str, conditions: set[str], given: dict[str, str], settings: Document
) -> None:
    assert settings_of(app, name, conditions, **given) == settings


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_gets_every_setting_that_it_reads_but_the_local_ones(name: str) -> None:
    read = set(re.findall(r"SETTINGS\.(\w+)", (INFRA / "edge" / name).read_text()))
    assert set(edge.SETTINGS[name]) == read - {"proto"}


@pytest.mark.parametrize(
    "parameter", ["V1Hosts", "TeamHosts", "HostName", "Challenge", "AnonymousPull"]
)
def test_no_parameter_can_end_the_text_that_it_stands_in(app: Document, parameter: str) -> None:
    described = app["Parameters"][parameter]
    if "AllowedValues" in described:
        assert all(re.fullmatch(r"[a-z]+", each) for each in described["AllowedValues"])
        return
    for bad in ('"', "\\", "\n", "`"):
        assert not re.fullmatch(described["AllowedPattern"], f"a{bad}b")


def test_the_text_of_a_function_is_its_file(app: Document) -> None:
    for resource, name in zip(
        ("FrontFunction", "UploadFunction", "AnswerFunction"), FUNCTIONS, strict=True
    ):
        properties = app["Resources"][resource]["Properties"]
        text = resolved(
            properties["FunctionCode"],
            set(),
            {
                "V1Hosts": "",
                "TeamHosts": "",
                "HostName": "",
                "Challenge": "basic",
                "AnonymousPull": "on",
            },
        )
        line = next(each for each in text.splitlines() if each.startswith("const SETTINGS"))
        assert text.replace(line, edge.PLACEHOLDER) == (INFRA / "edge" / name).read_text()
        assert properties["FunctionConfig"]["Runtime"] == "cloudfront-js-2.0"
        assert properties["AutoPublish"] is True


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("function handler() {}", "has to hold"),
        (f"{edge.PLACEHOLDER}\n{edge.PLACEHOLDER}", "has to hold"),
        (f"{edge.PLACEHOLDER}\n// {'x' * MAX_BYTES}", "too large"),
    ],
)
def test_a_file_that_cannot_be_a_function_is_an_error_in_words(
    tmp_path: Path, text: str, sentence: str
) -> None:
    (tmp_path / "front.js").write_text(text)
    with pytest.raises(PackageError, match=sentence):
        edge.code(tmp_path, "front.js")


def test_a_function_that_nobody_knows_is_an_error_in_words(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="none of the edge's functions"):
        edge.code(tmp_path, "other.js")


def test_the_front_is_made_where_it_is_wanted_and_is_by_default(app: Document) -> None:
    guarded = {n for n, each in app["Resources"].items() if each.get("Condition") == "WithFront"}
    assert guarded == WITH_FRONT
    assert app["Parameters"]["Front"]["Default"] == "on"
    variables = app["Resources"]["APIHandler"]["Properties"]["Environment"]["Variables"]
    for name in ("ROADSTEAD_EDGE_WORD", "ROADSTEAD_EDGE_KEY"):
        condition, _, otherwise = variables[name]["Fn::If"]
        assert (condition, otherwise) == ("WithFront", {"Ref": "AWS::NoValue"})


def test_the_function_does_not_need_the_front_that_needs_the_function(app: Document) -> None:
    for name in ("APIHandler", "RestAPI", "ApiHandlerRole"):
        text = json.dumps(app["Resources"][name])
        assert not any(f'"{each}"' in text for each in WITH_FRONT)


def test_all_behaviours_pass_everything_and_keep_nothing(distribution: Document) -> None:
    uploads, layers = distribution["CacheBehaviors"]
    assert uploads["PathPattern"] == "/_up/*"
    assert uploads["TargetOriginId"] == "bucket"
    assert layers["PathPattern"] == "/v1/images/*/layer"
    assert layers["TargetOriginId"] == "api"
    assert distribution["DefaultCacheBehavior"]["TargetOriginId"] == "api"
    for behaviour, function_ in (
        (distribution["DefaultCacheBehavior"], "FrontFunction"),
        (layers, "FrontFunction"),
        (uploads, "UploadFunction"),
    ):
        assert set(behaviour["AllowedMethods"]) == set(
            "GET HEAD OPTIONS PUT PATCH POST DELETE".split()  # noqa: SIM905
        )
        assert behaviour["CachePolicyId"] == CACHING_DISABLED
        assert behaviour["OriginRequestPolicyId"] == ALL_VIEWER_EXCEPT_HOST_HEADER
        assert behaviour["Compress"] is False
        assert behaviour["ViewerProtocolPolicy"] == "https-only"
        assert {
            each["EventType"]: each["FunctionARN"]["Fn::GetAtt"][0]
            for each in behaviour["FunctionAssociations"]
        } == {"viewer-request": function_, "viewer-response": "AnswerFunction"}
    assert "CustomErrorResponses" not in distribution
    assert "Logging" not in distribution


def test_lambda_at_the_edge_runs_where_aws_refuses_and_is_not_billed_for_all_else(
    app: Document, distribution: Document
) -> None:
    for behaviour in distribution["CacheBehaviors"]:
        condition, with_it, without = behaviour["LambdaFunctionAssociations"]["Fn::If"]
        assert (condition, without) == ("WithExplain", {"Ref": "AWS::NoValue"})
        (one,) = with_it
        assert one["EventType"] == "origin-response"
        assert one["LambdaFunctionARN"] == {"Ref": "ExplainArn"}
        assert one["IncludeBody"] is False
    default = distribution["DefaultCacheBehavior"]
    assert "LambdaFunctionAssociations" not in default
    layers = dict(distribution["CacheBehaviors"][1])
    del layers["PathPattern"], layers["LambdaFunctionAssociations"]
    assert layers == default
    pattern = app["Parameters"]["ExplainArn"]["AllowedPattern"]
    version = "arn:aws:lambda:us-east-1:123456789012:function:a-b"
    for given, fits in (("", True), (f"{version}:7", True), (version, False), ("x", False)):
        assert bool(re.fullmatch(pattern, given)) is fits
    assert not re.fullmatch(pattern, f"{version}:7".replace("us-east-1", "eu-west-1"))


def test_the_origins_are_the_ones_that_the_functions_name(
    app: Document, distribution: Document
) -> None:
    api, bucket, gateway = distribution["Origins"]
    condition, gateway, otherwise = gateway["Fn::If"]
    assert (condition, otherwise) == ("WithGateway", {"Ref": "AWS::NoValue"})
    assert [each["Id"] for each in (api, bucket, gateway)] == ["api", "bucket", "gateway"]
    assert api["OriginPath"] == f"/{app['Resources']['RestAPI']['Properties']['StageName']}"
    for each in (api, gateway):
        (header,) = each["OriginCustomHeaders"]
        assert header["HeaderName"] == "x-roadstead-edge"
        assert "EdgeWordArn" in json.dumps(header["HeaderValue"])
        assert each["CustomOriginConfig"]["OriginProtocolPolicy"] == "https-only"
        assert each["CustomOriginConfig"]["OriginSSLProtocols"] == ["TLSv1.2"]
        # API Gateway gives up after 29 s, and says so itself.
        assert each["CustomOriginConfig"]["OriginReadTimeout"] > 29
    assert "OriginCustomHeaders" not in bucket
    assert bucket["OriginAccessControlId"] == {"Fn::GetAtt": ["BucketAccess", "Id"]}
    assert bucket["S3OriginConfig"]["OriginAccessIdentity"] == ""
    access = app["Resources"]["BucketAccess"]["Properties"]["OriginAccessControlConfig"]
    assert access["OriginAccessControlOriginType"] == "s3"
    assert (access["SigningBehavior"], access["SigningProtocol"]) == ("always", "sigv4")


def test_a_host_name_comes_with_its_certificate_or_not_at_all(
    app: Document, distribution: Document
) -> None:
    condition, own, default = distribution["ViewerCertificate"]["Fn::If"]
    assert condition == "WithCertificate"
    assert own["MinimumProtocolVersion"] == "TLSv1.2_2021"
    assert default == {"CloudFrontDefaultCertificate": True}
    asserted = {
        (
            rule["RuleCondition"]["Fn::Not"][0]["Fn::Equals"][0]["Ref"],
            rule["Assertions"][0]["Assert"]["Fn::Not"][0]["Fn::Equals"][0]["Ref"],
        )
        for name, rule in app["Rules"].items()
        if name != "TeamHostsHaveHost"
    }
    assert asserted == set(itertools.permutations(("HostName", "CertificateArn")))


def test_the_distribution_answers_to_teams_hosts_by_the_same_certificate(
    app: Document, distribution: Document
) -> None:
    """CloudFront takes one certificate: it has to hold both names, which no template can see."""
    own, wild = {"Ref": "HostName"}, {"Ref": "TeamHosts"}
    with_teams = {"Fn::If": ["WithTeamHosts", [own, wild], [own]]}
    nothing = {"Ref": "AWS::NoValue"}
    assert distribution["Aliases"] == {"Fn::If": ["WithHost", with_teams, nothing]}
    rule = app["Rules"]["TeamHostsHaveHost"]
    front, teams = rule["RuleCondition"]["Fn::And"]
    assert front == {"Fn::Equals": [{"Ref": "Front"}, "on"]}
    assert teams == app["Conditions"]["WithTeamHosts"]
    (asserted,) = rule["Assertions"]
    assert asserted["Assert"] == app["Conditions"]["WithHost"]
    pattern = app["Parameters"]["TeamHosts"]["AllowedPattern"]
    for given, fits in (("", True), ("*.example.com", True), ("*", False), ("a.example", False)):
        assert bool(re.fullmatch(pattern, given)) is fits


def test_what_is_called_by_name_is_called_by_stage_and_region(app: Document) -> None:
    """CloudFront's names are one account's, in all its regions."""
    names = [
        app["Resources"][each]["Properties"].get("Name", {}).get("Fn::Sub", "")
        for each in ("FrontFunction", "UploadFunction", "AnswerFunction")
    ]
    access = app["Resources"]["BucketAccess"]["Properties"]["OriginAccessControlConfig"]
    names.append(access["Name"]["Fn::Sub"])
    assert len(set(names)) == 4
    for name in names:
        assert name.startswith("${AWS::StackName}-${AWS::Region}")
        longest = name.replace("${AWS::StackName}", f"roadstead-{'x' * 20}")
        assert len(longest.replace("${AWS::Region}", "ap-southeast-99")) <= 64


def test_the_outputs_say_where_clients_go(app: Document) -> None:
    outputs = app["Outputs"]
    for name in ("Registry", "DistributionHost", "DistributionId"):
        assert outputs[name]["Condition"] == "WithFront"
    assert outputs["TeamHosts"]["Condition"] == "WithTeamFront"
    both = {"Fn::And": [{"Condition": "WithFront"}, {"Condition": "WithTeamHosts"}]}
    assert app["Conditions"]["WithTeamFront"] == both
    assert outputs["Registry"]["Value"]["Fn::If"][0] == "WithHost"
