"""CloudWatch's embedded metric format, as a schema and the rules that a schema cannot say.

Spec: Amazon CloudWatch User Guide, "Specification: Embedded metric format", document structure.
"""

from __future__ import annotations

import json
from typing import Any

import jsonschema

UNITS = (
    "Seconds",
    "Microseconds",
    "Milliseconds",
    "Bytes",
    "Kilobytes",
    "Percent",
    "Count",
    "None",
)
WORD = {"type": "string", "minLength": 1, "maxLength": 255}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["_aws"],
    "properties": {
        "_aws": {
            "type": "object",
            "required": ["Timestamp", "CloudWatchMetrics"],
            "additionalProperties": False,
            "properties": {
                "Timestamp": {"type": "integer", "minimum": 1_500_000_000_000},
                "CloudWatchMetrics": {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "type": "object",
                        "required": ["Namespace", "Dimensions", "Metrics"],
                        "additionalProperties": False,
                        "properties": {
                            "Namespace": {**WORD, "pattern": "^[A-Za-z0-9._/#:-]+$"},
                            "Dimensions": {
                                "type": "array",
                                "minItems": 1,
                                # Nine in the specification of 2022, thirty today.
                                "items": {"type": "array", "maxItems": 9, "items": WORD},
                            },
                            "Metrics": {
                                "type": "array",
                                "minItems": 1,
                                "maxItems": 100,
                                "items": {
                                    "type": "object",
                                    "required": ["Name"],
                                    "additionalProperties": False,
                                    "properties": {"Name": WORD, "Unit": {"enum": list(UNITS)}},
                                },
                            },
                        },
                    },
                },
            },
        }
    },
}
MAX_BYTES = 256 * 1024
MAX_DIMENSION_CHARS = 1024


def check(line: dict[str, Any]) -> None:
    """Raises: AssertionError, jsonschema.ValidationError: CloudWatch would make no metric of it."""
    jsonschema.validate(line, SCHEMA)
    assert len(json.dumps(line)) < MAX_BYTES
    for directive in line["_aws"]["CloudWatchMetrics"]:
        for name in (metric["Name"] for metric in directive["Metrics"]):
            target = line[name]
            assert isinstance(target, int | float), (name, target)
            assert not isinstance(target, bool), (name, target)
        for name in (name for names in directive["Dimensions"] for name in names):
            target = line[name]
            assert isinstance(target, str), (name, target)
            assert 0 < len(target) <= MAX_DIMENSION_CHARS
            assert target.isascii(), "a dimension's value is ASCII"
