"""What docs/webhooks.md tells people to run verifies what we send."""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path

import pytest

from chalicelib.domain.signatures import PAUSES_S, headers_for, show_secret
from chalicelib.domain.webhooks import Event, EventKind
from tests.clients.commands import need

PAGE = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text()
SECRET, BODY = bytes(range(32)), b'{"type":"ping"}'
EVENT = Event("evt_1", EventKind.PING, "crew", "", 0, "o")


def block(language: str, word: str) -> str:
    found = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    (text,) = [each for each in found if word in each]
    return str(text)


@pytest.mark.parametrize(
    ("change", "is_ours"),
    [
        ({}, True),
        ({"webhook-id": "evt_2"}, False),
        ({"webhook-timestamp": "1"}, False),
        ({"webhook-signature": "v1,AAAA"}, False),
        ({"webhook-signature": ""}, False),
    ],
)
def test_the_python_of_the_page_knows_what_is_ours(change: dict[str, str], is_ours: bool) -> None:
    names: dict[str, object] = {}
    exec(block("python", "is_ours"), names)
    verify = names["is_ours"]
    assert callable(verify)
    headers = {**headers_for(EVENT, SECRET, BODY, now_s=int(time.time())), **change}
    assert verify(show_secret(SECRET), headers, BODY) is is_ours
    assert verify(show_secret(SECRET), headers, BODY + b" ") is False


def test_the_shell_of_the_page_makes_the_same_signature(tmp_path: Path) -> None:
    need("openssl", "od", "base64")
    (tmp_path / "body").write_bytes(BODY)
    headers = headers_for(EVENT, SECRET, BODY, now_s=1_700_000_000)
    given = {
        "PATH": os.environ["PATH"],
        "SECRET": show_secret(SECRET),
        "WEBHOOK_ID": headers["webhook-id"],
        "WEBHOOK_TIMESTAMP": headers["webhook-timestamp"],
    }
    done = subprocess.run(
        ["sh", "-c", block("sh", "hexkey")],
        cwd=tmp_path,
        env=given,
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"v1,{done.stdout.strip()}" == headers["webhook-signature"]


def test_every_kind_and_the_pauses_stand_on_the_page() -> None:
    for kind in EventKind:
        assert f"| `{kind.value}` |" in PAGE
    assert "10 s, 30 s, 2 min, 10 min, 30 min, 1 h, 3 h, and then every 6 h" in PAGE
    assert PAUSES_S == (10, 30, 120, 600, 1800, 3600, 10800, 21600)
