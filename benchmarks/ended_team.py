"""A team that lives for a minute, shown from its making to an empty table and bucket.

    python -m benchmarks.ended_team [--life-s 60]          or: make ended-team

`roadstead up` on real servers, skopeo through v2, Docker 1.12's requests through v1. Each second
around the end it is asked for what was pushed; then the collector runs, and `--prove` lists what is
left. Nothing here is measured; what it prints is in docs/collecting.md.
"""

from __future__ import annotations

import argparse
import base64
import json
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from datetime import datetime
from pathlib import Path

from tests.clients import v1images, v1push
from tests.clients.images import Shelf
from tests.clients.registry import Registry
from tests.clients.skopeo import Skopeo
from tests.up.test_up import Up, up

PASSWORD = "a-long-password"
OWNER, STRANGER, TEAM, OTHER = "olga", "otto", "crew", "stays"
WAIT_S = 0.2


class Shown:
    """A registry of this process's own, and what is said of it."""

    def __init__(self, running: Up, folder: Path) -> None:
        self.running, self.folder = running, folder
        self.host = f"localhost:{running.port}"
        self.began = time.time()

    def say(self, text: str) -> None:
        print(f"{time.time() - self.began:6.1f} s  {text}", flush=True)

    def command(self, *words: str, secret: bool = False) -> int:
        """A command of ours with what it printed."""
        self.say(f"$ roadstead {' '.join(words)}")
        more = ["--user", OWNER, "--password-stdin"] if secret else []
        done = subprocess.run(
            [sys.executable, "-m", "roadstead", *words, *more],
            input=PASSWORD if secret else "",
            capture_output=True,
            text=True,
            check=False,
        )
        lines = (done.stdout + done.stderr).splitlines()
        for line in lines[:12]:
            print(f"          {line}")
        if len(lines) > len(lines[:12]):
            print(f"          ... and {len(lines) - 12} lines more")
        print(f"          exit status {done.returncode}", flush=True)
        return done.returncode

    def ask(self, method: str, path: str, body: object = None, *, who: str = OWNER) -> int:
        """The status of an answer."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://{self.host}{path}", data, method=method)
        login = base64.b64encode(f"{who}:{PASSWORD}".encode()).decode()
        request.add_header("Content-Type", "application/json")
        request.add_header("Accept", "*/*")
        if who:
            request.add_header("Authorization", f"Basic {login}")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                status: int = answer.status
        except urllib.error.HTTPError as error:
            status = error.code
        return status

    def make_account(self, name: str) -> None:
        asked = {"username": name, "password": PASSWORD, "email": f"{name}@example.com"}
        status = self.ask("POST", "/v1/users/", asked, who="")
        if status != 201:
            raise SystemExit(f"the account {name} could not be made: {status}")

    def push(self, team: str) -> None:
        registry = Registry(self.host, f"http://{self.host}", OWNER, PASSWORD, team)
        shelf = Shelf(self.folder / team)
        image = shelf["thirty"]
        Skopeo.here(self.folder, registry).push(image, f"{team}/app")
        self.say(f"skopeo copy oci:... docker://{self.host}/{team}/app:latest   (v2)")
        sent = v1push.push(registry, f"{team}/old", v1images.from_image(image, team))
        self.say(f"docker 1.12's push of {team}/old:latest: {len(sent)} images   (v1)")

    def statuses(self, team: str) -> tuple[int, int, int]:
        """v2 by tag, v1's list of images, and the team itself."""
        return (
            self.ask("GET", f"/v2/{team}/app/manifests/latest"),
            self.ask("GET", f"/v1/repositories/{team}/old/images"),
            self.ask("GET", f"/v2/_roadstead/teams/{team}"),
        )

    def watch(self, end_s: float) -> None:
        """Say what is answered whenever it is another than before, until two seconds after."""
        before = None
        while time.time() < end_s + 2:
            found = self.statuses(TEAM)
            if found != before:
                at = datetime.now().strftime("%H:%M:%S.%f")[:-4]
                v2, v1, team = found
                self.say(f"at {at}: v2 manifest {v2}, v1 images {v1}, team {team}")
            before = found
            time.sleep(WAIT_S)
        self.say(f"the team beside it: {self.statuses(OTHER)}")


def show(place: Shown, data: Path, life_s: int) -> int:
    """The steps, in order; the exit status of the last proof."""
    for name in (OWNER, STRANGER):
        place.make_account(name)
    place.command("team", "create", f"{place.host}/{OTHER}", secret=True)
    place.push(OTHER)
    made_s = int(time.time())
    place.command("team", "create", f"{place.host}/{TEAM}", "--expires", f"{life_s}s", secret=True)
    place.push(TEAM)
    prove = ("collect", "--data", str(data), "--team", TEAM, "--prove")
    end_s = made_s + life_s
    place.say(f"it ends at {datetime.fromtimestamp(end_s).strftime('%H:%M:%S')}, or a second later")
    place.watch(end_s + 1)
    place.command(*prove)
    place.command("collect", "--data", str(data), "--at-rest")
    status = place.command(*prove)
    place.say(f"the team beside it: {place.statuses(OTHER)}")
    place.command("usage", place.host, "--team", TEAM, "--by", "all", "--csv", secret=True)
    place.say(f"a stranger asks for that: {place.ask('GET', usage_path(), who=STRANGER)}")
    place.command("team", "create", f"{place.host}/{TEAM}", secret=True)
    place.say(f"of the next team of that name: {place.statuses(TEAM)}")
    return status


def usage_path() -> str:
    return f"/v2/_roadstead/usage?team={TEAM}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--life-s", type=int, default=60, help="how long the team lives")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="roadstead-") as folder:
        data = Path(folder, "data")
        with up(data, "--auth", "on", "--signup", "open") as running:
            place = Shown(running, Path(folder))
            place.say(f"roadstead up is ready at {running.url}")
            status = show(place, data, asked.life_s)
    raise SystemExit(status)


if __name__ == "__main__":
    main()
