"""What a page shows of the json that describes an image: v2 configs and v1 images alike.

Whoever pushes writes it, and the registry takes any: a field of another type than it should have
is left out, and lists are cut, with their true lengths beside them.
Spec: OCI Image 1.1, config.md; Docker Image Spec v1.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MAX_ENTRIES = 100
# The commands of an image, and the rest of what a container starts with.
_FACTS = (
    ("created", "Created"),
    ("author", "Author"),
    ("os", "Operating system"),
    ("architecture", "Architecture"),
    ("variant", "Variant"),
    ("docker_version", "Docker version"),
    ("comment", "Comment"),
)
_RUN_FACTS = (
    ("Entrypoint", "Entry point"),
    ("Cmd", "Command"),
    ("WorkingDir", "Working directory"),
    ("User", "User"),
    ("StopSignal", "Stop signal"),
)
_RUN_SETS = (("ExposedPorts", "Ports"), ("Volumes", "Volumes"))


@dataclass(frozen=True)
class Some:
    """Some of many: rows of texts from number ``start`` on, and how many there are in all."""

    rows: Sequence[tuple[str, ...]]
    total: int
    start: int = 0

    @property
    def left_out(self) -> int:
        """How many follow."""
        return max(0, self.total - self.start - len(self.rows))


@dataclass(frozen=True)
class ImageFacts:
    """Facts are name and text; history rows are date, command, and `empty` for no layer."""

    facts: Sequence[tuple[str, str]]
    environment: Some
    labels: Some
    history: Some

    @property
    def has_more(self) -> bool:
        """Whether anything follows what is shown."""
        return any(each.left_out for each in (self.environment, self.labels, self.history))


def read_facts(raw: bytes, start: int = 0) -> ImageFacts | None:
    """The facts of a json; None where it is none, or nothing that describes an image.

    Lists begin with their entry of number ``start``.
    """
    try:
        document = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    run = _object(document.get("config"))
    facts = [(label, _text(document.get(key))) for key, label in _FACTS]
    facts += [(label, _command(run.get(key))) for key, label in _RUN_FACTS]
    facts += [(label, ", ".join(_keys(run.get(key)))) for key, label in _RUN_SETS]
    return ImageFacts(
        [(label, text) for label, text in facts if text],
        some([(text,) for text in _texts(run.get("Env"))], start),
        pairs(run.get("Labels"), start),
        _history(document, start),
    )


def pairs(found: object, start: int = 0) -> Some:
    """Labels or annotations: names and texts, by name."""
    mapping = _object(found)
    return some(sorted((key, _text(value)) for key, value in mapping.items()), start)


def some(rows: Sequence[tuple[str, ...]], start: int = 0) -> Some:
    return Some(rows[start : start + MAX_ENTRIES], len(rows), start)


def _history(document: Mapping[str, object], start: int) -> Some:
    steps = document.get("history")
    if not isinstance(steps, list):
        # v1: the step is the image's own.
        command = _command(_object(document.get("container_config")).get("Cmd"))
        own = [(_text(document.get("created")), command, "")] if command else []
        return some(own, start)
    rows = [
        (
            _text(step.get("created")),
            _text(step.get("created_by")) or _text(step.get("comment")),
            "empty" if step.get("empty_layer") is True else "",
        )
        for step in steps
        if isinstance(step, dict)
    ]
    return some(rows, start)


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, (int, float)) else ""


def _texts(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _keys(value: object) -> list[str]:
    keys = list(_object(value))
    return keys[:MAX_ENTRIES]


def _command(value: object) -> str:
    if isinstance(value, str):
        return value
    words = _texts(value)
    # As it would be typed, where that is clear; with brackets where a word holds spaces.
    plain = all(word and not word.isspace() and " " not in word for word in words)
    return " ".join(words) if plain else json.dumps(words, ensure_ascii=False)
