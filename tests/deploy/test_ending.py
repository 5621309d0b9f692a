"""A stage that has an end: `roadstead deploy --expires`, and what `status` and `destroy` say."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from roadstead.deploy.aws import DeployError
from roadstead.deploy.ending import parse, written
from tests.deploy.test_deploy import APP, DATA, EXPLAIN, Place, parameters, place

__all__ = ["place"]
END = "roadstead-t-end"
NOW = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)


# --- what people ask for ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("15m", "2026-11-24T12:15:00Z"),
        ("2h", "2026-11-24T14:00:00Z"),
        ("7d", "2026-12-01T12:00:00Z"),
        ("1w", "2026-12-01T12:00:00Z"),
        ("366d", "2027-11-25T12:00:00Z"),
        ("2027-01-31T12:00:00Z", "2027-01-31T12:00:00Z"),
        ("2027-01-31T12:00:00.9+02:00", "2027-01-31T10:00:00Z"),
        ("2027-01-31 12:00:00+00:00", "2027-01-31T12:00:00Z"),
        ("never", ""),
    ],
)
def test_an_end_is_a_duration_or_a_time_or_none(text: str, end: str) -> None:
    assert parse(text, NOW) == end


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is no end"),
        ("soon", "is no end"),
        ("7", "is no end"),
        ("0d", "is no end"),
        ("-1d", "is no end"),
        ("1.5d", "is no end"),
        ("7D", "is no end"),
        ("7d ", "is no end"),
        ("\u0667d", "is no end"),
        ("1s", "is no end"),
        ("2027-01-31", "is no end"),
        ("2027-01-31T12:00:00", "is no end"),
        ("2027-02-31T12:00:00Z", "is no end"),
        ("14m", "15m is the least"),
        ("2026-11-24T11:59:59Z", "15m is the least"),
        ("1970-01-01T00:00:00Z", "15m is the least"),
        ("367d", "within a year"),
        ("53w", "within a year"),
        ("999999w", "within a year"),
        ("9999-12-31T23:59:59Z", "within a year"),
        ("9999-12-31T23:59:59-23:00", "is no end"),
    ],
)
def test_nonsense_a_past_end_and_one_after_years_are_refused(text: str, sentence: str) -> None:
    with pytest.raises(DeployError, match=sentence):
        parse(text, NOW)


def test_a_bad_end_is_refused_before_aws_is_asked(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    assert place.run("deploy", "--expires", "soon") == 1
    assert "is no end: say a duration like 2h, 7d or 1w" in capsys.readouterr().err
    assert place.calls() == []


# --- deploy -----------------------------------------------------------------------------------


def deployed(place: Place) -> list[tuple[str, dict[str, str], list[str]]]:
    """What was deployed, with which parameters and tags."""
    found = []
    for words in place.calls():
        if words[0] == "deploy":
            start, end = words.index("--tags") + 1, words.index("--parameter-overrides")
            name = words[words.index("--stack-name") + 1]
            found.append((name, parameters(words), words[start:end]))
    return found


def stack(place: Place, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((place.folder / "stacks.json").read_text())[name]
    return found


def end_of(place: Place, name: str) -> str | None:
    given = {p["ParameterKey"]: p["ParameterValue"] for p in stack(place, name)["Parameters"]}
    return given.get("Ends")


def set_end(place: Place, end: str) -> None:
    path = place.folder / "stacks.json"
    stacks = json.loads(path.read_text())
    for each in stacks[DATA]["Parameters"]:
        if each["ParameterKey"] == "Ends":
            each["ParameterValue"] = end
    path.write_text(json.dumps(stacks))


def test_a_stage_with_an_end_is_marked_first_and_what_removes_it_comes_before_the_application(
    place: Place,
) -> None:
    at = written(datetime.now(UTC) + timedelta(days=7))
    assert place.run("deploy", "--expires", at, "--parameter", "Front=on") == 0
    names = [name for name, _, _ in deployed(place)]
    assert names == [DATA, END, EXPLAIN, APP]
    by_name = {name: given for name, given, _ in deployed(place)}
    assert by_name[DATA] == {"Stage": "t", "Ends": at}
    assert by_name[END] == {
        "Stage": "t",
        "Ends": at,
        "Bucket": "roadstead-t-data-bucket-2def",
        "Artefacts": "roadstead-t-data-artefacts-3ghi",
        "Table": "roadstead-t-data-Table-1ABC",
        "Secrets": "",
    }
    for _, _, tags in deployed(place):
        assert tags == ["roadstead:stage=t", f"roadstead:ends={at}"]


def test_a_stage_without_an_end_has_nothing_of_it(place: Place) -> None:
    assert place.run("deploy") == 0
    assert place.stacks() == {DATA, APP}
    assert all(tags == ["roadstead:stage=t"] for _, _, tags in deployed(place))
    assert "Ends" not in deployed(place)[0][1]


def test_a_deployment_without_a_word_of_it_keeps_the_end(place: Place) -> None:
    place.run("deploy", "--expires", "2h")
    end = end_of(place, DATA)
    assert place.run("deploy") == 0
    assert end == end_of(place, DATA) == end_of(place, END)
    assert deployed(place)[-1][2] == ["roadstead:stage=t", f"roadstead:ends={end}"]


def test_a_stage_is_extended(place: Place) -> None:
    place.run("deploy", "--expires", "2h")
    before = end_of(place, DATA)
    assert place.run("deploy", "--expires", "9d") == 0
    after = end_of(place, DATA)
    assert before is not None
    assert after is not None
    assert after > before
    assert end_of(place, END) == after


def test_a_stage_that_never_ends_is_pinned_before_its_end_stack_goes(place: Place) -> None:
    place.run("deploy", "--expires", "2h")
    before = len(place.verbs())
    assert place.run("deploy", "--expires", "never") == 0
    assert end_of(place, DATA) == ""
    assert place.stacks() == {DATA, APP}
    verbs = place.verbs()[before:]
    assert verbs.index(("deploy", DATA)) < verbs.index(("delete-stack", END))
    # Pinned it was made to stay: an end has to be said twice again.
    assert place.run("deploy", "--expires", "2h") == 1


@pytest.mark.parametrize("confirmed", [(), ("--confirm", "t"), ("--confirm", APP)])
def test_a_stage_that_was_made_to_stay_gets_an_end_when_it_is_asked_for_twice(
    place: Place, capsys: pytest.CaptureFixture[str], confirmed: tuple[str, ...]
) -> None:
    place.run("deploy")
    before = len(place.verbs())
    assert place.run("deploy", "--expires", "2h", *confirmed) == 1
    assert place.verbs()[before:] == []
    assert f"--confirm {DATA}" in capsys.readouterr().err
    assert place.run("deploy", "--expires", "2h", "--confirm", DATA) == 0
    assert place.stacks() == {DATA, APP, END}


def test_a_confirmation_without_an_end_is_refused(place: Place) -> None:
    assert place.run("deploy", "--confirm", DATA) == 1
    assert place.calls() == []


@pytest.mark.parametrize("words", [(), ("--expires", "9d"), ("--expires", "never")])
def test_a_stage_that_has_ended_is_not_deployed_any_more(
    place: Place, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    place.run("deploy", "--expires", "2h")
    set_end(place, "2026-01-01T00:00:00Z")
    before = len(place.verbs())
    assert place.run("deploy", *words) == 1
    assert "ended at 2026-01-01T00:00:00Z and is being removed" in capsys.readouterr().err
    assert place.verbs()[before:] == []


@pytest.mark.parametrize("words", [(), ("--expires", "9d"), ("--expires", "never")])
def test_an_end_in_some_moments_is_not_moved(
    place: Place, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    """The removal might begin while CloudFormation still writes the new end."""
    place.run("deploy", "--expires", "2h")
    set_end(place, written(datetime.now(UTC) + timedelta(minutes=4)))
    before = len(place.verbs())
    assert place.run("deploy", *words) == 1
    assert "in less than five minutes" in capsys.readouterr().err
    assert place.verbs()[before:] == []


def test_what_an_earlier_stage_of_the_name_has_left_is_helped_along(place: Place) -> None:
    left = {END: {"StackStatus": "DELETE_FAILED", "Outputs": []}}
    (place.folder / "stacks.json").write_text(json.dumps(left))
    assert place.run("deploy", "--expires", "2h") == 0
    assert ("delete-stack", END) in place.verbs()
    assert stack(place, END)["StackStatus"] == "CREATE_COMPLETE"


def test_a_deployment_that_breaks_off_has_its_end(place: Place) -> None:
    place.refuse("deploy", "no")
    (place.folder / "refuse-only").write_text(f"--stack-name {APP} ")
    assert place.run("deploy", "--expires", "2h") == 1
    assert place.stacks() == {DATA, END}


def test_a_dry_run_says_what_would_become_of_the_end(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    assert place.run("deploy", "--dry-run", "--expires", "2h") == 0
    assert "The stage would be removed from 20" in capsys.readouterr().out
    assert place.stacks() == set()
    place.run("deploy", "--expires", "2h")
    end = end_of(place, DATA)
    assert place.run("deploy", "--dry-run", "--expires", "9d") == 0
    assert f"{END}: would change" in capsys.readouterr().out
    assert place.run("deploy", "--dry-run", "--expires", "never") == 0
    assert f"{END}: would be deleted, and the stage would stay" in capsys.readouterr().out
    assert end_of(place, DATA) == end_of(place, END) == end
    assert place.stacks() == {DATA, APP, END}


# --- status, destroy --------------------------------------------------------------------------


def test_status_says_when_the_stage_ends(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    place.run("deploy", "--expires", "9d")
    capsys.readouterr()
    assert place.run("status") == 0
    said = capsys.readouterr().out
    # The second may have turned since.
    told = f"The stage ends at {end_of(place, DATA)}, in"
    assert f"{told} 8 d 23 h." in said or f"{told} 9 d 0 h." in said
    assert f"{END}: CREATE_COMPLETE" in said


def test_an_end_that_nothing_brings_about_is_not_well(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.run("deploy", "--expires", "2h")
    path = place.folder / "stacks.json"
    stacks = json.loads(path.read_text())
    gone = stacks.pop(END)
    path.write_text(json.dumps(stacks))
    assert place.run("status") == 1
    assert "nothing removes it: deploy once more" in capsys.readouterr().out
    # The other way round: nothing to bring about.
    path.write_text(json.dumps({**stacks, END: gone}))
    set_end(place, "")
    assert place.run("status") == 1
    assert "no end is set" in capsys.readouterr().out


def test_a_stage_of_which_only_the_end_is_left_is_shown(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    left = {END: {"StackStatus": "DELETE_FAILED", "Outputs": []}}
    (place.folder / "stacks.json").write_text(json.dumps(left))
    assert place.run("status") == 1
    assert f"{END}: DELETE_FAILED" in capsys.readouterr().out
    assert place.run("destroy") == 0
    assert place.stacks() == set()


@pytest.mark.parametrize("data", [(), ("--data", "--confirm", DATA)], ids=["app", "all"])
def test_destroy_takes_the_end_stack_as_well(
    place: Place, capsys: pytest.CaptureFixture[str], data: tuple[str, ...]
) -> None:
    place.run("deploy", "--expires", "2h")
    assert place.run("destroy", *data) == 0
    assert place.stacks() == (set() if data else {DATA})
    said = capsys.readouterr().out
    assert (f"Nothing removes {DATA} at" in said) is not bool(data)
    if not data:
        # Deployed again it has its end again.
        assert place.run("deploy") == 0
        assert place.stacks() == {DATA, APP, END}
