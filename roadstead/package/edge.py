"""The edge's functions as they stand in the template: their text with the settings of a stage.

In infra/app.json a function's code is the name of its file. Here it becomes one ``Fn::Join`` of the
file's text, with the line of settings made of the stage's parameters and secrets. Each function
gets the settings that it reads and no others: only upload.js is given keys.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chalicelib.domain.accounts import RESERVED_NAMES
from chalicelib.domain.limits import MAX_INLINE_BODY_BYTES
from roadstead.package.errors import PackageError

PLACEHOLDER = "const SETTINGS = {}; // settings"
# What CloudFront takes as a function, and what the longest settings need of it.
MAX_BYTES = 10_240
ROOM_BYTES = 1_500

Part = str | dict[str, Any]


def _if(condition: str, yes: Part, no: Part) -> Part:
    return {"Fn::If": [condition, yes, no]}


def _secret(arn: Part) -> Part:
    return {"Fn::Sub": ["{{resolve:secretsmanager:${Arn}}}", {"Arn": arn}]}


EDGE_KEY = _secret({"Fn::ImportValue": {"Fn::Sub": "${DataStack}-EdgeKeyArn"}})
_OLD_KEY: Part = {"Fn::Join": ["", ['","', _secret({"Ref": "OldEdgeKeyArn"})]]}

# The value of each setting, in JSON, in parts; infra/edge/README.md says what they mean.
SETTINGS: Mapping[str, Mapping[str, tuple[Part, ...]]] = {
    "front.js": {
        "challenge": ('"', _if("Open", "off", {"Ref": "Challenge"}), '"'),
        "anonymous": ('"', {"Ref": "AnonymousPull"}, '"'),
        "v1Hosts": ('"', {"Ref": "V1Hosts"}, '"'),
        "teamHosts": ('"', {"Ref": "TeamHosts"}, '"'),
        "host": ('"', {"Ref": "HostName"}, '"'),
        "reserved": (json.dumps(sorted(RESERVED_NAMES)),),
        "gateway": ('"', _if("WithGateway", "on", "off"), '"'),
        "inlineBytes": (str(MAX_INLINE_BODY_BYTES),),
    },
    "upload.js": {
        "gateway": ('"', _if("WithGateway", "on", "off"), '"'),
        "keys": ('["', EDGE_KEY, _if("WithOldEdgeKey", _OLD_KEY, ""), '"]'),
        "inlineBytes": (str(MAX_INLINE_BODY_BYTES),),
    },
    "answer.js": {},
}


def code(folder: Path, name: str) -> dict[str, Any]:
    """A function's ``FunctionCode``. Raises: PackageError: no such file, or one that cannot be."""
    path = folder / name
    if name not in SETTINGS or not path.is_file():
        raise PackageError(f"{name} is none of the edge's functions: {', '.join(SETTINGS)}.")
    text = path.read_text()
    if text.count(PLACEHOLDER) != 1:
        raise PackageError(f"{path} has to hold `{PLACEHOLDER}` once.")
    if len(text.encode()) + ROOM_BYTES > MAX_BYTES:
        raise PackageError(f"{path} is too large for CloudFront: {MAX_BYTES} bytes with settings.")
    before, _, after = text.partition(PLACEHOLDER)
    parts: list[Part] = [f"{before}const SETTINGS = {{"]
    for number, (key, value) in enumerate(SETTINGS[name].items()):
        parts += [f"{', ' if number else ''}{json.dumps(key)}: ", *value]
    return {"Fn::Join": ["", [*parts, f"}};{after}"]]}
