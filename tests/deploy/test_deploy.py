"""`roadstead deploy`, `destroy` and `status`, held to what they ask of the `aws` command."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from roadstead import cli
from roadstead.deploy.stacks import changes

FAKE = Path(__file__).with_name("fake_aws.py")
DATA, APP = "roadstead-t-data", "roadstead-t"
EXPLAIN = "roadstead-t-explain-eu-central-1"
# The front is off in these tests unless they ask for it.
TEMPLATES = {
    "data": ["Stage", "MaxReadUnits", "Distribution", "Ends"],
    "app": ["Stage", "DataStack", "GatewayKeyArn", "SnapStart", "Front", "ExplainArn"],
    "explain": ["Stage"],
    "end": ["Stage", "Ends", "Bucket", "Artefacts", "Table", "Secrets"],
}
ARN = f"arn:aws:lambda:us-east-1:123456789012:function:{EXPLAIN}:1"


@dataclass
class Place:
    """A fake `aws` on the PATH, and a package to deploy."""

    folder: Path
    package: Path

    def run(self, *words: str) -> int:
        more = ("--package", str(self.package)) if words[0] == "deploy" else ()
        return cli.main([words[0], "--stage", "t", *more, *words[1:]])

    def calls(self) -> list[list[str]]:
        path = self.folder / "calls.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [json.loads(line)[1:] for line in lines]

    def verbs(self) -> list[tuple[str, str]]:
        """What was asked, of which stack; reading aside."""
        return [
            (words[0], words[words.index("--stack-name") + 1] if "--stack-name" in words else "")
            for words in self.calls()
            if not words[0].startswith("describe-stacks")
        ]

    def stacks(self) -> set[str]:
        return set(json.loads((self.folder / "stacks.json").read_text()))

    def refuse(self, verb: str, sentence: str) -> None:
        (self.folder / "refuse").write_text(f"{verb}: {sentence}")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    folder, programs, package = (tmp_path / name for name in ("state", "bin", "package"))
    for each in (folder, programs, package):
        each.mkdir()
    program = programs / "aws"
    program.write_text(f"#!{sys.executable}\n" + FAKE.read_text())
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("FAKE_AWS", str(folder))
    for name, parameters in TEMPLATES.items():
        document = {"Parameters": {each: {} for each in parameters}}
        if "Front" in parameters:
            document["Parameters"]["Front"] = {"Default": "off"}
        (package / f"{name}.json").write_text(json.dumps(document))
    (package / "deployment.zip").write_bytes(b"PK")
    return Place(folder, package)


def parameters(words: list[str]) -> dict[str, str]:
    start = words.index("--parameter-overrides") + 1
    found = {}
    for word in words[start:]:
        if word.startswith("--"):
            break
        name, _, value = word.partition("=")
        found[name] = value
    return found


# --- deploy -----------------------------------------------------------------------------------


def test_the_data_stack_comes_first_and_the_application_on_top(place: Place) -> None:
    assert place.run("deploy") == 0
    assert place.verbs() == [
        ("deploy", DATA),
        ("update-termination-protection", DATA),
        ("package", ""),
        ("deploy", APP),
    ]


def test_the_application_is_deployed_from_what_was_packaged(place: Place) -> None:
    place.run("deploy")
    package = next(words for words in place.calls() if words[0] == "package")
    deploy = [words for words in place.calls() if words[0] == "deploy"][-1]
    made = package[package.index("--output-template-file") + 1]
    assert deploy[deploy.index("--template-file") + 1] == made
    assert package[package.index("--s3-bucket") + 1] == "roadstead-t-data-artefacts-3ghi"
    assert parameters(deploy) == {
        "Stage": "t",
        "DataStack": DATA,
        "GatewayKeyArn": "",
        "ExplainArn": "",
    }
    assert deploy[deploy.index("--capabilities") + 1] == "CAPABILITY_IAM"


def test_parameters_go_to_the_stack_that_knows_them(place: Place) -> None:
    place.run(
        "deploy", "--parameter", "MaxReadUnits=5", "--parameter", "SnapStart=PublishedVersions"
    )
    first, second = (words for words in place.calls() if words[0] == "deploy")
    assert parameters(first) == {"Stage": "t", "MaxReadUnits": "5"}
    assert parameters(second)["SnapStart"] == "PublishedVersions"
    assert "MaxReadUnits" not in parameters(second)


def deploys(place: Place) -> list[tuple[str, str | None]]:
    """The stacks that were deployed, and the distribution that was named in doing so."""
    calls = [words for words in place.calls() if words[0] == "deploy"]
    return [
        (words[words.index("--stack-name") + 1], parameters(words).get("Distribution"))
        for words in calls
    ]


def test_the_bucket_lets_in_the_distribution_that_there_is_now(place: Place) -> None:
    front = place.folder / "front"
    front.write_text("E1")
    assert place.run("deploy") == 0
    assert deploys(place) == [(DATA, None), (APP, None), (DATA, "E1")]
    # The same distribution again: nothing more to say.
    assert place.run("deploy") == 0
    assert deploys(place)[3:] == [(DATA, None), (APP, None)]
    # Another one, as after `destroy` and `deploy`; then none at all.
    front.write_text("E2")
    assert place.run("deploy") == 0
    assert deploys(place)[5:] == [(DATA, None), (APP, None), (DATA, "E2")]
    front.unlink()
    assert place.run("deploy") == 0
    assert deploys(place)[8:] == [(DATA, None), (APP, None), (DATA, "")]
    assert place.run("deploy") == 0
    assert deploys(place)[11:] == [(DATA, None), (APP, None)]


def test_deploy_says_where_the_registry_is_and_what_its_name_needs(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    (place.folder / "front").write_text("E1")
    place.run("deploy")
    said = capsys.readouterr().out
    assert "The registry is at https://registry.example\n" in said
    assert "lead to d1.cloudfront.test" in said


def test_region_and_profile_go_with_every_call(place: Place) -> None:
    place.run("deploy", "--region", "eu-north-1", "--profile", "ops")
    assert all(
        words[-4:] == ["--region", "eu-north-1", "--profile", "ops"] for words in place.calls()
    )


def test_what_aws_says_is_passed_on_and_nothing_follows(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.refuse("deploy", "User: ops is not authorized to perform: cloudformation:CreateChangeSet")
    assert place.run("deploy") == 1
    assert "is not authorized" in capsys.readouterr().err
    assert place.verbs() == [("deploy", DATA)]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--parameter", "Snapstart=None"], "No template has a parameter Snapstart"),
        (["--parameter", "Stage=prod"], "No template has a parameter Stage"),
        (["--parameter", "Distribution=E1"], "No template has a parameter Distribution"),
        (["--parameter", f"ExplainArn={ARN}"], "No template has a parameter ExplainArn"),
        (["--parameter", "Ends=2027-01-31T12:00:00Z"], "Ends is set by --expires"),
        (["--parameter", "SnapStart"], "NAME=VALUE"),
        (["--parameter", "SnapStart=a", "--parameter", "SnapStart=b"], "given twice"),
    ],
)
def test_a_bad_parameter_is_refused_before_aws_is_asked(
    place: Place, capsys: pytest.CaptureFixture[str], words: list[str], sentence: str
) -> None:
    assert place.run("deploy", *words) == 1
    assert sentence in capsys.readouterr().err
    assert place.calls() == []


@pytest.mark.parametrize(
    "stage", ["", "Prod", "1st", "a_b", "x" * 21, "team-data", "team-end", "t-explain-x", "a;b"]
)
def test_a_bad_stage_is_refused_before_aws_is_asked(
    place: Place, capsys: pytest.CaptureFixture[str], stage: str
) -> None:
    assert cli.main(["status", "--stage", stage]) == 1
    assert "cannot be a stage" in capsys.readouterr().err
    assert place.calls() == []


def test_without_a_package_the_command_says_how_to_make_one(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    (place.package / "deployment.zip").unlink()
    assert place.run("deploy") == 1
    assert "make package" in capsys.readouterr().err


@pytest.mark.parametrize("bytecode", [True, False])
def test_a_package_that_starts_slowly_is_deployed_with_a_warning(
    place: Place, capsys: pytest.CaptureFixture[str], bytecode: bool
) -> None:
    (place.package / "package.json").write_text(json.dumps({"bytecode": bytecode}))
    assert place.run("deploy") == 0
    assert ("LAMBDA_PYTHON" in capsys.readouterr().out) is not bytecode


def test_without_the_aws_command_the_command_says_so(
    place: Place, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    assert place.run("status") == 1
    assert "`aws` command was not found" in capsys.readouterr().err


# --- dry run ----------------------------------------------------------------------------------


def test_the_first_dry_run_shows_the_data_stack_and_leaves_nothing(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    assert place.run("deploy", "--dry-run") == 0
    said = capsys.readouterr().out
    assert f"{DATA}: would change" in said
    assert f"{APP}: cannot be shown before {DATA} is there" in said
    assert place.stacks() == set()


def test_a_dry_run_shows_both_change_sets_and_throws_them_away(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.run("deploy")
    before = len(place.calls())
    assert place.run("deploy", "--dry-run") == 0
    asked = place.calls()[before:]
    assert [words[0] for words in asked if words[0] != "describe-stacks"] == [
        "deploy",
        "describe-change-set",
        "delete-change-set",
        "package",
        "deploy",
        "describe-change-set",
        "delete-change-set",
    ]
    assert all("--no-execute-changeset" in words for words in asked if words[0] == "deploy")
    assert place.stacks() == {DATA, APP}
    assert f"{APP}: would change" in capsys.readouterr().out


def test_a_change_set_that_cannot_be_shown_is_thrown_away_as_well(place: Place) -> None:
    place.refuse("describe-change-set", "Throttling")
    assert place.run("deploy", "--dry-run") == 1
    assert "delete-change-set" in [verb for verb, _ in place.verbs()]
    assert place.stacks() == set()


def test_a_replacement_stands_out() -> None:
    document = {
        "Changes": [
            {
                "ResourceChange": {
                    "Action": "Modify",
                    "LogicalResourceId": "Table",
                    "ResourceType": "AWS::DynamoDB::Table",
                    "Replacement": replacement,
                }
            }
            for replacement in ("True", "False", "Conditional")
        ]
    }
    lines = [line.split() for line in changes(document)]
    assert [line[3:] for line in lines] == [["REPLACED"], [], ["replaced?"]]


# --- destroy ----------------------------------------------------------------------------------


def test_destroy_takes_the_application_and_leaves_the_data(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.run("deploy")
    assert place.run("destroy") == 0
    assert place.stacks() == {DATA}
    assert ("delete-stack", DATA) not in place.verbs()
    assert f"{DATA} is kept" in capsys.readouterr().out


@pytest.mark.parametrize("confirmed", [[], ["--confirm", "t"], ["--confirm", APP]])
def test_asked_once_for_the_data_destroy_deletes_nothing(
    place: Place, capsys: pytest.CaptureFixture[str], confirmed: list[str]
) -> None:
    place.run("deploy")
    assert place.run("destroy", "--data", *confirmed) == 1
    assert place.stacks() == {DATA, APP}
    assert f"--confirm {DATA}" in capsys.readouterr().err


def test_a_confirmation_without_the_question_deletes_nothing(place: Place) -> None:
    place.run("deploy")
    assert place.run("destroy", "--confirm", DATA) == 1
    assert place.stacks() == {DATA, APP}


def test_asked_twice_destroy_deletes_the_data_stack_last(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.run("deploy")
    before = len(place.verbs())
    assert place.run("destroy", "--data", "--confirm", DATA) == 0
    assert place.verbs()[before:] == [
        ("delete-stack", APP),
        ("wait", APP),
        ("update-termination-protection", DATA),
        ("delete-stack", DATA),
        ("wait", DATA),
    ]
    assert "roadstead-t-data-Table-1ABC" in capsys.readouterr().out


def test_while_the_application_cannot_be_deleted_the_data_stack_is_not_touched(
    place: Place,
) -> None:
    place.run("deploy")
    place.refuse("wait", "Waiter StackDeleteComplete failed")
    assert place.run("destroy", "--data", "--confirm", DATA) == 1
    assert ("delete-stack", DATA) not in place.verbs()


def test_destroying_what_is_not_there_is_no_failure(place: Place) -> None:
    assert place.run("destroy") == 0
    assert place.verbs() == []


# --- status -----------------------------------------------------------------------------------


def test_status_shows_both_stacks(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    place.run("deploy")
    capsys.readouterr()
    assert place.run("status") == 0
    said = capsys.readouterr().out
    assert f"{DATA}: CREATE_COMPLETE" in said
    assert "abc.execute-api.test" in said


def test_status_of_what_is_not_there_is_a_failure(place: Place) -> None:
    assert place.run("status") == 1


def test_a_stack_that_was_rolled_back_is_not_well(place: Place) -> None:
    place.run("deploy")
    path = place.folder / "stacks.json"
    stacks = json.loads(path.read_text())
    stacks[APP]["StackStatus"] = "UPDATE_ROLLBACK_COMPLETE"
    path.write_text(json.dumps(stacks))
    assert place.run("status") == 1


def test_an_application_is_not_deployed_on_data_that_is_unwell(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    (place.folder / "stacks.json").write_text(
        json.dumps({DATA: {"StackStatus": "UPDATE_ROLLBACK_COMPLETE", "Outputs": []}})
    )
    assert place.run("deploy", "--dry-run") == 1
    assert "UPDATE_ROLLBACK_COMPLETE" in capsys.readouterr().err
