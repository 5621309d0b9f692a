"""The application's template: what `chalice package` writes, merged with ours, then finished.

Chalice runs on a copy of the sources without requirements, so that it fetches nothing; the zip
that it makes is thrown away for ours. What it cannot say is done to its template afterwards:

| Chalice says | the finished template says |
|---|---|
| the API calls the function | the API calls its alias, without which SnapStart does nothing |
| resources of policies are plain patterns | exactly this stage's table, bucket and log group |
| (we say) a file of `infra/edge` | its text, with the settings of the stage |
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from roadstead.package import edge
from roadstead.package.errors import PackageError
from roadstead.package.function import PROJECT

Template = dict[str, Any]
ZIP_NAME = "deployment.zip"
_CHALICE = "import sys; from chalice.cli import main; sys.exit(main())"

# A pattern in .chalice/policy-*.json, and what stands for it in the template.
EXACT: dict[str, Any] = {
    "arn:aws:dynamodb:*:*:table/roadstead-*": {
        "Fn::ImportValue": {"Fn::Sub": "${DataStack}-TableArn"}
    },
    "arn:aws:s3:::roadstead-*": {"Fn::ImportValue": {"Fn::Sub": "${DataStack}-BucketArn"}},
    "arn:aws:s3:::roadstead-*/*": {
        "Fn::Sub": [
            "${Arn}/*",
            {"Arn": {"Fn::ImportValue": {"Fn::Sub": "${DataStack}-BucketArn"}}},
        ]
    },
    "arn:aws:lambda:*:*:function:roadstead-*": {"Fn::GetAtt": ["VerifierHandler", "Arn"]},
    "arn:aws:logs:*:*:log-group:/roadstead/*": {"Fn::GetAtt": ["ApiLogs", "Arn"]},
    "arn:aws:logs:*:*:log-group:/roadstead/*/meter": {"Fn::GetAtt": ["MeterLogs", "Arn"]},
    "arn:aws:logs:*:*:log-group:/roadstead/*/webhooks": {"Fn::GetAtt": ["WebhookLogs", "Arn"]},
    "arn:aws:sqs:*:*:roadstead-*": {"Fn::GetAtt": ["Uncounted", "Arn"]},
    "arn:aws:sqs:*:*:roadstead-*-webhooks": {"Fn::GetAtt": ["WebhookQueue", "Arn"]},
}


def chalice_package(out: Path, *options: str) -> None:
    """Run `chalice package` where nothing is to be downloaded. Raises: PackageError."""
    with tempfile.TemporaryDirectory(prefix="roadstead-chalice-") as name:
        stage = Path(name)
        shutil.copy(PROJECT / "app.py", stage)
        for folder in ("chalicelib", ".chalice"):
            skip = shutil.ignore_patterns("__pycache__", "deployments", "venv")
            shutil.copytree(PROJECT / folder, stage / folder, ignore=skip)
        (stage / "requirements.txt").write_text("")
        done = subprocess.run(
            [sys.executable, "-c", _CHALICE, "package", *options, str(out.resolve())],
            cwd=stage,
            capture_output=True,
            text=True,
            check=False,
            # It packages without asking AWS anything, but wants to know a region.
            env={**os.environ, "AWS_DEFAULT_REGION": "us-east-1"},
        )
    if done.returncode:
        raise PackageError(f"chalice package failed:\n{(done.stdout + done.stderr)[-3000:]}")


def build_template(merged_with: Path) -> Template:
    """The finished template of the application stack; its code is ``deployment.zip`` beside it."""
    with tempfile.TemporaryDirectory(prefix="roadstead-template-") as name:
        out = Path(name)
        chalice_package(out, "--merge-template", str(merged_with.resolve()))
        template: Template = json.loads((out / "sam.json").read_text())
    for each in template["Resources"].values():
        if each["Type"] == "AWS::CloudFront::Function":
            name = each["Properties"]["FunctionCode"].removeprefix("edge/")
            each["Properties"]["FunctionCode"] = edge.code(merged_with.parent / "edge", name)
    return finish(template)


def finish(template: Template) -> Template:
    """What Chalice cannot say. Raises: PackageError: a policy names what is not known here."""
    resources = template["Resources"]
    functions = [
        name for name, each in resources.items() if each["Type"] == "AWS::Serverless::Function"
    ]
    for name in functions:
        _call_alias(resources, name)
    for role in (each for each in resources.values() if each["Type"] == "AWS::IAM::Role"):
        for policy in role["Properties"].get("Policies", ()):
            for statement in policy["PolicyDocument"]["Statement"]:
                statement["Resource"] = exact(statement["Resource"])
    return template


def exact(resource: Any) -> Any:
    """A policy's resource, no wider than this stage."""
    if isinstance(resource, list):
        return [exact(each) for each in resource]
    if not isinstance(resource, str):
        return resource
    if resource not in EXACT:
        raise PackageError(
            f"No exact resource is known for {resource}: add it to EXACT in {Path(__file__).name}."
        )
    return EXACT[resource]


def _call_alias(resources: dict[str, Any], function: str) -> None:
    alias = resources[function]["Properties"].get("AutoPublishAlias")
    if alias is None:
        return
    old, new = f"${{{function}.Arn}}/invocations", f"${{{function}.Arn}}:{alias}/invocations"
    for each in resources.values():
        properties = each.get("Properties", {})
        if each["Type"] == "AWS::Serverless::Api":
            text = json.dumps(properties["DefinitionBody"])
            properties["DefinitionBody"] = json.loads(text.replace(old, new))
        elif properties.get("FunctionName") == {"Ref": function}:
            # A permission; by reference, so that the alias is there before somebody may call it.
            properties["FunctionName"] = {"Ref": f"{function}.Alias"}
