"""What CloudFront Functions 2.0 can run: the size, the syntax, and the names."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.clients.commands import find, not_run
from tests.edge.engines import EDGE, FUNCTIONS, MAX_BYTES, PLACEHOLDER, Edge, with_settings
from tests.edge.engines import request_event as event_of

# The longest that the deployment puts in: two keys, and many hosts.
LONGEST: dict[str, Any] = {
    "challenge": "bearer",
    "anonymous": "off",
    "gateway": "off",
    "keys": ["f" * 64, "f" * 64],
    "inlineBytes": 4_500_000,
    "v1Hosts": ",".join(f"v1-{number}.registry.example.com" for number in range(40)),
}

# The kinds of syntax that AWS lists for runtime 2.0, as far as they are used here. Not among them:
# class, for-of, spread, destructuring, default parameters, `?.`, `??`, generators, async.
SYNTAX = frozenset(
    [
        "Program",
        "ImportDeclaration",
        "ImportDefaultSpecifier",
        "FunctionDeclaration",
        "FunctionExpression",
        "VariableDeclaration",
        "VariableDeclarator",
        "ExpressionStatement",
        "ReturnStatement",
        "IfStatement",
        "BlockStatement",
        "ForStatement",
        "TryStatement",
        "CatchClause",
        "ArrayExpression",
        "ObjectExpression",
        "Property",
        "MemberExpression",
        "CallExpression",
        "AssignmentExpression",
        "BinaryExpression",
        "LogicalExpression",
        "UnaryExpression",
        "UpdateExpression",
        "ConditionalExpression",
        "Identifier",
        "Literal",
    ]
)
# Names from outside that the functions use; of Object's, String's and the others' methods the list
# is in METHODS.
GLOBALS = frozenset(
    [
        "Buffer",
        "Date",
        "JSON",
        "Number",
        "Object",
        "RegExp",
        "cf",
        "crypto",
        "decodeURIComponent",
    ]
)
METHODS = frozenset(
    [
        "charAt",
        "charCodeAt",
        "createHmac",
        "digest",
        "exec",
        "forEach",
        "from",
        "indexOf",
        "join",
        "keys",
        "now",
        "push",
        "replace",
        "selectRequestOriginById",
        "slice",
        "some",
        "split",
        "stringify",
        "test",
        "toLowerCase",
        "toString",
        "trim",
        "update",
    ]
)


def _parsed(source: str) -> dict[str, Any]:
    """What a text is made of, by the parser that node brings."""
    node = find("node")
    if node is None:
        not_run("not installed: node")
    done = subprocess.run(
        [node, "--expose-internals", str(Path(__file__).with_name("parse.js"))],
        input=source,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if "internal/deps/acorn" in done.stderr:
        not_run("this node shows no parser")
    assert done.returncode == 0, done.stderr
    parsed: dict[str, Any] = json.loads(done.stdout)
    return parsed


def faults(parsed: dict[str, Any]) -> list[str]:
    """What of it the runtime may not know."""
    return [
        *sorted(set(parsed["kinds"]) - SYNTAX),
        *sorted(set(parsed["called"]) - METHODS),
        *sorted(set(parsed["globals"]) - GLOBALS),
        *parsed["odd"],
        *(each for each in parsed["imports"] if each not in ("cloudfront", "crypto")),
        *([] if parsed["importsFirst"] else ["an import that is not first"]),
    ]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_with_the_longest_settings_is_within_cloudfronts_size(name: str) -> None:
    assert len(with_settings(name, LONGEST).encode()) < MAX_BYTES


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_uses_only_what_the_runtime_has(name: str) -> None:
    assert faults(_parsed((EDGE / name).read_text())) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("for (const x of []) {}", "ForOfStatement"),
        ("const f = (x) => x;", "ArrowFunctionExpression"),
        ("class A {}", "ClassDeclaration"),
        ("const a = {...{}};", "SpreadElement"),
        ("const b = 1; const a = {b};", "property b"),
        ("const a = null; const b = a?.c;", "ChainExpression"),
        ("setTimeout(handler, 1);", "setTimeout"),
        ("console.log(1);", "console"),
        ("eval('1');", "eval"),
        ("[1].includes(1);", "includes"),
        ("const a = /(?<name>x)/;", "regex /(?<name>x)/"),
        ("const a = /x/s;", "regex /x/s"),
        ("import fs from 'fs';", "fs"),
        ("const a = 1; import cf from 'cloudfront';", "an import that is not first"),
        ("async function f() {}", "async or generator"),
    ],
)
def test_what_the_runtime_may_not_have_is_found(text: str, fault: str) -> None:
    assert fault in faults(_parsed(text + " function handler(event) { return event.request; }"))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_settings_have_one_line_behind_the_imports(name: str) -> None:
    lines = (EDGE / name).read_text().splitlines()
    imports = [line for line in lines if line.startswith("import ")]
    assert lines[: len(imports)] == imports
    assert lines[len(imports)] == PLACEHOLDER
    assert sum("SETTINGS =" in line for line in lines) == 1


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_logs_nothing(name: str) -> None:
    assert "console" not in (EDGE / name).read_text()


def test_the_readme_says_how_settings_get_in() -> None:
    readme = (EDGE / "README.md").read_text()
    assert f"`{PLACEHOLDER}`" in readme
    used = {
        key
        for name in FUNCTIONS
        for key in re.findall(r"SETTINGS\.(\w+)", (EDGE / name).read_text())
    }
    assert used == set(re.findall(r"^\| `(\w+)` \|", readme.partition("## Settings")[2], re.M)) & (
        used | set(LONGEST)
    )


def test_the_snippet_of_the_readme_runs_a_function(tmp_path: Path) -> None:
    node = find("node")
    if node is None:
        not_run("not installed: node")
    (snippet,) = re.findall(r"```js\n(.*?)```", (EDGE / "README.md").read_text(), re.S)
    program = tmp_path / "run.js"
    program.write_text(
        "const fs = require('fs');\n"
        f"const file = {json.dumps(str(EDGE / 'upload.js'))};\n"
        "const settings = {keys: []}; const cf = {selectRequestOriginById() {}};\n"
        f"{snippet}\n"
        f"console.log(handler({json.dumps(event_of('GET', '/_up/x'))}).statusCode);\n"
    )
    done = subprocess.run(
        [node, str(program)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "403\n", done.stderr


def test_no_settings_at_all_ask_nobody_and_believe_no_address(edge: Edge) -> None:
    assert not edge.call("front.js", {}, event_of("GET", "/v2/")).refused
    assert edge.call("upload.js", {}, event_of("PUT", "/_up/v2/a/blobs/uploads/x")).status == 403
