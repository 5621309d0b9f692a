"""The stack of Lambda@Edge: what AWS wants of it, and a version that follows the text."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from roadstead.package import explain, function
from roadstead.package.errors import PackageError

SOURCE = function.PROJECT / "infra" / "explain.json"
Document = dict[str, Any]


@pytest.fixture
def stack() -> Document:
    return explain.build_template(SOURCE)


def test_the_text_is_inline_and_the_output_is_a_version(stack: Document) -> None:
    properties = stack["Resources"]["ExplainFunction"]["Properties"]
    assert properties["Code"] == {"ZipFile": (SOURCE.parent / "edge" / "explain.js").read_text()}
    assert properties["Handler"] == "index.handler"
    (version,) = (
        name for name, each in stack["Resources"].items() if each["Type"] == "AWS::Lambda::Version"
    )
    assert stack["Outputs"]["ExplainArn"]["Value"] == {"Ref": version}
    # The distribution may still run the one before.
    assert stack["Resources"][version]["DeletionPolicy"] == "Retain"
    assert "ExplainVersion" not in stack["Resources"]


def test_it_is_what_the_edge_takes(stack: Document) -> None:
    """Spec: Restrictions on Lambda@Edge."""
    properties = stack["Resources"]["ExplainFunction"]["Properties"]
    assert properties["Runtime"].startswith("nodejs")
    assert properties["Architectures"] == ["x86_64"]
    assert properties["Timeout"] <= 30
    missing = ("Environment", "VpcConfig", "Layers", "DeadLetterConfig", "KmsKeyArn")
    assert not set(missing) & set(properties)
    role = stack["Resources"]["ExplainRole"]["Properties"]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert set(trust["Principal"]["Service"]) == {
        "lambda.amazonaws.com",
        "edgelambda.amazonaws.com",
    }
    (policy,) = role["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert all(action.startswith("logs:") for action in statement["Action"])
    assert "ManagedPolicyArns" not in role


def test_its_name_fits_for_every_stage_and_region() -> None:
    longest = f"roadstead-{'x' * 20}-explain-ap-southeast-99"
    assert len(longest) <= 64


@pytest.mark.parametrize(
    ("name", "value"),
    [("Runtime", "nodejs24.x"), ("MemorySize", 256), ("Code", {"ZipFile": "other"})],
)
def test_a_change_of_the_function_is_another_version(
    stack: Document, name: str, value: object
) -> None:
    before = stack["Resources"]["ExplainFunction"]
    after = copy.deepcopy(before)
    after["Properties"][name] = value
    assert explain.version_name(after) != explain.version_name(before)
    assert explain.version_name(json.loads(json.dumps(before))) == explain.version_name(before)
    assert explain.version_name(before) in stack["Resources"]


@pytest.mark.parametrize(
    ("text", "sentence"), [(None, "not there"), ("x" * 4097, "4097 characters")]
)
def test_a_text_that_cannot_be_is_an_error_in_words(
    tmp_path: Path, text: str | None, sentence: str
) -> None:
    (tmp_path / "explain.json").write_text(SOURCE.read_text())
    (tmp_path / "edge").mkdir()
    if text is not None:
        (tmp_path / "edge" / "explain.js").write_text(text)
    with pytest.raises(PackageError, match=sentence):
        explain.build_template(tmp_path / "explain.json")
