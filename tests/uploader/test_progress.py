"""What a person sees: bars on a terminal, lines elsewhere, nothing when asked for nothing."""

from __future__ import annotations

import io
import os
import pty
from collections.abc import Callable

import pytest

from roadstead.client.progress import MIB, Watch, watching


def moves(watch: Watch) -> None:
    watch.begin("a", "layer  aaaa", 30 * MIB)
    watch.begin("b", "config bbbb", 500)
    watch.moved("a", 20 * MIB)
    watch.moved("a", -20 * MIB)
    watch.moved("a", 30 * MIB)
    watch.end("a", "pushed")
    watch.end("b", "is there")
    watch.say("pushed host/name:tag")


def on_a_terminal() -> str:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as out:
        with watching(quiet=False, out=out) as watch:
            moves(watch)
        out.flush()
        text = b""
        os.set_blocking(ours, False)
        try:
            while data := os.read(ours, 65536):
                text += data
        except BlockingIOError:
            pass
    os.close(ours)
    return text.decode()


def in_a_log(*, quiet: bool = False) -> str:
    out = io.StringIO()
    with watching(quiet=quiet, out=out) as watch:
        moves(watch)
    return out.getvalue()


SEEN: dict[str, tuple[Callable[[], str], list[str]]] = {
    "bars": (on_a_terminal, ["total", "layer  aaaa", "30.0/30.0", "pushed", "is there", "\x1b["]),
    "lines": (in_a_log, ["layer  aaaa  30.0 MiB  pushed\n", "config bbbb  0.5 KiB  is there\n"]),
}


@pytest.mark.parametrize("name", SEEN)
def test_each_blob_and_the_whole_are_seen(name: str) -> None:
    make, wanted = SEEN[name]
    text = make()
    for part in wanted:
        assert part in text, text
    assert "pushed host/name:tag" in text


def test_nothing_is_seen_when_nothing_is_asked_for() -> None:
    assert in_a_log(quiet=True) == ""
