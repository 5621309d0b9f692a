"""Fixtures for all tests."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from tests.support import examples
from tests.support.stack import Stack, running_stack

examples.load_profile()


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name what failed once more at the very end, where a log that is cut still has it."""
    for outcome in ("failed", "error"):
        for report in terminalreporter.getreports(outcome):
            terminalreporter.write_line(f"{outcome}: {report.nodeid}")


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Real servers; pytest makes a session fixture when the first test asks for it."""
    with running_stack(tmp_path_factory.mktemp("stack")) as stack:
        yield stack


@pytest.fixture
def team() -> str:
    """A team that no other test has: what keeps tests on one table and bucket apart."""
    return f"team-{secrets.token_hex(6)}"
