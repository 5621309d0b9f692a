"""The stack of Lambda@Edge: infra/explain.json with the function's text, and a version of it.

A distribution runs a numbered version and never the newest text. CloudFormation publishes one for
each new logical id, so the id holds a hash of all that makes the function what it is.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from roadstead.package.errors import PackageError

Template = dict[str, Any]
# What CloudFormation takes as a function's text in a template.
MAX_CHARACTERS = 4_096
FUNCTION, VERSION = "ExplainFunction", "ExplainVersion"


def build_template(source: Path) -> Template:
    """The finished template. Raises: PackageError: no such file, or one that is too long."""
    document: Template = json.loads(source.read_text())
    code = document["Resources"][FUNCTION]["Properties"]["Code"]
    code["ZipFile"] = _text(source.parent / code["ZipFile"])
    name = version_name(document["Resources"][FUNCTION])
    document["Resources"][name] = document["Resources"].pop(VERSION)
    document["Outputs"]["ExplainArn"]["Value"] = {"Ref": name}
    return document


def version_name(function: Template) -> str:
    """The version's logical id: another one for another text, runtime, size or role."""
    text = json.dumps(function, sort_keys=True)
    return VERSION + hashlib.sha256(text.encode()).hexdigest()[:16]


def _text(path: Path) -> str:
    if not path.is_file():
        raise PackageError(f"{path} is not there.")
    text = path.read_text()
    if len(text) > MAX_CHARACTERS:
        raise PackageError(
            f"{path} has {len(text)} characters; CloudFormation takes {MAX_CHARACTERS}."
        )
    return text
