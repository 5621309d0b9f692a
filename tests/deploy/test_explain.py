"""The stack of Lambda@Edge: beside the front, in us-east-1, and the last to go."""

from __future__ import annotations

import json

import pytest

from tests.deploy.test_deploy import APP, ARN, DATA, EXPLAIN, Place, parameters, place

__all__ = ["place"]
ON = ("--parameter", "Front=on")


def deployed(place: Place) -> list[tuple[str, str, str | None]]:
    """What was deployed, where, and with which version."""
    found = []
    for words in place.calls():
        if words[0] == "deploy":
            region = words[words.index("--region") + 1] if "--region" in words else "own"
            name = words[words.index("--stack-name") + 1]
            found.append((name, region, parameters(words).get("ExplainArn")))
    return found


def test_with_the_front_the_function_is_made_first_and_its_version_handed_on(
    place: Place,
) -> None:
    assert place.run("deploy", *ON) == 0
    assert deployed(place) == [
        (DATA, "own", None),
        (EXPLAIN, "us-east-1", None),
        (APP, "own", ARN),
    ]
    words = next(each for each in place.calls() if EXPLAIN in each and each[0] == "deploy")
    assert words[words.index("--capabilities") + 1] == "CAPABILITY_IAM"
    assert parameters(words) == {"Stage": "t"}


def test_a_region_that_is_named_is_the_stages_and_not_the_functions(place: Place) -> None:
    assert place.run("deploy", *ON, "--region", "eu-north-1", "--profile", "ops") == 0
    assert deployed(place) == [
        (DATA, "eu-north-1", None),
        ("roadstead-t-explain-eu-north-1", "us-east-1", None),
        (APP, "eu-north-1", ARN.replace("eu-central-1", "eu-north-1")),
    ]
    assert all(words[-2:] == ["--profile", "ops"] for words in place.calls())
    assert all(words.count("--region") == 1 for words in place.calls())


@pytest.mark.parametrize(
    "words",
    [("--parameter", "Front=off"), (), (*ON, "--no-explain")],
    ids=["Front=off", "off by default", "--no-explain"],
)
def test_it_is_left_out_without_a_front_or_when_told(place: Place, words: tuple[str, ...]) -> None:
    assert place.run("deploy", *words) == 0
    assert deployed(place) == [(DATA, "own", None), (APP, "own", "")]


def test_a_front_that_is_not_named_again_stays_as_it_is(place: Place) -> None:
    place.run("deploy", *ON)
    assert place.run("deploy") == 0
    assert deployed(place)[3:] == [
        (DATA, "own", None),
        (EXPLAIN, "us-east-1", None),
        (APP, "own", ARN),
    ]
    # Switched off, the distribution forgets the version.
    assert place.run("deploy", "--no-explain") == 0
    assert deployed(place)[6:] == [(DATA, "own", None), (APP, "own", "")]


def test_the_front_is_on_where_the_template_says_so(place: Place) -> None:
    path = place.package / "app.json"
    document = json.loads(path.read_text())
    document["Parameters"]["Front"] = {"Default": "on"}
    path.write_text(json.dumps(document))
    assert place.run("deploy") == 0
    assert [name for name, _, _ in deployed(place)] == [DATA, EXPLAIN, APP]


def test_whoever_may_not_go_to_us_east_1_is_told_the_way_without(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.run("deploy")
    place.refuse("deploy", "not authorized")
    (place.folder / "refuse-only").write_text("-explain-")
    assert place.run("deploy", *ON) == 1
    assert "not authorized\nWith --no-explain" in capsys.readouterr().err


def test_a_function_that_aws_has_not_let_go_is_no_reason_not_to_deploy(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.run("deploy", *ON)
    (place.folder / "replicated").touch()
    place.run("destroy")
    assert place.run("deploy", *ON) == 0
    assert deployed(place)[3:] == [(DATA, "own", None), (APP, "own", "")]
    assert "has not let its copies at the edges go" in capsys.readouterr().out
    # Some hours later.
    (place.folder / "replicated").unlink()
    assert place.run("deploy", *ON) == 0
    assert [name for name, _, _ in deployed(place)[5:]] == [DATA, EXPLAIN, APP]


# --- dry run, destroy, status -----------------------------------------------------------------


def test_a_dry_run_shows_three_change_sets_and_leaves_nothing(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.run("deploy")
    assert place.run("deploy", "--dry-run", *ON) == 0
    said = capsys.readouterr().out
    assert f"{EXPLAIN}: would change" in said
    assert f"{APP}: shown with no version of {EXPLAIN}" in said
    assert place.stacks() == {DATA, APP}

    place.run("deploy", *ON)
    assert place.run("deploy", "--dry-run") == 0
    assert f"{APP}: shown with {ARN}" in capsys.readouterr().out
    assert place.stacks() == {DATA, EXPLAIN, APP}
    assert deployed(place)[-1] == (APP, "own", ARN)


@pytest.mark.parametrize("data", [(), ("--data", "--confirm", DATA)], ids=["app", "all"])
def test_destroy_takes_it_last_and_says_what_aws_does_with_it(
    place: Place, capsys: pytest.CaptureFixture[str], data: tuple[str, ...]
) -> None:
    place.run("deploy", *ON)
    before = len(place.verbs())
    assert place.run("destroy", *data) == 0
    assert place.verbs()[before:][-1] == ("delete-stack", EXPLAIN)
    assert EXPLAIN not in place.stacks()
    assert "some hours after the distribution" in capsys.readouterr().out
    assert ("wait", EXPLAIN) not in place.verbs()


def test_destroyed_twice_it_is_deleted_twice(place: Place) -> None:
    place.run("deploy", *ON)
    (place.folder / "replicated").touch()
    assert place.run("destroy", "--data", "--confirm", DATA) == 0
    assert place.stacks() == {EXPLAIN}
    (place.folder / "replicated").unlink()
    # No stack tells the region any more.
    assert place.run("destroy", "--region", "eu-central-1") == 0
    assert place.stacks() == set()


def test_status_shows_it_as_well(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    place.run("deploy", *ON)
    capsys.readouterr()
    assert place.run("status") == 0
    assert f"{EXPLAIN}: CREATE_COMPLETE" in capsys.readouterr().out

    (place.folder / "front").write_text("E1")
    place.run("deploy", "--no-explain")
    assert place.run("status") == 0
    assert "no distribution of this stage runs it" in capsys.readouterr().out


def test_a_distribution_that_runs_what_is_not_there_is_not_well(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.run("deploy", *ON)
    path = place.folder / "stacks.json"
    stacks = json.loads(path.read_text())
    stacks[EXPLAIN]["Outputs"] = [{"OutputKey": "ExplainArn", "OutputValue": f"{ARN}2"}]
    path.write_text(json.dumps(stacks))
    assert place.run("status") == 1
    assert "deploy once more" in capsys.readouterr().out
    del stacks[EXPLAIN]
    path.write_text(json.dumps(stacks))
    assert place.run("status") == 1
