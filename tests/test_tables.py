"""The tables are complete, and the code keeps to the house rules."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from chalicelib.domain.errors import ErrorCode
from chalicelib.web.endpoints import ALL_METHODS, ENDPOINTS, ROOT, V1, Endpoint
from chalicelib.web.pipeline import HANDLERS
from roadstead import gendocs
from tests.conformance.test_cases import seen
from tests.support import examples
from tests.support.world import app_of, memory_world

ROOT_FOLDER = Path(__file__).resolve().parent.parent
SHIPPED = sorted(
    path for folder in ("chalicelib", "roadstead") for path in (ROOT_FOLDER / folder).rglob("*.py")
)
TESTS = sorted((ROOT_FOLDER / "tests").rglob("*.py"))
Routes = dict[str, dict[str, Any]]
MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 40

# Endpoints that no conformance case reaches yet. Only v1 may stand here, and it has to shrink.
NOT_YET_COVERED: set[str] = set()

OCI_CODES = {
    "BLOB_UNKNOWN",
    "BLOB_UPLOAD_INVALID",
    "BLOB_UPLOAD_UNKNOWN",
    "DIGEST_INVALID",
    "MANIFEST_BLOB_UNKNOWN",
    "MANIFEST_INVALID",
    "MANIFEST_UNKNOWN",
    "NAME_INVALID",
    "NAME_UNKNOWN",
    "SIZE_INVALID",
    "UNAUTHORIZED",
    "DENIED",
    "UNSUPPORTED",
    "TOOMANYREQUESTS",
}


@pytest.fixture(scope="module")
def routes() -> Routes:
    """The routes of the Chalice application: pattern -> method -> entry."""
    return dict(app_of(memory_world()).routes)


# --- how the tests draw -----------------------------------------------------------------------


def test_how_properties_are_drawn_is_said_in_one_place() -> None:
    """Else a run of the gate would depend on luck, or on how fast its machine is."""
    drawn = re.compile(r"\b(?:register_profile\(|derandomize=|deadline=)")
    places = {path.name for path in TESTS if drawn.search(path.read_text())}
    assert places - {Path(__file__).name} == {"examples.py"}
    assert examples.TIMES or settings.default.derandomize


# --- endpoints --------------------------------------------------------------------------------


def test_every_endpoint_has_a_handler_and_every_handler_an_endpoint() -> None:
    app_of(memory_world())
    assert set(HANDLERS) == {endpoint.name for endpoint in ENDPOINTS}


def test_no_two_endpoints_share_a_name_or_a_method_of_a_path() -> None:
    names = [endpoint.name for endpoint in ENDPOINTS]
    assert len(names) == len(set(names))
    claimed = [(method, e.path) for e in ENDPOINTS for method in e.methods]
    assert len(claimed) == len(set(claimed))


def test_every_endpoint_has_a_conformance_case() -> None:
    covered = {step.endpoint for step in seen()}
    assert {endpoint.name for endpoint in ENDPOINTS} - covered == set()


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
def test_an_endpoint_is_well_declared(endpoint: Endpoint) -> None:
    assert endpoint.path == "/" or not endpoint.path.endswith("/")
    assert set(endpoint.methods) <= set(ALL_METHODS)
    assert ("GET" in endpoint.methods) is ("HEAD" in endpoint.methods)
    assert endpoint.spec
    assert endpoint.summary[0].isupper()
    assert not endpoint.summary.endswith(".")


# --- routes -----------------------------------------------------------------------------------


def test_each_level_of_the_routes_has_one_variable(routes: Routes) -> None:
    children: defaultdict[str, set[str]] = defaultdict(set)
    for pattern in routes:
        segments = pattern.strip("/").split("/")
        for depth, segment in enumerate(segments):
            if segment.startswith("{"):
                children["/".join(segments[:depth])].add(segment)
    # A greedy variable may stand beside a plain one: API Gateway tries it last.
    plain = {at: {s for s in seg if not s.endswith("+}")} for at, seg in children.items()}
    assert {at: variables for at, variables in plain.items() if len(variables) > 1} == {}


def test_no_route_ends_with_a_slash(routes: Routes) -> None:
    assert [pattern for pattern in routes if pattern != "/" and pattern.endswith("/")] == []


def test_no_route_asks_for_a_content_type(routes: Routes) -> None:
    for pattern, methods in routes.items():
        for method, entry in methods.items():
            assert entry.content_types == [], (method, pattern)
            assert entry.cors is None


def test_a_route_that_answers_get_answers_head(routes: Routes) -> None:
    for pattern, methods in routes.items():
        assert ("GET" in methods) is ("HEAD" in methods), pattern


def test_every_native_endpoint_has_its_routes(routes: Routes) -> None:
    for endpoint in (*V1, *ROOT):
        spellings = (
            [
                endpoint.path.replace("{repository}", name)
                for name in ("{first}", "{first}/{second}")
            ]
            if "{repository}" in endpoint.path
            else [endpoint.path]
        )
        for spelling in spellings:
            assert set(endpoint.methods) <= set(routes[spelling]), spelling


# --- errors -----------------------------------------------------------------------------------


def test_every_code_is_one_that_clients_can_read() -> None:
    for row in ErrorCode:
        assert re.fullmatch(r"[A-Z0-9_]+", row.value.code), row
        assert 400 <= row.status < 600
        assert row.value.message
        assert row.value.spec


def test_the_codes_of_the_specification_are_all_there() -> None:
    assert {row.name for row in ErrorCode} >= OCI_CODES
    assert {f"OCI code-{n}" for n in range(1, 15)} <= {row.value.spec for row in ErrorCode}


def test_no_row_that_no_code_raises() -> None:
    text = "".join(path.read_text() for path in SHIPPED if path.name != "errors.py")
    unused = [row.name for row in ErrorCode if f"ErrorCode.{row.name}" not in text]
    assert unused == []


# --- the house --------------------------------------------------------------------------------


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT_FOLDER))


@pytest.mark.parametrize("path", SHIPPED, ids=name_of)
def test_a_module_and_its_functions_stay_short(path: Path) -> None:
    source = path.read_text()
    assert len(source.splitlines()) <= MAX_MODULE_LINES
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= MAX_FUNCTION_LINES, node.name


def test_nothing_is_patched() -> None:
    word = "mock" + ".patch"
    guilty = [name_of(path) for path in TESTS if word in path.read_text()]
    assert guilty == []
    imported = re.compile(r"from unittest\.mock import .*\bpatch\b")
    assert [name_of(path) for path in TESTS if imported.search(path.read_text())] == []


def test_no_file_names_a_place_on_somebodys_machine() -> None:
    place = re.compile(r"/(?:home|root|Users|work)/[a-z]")
    suffixes = {".py", ".md", ".toml", ".json", ".yaml", ".yml", ".txt"}
    folders = ("chalicelib", "roadstead", "tests", "docs", "infra", "benchmarks", ".chalice")
    files = [path for folder in folders for path in (ROOT_FOLDER / folder).rglob("*")]
    files += [path for path in ROOT_FOLDER.glob("*") if path.suffix in suffixes]
    guilty = [
        name_of(path)
        for path in files
        if path.is_file() and path.suffix in suffixes and place.search(path.read_text("utf-8"))
    ]
    assert guilty == []


def test_the_generated_documentation_is_in_step() -> None:
    assert gendocs.API_PAGE.read_text() == gendocs.render(), "python -m roadstead.gendocs"
