"""`python -m tests.page.screenshots [folder]`: the pictures in docs/screenshots, made anew."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.page.browser import PHONE, chromium, visiting
from tests.page.filled import filled

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "screenshots"
SMALL = {"width": 900, "height": 640}
PICTURES: dict[str, tuple[str, dict[str, Any]]] = {
    "repositories": ("page.home", {"viewport": SMALL}),
    "repository": ("page.repository", {"viewport": SMALL}),
    "tag": ("page.tag", {"viewport": SMALL}),
    "platforms-dark": ("page.manifest", {"viewport": SMALL, "color_scheme": "dark"}),
    "configuration": ("page.config", {"viewport": SMALL}),
    "history": ("page.history", {"viewport": SMALL}),
    "referrers-dark": ("page.referrers", {"viewport": SMALL, "color_scheme": "dark"}),
    "v1-images": ("page.images", {"viewport": SMALL}),
    "access": ("page.access.get", {"viewport": SMALL}),
    "tokens": ("page.tokens.get", {"viewport": SMALL}),
    "team": ("page.team.get", {"viewport": SMALL}),
    "usage": ("page.usage", {"viewport": {"width": 900, "height": 900}}),
    "expiry": ("page.tag_expiry.get", {"viewport": SMALL}),
    "rules": ("page.rules.get", {"viewport": SMALL}),
    "going": ("page.going", {"viewport": SMALL}),
    "webhooks": ("page.webhooks.get", {"viewport": SMALL}),
    "webhook": ("page.webhook.get", {"viewport": SMALL}),
    "machine-tokens": ("page.team_tokens.get", {"viewport": SMALL}),
    "telephone": ("page.repository", {"viewport": PHONE}),
    "telephone-dark": ("page.tag", {"viewport": PHONE, "color_scheme": "dark"}),
}


def main(folder: Path = FOLDER) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="rs-") as work,
        chromium() as browser,
        filled(Path(work)) as place,
    ):
        for name, (endpoint, settings) in PICTURES.items():
            with visiting(browser, place, **settings) as visitor:
                visitor.sign_in()
                visitor.go(place.pages[endpoint])
                visitor.page.screenshot(path=str(folder / f"{name}.png"))
            print(folder / f"{name}.png")


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:2]))
