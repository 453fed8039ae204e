"""Renders what a person sees into .build/screenshots, and fails where a page does not fit its window.

whybox demo ─▶ reports ─────────┬─▶ headless Chromium ─▶ a PNG for each page and kind of window
gateway ─▶ / /docs /problems ───┘
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, Playwright, sync_playwright

from whybox.local.server import project_template, running_gateway
from whybox.settings import Settings

OUTPUT = Path(".build/screenshots")
PATHS = {"start": "/", "docs": "/docs", "problems": "/problems", "problem": "/problems/csv-ragged-rows"}
# Name -> width and colour scheme; 320 px is what a page has to fit into (WCAG 2.2, criterion 1.4.10).
WINDOWS = {
    "light": (1100, "light"),
    "dark": (1100, "dark"),
    "narrow": (320, "light"),
    "narrow-dark": (320, "dark"),
}
HEIGHT = 900
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox",
    "--headless",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def main() -> int:
    """Render every page; returns 1 without a browser, and where a page is not as it should be."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        print(f"No browser: none of {', '.join(BROWSERS)} is here. On Debian: apt-get install chromium")
        return 1
    OUTPUT.mkdir(parents=True, exist_ok=True)
    faults: list[str] = []
    with TemporaryDirectory() as folder, sync_playwright() as playwright, pages(Path(folder)) as addresses:
        browser = launch(playwright, program)
        for name, url in addresses.items():
            faults += photograph(browser, name, url)
        browser.close()
    print("\n".join(faults) or "Every page fits its windows, and runs and loads nothing.")
    return 1 if faults else 0


@contextmanager
def pages(home: Path) -> Iterator[dict[str, str]]:
    """Yield the address of each page: reports of a fresh demo, and what a gateway serves."""
    environment = {**os.environ, "WHYBOX_HOME": str(home)}
    subprocess.run([sys.executable, "-m", "whybox.cli.main", "demo"], env=environment, check=True)
    reports = {path.stem: path.as_uri() for path in sorted((home / "reports").glob("*.html"))}
    with running_gateway(Settings(home=home / "gateway"), template=project_template()) as url:
        yield reports | {name: f"{url}{path}" for name, path in PATHS.items()}


def launch(playwright: Playwright, program: str) -> Browser:
    """Start the browser that is installed; Playwright's own is not downloaded."""
    return playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))


def photograph(browser: Browser, name: str, url: str) -> Iterator[str]:
    """Write the pictures of one page; yields what is wrong with it."""
    for window, (width, scheme) in WINDOWS.items():
        page = browser.new_page(viewport={"width": width, "height": HEIGHT}, color_scheme=scheme)
        said, asked = [], []
        page.on("console", lambda message, said=said: said.append(message.text))
        page.on("request", lambda request, asked=asked: asked.append(request.url))
        page.goto(url)
        path = OUTPUT / f"{name}-{window}.png"
        page.screenshot(path=path, full_page=True)
        print(path)
        taken = page.evaluate("document.documentElement.scrollWidth")
        if taken > width:
            yield f"{path}: the page is {taken} px wide"
        yield from (f"{path}: the browser said: {text}" for text in said)
        yield from (
            f"{path}: loaded {other}" for other in asked if other != url and not other.startswith("data:")
        )
        page.close()


if __name__ == "__main__":
    sys.exit(main())
