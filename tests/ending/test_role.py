"""The role in infra/end.json may make the calls of the removal, of this stage, and no others."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from roadstead.ending.cloud import Bound
from roadstead.package import end, explain, function, template, translate
from tests.ending.account import (
    NUMBER,
    REGION,
    Account,
    artefacts_of,
    bucket_of,
    secrets_of,
    table_of,
)
from tests.ending.test_removal import (
    NEIGHBOURS,
    STAGE,
    account,
    refuse,
    runs_until_nothing_is_left,
)

INFRA = function.PROJECT / "infra"
Document = dict[str, Any]
THROUGH = "aws:CalledVia"


@cache
def document() -> Document:
    found: Document = json.loads((INFRA / "end.json").read_text())
    return found


def values(stage: str) -> dict[str, Any]:
    return {
        "Stage": stage,
        "Bucket": bucket_of(stage),
        "Artefacts": artefacts_of(stage),
        "Table": table_of(stage),
        "Secrets": list(secrets_of(stage)),
        "AWS::Region": REGION,
        "AWS::AccountId": NUMBER,
        "AWS::Partition": "aws",
        "AWS::StackName": f"roadstead-{stage}-end",
    }


def rendered(node: Any, given: dict[str, Any]) -> list[str]:
    if isinstance(node, list):
        return [each for child in node for each in rendered(child, given)]
    if isinstance(node, str):
        return [node]
    if "Ref" in node:
        found = given[node["Ref"]]
        return found if isinstance(found, list) else [found]
    text = node["Fn::Sub"]
    for name, value in given.items():
        text = text.replace(f"${{{name}}}", str(value))
    assert "${" not in text
    return [text]


def statements(policy: str) -> list[Document]:
    role = document()["Resources"]["EndRole"]["Properties"]
    (found,) = [each for each in role["Policies"] if each["PolicyName"] == policy]
    made: list[Document] = found["PolicyDocument"]["Statement"]
    return made


def own_policy() -> str:
    role = document()["Resources"]["EndRole"]["Properties"]
    (name,) = {each["PolicyName"] for each in role["Policies"]} - {"through-cloudformation"}
    return name


def allowed(stage: str = STAGE) -> Iterator[tuple[str, str]]:
    """Each pair of action and ARN that the function itself may."""
    for statement in statements(own_policy()):
        for action in statement["Action"]:
            for arn in rendered(statement["Resource"], values(stage)):
                yield action, arn


@pytest.fixture(scope="module")
def played() -> Account:
    made = account()
    refuse("delete_bucket", 1)(made)
    runs_until_nothing_is_left(made)
    return made


def test_no_call_without_a_permission(played: Account) -> None:
    pairs = list(allowed())
    missing = [
        need
        for need in played.needs
        if not any(need[0] == action and fnmatchcase(need[1], arn) for action, arn in pairs)
    ]
    assert missing == []


def test_no_permission_without_a_call(played: Account) -> None:
    idle = [
        (action, arn)
        for action, arn in allowed()
        # Lambda itself writes the log, in the function's name; of a log group AWS wants both forms.
        if not action.startswith(("logs:Create", "logs:Put"))
        and not any(
            need[0] == action and fnmatchcase(need[1], arn.removesuffix(":*"))
            for need in played.needs
        )
    ]
    assert idle == []


@pytest.mark.parametrize("other", NEIGHBOURS)
def test_it_may_touch_nothing_of_a_stage_whose_name_is_alike(played: Account, other: str) -> None:
    pairs = list(allowed(other))
    theirs = [
        need
        for need in played.needs
        if any(need[0] == action and fnmatchcase(need[1], arn) for action, arn in pairs)
    ]
    assert theirs == []


def test_the_function_is_told_what_the_role_may(played: Account) -> None:
    variables = document()["Resources"]["EndFunction"]["Properties"]["Environment"]["Variables"]
    # Bound.of reads these and the region, which Lambda gives.
    environ = dict.fromkeys(variables, "x") | {"AWS_REGION": REGION}
    assert Bound.of(environ).region == REGION
    with pytest.raises(KeyError):
        Bound.of(dict.fromkeys(list(variables)[1:], "x") | {"AWS_REGION": REGION})


# --- through CloudFormation -------------------------------------------------------------------

# What CloudFormation asks for in the caller's name when it deletes a resource of a type. Never
# tried; at least what AWS's own schemas of the types say, which cfn-lint brings along. More than is
# needed does no harm, as it holds for what CloudFormation does by order of this role alone: delete
# the stacks of this stage.
_ROLE = {
    *("iam:GetRole", "iam:ListRolePolicies", "iam:ListAttachedRolePolicies", "iam:GetRolePolicy"),
    *("iam:DeleteRolePolicy", "iam:DetachRolePolicy", "iam:DeleteRole"),
}
_FUNCTION = {"lambda:GetFunction", "lambda:GetFunctionConfiguration", "lambda:DeleteFunction"}
_API = {"apigateway:GET", "apigateway:DELETE"}
DELETING: dict[str, set[str]] = {
    "AWS::ApiGateway::Deployment": _API,
    "AWS::ApiGateway::GatewayResponse": _API,
    "AWS::ApiGateway::RestApi": _API,
    "AWS::ApiGateway::Stage": _API,
    "AWS::Budgets::Budget": {"budgets:ModifyBudget", "budgets:ViewBudget"},
    "AWS::Budgets::BudgetsAction": {"budgets:DeleteBudgetAction", "budgets:DescribeBudgetAction"},
    "AWS::CloudFront::Distribution": {
        "cloudfront:GetDistribution",
        "cloudfront:GetDistributionConfig",
        "cloudfront:UpdateDistribution",
        "cloudfront:DeleteDistribution",
        # Disabling a distribution that runs Lambda@Edge is an update of it.
        "lambda:EnableReplication*",
        "lambda:DisableReplication*",
        "lambda:GetFunction",
    },
    "AWS::CloudFront::Function": {"cloudfront:DescribeFunction", "cloudfront:DeleteFunction"},
    "AWS::CloudFront::OriginAccessControl": {
        "cloudfront:GetOriginAccessControl",
        "cloudfront:DeleteOriginAccessControl",
    },
    "AWS::CloudWatch::Alarm": {"cloudwatch:DescribeAlarms", "cloudwatch:DeleteAlarms"},
    "AWS::CloudWatch::Dashboard": {"cloudwatch:GetDashboard", "cloudwatch:DeleteDashboards"},
    "AWS::Events::Rule": {
        *("events:DescribeRule", "events:ListTargetsByRule"),
        *("events:RemoveTargets", "events:DeleteRule"),
    },
    "AWS::IAM::ManagedPolicy": {
        *("iam:GetPolicy", "iam:ListPolicyVersions", "iam:ListEntitiesForPolicy"),
        *("iam:DetachRolePolicy", "iam:DeletePolicyVersion", "iam:DeletePolicy"),
    },
    "AWS::IAM::Policy": {"iam:GetRolePolicy", "iam:DeleteRolePolicy"},
    "AWS::IAM::Role": _ROLE,
    "AWS::Lambda::Alias": {"lambda:GetAlias", "lambda:DeleteAlias"},
    "AWS::Lambda::EventInvokeConfig": {"lambda:DeleteFunctionEventInvokeConfig"},
    "AWS::Lambda::EventSourceMapping": {
        "lambda:GetEventSourceMapping",
        "lambda:DeleteEventSourceMapping",
    },
    "AWS::Lambda::Function": _FUNCTION,
    "AWS::Lambda::Permission": {"lambda:GetPolicy", "lambda:RemovePermission"},
    # A released version is kept by its policy, and goes with its function.
    "AWS::Lambda::Version": set(),
    "AWS::Logs::LogGroup": {
        "logs:DescribeLogGroups",
        "logs:DeleteDataProtectionPolicy",
        "logs:DeleteLogGroup",
    },
    "AWS::Logs::SubscriptionFilter": {
        "logs:DescribeSubscriptionFilters",
        "logs:DeleteSubscriptionFilter",
    },
    "AWS::SNS::Subscription": {"sns:GetSubscriptionAttributes", "sns:Unsubscribe"},
    "AWS::SNS::Topic": {
        "sns:GetTopicAttributes",
        "sns:ListSubscriptionsByTopic",
        "sns:DeleteTopic",
    },
    "AWS::SNS::TopicPolicy": {"sns:SetTopicAttributes"},
    "AWS::SQS::Queue": {"sqs:GetQueueAttributes", "sqs:DeleteQueue"},
    "AWS::Scheduler::Schedule": {"scheduler:GetSchedule", "scheduler:DeleteSchedule"},
}


@cache
def types() -> frozenset[str]:
    """Of all resources that go with their stacks; those of the data stack are kept by it."""
    app = translate.translate(copy.deepcopy(template.build_template(INFRA / "app.json")))
    stacks = (app, explain.build_template(INFRA / "explain.json"), document())
    return frozenset(each["Type"] for made in stacks for each in made["Resources"].values())


def test_cloudformation_may_delete_in_its_name_what_the_stacks_hold_and_no_more() -> None:
    assert types() - DELETING.keys() == set(), (
        "say in DELETING what CloudFormation needs to delete it, and in infra/end.json as well"
    )
    wanted = {action for kind in types() for action in DELETING[kind]}
    through = statements("through-cloudformation")
    given = [action for statement in through for action in statement["Action"]]
    assert len(given) == len(set(given))
    assert set(given) == wanted


# What the schemas name and a deletion of ours has no use for.
UNUSED = {
    "AWS::Events::Rule": {"iam:PassRole"},
    "AWS::IAM::ManagedPolicy": {"iam:DetachGroupPolicy", "iam:DetachUserPolicy"},
    "AWS::IAM::Policy": {"iam:DeleteGroupPolicy", "iam:DeleteUserPolicy"},
    "AWS::IAM::Role": {"iam:TagRole", "iam:UntagRole"},
    "AWS::Lambda::EventSourceMapping": {"kms:Decrypt"},
    "AWS::Lambda::Function": {"ec2:DescribeNetworkInterfaces"},
    "AWS::Lambda::Version": {"lambda:DeleteFunction", "lambda:GetFunctionConfiguration"},
}


def test_what_awss_own_schemas_name_for_a_deletion_is_there() -> None:
    named = {
        kind: set(
            PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind)
            .schema.get("handlers", {})
            .get("delete", {})
            .get("permissions", ())
        )
        for kind in types()
    }
    assert named["AWS::IAM::Role"], "no schema says anything"
    missing = {
        kind: found
        for kind, each in named.items()
        if (found := each - DELETING[kind] - UNUSED.get(kind, set()))
    }
    assert missing == {}


def test_what_is_not_bound_by_a_name_works_through_cloudformation_alone() -> None:
    for statement in statements("through-cloudformation"):
        assert statement["Condition"] == {
            "ForAnyValue:StringEquals": {THROUGH: "cloudformation.amazonaws.com"}
        }
    for statement in statements(own_policy()):
        assert "*" not in "".join(statement["Action"])
        for arn in rendered(statement["Resource"], values(STAGE)):
            assert STAGE in arn


# --- order ------------------------------------------------------------------------------------


def _on(node: Any) -> Iterator[str]:
    """Logical ids that a resource waits for."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("Ref", "DependsOn"):
                yield value
            elif key == "Fn::GetAtt":
                yield value[0]
            else:
                yield from _on(value)
    elif isinstance(node, list):
        for each in node:
            yield from _on(each)


def test_the_role_goes_last_of_all_for_cloudformation_works_in_its_name() -> None:
    resources = document()["Resources"]
    waits = {name: set(_on(each)) & resources.keys() for name, each in resources.items()}
    assert waits.pop("EndRole") == set()
    for name in waits:
        reached, todo = set(), [name]
        while todo:
            for each in waits.get(todo.pop(), set()) - reached:
                reached.add(each)
                todo.append(each)
        assert "EndRole" in reached, name
    # And the log does not come back when the function is gone: its role may not make a group.
    assert not any(action == "logs:CreateLogGroup" for action, _ in allowed())


def test_it_is_called_from_the_end_on_and_again_and_again() -> None:
    schedule = document()["Resources"]["Schedule"]["Properties"]
    assert schedule["StartDate"] == {"Ref": "Ends"}
    assert schedule["ScheduleExpression"] == "rate(5 minutes)"
    timeout_s = document()["Resources"]["EndFunction"]["Properties"]["Timeout"]
    assert timeout_s <= 5 * 60, "two runs at once would do the same work"


def test_the_zip_holds_the_handler_and_nothing_that_is_not_its_own(tmp_path: Any) -> None:
    import zipfile

    path = tmp_path / "end.zip"
    end.build_zip(path)
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
    assert names == {
        "roadstead/__init__.py",
        *(f"roadstead/ending/{each.name}" for each in end.FOLDER.glob("*.py")),
    }
    assert path.stat().st_size < 20_000
    handler = document()["Resources"]["EndFunction"]["Properties"]["Handler"]
    assert f"{handler.rpartition('.')[0].replace('.', '/')}.py" in names
    first = path.read_bytes()
    end.build_zip(path)
    assert path.read_bytes() == first


def test_the_role_is_not_larger_than_iam_takes_it() -> None:
    stage, region = "x" * 20, "ap-southeast-99"
    long = values(stage) | {"AWS::Region": region, "AWS::Partition": "aws-us-gov"}
    long["Secrets"] = [
        f"arn:aws-us-gov:secretsmanager:{region}:{NUMBER}:secret:SigningKey-{'y' * 12}-{'z' * 6}"
    ] * 4
    long |= {
        "Bucket": "b" * 63,
        "Artefacts": "b" * 63,
        "Table": f"roadstead-{stage}-data-T{'t' * 18}",
    }
    size = 0
    for policy in document()["Resources"]["EndRole"]["Properties"]["Policies"]:
        made = copy.deepcopy(policy["PolicyDocument"])
        for statement in made["Statement"]:
            statement["Resource"] = rendered(statement["Resource"], long)
        size += len(json.dumps(made, separators=(",", ":")))
    # All inline policies of a role together. Spec: IAM and STS quotas; white space is not counted.
    assert size < 10_240
