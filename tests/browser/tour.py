"""The pictures of the console's tour: `python -m tests.browser.tour http://127.0.0.1:8000 demo@urgentaction.invalid`.

Run it while `make run` is up, with the address and the login that it printed; the password is asked for, or taken from
TOUR_PASSWORD. Looks at the demo's pages in Chromium and writes docs/pictures/*.png, each small enough for a page that
people read. With `--all FOLDER` it looks at every page of the tour at phone and desk width, light and dark, instead.
Changes nothing.
"""

from __future__ import annotations

import argparse
import getpass
import io
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.fonts import fonts_of_letters

CASE = "UA-2015-0117"
PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
#: Those that README.md shows.
SHOWN = ("now", "case", "tracking", "task", "directory")
#: A picture's size in bytes at most.
MOST = 120_000
DESK, PHONE, HEIGHT = 1280, 390, 860


def pages_of(page: Page) -> Iterator[tuple[str, str]]:
    """What the tour shows: a picture's name, and its page's address, found the way a reader finds it."""
    yield "now", "/console/"
    page.goto(f"/console/cases/{CASE}/")
    yield "case", page.url
    alert = page.get_by_role("link", name=f"{CASE}/2", exact=True).first.get_attribute("href") or ""
    yield "report", f"/console/cases/{CASE}/update/"
    yield "alert", alert
    page.goto(alert)
    tracking = page.get_by_role("link", name="How it goes").get_attribute("href") or ""
    yield "tracking", tracking
    page.goto("/console/tasks/")
    yield "tasks", page.url
    yield "task", page.locator("th a[href*='/console/tasks/']").first.get_attribute("href") or ""
    yield "directory", "/console/directory/"


def main() -> int:
    """Take them. Returns the exit code."""
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("base")
    wanted.add_argument("login")
    wanted.add_argument("--all", type=Path, dest="folder", metavar="FOLDER")
    given = wanted.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.stderr.write("There is no chromium: apt-get install chromium\n")
        return 1
    password = os.environ.get("TOUR_PASSWORD") or getpass.getpass("Password: ")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=[*arguments, "--disable-dev-shm-usage"],
            env={**os.environ, "FONTCONFIG_FILE": str(fonts_of_letters(Path(folder)))},
        )
        page = _logged_in(browser, given.base, given.login, password)
        for name, address in list(pages_of(page)):
            if given.folder is not None or name in SHOWN:
                _take(page, name, address, folder=given.folder)
        browser.close()
    return 0


def _logged_in(browser: Browser, base: str, login: str, password: str) -> Page:
    context = browser.new_context(
        base_url=base, viewport={"width": DESK, "height": HEIGHT}, color_scheme="light", reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto("/console/")
    page.locator("[name=login]").fill(login)
    page.locator("[name=password]").fill(password)
    page.locator("main button").first.click()
    page.wait_for_selector("nav a[aria-current]")
    return page


def _take(page: Page, name: str, address: str, *, folder: Path | None) -> None:
    if folder is None:
        page.set_viewport_size({"width": DESK, "height": HEIGHT})
        page.goto(address)
        PICTURES.mkdir(parents=True, exist_ok=True)
        small = _small(page.screenshot())
        (PICTURES / f"{name}.png").write_bytes(small)
        sys.stdout.write(f"{name}.png {len(small) // 1000} kB\n")
        return
    folder.mkdir(parents=True, exist_ok=True)
    for width in (PHONE, DESK):
        for scheme in ("light", "dark"):
            page.set_viewport_size({"width": width, "height": HEIGHT})
            page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            page.goto(address)
            page.screenshot(path=folder / f"{name}-{width}-{scheme}.png", full_page=True)


def _small(picture: bytes) -> bytes:
    """The same with as many colours as fit into MOST bytes."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    made = b""
    for colours in (128, 64, 32, 16):
        out = io.BytesIO()
        image.quantize(colors=colours, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
        made = out.getvalue()
        if len(made) <= MOST:
            break
    return made


if __name__ == "__main__":
    sys.exit(main())
