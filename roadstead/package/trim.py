"""What of the wheels is shipped. botocore describes 400 services; the functions use two.

A cold start pays for every byte that is unpacked, read and parsed, so botocore's data are cut to
the services, the operations and the partitions that the adapters can ask for. Its code stays as
it is. Which operations there are is a table here, and a test holds it to the adapters' calls.
"""

from __future__ import annotations

import gzip
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from botocore.loaders import ExtrasProcessor

Files = dict[str, bytes]

# What the adapters call; then what botocore calls by itself (a bucket in another region, and
# DynamoDB's endpoints), for it looks in the model whether it can.
OPERATIONS: Mapping[str, frozenset[str]] = {
    "s3": frozenset(
        {
            "AbortMultipartUpload",
            "CompleteMultipartUpload",
            "CopyObject",
            "CreateMultipartUpload",
            "DeleteObject",
            "DeleteObjects",
            "GetObject",
            "HeadBucket",
            "HeadObject",
            "ListObjectsV2",
            "ListMultipartUploads",
            "ListObjectVersions",
            "ListParts",
            "PutObject",
            "UploadPart",
            "UploadPartCopy",
        }
    ),
    "dynamodb": frozenset(
        {
            "BatchGetItem",
            "BatchWriteItem",
            "DeleteItem",
            "DescribeEndpoints",
            "DescribeTable",
            "GetItem",
            "PutItem",
            "Query",
            "Scan",
            "TransactGetItems",
            "TransactWriteItems",
            "UpdateItem",
        }
    ),
}
MODELS = {"s3": "2006-03-01", "dynamodb": "2012-08-10"}
_DATA = "botocore/data/"
_WHOLE_DATA = ("_retry.json", "partitions.json", "sdk-default-configuration.json")

# Of each distribution, the files that are shipped. METADATA stays: scanners read versions there.
KEPT: Mapping[str, str] = {
    "argon2_cffi": r"argon2/.*\.py",
    "argon2_cffi_bindings": r"_argon2_cffi_bindings/.*",
    "botocore": r"botocore/(?!data/).*\.py|botocore/cacert\.pem",
    # The compiled core: cffi's Python part and pycparser only serve those who build extensions.
    "cffi": r"_cffi_backend.*\.so",
    "chalice": r"chalice/(__init__|app)\.py",
    # What runs templates; not what reads them from wheels, translates or sandboxes them.
    "jinja2": r"jinja2/(?!ext|sandbox|nativetypes|meta|constants).*\.py",
    "jmespath": r"jmespath/.*\.py",
    # Without its compiled part: a page's escaping takes microseconds either way.
    "markupsafe": r"markupsafe/.*\.py",
    "pycparser": r"(?!)",
    "pynamodb": r"pynamodb/.*\.py",
    "python_dateutil": r"dateutil/(?!zoneinfo/.*\.tar\.gz).*\.py",
    "six": r"six\.py",
    "typing_extensions": r"typing_extensions\.py",
    "urllib3": r"urllib3/(?!contrib/emscripten/).*\.py",
}


def from_wheel(wheel: Path) -> Files:
    """The files of a wheel that are shipped, by their path."""
    project = wheel.name.split("-")[0].lower()
    kept = re.compile(KEPT[project] + r"|[^/]+\.dist-info/METADATA")
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if kept.fullmatch(name)]
        files = {name: archive.read(name) for name in names}
        if project == "botocore":
            files.update(_botocore_data(archive))
    return files


def _botocore_data(archive: zipfile.ZipFile) -> Iterator[tuple[str, bytes]]:
    for name in _WHOLE_DATA:
        yield _DATA + name, _dense(json.loads(archive.read(_DATA + name)))
    endpoints = json.loads(archive.read(_DATA + "endpoints.json"))
    for partition in endpoints["partitions"]:
        services = partition["services"]
        partition["services"] = {name: services[name] for name in MODELS if name in services}
    yield _DATA + "endpoints.json", _dense(endpoints)
    names = set(archive.namelist())
    for service, version in MODELS.items():
        folder = f"{_DATA}{service}/{version}/"
        model = _load(archive, folder + "service-2.json.gz")
        extras = folder + "service-2.sdk-extras.json"
        if extras in names:
            ExtrasProcessor().process(model, [json.loads(archive.read(extras))])
        yield folder + "service-2.json", _dense(cut_model(model, OPERATIONS[service]))
        rules = _load(archive, folder + "endpoint-rule-set-1.json.gz")
        yield folder + "endpoint-rule-set-1.json", _dense(rules)


def _load(archive: zipfile.ZipFile, name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(gzip.decompress(archive.read(name)))
    return document


def _dense(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def cut_model(model: Mapping[str, Any], operations: frozenset[str]) -> dict[str, Any]:
    """A service's model with these operations, the shapes that they reach, and no prose.

    Raises: KeyError: the service has no such operation.
    """
    kept = {name: _unexplained(model["operations"][name]) for name in sorted(operations)}
    shapes: dict[str, Any] = {}
    # Errors that a response may carry without its operation naming them stay too.
    left = [ref for operation in kept.values() for ref in _references(operation)]
    left += [name for name, shape in model["shapes"].items() if shape.get("exception")]
    while left:
        name = left.pop()
        if name not in shapes:
            shapes[name] = _unexplained(model["shapes"][name])
            left += _references(shapes[name])
    rest = {key: value for key, value in model.items() if key != "documentation"}
    return {**rest, "operations": kept, "shapes": dict(sorted(shapes.items()))}


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "shape" and isinstance(value, str):
                yield value
            else:
                yield from _references(value)
    elif isinstance(node, list):
        for value in node:
            yield from _references(value)


def _unexplained(node: Any) -> Any:
    """Without `documentation`, where it is prose: a member may have that name as well."""
    if isinstance(node, dict):
        return {
            key: _unexplained(value)
            for key, value in node.items()
            if not (key in ("documentation", "documentationUrl") and isinstance(value, str))
        }
    if isinstance(node, list):
        return [_unexplained(value) for value in node]
    return node
