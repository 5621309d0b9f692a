"""docs/operations.md speaks of the fields, metrics and alarms that there are, and of no others."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path

import pytest

from chalicelib.trace import Trace
from chalicelib.web.lines import UNITS, Metrics, request_line

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text()
WHO = ("PUT", "r", "e", "f", "push", "t", "r", "a", "i")
FULL = Trace(*WHO, "THROTTLED", 1, 503, *range(1, 7), True, "d", "q")
FULL.calls["dynamodb.GetItem"] = 1
LINE = request_line(FULL, at_ms=1, duration_ms=1, cold=True, stage="dev", metrics=Metrics.STAGE)
FIELDS = {*LINE, "client_errors", "calls", "message"} - {"_aws"}
QUERIES = re.findall(r"\| (``?)((?:filter|stats|fields) .*?)\1 \|$", PAGE, re.MULTILINE)
# Logs Insights' own words, and names that queries give.
WORDS = "filter stats sum count pct sort by bin as desc limit fields and or like timestamp h d m"
KNOWN = {*WORDS.split(" "), "pulled", "pushed", "n", "starts"}


def test_every_field_of_a_line_is_explained() -> None:
    assert len(fields(Trace)) == 22, "a field more: explain it"
    table = PAGE[: PAGE.index("### Questions")]
    missing = [name for name in FIELDS if f"`{name}`" not in table]
    assert missing == []


def test_every_metric_is_named() -> None:
    text = PAGE[PAGE.index("## Metrics") : PAGE.index("## Alarms")]
    assert [name for name in UNITS if f"`{name}`" not in text] == []
    assert f"| {len(UNITS)} |" in text


@pytest.mark.parametrize("query", [query for _, query in QUERIES])
def test_a_query_asks_for_fields_that_lines_have(query: str) -> None:
    bare = re.sub(r'"[^"]*"', "", re.sub(r"`calls\.(dynamodb|s3)\.\w+`", "calls", query))
    words = set(re.findall(r"[a-z_]+", bare))
    assert words - KNOWN - FIELDS == set(), query


def test_there_are_queries() -> None:
    assert len(QUERIES) >= 10


def test_every_alarm_of_the_template_is_explained_and_no_other() -> None:
    resources = json.loads((ROOT / "infra" / "app.json").read_text())["Resources"]
    alarms = {n for n, each in resources.items() if each.get("Type") == "AWS::CloudWatch::Alarm"}
    section = PAGE[PAGE.index("## Alarms") : PAGE.index("## When it is too much")]
    named = {
        name.strip()
        for row in re.findall(r"^\| ([A-Z]\w+(?:, \w+)*) \|", section, re.MULTILINE)
        for name in row.split(",")
    }
    assert named == alarms
