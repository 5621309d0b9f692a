#!/usr/bin/env python3
"""Stands for the `aws` command: writes down how it was called, and keeps stacks in a file.

$FAKE_AWS/calls.jsonl   one list of words a call
$FAKE_AWS/stacks.json   name -> what describe-stacks says
$FAKE_AWS/refuse        "word: sentence": the call that fails, if any
$FAKE_AWS/refuse-only   a part of the stacks' names for which that call fails; without it for all
$FAKE_AWS/front         id of the application's distribution, if it has one
$FAKE_AWS/replicated    there while AWS keeps copies of Lambda@Edge: its stack is not deleted
"""

import json
import os
import sys
from pathlib import Path

PLACE = Path(os.environ["FAKE_AWS"])
STACKS = PLACE / "stacks.json"
DATA_OUTPUTS = {
    "TableName": "roadstead-t-data-Table-1ABC",
    "BucketName": "roadstead-t-data-bucket-2def",
    "ArtefactsBucket": "roadstead-t-data-artefacts-3ghi",
}


def option(words: list[str], name: str) -> str:
    return words[words.index(name) + 1]


def region(words: list[str]) -> str:
    return option(words, "--region") if "--region" in words else "eu-central-1"


def parameters(words: list[str], before: dict) -> list[dict[str, str]]:
    """Those of a stack: what is not given stays."""
    found = {each["ParameterKey"]: each["ParameterValue"] for each in before.get("Parameters", ())}
    for word in words[words.index("--parameter-overrides") + 1 :]:
        if word.startswith("--"):
            break
        name, _, value = word.partition("=")
        found[name] = value
    return [{"ParameterKey": name, "ParameterValue": value} for name, value in found.items()]


def main(words: list[str]) -> int:
    with (PLACE / "calls.jsonl").open("a") as calls:
        calls.write(json.dumps(words) + "\n")
    assert words[0] == "cloudformation"
    stacks = json.loads(STACKS.read_text()) if STACKS.exists() else {}
    refused = PLACE / "refuse"
    if refused.exists():
        verb, _, sentence = refused.read_text().partition(": ")
        only = PLACE / "refuse-only"
        if verb == words[1] and (not only.exists() or only.read_text() in " ".join(words)):
            print(sentence, file=sys.stderr)
            return 254
    status = VERBS[words[1]](words, stacks)
    STACKS.write_text(json.dumps(stacks))
    return status


def describe(words: list[str], stacks: dict) -> int:
    name = option(words, "--stack-name")
    if name not in stacks:
        print(
            "\nAn error occurred (ValidationError) when calling the DescribeStacks operation: "
            f"Stack with id {name} does not exist",
            file=sys.stderr,
        )
        return 254
    print(json.dumps({"Stacks": [stacks[name]]}))
    return 0


def deploy(words: list[str], stacks: dict) -> int:
    name = option(words, "--stack-name")
    Path(option(words, "--template-file")).read_text()
    if "--no-execute-changeset" in words:
        stacks.setdefault(name, {"StackStatus": "REVIEW_IN_PROGRESS"})
        print(
            "\nWaiting for changeset to be created..\nChangeset created successfully. Run the "
            "following command to review changes:\naws cloudformation describe-change-set "
            f"--change-set-name arn:aws:cloudformation:eu-central-1:123456789012:changeSet/{name}"
        )
        return 0
    if stacks.get(name, {}).get("StackStatus", "").startswith("DELETE_"):
        print(f"Stack {name} is in DELETE_FAILED state and can not be updated.", file=sys.stderr)
        return 254
    if "-explain-" in name:
        outputs = {"ExplainArn": f"arn:aws:lambda:us-east-1:123456789012:function:{name}:1"}
    elif name.endswith("-end"):
        outputs = {"LogGroup": f"/roadstead/{name}/end"}
    else:
        outputs = data_outputs(words, stacks) if name.endswith("-data") else app_outputs()
    stacks[name] = {
        "StackId": f"arn:aws:cloudformation:{region(words)}:123456789012:stack/{name}/1",
        "Parameters": parameters(words, stacks.get(name, {})),
        "StackStatus": "CREATE_COMPLETE",
        "CreationTime": "2026-11-24T06:00:00+00:00",
        "Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()],
    }
    return 0


def data_outputs(words: list[str], stacks: dict) -> dict[str, str]:
    """A parameter that is not given keeps its value."""
    before = stacks.get(option(words, "--stack-name"), {}).get("Outputs", [])
    front = next((each["OutputValue"] for each in before if each["OutputKey"] == "FrontId"), "")
    for word in words:
        front = word.removeprefix("Distribution=") if word.startswith("Distribution=") else front
    return {**DATA_OUTPUTS, **({"FrontId": front} if front else {})}


def app_outputs() -> dict[str, str]:
    outputs = {"ApiHost": "abc.execute-api.test"}
    front = PLACE / "front"
    if front.exists():
        outputs["DistributionId"] = front.read_text()
        outputs["DistributionHost"] = "d1.cloudfront.test"
        outputs["Registry"] = "https://registry.example"
    return outputs


def package(words: list[str], stacks: dict) -> int:
    text = Path(option(words, "--template-file")).read_text()
    Path(option(words, "--output-template-file")).write_text(text)
    return 0


def describe_change_set(words: list[str], stacks: dict) -> int:
    changes = [
        ("Add", "Dashboard", "AWS::CloudWatch::Dashboard", None),
        ("Modify", "APIHandler", "AWS::Lambda::Function", "False"),
        ("Modify", "Table", "AWS::DynamoDB::Table", "True"),
    ]
    resources = [
        {
            "Type": "Resource",
            "ResourceChange": {
                "Action": action,
                "LogicalResourceId": name,
                "ResourceType": kind,
                **({"Replacement": replaced} if replaced else {}),
            },
        }
        for action, name, kind, replaced in changes
    ]
    print(json.dumps({"Changes": resources}))
    return 0


def delete_stack(words: list[str], stacks: dict) -> int:
    name = option(words, "--stack-name")
    if "-explain-" in name and name in stacks and (PLACE / "replicated").exists():
        stacks[name]["StackStatus"] = "DELETE_FAILED"
        return 0
    stacks.pop(name, None)
    return 0


def wait(words: list[str], stacks: dict) -> int:
    if option(words, "--stack-name") in stacks:
        print("Waiter StackDeleteComplete failed: DELETE_FAILED", file=sys.stderr)
        return 255
    return 0


def nothing(words: list[str], stacks: dict) -> int:
    return 0


VERBS = {
    "describe-stacks": describe,
    "deploy": deploy,
    "package": package,
    "describe-change-set": describe_change_set,
    "delete-change-set": nothing,
    "delete-stack": delete_stack,
    "update-termination-protection": nothing,
    "wait": wait,
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
